/* SPDX-License-Identifier: MIT */
#include "backends/redis_hearing.h"

#include <errno.h>
#include <sys/socket.h>

void redis_hearing_init(struct redis_hearing *hearing)
{
	pthread_mutex_init(&hearing->lock, NULL);
	hearing->fd = -1;
	hearing->generation = 0;
	atomic_init(&hearing->telling, false);
}

void redis_hearing_release(struct redis_hearing *hearing)
{
	pthread_mutex_destroy(&hearing->lock);
}

void redis_hearing_begin(struct redis_hearing *hearing, int fd)
{
	pthread_mutex_lock(&hearing->lock);
	hearing->fd = fd;
	hearing->generation++;
	pthread_mutex_unlock(&hearing->lock);
}

void redis_hearing_end(struct redis_hearing *hearing)
{
	pthread_mutex_lock(&hearing->lock);
	hearing->fd = -1;
	pthread_mutex_unlock(&hearing->lock);
	redis_hearing_telling(hearing, false);
}

void redis_hearing_telling(struct redis_hearing *hearing, bool telling)
{
	atomic_store(&hearing->telling, telling);
}

static bool is_empty(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       errno == EAGAIN;
}

/* In this order: what is no longer in the connection is being told at least. */
uint64_t redis_hearing_moment(struct redis_hearing *hearing)
{
	uint64_t moment = 0;

	pthread_mutex_lock(&hearing->lock);
	if (hearing->fd >= 0 && is_empty(hearing->fd) &&
	    !atomic_load(&hearing->telling))
		moment = hearing->generation;
	pthread_mutex_unlock(&hearing->lock);
	return moment;
}
