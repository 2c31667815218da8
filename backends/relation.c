/* SPDX-License-Identifier: MIT */
#include "backends/relation.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define UNIX_EPOCH 2440587.5L /* 1970, as a julian day */
#define DAY 86400.0L
#define MAX_SECONDS 1e12L

void relation_release(struct relation *relation)
{
	blob_release(&relation->type);
	blob_release(&relation->target);
	*relation = (struct relation){ 0 };
}

void relation_list_release(struct relation_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		relation_release(&list->items[i]);
	free(list->items);
	*list = (struct relation_list){ 0 };
}

int relation_list_append(struct relation_list *list, struct relation *relation)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 16;
		struct relation *items =
		    reallocarray(list->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = *relation;
	*relation = (struct relation){ 0 };
	return 0;
}

struct timespec relation_time(double julian)
{
	long double seconds = ((long double)julian - UNIX_EPOCH) * DAY;
	long double whole;
	struct timespec time = { 0 };

	if (!(fabsl(seconds) < MAX_SECONDS))
		return time;
	whole = floorl(seconds);
	time.tv_sec = (time_t)whole;
	time.tv_nsec = (long)((seconds - whole) * 1e9L);
	return time;
}

double relation_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)((now.tv_sec + now.tv_nsec / 1e9L) / DAY + UNIX_EPOCH);
}
