/* SPDX-License-Identifier: MIT */
#include "backends/worker_watch.h"

#include "backends/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEBIBYTE 1048576
/* One call may keep several threads busy. */
#define PROCESS_FACTOR 2

struct worker_watch {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	LIST_HEAD(, worker_watched) calls;
	bool asleep; /* until there is a call */
	int64_t patience_ms;
	int io; /* the kernel's count of what we read and wrote; -1: none */

	/* Of the process: what it did, and had computed, when it last did
	 * something. */
	uint64_t own; /* bytes of IO that were the watch's */
	uint64_t transferred;
	uint64_t finished; /* calls */
	uint64_t seen_finished;
	int64_t since_ms;
};

int worker_patience_s(void)
{
	const char *text = getenv("ENGRAMFS_WORKER_PATIENCE");
	char *end;
	long seconds = text ? strtol(text, &end, 10) : 0;

	return text && *text && *end == '\0' && seconds > 0 && seconds < 1000000
	           ? (int)seconds
	           : WORKER_PATIENCE_S;
}

int worker_rest_s(void)
{
	return worker_patience_s() * (WORKER_REST_S / WORKER_PATIENCE_S);
}

/* Computed so far. */
static int64_t computed_ms(clockid_t clock)
{
	struct timespec time = { 0 };

	clock_gettime(clock, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Bytes read and written by the process, without those of the watch. */
static uint64_t transferred(struct worker_watch *watch)
{
	char text[512];
	unsigned long long in = 0;
	unsigned long long out = 0;
	ssize_t size = pread(watch->io, text, sizeof(text) - 1, 0);

	if (size <= 0)
		return 0;
	text[size] = '\0';
	/* The read that is under way is not in it yet. */
	if (sscanf(text, "rchar: %llu wchar: %llu", &in, &out) != 2)
		return 0;
	in += out - watch->own;
	watch->own += (uint64_t)size;
	return in;
}

/* A sign of life.  It is lost where the daemon is gone: then we end anyway. */
static void beat(struct worker_watch *watch)
{
	if (write(STDERR_FILENO, "\n", 1) == 1)
		watch->own++;
}

static void check_calls(const struct worker_watch *watch)
{
	const struct worker_watched *call;

	for (call = LIST_FIRST(&watch->calls); call;
	     call = LIST_NEXT(call, link)) {
		if (computed_ms(call->clock) - call->since_ms <= call->limit_ms)
			continue;
		call->give_up(call->arg);
		_exit(WORKER_ENDLESS);
	}
}

/* Threads that serve no call, or all. */
static void check_process(struct worker_watch *watch)
{
	int64_t now = computed_ms(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t bytes = transferred(watch);

	if (bytes != watch->transferred ||
	    watch->finished != watch->seen_finished) {
		watch->transferred = bytes;
		watch->seen_finished = watch->finished;
		watch->since_ms = now;
	}
	if (now - watch->since_ms > PROCESS_FACTOR * watch->patience_ms)
		_exit(WORKER_ENDLESS);
}

static void pause_a_second(struct worker_watch *watch)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	while (pthread_cond_timedwait(&watch->wake, &watch->lock, &until) !=
	       ETIMEDOUT)
		continue;
}

static void *look(void *arg)
{
	struct worker_watch *watch = arg;

	pthread_mutex_lock(&watch->lock);
	for (;;) {
		while (LIST_EMPTY(&watch->calls)) {
			watch->asleep = true;
			pthread_cond_wait(&watch->wake, &watch->lock);
		}
		watch->asleep = false;
		beat(watch);
		check_calls(watch);
		if (watch->io >= 0)
			check_process(watch);
		pause_a_second(watch);
	}
	return NULL;
}

int worker_watch_new(struct worker_watch **out)
{
	struct worker_watch *watch = calloc(1, sizeof(*watch));
	pthread_condattr_t attributes;

	if (!watch)
		return -ENOMEM;
	pthread_mutex_init(&watch->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&watch->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	LIST_INIT(&watch->calls);
	watch->patience_ms = (int64_t)worker_patience_s() * 1000;
	watch->io = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
	*out = watch;
	return 0;
}

int worker_watch_start(struct worker_watch *watch)
{
	pthread_t thread;
	int rc = -pthread_create(&thread, NULL, look, watch);

	if (rc == 0)
		pthread_detach(thread);
	return rc;
}

void worker_watch_begin(struct worker_watch *watch,
                        struct worker_watched *watched, uint64_t bytes)
{
	pthread_getcpuclockid(pthread_self(), &watched->clock);
	watched->since_ms = computed_ms(watched->clock);
	watched->limit_ms =
	    watch->patience_ms + (int64_t)(bytes / MEBIBYTE) * 1000;
	pthread_mutex_lock(&watch->lock);
	LIST_INSERT_HEAD(&watch->calls, watched, link);
	if (watch->asleep)
		pthread_cond_signal(&watch->wake);
	pthread_mutex_unlock(&watch->lock);
}

void worker_watch_renew(struct worker_watch *watch,
                        struct worker_watched *watched)
{
	pthread_mutex_lock(&watch->lock);
	watched->since_ms = computed_ms(watched->clock);
	pthread_mutex_unlock(&watch->lock);
}

void worker_watch_end(struct worker_watch *watch,
                      struct worker_watched *watched)
{
	pthread_mutex_lock(&watch->lock);
	LIST_REMOVE(watched, link);
	watch->finished++;
	pthread_mutex_unlock(&watch->lock);
}
