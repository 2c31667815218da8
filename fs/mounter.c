/* SPDX-License-Identifier: MIT */
#include "fs/mounter.h"

#include "backends/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#define SOCKET_FD 3

enum word { WORD_MOUNT = 'm', WORD_UNMOUNT = 'u' };

/* An answer; FD goes with it, or -1. */
static int send_answer(int socket, int answer, int fd)
{
	const struct descriptors files = { fd >= 0, { fd } };

	return descriptors_send(socket, &answer, sizeof(answer), &files, 0);
}

/* FD may be NULL. */
static int receive_answer(int socket, int *fd)
{
	struct descriptors files;
	int answer = -EIO;
	ssize_t size =
	    descriptors_receive(socket, &answer, sizeof(answer), &files);

	if (size != (ssize_t)sizeof(answer))
		answer = size < 0 ? (int)size : -EPIPE;
	if (answer == 0 && fd && files.count == 1)
		*fd = files.fds[0];
	else
		descriptors_close(&files);
	return answer;
}

/* The child. */

static void ignore_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT,
		                       SIGPIPE };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_IGN);
}

/* Keep the socket, and standard error for what libfuse may have to say. */
static int drop_descriptors(int socket)
{
	if (dup2(socket, SOCKET_FD) < 0)
		return -errno;
	close_range(SOCKET_FD + 1, UINT_MAX, 0);
	/* Programs that it runs are not to inherit it. */
	return fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC) < 0 || chdir("/") < 0
	           ? -errno
	           : 0;
}

/* Nobody reads its standard error any more, as the daemon's. */
static int replace_descriptors(int device)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int rc = null < 0 ? -errno : 0;

	/* The session's descriptor must go: the device is the daemon's alone,
	 * and libfuse would close another file in its place. */
	for (int fd = 0; rc == 0 && fd < 3; fd++)
		if (dup2(null, fd) < 0)
			rc = -errno;
	if (rc == 0 && dup3(null, device, O_CLOEXEC) < 0)
		rc = -errno;
	if (null >= 0)
		close(null);
	return rc;
}

static int mount_session(struct fuse_session *session, const char *mountpoint)
{
	int rc;

	if (fuse_session_mount(session, mountpoint) != 0)
		return send_answer(SOCKET_FD, -EINVAL, -1);
	rc = send_answer(SOCKET_FD, 0, fuse_session_fd(session));
	return rc ? rc : replace_descriptors(fuse_session_fd(session));
}

static void serve(struct fuse_session *session, const char *mountpoint)
{
	char word;

	while (recv(SOCKET_FD, &word, 1, 0) == 1) {
		if (word == WORD_MOUNT) {
			if (mount_session(session, mountpoint))
				return;
			continue;
		}
		fuse_session_unmount(session);
		send_answer(SOCKET_FD, 0, -1);
	}
}

_Noreturn static void run_child(const struct fuse_args *args,
                                const char *mountpoint, int socket)
{
	static const struct fuse_lowlevel_ops nothing = { 0 };
	struct fuse_args copy = { 0 };
	struct fuse_session *session = NULL;
	int rc = drop_descriptors(socket);

	ignore_signals();
	prctl(PR_SET_NAME, "engramfs-mount");
	for (int i = 0; rc == 0 && i < args->argc; i++)
		rc = fuse_opt_add_arg(&copy, args->argv[i]);
	if (rc == 0)
		session =
		    fuse_session_new(&copy, &nothing, sizeof(nothing), NULL);
	if (session)
		serve(session, mountpoint);
	_exit(0);
}

/* The daemon. */

int mounter_start(const struct fuse_args *args, const char *mountpoint,
                  struct mounter *out)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int rc = -errno;

		close(ends[0]);
		close(ends[1]);
		return rc;
	}
	if (pid == 0)
		run_child(args, mountpoint, ends[1]);
	close(ends[1]);
	*out = (struct mounter){ pid, ends[0] };
	return 0;
}

static int ask(struct mounter *mounter, enum word word, int *fd)
{
	char byte = (char)word;

	if (!mounter->pid)
		return -EPIPE;
	if (send(mounter->fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return -errno;
	return receive_answer(mounter->fd, fd);
}

int mounter_mount(struct mounter *mounter, int *device)
{
	int fd = -1;
	int rc = ask(mounter, WORD_MOUNT, &fd);

	if (rc == 0 && fd < 0)
		rc = -EPIPE;
	if (rc == 0)
		*device = fd;
	return rc;
}

int mounter_unmount(struct mounter *mounter)
{
	return ask(mounter, WORD_UNMOUNT, NULL);
}

void mounter_end(struct mounter *mounter)
{
	if (!mounter->pid)
		return;
	close(mounter->fd);
	while (waitpid(mounter->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*mounter = (struct mounter){ 0 };
}
