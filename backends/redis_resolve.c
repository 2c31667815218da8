/* SPDX-License-Identifier: MIT */
#include "backends/redis_resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Shared by the one who asks and the thread that looks up; the last of the two
 * frees it. */
struct question {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	int holders;
	bool done;
	int error; /* of getaddrinfo */
	char numeric[REDIS_RESOLVE_SIZE];
	char *host;
};

static int lookup(const char *host, int flags, char out[REDIS_RESOLVE_SIZE])
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		                  .ai_flags = flags };
	struct addrinfo *list = NULL;
	int error = getaddrinfo(host, NULL, &hints, &list);

	if (error == 0)
		error =
		    getnameinfo(list->ai_addr, list->ai_addrlen, out,
		                REDIS_RESOLVE_SIZE, NULL, 0, NI_NUMERICHOST);
	if (list)
		freeaddrinfo(list);
	return error;
}

static void question_drop(struct question *question)
{
	bool last;

	pthread_mutex_lock(&question->lock);
	last = --question->holders == 0;
	pthread_mutex_unlock(&question->lock);
	if (!last)
		return;
	pthread_cond_destroy(&question->answered);
	pthread_mutex_destroy(&question->lock);
	free(question->host);
	free(question);
}

static void *answer(void *arg)
{
	struct question *question = arg;
	char numeric[REDIS_RESOLVE_SIZE] = "";
	int error = lookup(question->host, AI_ADDRCONFIG, numeric);

	pthread_mutex_lock(&question->lock);
	memcpy(question->numeric, numeric, sizeof(numeric));
	question->error = error;
	question->done = true;
	pthread_cond_signal(&question->answered);
	pthread_mutex_unlock(&question->lock);
	question_drop(question);
	return NULL;
}

static struct question *question_new(const char *host)
{
	struct question *question = calloc(1, sizeof(*question));

	if (!question)
		return NULL;
	question->host = strdup(host);
	if (!question->host) {
		free(question);
		return NULL;
	}
	question->holders = 2;
	pthread_mutex_init(&question->lock, NULL);
	pthread_cond_init(&question->answered, NULL);
	return question;
}

static int wait_for_answer(struct question *question, int patience_ms,
                           char out[REDIS_RESOLVE_SIZE])
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += patience_ms / 1000;
	until.tv_nsec += patience_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&question->lock);
	while (!question->done && rc == 0)
		rc = pthread_cond_timedwait(&question->answered,
		                            &question->lock, &until);
	if (!question->done)
		rc = -EAGAIN;
	else if (question->error)
		rc = -EHOSTUNREACH;
	else
		rc = 0;
	if (rc == 0)
		memcpy(out, question->numeric, REDIS_RESOLVE_SIZE);
	pthread_mutex_unlock(&question->lock);
	return rc;
}

int redis_resolve(const char *host, int patience_ms,
                  char out[REDIS_RESOLVE_SIZE])
{
	struct question *question;
	pthread_attr_t attr;
	pthread_t thread;
	int rc;

	if (lookup(host, AI_NUMERICHOST, out) == 0)
		return 0;
	question = question_new(host);
	if (!question)
		return -ENOMEM;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = -pthread_create(&thread, &attr, answer, question);
	pthread_attr_destroy(&attr);
	if (rc)
		question->holders = 1;
	else
		rc = wait_for_answer(question, patience_ms, out);
	question_drop(question);
	return rc;
}
