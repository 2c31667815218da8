/* SPDX-License-Identifier: MIT */
#include "fs/herald_process.h"

#include "backends/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SOCKET_FD 3
/* A request waits for the directory, which others may be using. */
#define PATIENCE_MS 30000
#define END_MS 2000
#define END_STEP_MS 5

/* The child.  It was forked from a program that may have locks of its own, so
 * it calls nothing but the system. */

static void ignore_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE,
		                       SIGQUIT };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_IGN);
}

/* Keep nothing but the socket; a terminal or a pipe of the parent least of
 * all. */
static int drop_descriptors(int socket)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(socket, SOCKET_FD) < 0)
		return -errno;
	for (int fd = 0; fd < SOCKET_FD; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	close_range(SOCKET_FD + 1, UINT_MAX, 0);
	return chdir("/") < 0 ? -errno : 0;
}

static int unlink_at(int root, const char *path, uint64_t secret)
{
	struct statfs stat;

	if (fstatfs(root, &stat) < 0)
		return -errno;
	if (stat.f_type != FUSE_SUPER_MAGIC || stat.f_files != secret)
		return -ESTALE;
	return unlinkat(root, path, 0) < 0 ? -errno : 0;
}

static int remove_name(const char *mountpoint, const char *path,
                       uint64_t secret)
{
	int root = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (root < 0)
		return -errno;
	rc = unlink_at(root, path, secret);
	close(root);
	return rc;
}

/* It may remove names, and open nothing but directories.  The kernel goes by
 * the directory that holds the mount point, which is hidden itself. */
static int confine(const char *mountpoint)
{
	char parent[PATH_MAX];
	const struct sandbox_path path = { parent, SANDBOX_REMOVE };
	const struct sandbox_rules rules = { .kind = SANDBOX_WORKER,
		                             .paths = &path,
		                             .path_count = 1 };
	struct sandbox sandbox = { 0 };
	const char *slash = strrchr(mountpoint, '/');

	snprintf(parent, sizeof(parent), "%.*s/",
	         slash ? (int)(slash - mountpoint) : 0, mountpoint);
	return sandbox_enter(&rules, &sandbox);
}

static void serve(const char *mountpoint, uint64_t secret)
{
	char path[PATH_MAX];
	ssize_t size;

	while ((size = recv(SOCKET_FD, path, sizeof(path) - 1, 0)) > 0) {
		int rc;

		path[size] = '\0';
		rc = remove_name(mountpoint, path, secret);
		if (send(SOCKET_FD, &rc, sizeof(rc), MSG_NOSIGNAL) < 0)
			return;
	}
}

/* The parent. */

int herald_process_start(const char *mountpoint, bool confined,
                         struct herald_process *out)
{
	struct herald_process process = { 0 };
	int ends[2];

	if (getrandom(&process.secret, sizeof(process.secret), 0) !=
	    (ssize_t)sizeof(process.secret))
		return -EIO;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	process.pid = fork();
	if (process.pid < 0) {
		int rc = -errno;

		close(ends[0]);
		close(ends[1]);
		return rc;
	}
	if (process.pid == 0) {
		ignore_signals();
		prctl(PR_SET_NAME, "engramfs-herald");
		if (drop_descriptors(ends[1]) == 0 &&
		    (!confined || confine(mountpoint) == 0))
			serve(mountpoint, process.secret);
		_exit(0);
	}
	close(ends[1]);
	process.fd = ends[0];
	*out = process;
	return 0;
}

int herald_process_remove(struct herald_process *process, const char *path)
{
	struct pollfd answer = { .fd = process->fd, .events = POLLIN };
	size_t size = strlen(path);
	int rc;

	if (size == 0 || size >= PATH_MAX)
		return -ENAMETOOLONG;
	if (send(process->fd, path, size, MSG_NOSIGNAL) != (ssize_t)size)
		return -ENOTCONN;
	do
		rc = poll(&answer, 1, PATIENCE_MS);
	while (rc < 0 && errno == EINTR);
	if (rc <= 0 ||
	    recv(process->fd, &rc, sizeof(rc), 0) != (ssize_t)sizeof(rc))
		return -ENOTCONN;
	return rc;
}

void herald_process_end(struct herald_process *process)
{
	if (process->pid)
		shutdown(process->fd, SHUT_RDWR);
}

void herald_process_wait(struct herald_process *process)
{
	const struct timespec step = { .tv_nsec = END_STEP_MS * 1000000L };

	if (!process->pid)
		return;
	close(process->fd);
	for (int ms = 0; waitpid(process->pid, NULL, WNOHANG) == 0;
	     ms += END_STEP_MS) {
		if (ms >= END_MS)
			kill(process->pid, SIGKILL);
		nanosleep(&step, NULL);
	}
	*process = (struct herald_process){ 0 };
}
