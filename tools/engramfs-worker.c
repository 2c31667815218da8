/* SPDX-License-Identifier: MIT */
/*
 * engramfs-worker - opens storages that may be damaged, for engramfs
 *
 * engramfs starts it, with the descriptors that it needs (backends/worker.h).
 */
#include "backends/heaps.h"
#include "backends/worker.h"

#include <stdio.h>
#include <sys/stat.h>

int main(int argc, char *argv[])
{
	struct stat status;

	(void)argv;
	if (argc != 3 || fstat(WORKER_SOCKET, &status) < 0 ||
	    !S_ISSOCK(status.st_mode)) {
		fputs("engramfs-worker: engramfs starts it\n", stderr);
		return 2;
	}
	limit_heaps();
	return worker_serve();
}
