/* SPDX-License-Identifier: MIT */
#include "backends/worker_process.h"

#include "backends/log.h"
#include "backends/worker_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINE 4096
#define LAST_READS 32 /* more than a pipe holds */

struct worker_process {
	const char *name; /* of the backend */
	int control;
	int voice; /* its standard error */
	int end;   /* its pidfd; -1: the kernel gives none */
	pid_t pid;
	pthread_t thread;
	atomic_llong heard_ms;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ended;  /* and waited for */
	bool wanted; /* it was asked to end */
	bool endless;
	char why[WHY_SIZE];
};

int64_t worker_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Nothing that a terminal would obey. */
static void make_plain(char *line)
{
	for (; *line; line++)
		if ((unsigned char)*line < ' ' || *line == '\x7f')
			*line = '?';
}

static void repeat(const struct worker_process *process, char *line)
{
	make_plain(line);
	log_repeat(process->name, line);
}

/* Repeat the whole lines of TEXT, and keep the rest. */
static void repeat_lines(const struct worker_process *process, char *text,
                         size_t *size)
{
	char *start = text;
	char *end;

	text[*size] = '\0';
	while ((end = strchr(start, '\n')) || *size == LINE) {
		if (end)
			*end = '\0';
		if (*start)
			repeat(process, start);
		if (!end) {
			*size = 0;
			return;
		}
		*size -= (size_t)(end + 1 - start);
		start = end + 1;
	}
	memmove(text, start, *size);
}

/* What TEXT has room for.  False: there will be no more. */
static bool hear(struct worker_process *process, char *text, size_t *size)
{
	ssize_t got = read(process->voice, text + *size, LINE - *size);

	if (got <= 0)
		return got < 0 && errno == EINTR;
	atomic_store(&process->heard_ms, worker_now_ms());
	*size += (size_t)got;
	repeat_lines(process, text, size);
	return true;
}

/* Until the pipe is closed, or until it has ended and what it wrote before is
 * read: somebody else may have the pipe open. */
static void listen_to(struct worker_process *process)
{
	char text[LINE + 1];
	size_t size = 0;
	int left = LAST_READS;

	while (left > 0) {
		struct pollfd fds[] = { { process->voice, POLLIN, 0 },
			                { process->end, POLLIN, 0 } };

		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			left = fds[0].revents ? left - 1 : 0;
		if (fds[0].revents && !hear(process, text, &size))
			break;
	}
	if (size) {
		text[size] = '\0';
		repeat(process, text);
	}
}

/* One line for an end that nobody wanted. */
static void explain(const struct worker_process *process, int status)
{
	char how[96];

	if (process->why[0])
		snprintf(how, sizeof(how), "was killed: %.80s", process->why);
	else if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "was ended by signal %d (%s)",
		         WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == WORKER_ENDLESS)
		snprintf(how, sizeof(how), "computed without an end");
	else
		snprintf(how, sizeof(how), "ended with status %d",
		         WEXITSTATUS(status));
	if (!process->wanted || status)
		log_error("%s: the worker, process %ld, %s", process->name,
		          (long)process->pid, how);
}

static void *attend(void *arg)
{
	struct worker_process *process = arg;
	siginfo_t info;
	int status = 0;

	listen_to(process);
	/* Who holds the lock can still send it a signal. */
	while (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOWAIT) <
	           0 &&
	       errno == EINTR)
		continue;
	pthread_mutex_lock(&process->lock);
	waitpid(process->pid, &status, 0);
	explain(process, status);
	process->endless =
	    WIFEXITED(status) && WEXITSTATUS(status) == WORKER_ENDLESS;
	process->ended = true;
	pthread_cond_broadcast(&process->changed);
	pthread_mutex_unlock(&process->lock);
	return NULL;
}

static int above(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, WORKER_FILES);
	int rc = moved < 0 ? -errno : moved;

	close(fd);
	return rc;
}

/* A pair of descriptors, all of them above those of the child. */
static int move_up(int ends[2])
{
	ends[0] = above(ends[0]);
	ends[1] = above(ends[1]);
	return ends[0] < 0 ? ends[0] : ends[1] < 0 ? ends[1] : 0;
}

static void close_all(const int *files, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (files[i] >= 0)
			close(files[i]);
}

/* The two ends of the socket and of the pipe: ours first. */
static int make_ends(int control[2], int voice[2])
{
	int rc = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
		return -errno;
	rc = move_up(control);
	if (rc == 0 && pipe2(voice, O_CLOEXEC) < 0)
		rc = -errno;
	else if (rc == 0)
		rc = move_up(voice);
	if (rc) {
		close_all(control, 2);
		close_all(voice, 2);
	}
	return rc;
}

static int start(struct worker_process *process, int program,
                 const char *directory)
{
	int control[2] = { -1, -1 };
	int voice[2] = { -1, -1 };
	int rc = make_ends(control, voice);

	if (rc)
		return rc;
	process->control = control[0];
	process->voice = voice[0];
	rc = worker_spawn(
	    (const int[]){ -1, voice[1], voice[1], control[1], program },
	    process->name, directory, &process->pid);
	close(control[1]);
	close(voice[1]);
	if (rc)
		return rc;
	process->end = (int)syscall(SYS_pidfd_open, process->pid, 0);
	rc = -pthread_create(&process->thread, NULL, attend, process);
	if (rc) {
		kill(process->pid, SIGKILL);
		waitpid(process->pid, NULL, 0);
	}
	return rc;
}

static void free_process(struct worker_process *process)
{
	close_all(&process->control, 1);
	close_all(&process->voice, 1);
	close_all(&process->end, 1);
	pthread_cond_destroy(&process->changed);
	pthread_mutex_destroy(&process->lock);
	free(process);
}

static void init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

int worker_process_start(int program, const char *name, const char *directory,
                         struct worker_process **out)
{
	struct worker_process *process = calloc(1, sizeof(*process));
	int rc;

	if (!process)
		return -ENOMEM;
	process->name = name;
	process->control = -1;
	process->voice = -1;
	process->end = -1;
	pthread_mutex_init(&process->lock, NULL);
	init_condition(&process->changed);
	atomic_init(&process->heard_ms, worker_now_ms());
	rc = start(process, program, directory);
	if (rc)
		free_process(process);
	else
		*out = process;
	return rc;
}

/* With the lock. */
static void wait_for_end(struct worker_process *process)
{
	while (!process->ended)
		pthread_cond_wait(&process->changed, &process->lock);
}

void worker_process_end(struct worker_process *process)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += worker_patience_s();
	pthread_mutex_lock(&process->lock);
	process->wanted = true;
	shutdown(process->control, SHUT_RDWR);
	while (rc == 0 && !process->ended)
		rc = pthread_cond_timedwait(&process->changed, &process->lock,
		                            &until);
	pthread_mutex_unlock(&process->lock);
	if (rc)
		worker_process_kill(process, "it does not end");
}

void worker_process_kill(struct worker_process *process, const char *why)
{
	pthread_mutex_lock(&process->lock);
	if (why && !process->ended && !process->why[0])
		snprintf(process->why, sizeof(process->why), "%s", why);
	if (!process->ended)
		kill(process->pid, SIGKILL);
	wait_for_end(process);
	pthread_mutex_unlock(&process->lock);
}

void worker_process_free(struct worker_process *process)
{
	if (!process)
		return;
	pthread_join(process->thread, NULL);
	free_process(process);
}

bool worker_process_has_ended(struct worker_process *process)
{
	bool ended;

	pthread_mutex_lock(&process->lock);
	ended = process->ended;
	pthread_mutex_unlock(&process->lock);
	return ended;
}

bool worker_process_was_endless(struct worker_process *process)
{
	bool endless;

	pthread_mutex_lock(&process->lock);
	endless = process->endless;
	pthread_mutex_unlock(&process->lock);
	return endless;
}

pid_t worker_process_pid(const struct worker_process *process)
{
	return process->pid;
}

int worker_process_connect(struct worker_process *process,
                           struct worker_channel *out)
{
	struct worker_channel channel;
	struct descriptors other;
	int rc = worker_channel_new(&channel, &other);

	if (rc)
		return rc;
	rc = descriptors_send(process->control, "", 1, &other, MSG_DONTWAIT);
	descriptors_close(&other);
	if (rc == 0) {
		*out = channel;
		return 0;
	}
	worker_channel_close(&channel);
	/* No room for more that it has not taken, or for more of ours under
	 * way. */
	if (rc == -EAGAIN || rc == -ETOOMANYREFS)
		return -ETIMEDOUT;
	return rc == -ECONNRESET ? -EPIPE : rc;
}

int64_t worker_process_silence_ms(const struct worker_process *process)
{
	return worker_now_ms() - atomic_load(&process->heard_ms);
}
