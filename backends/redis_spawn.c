/* SPDX-License-Identifier: MIT */
#include "backends/redis_spawn.h"

#include "backends/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LEFTOVER_WAIT_MS 10000
#define LEFTOVER_STEP_MS 20
#define LEFTOVER_ASK_MS 1000

/* What the child needs, made before the fork: after it only calls that are safe
 * in the child of a process with threads. */
struct launch {
	const char *program;
	int directory;
	int log;
	int null;
	int report; /* the parent reads why exec failed */
	pid_t parent;
};

static void reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* clang-format off */
static char *const server_arguments[] = {
	(char[]){ "redis-server" },
	(char[]){ "--port" }, (char[]){ "0" },
	(char[]){ "--unixsocket" }, (char[]){ REDIS_SOCKET },
	(char[]){ "--unixsocketperm" }, (char[]){ "700" },
	(char[]){ "--dir" }, (char[]){ "." },
	(char[]){ "--appendonly" }, (char[]){ "yes" },
	(char[]){ "--appendfsync" }, (char[]){ "everysec" },
	(char[]){ "--save" }, (char[]){ "" },
	(char[]){ "--daemonize" }, (char[]){ "no" },
	(char[]){ "--supervised" }, (char[]){ "no" },
	(char[]){ "--logfile" }, (char[]){ "" },
	(char[]){ "--loglevel" }, (char[]){ "warning" },
	NULL,
};

/* clang-format on */

_Noreturn static void run_child(const struct launch *launch)
{
	int error;

	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 &&
	    getppid() == launch->parent && setsid() >= 0 &&
	    fchdir(launch->directory) == 0 && dup2(launch->null, 0) == 0 &&
	    dup2(launch->log, 1) == 1 && dup2(launch->log, 2) == 2) {
		umask(077);
		close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
		reset_signals();
		execvp(launch->program, server_arguments);
	}
	error = errno;
	if (write(launch->report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

/* 0 once PID runs its program; else why it does not. */
static int read_report(int report)
{
	int error = 0;
	ssize_t size;

	do
		size = read(report, &error, sizeof(error));
	while (size < 0 && errno == EINTR);
	return size == (ssize_t)sizeof(error) ? -error : 0;
}

static int fork_child(struct launch *launch, int report, pid_t *out)
{
	pid_t pid = fork();
	int rc;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_child(launch);
	close(launch->report);
	launch->report = -1;
	rc = read_report(report);
	if (rc)
		waitpid(pid, NULL, 0);
	else
		*out = pid;
	return rc;
}

int redis_spawn(const char *program, int directory, int log, pid_t *out,
                char why[WHY_SIZE])
{
	struct launch launch = { .program = program,
		                 .directory = directory,
		                 .log = log,
		                 .parent = getpid(),
		                 .null =
		                     open("/dev/null", O_RDWR | O_CLOEXEC) };
	int report[2] = { -1, -1 };
	int rc = 0;

	if (launch.null < 0 || pipe2(report, O_CLOEXEC))
		rc = -errno;
	launch.report = report[1];
	if (rc == 0)
		rc = fork_child(&launch, report[0], out);
	if (rc)
		snprintf(why, WHY_SIZE, "cannot run %s: %s%s", program,
		         strerror(-rc),
		         rc == -ENOENT ? " (install redis-server, or set the "
		                         "host of a server)"
		                       : "");
	if (launch.null >= 0)
		close(launch.null);
	if (report[0] >= 0)
		close(report[0]);
	if (launch.report >= 0)
		close(launch.report);
	return rc;
}

/* The process that listens on the socket in DIRECTORY.  -ENOENT: none. */
static int find_listener(int directory, pid_t *out)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc = 0;

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path),
	         "/proc/self/fd/%d/" REDIS_SOCKET, directory);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		rc = errno == EAGAIN ? -EAGAIN : -ENOENT;
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		rc = -errno;
	else
		*out = peer.pid;
	close(fd);
	return rc;
}

/* PID works in DIRECTORY, as the servers do that we start, or has just ended.
 * Behind closed doors (sandbox.h) that cannot be seen of a server that an
 * earlier daemon has started; then it counts that it holds the log. */
static bool is_ours(pid_t pid, int directory, bool holds_log)
{
	char path[64];
	struct stat its;
	struct stat ours;

	snprintf(path, sizeof(path), "/proc/%ld/cwd", (long)pid);
	if (stat(path, &its) != 0)
		return errno == ENOENT || errno == ESRCH ||
		       (errno == EACCES && holds_log);
	return fstat(directory, &ours) == 0 && its.st_dev == ours.st_dev &&
	       its.st_ino == ours.st_ino;
}

/* A server that is busy with its files may refuse to end, so it is asked again
 * now and then.  A stopped one must first go on. */
static void ask_to_end(pid_t pid, int ms)
{
	if (ms % LEFTOVER_ASK_MS)
		return;
	log_warn("redis: ending the server %ld of an earlier mount", (long)pid);
	kill(pid, SIGTERM);
	kill(pid, SIGCONT);
}

/* One look, after MS: 0 the place is free, -EAGAIN not yet, else an error. */
static int look_for_leftover(int directory, int log, int ms, char why[WHY_SIZE])
{
	bool locked = flock(log, LOCK_EX | LOCK_NB) == 0;
	pid_t pid = 0;
	int rc = find_listener(directory, &pid);

	if (rc == -ENOENT)
		return locked ? 0 : -EAGAIN;
	if (rc)
		return rc;
	if (!is_ours(pid, directory, !locked)) {
		snprintf(why, WHY_SIZE,
		         "process %ld has the socket " REDIS_SOCKET
		         " of this store, and is none of its servers",
		         (long)pid);
		return -EBUSY;
	}
	ask_to_end(pid, ms);
	return -EAGAIN;
}

int redis_end_leftover(int directory, int log, char why[WHY_SIZE])
{
	struct timespec step = { .tv_nsec = LEFTOVER_STEP_MS * 1000000L };

	for (int ms = 0; ms < LEFTOVER_WAIT_MS; ms += LEFTOVER_STEP_MS) {
		int rc = look_for_leftover(directory, log, ms, why);

		if (rc != -EAGAIN)
			return rc;
		nanosleep(&step, NULL);
	}
	snprintf(why, WHY_SIZE,
	         "the redis-server of an earlier mount does not end");
	return -EBUSY;
}
