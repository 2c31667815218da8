/* SPDX-License-Identifier: MIT */
#include "fs/daemon.h"

#include "backends/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* The parent: 0 when the child is ready, else the child's exit code. */
static int wait_for_child(pid_t child, int pipe)
{
	char ready;
	int status;
	ssize_t n;

	do
		n = read(pipe, &ready, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int daemon_start(struct daemon *daemon)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child < 0) {
		int rc = -errno;

		close(ends[0]);
		close(ends[1]);
		return rc;
	}
	if (child > 0) {
		close(ends[1]);
		_exit(wait_for_child(child, ends[0]));
	}
	close(ends[0]);
	setsid();
	daemon->pipe = ends[1];
	return 0;
}

void daemon_ready(void *arg)
{
	struct daemon *daemon = arg;
	int null;

	if (daemon->pipe < 0)
		return;
	log_use_syslog();
	if (chdir("/") < 0)
		log_warn("cannot leave the working directory");
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
		close(null);
	}
	if (write(daemon->pipe, "", 1) < 0)
		log_warn("the starting process is gone");
	close(daemon->pipe);
	daemon->pipe = -1;
}
