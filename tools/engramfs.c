/* SPDX-License-Identifier: MIT */
/*
 * engramfs - mounts a lab's memory as one tree of plain files
 */
#include "fs/mount.h"
#include "fs/options.h"

#include <stdio.h>

static const char usage[] =
    "usage: engramfs STORE MOUNTPOINT [options]\n"
    "\n"
    "Mounts the store in the directory STORE: its Redis, SQLite and HDF5\n"
    "data appear below MOUNTPOINT as .npy and .json files.  An empty\n"
    "directory is a valid store.  Unmount with: fusermount3 -u MOUNTPOINT\n"
    "\n"
    "    -f                  stay in the foreground\n"
    "    -d, -o debug        log every request (implies -f)\n"
    "    -s                  one thread\n"
    "    -h, --help          this text\n"
    "    -V, --version       the version\n"
    "    -o ro               change nothing\n"
    "    -o atime            count what is read (access_count)\n"
    "    -o uid=N,gid=N      owner of the files (default: you)\n"
    "    -o umask=OCTAL      permissions (default: 0600 and 0700)\n"
    "    -o allow_other      let other users in, as permissions say\n"
    "    -o no_sandbox       keep rights that a mount does not need\n"
    "    -o core_dumps       allow core dumps, which hold what is read\n"
    "    -o no_passthrough   see all reads and writes of scratch files\n"
    "    -o nonempty         mount over a directory that has files\n"
    "    -o SETTING=VALUE    any setting of storage.yaml, for instance\n"
    "                        redis.host=localhost, sqlite.db_path=x.db,\n"
    "                        hdf5.compression=lzf, encoding=npy\n"
    "\n"
    "engramfs(1) has the settings; docs/ has more.\n";

int main(int argc, char *argv[])
{
	struct options options;
	char why[OPTIONS_WHY_SIZE] = "";
	int rc = options_parse(argc, argv, &options, why);

	if (rc) {
		fprintf(stderr, "engramfs: %s\ntry: engramfs --help\n", why);
		return 2;
	}
	if (options.help)
		fputs(usage, stdout);
	else if (options.version)
		puts("engramfs " ENGRAMFS_VERSION);
	else
		rc = mount_run(&options);
	options_release(&options);
	return rc;
}
