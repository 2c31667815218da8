/* SPDX-License-Identifier: MIT */
#include "fs/moved.h"

#include <stdlib.h>
#include <string.h>

void moved_init(struct moved *moved)
{
	*moved = (struct moved){ 0 };
	pthread_mutex_init(&moved->lock, NULL);
}

static void clear(struct moved *moved, size_t i)
{
	free(moved->names[i].from);
	free(moved->names[i].to);
	moved->names[i].from = NULL;
	moved->names[i].to = NULL;
}

void moved_release(struct moved *moved)
{
	for (size_t i = 0; i < MOVED_MAX; i++)
		clear(moved, i);
	pthread_mutex_destroy(&moved->lock);
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* The place of PATH, or MOVED_MAX. */
static size_t find(const struct moved *moved, const char *path)
{
	size_t i = 0;

	while (i < MOVED_MAX && (!moved->names[i].from ||
	                         strcmp(moved->names[i].from, path) != 0))
		i++;
	return i;
}

void moved_drop(struct moved *moved, const char *path)
{
	size_t i;

	pthread_mutex_lock(&moved->lock);
	i = find(moved, path);
	if (i < MOVED_MAX)
		clear(moved, i);
	pthread_mutex_unlock(&moved->lock);
}

void moved_add(struct moved *moved, const char *from, const char *to)
{
	size_t i;

	moved_drop(moved, from);
	pthread_mutex_lock(&moved->lock);
	i = moved->next;
	moved->next = (i + 1) % MOVED_MAX;
	clear(moved, i);
	moved->names[i].from = strdup(from);
	moved->names[i].to = strdup(to);
	moved->names[i].until = now() + MOVED_SECONDS;
	if (!moved->names[i].from || !moved->names[i].to)
		clear(moved, i);
	pthread_mutex_unlock(&moved->lock);
}

char *moved_find(struct moved *moved, const char *path)
{
	char *to = NULL;
	size_t i;

	pthread_mutex_lock(&moved->lock);
	i = find(moved, path);
	if (i < MOVED_MAX && now() > moved->names[i].until)
		clear(moved, i);
	else if (i < MOVED_MAX)
		to = strdup(moved->names[i].to);
	pthread_mutex_unlock(&moved->lock);
	return to;
}
