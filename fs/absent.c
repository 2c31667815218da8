/* SPDX-License-Identifier: MIT */
#include "fs/absent.h"

#include "fs/inode.h"

/* Numbers of threads come again. */
#define VALID_SECONDS 1

void absent_init(struct absent *absent)
{
	*absent = (struct absent){ 0 };
	pthread_mutex_init(&absent->lock, NULL);
}

void absent_release(struct absent *absent)
{
	pthread_mutex_destroy(&absent->lock);
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static struct absent_name *place_of(struct absent *absent, pid_t thread)
{
	return &absent->names[(unsigned int)thread % ABSENT_NAMES];
}

void absent_note(struct absent *absent, const char *path, pid_t thread,
                 uint64_t stamp)
{
	struct absent_name name = { .number = inode_number(path),
		                    .stamp = stamp,
		                    .thread = thread,
		                    .until = now() + VALID_SECONDS };

	pthread_mutex_lock(&absent->lock);
	*place_of(absent, thread) = name;
	pthread_mutex_unlock(&absent->lock);
}

bool absent_take(struct absent *absent, const char *path, pid_t thread,
                 uint64_t stamp)
{
	struct absent_name *place = place_of(absent, thread);
	uint64_t number = inode_number(path);
	time_t time = now();
	bool absent_still;

	pthread_mutex_lock(&absent->lock);
	absent_still = thread && place->thread == thread &&
	               place->number == number && place->stamp == stamp &&
	               time <= place->until;
	if (absent_still)
		place->thread = 0;
	pthread_mutex_unlock(&absent->lock);
	return absent_still;
}
