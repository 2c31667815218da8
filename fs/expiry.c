/* SPDX-License-Identifier: MIT */
#include "fs/expiry.h"

#include "fs/inode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS (EXPIRY_MAX / 4)

struct expiry_entry {
	struct expiry_entry *next; /* in the bucket */
	int64_t ms;
	size_t place; /* in the heap */
	char path[];
};

int expiry_init(struct expiry *expiry)
{
	*expiry = (struct expiry){ 0 };
	expiry->heap = calloc(EXPIRY_MAX, sizeof(struct expiry_entry *));
	expiry->buckets = calloc(BUCKETS, sizeof(struct expiry_entry *));
	if (expiry->heap && expiry->buckets)
		return 0;
	expiry_release(expiry);
	return -ENOMEM;
}

void expiry_release(struct expiry *expiry)
{
	for (size_t i = 0; i < expiry->count; i++)
		free(expiry->heap[i]);
	free(expiry->heap);
	free(expiry->buckets);
	*expiry = (struct expiry){ 0 };
}

/* The link that leads to the entry of PATH, or to the end of its bucket. */
static struct expiry_entry **find(const struct expiry *expiry, const char *path)
{
	struct expiry_entry **link =
	    &expiry->buckets[inode_number(path) % BUCKETS];

	while (*link && strcmp((*link)->path, path) != 0)
		link = &(*link)->next;
	return link;
}

static void put(struct expiry *expiry, size_t place, struct expiry_entry *entry)
{
	expiry->heap[place] = entry;
	entry->place = place;
}

static void move_up(struct expiry *expiry, struct expiry_entry *entry)
{
	size_t place = entry->place;

	while (place > 0 && expiry->heap[(place - 1) / 2]->ms > entry->ms) {
		put(expiry, place, expiry->heap[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	put(expiry, place, entry);
}

static void move_down(struct expiry *expiry, struct expiry_entry *entry)
{
	size_t place = entry->place;

	for (;;) {
		size_t child = 2 * place + 1;

		if (child + 1 < expiry->count &&
		    expiry->heap[child + 1]->ms < expiry->heap[child]->ms)
			child++;
		if (child >= expiry->count ||
		    expiry->heap[child]->ms >= entry->ms)
			break;
		put(expiry, place, expiry->heap[child]);
		place = child;
	}
	put(expiry, place, entry);
}

/* Out of the heap and its bucket, to which LINK leads. */
static void take_out(struct expiry *expiry, struct expiry_entry **link)
{
	struct expiry_entry *entry = *link;
	struct expiry_entry *last = expiry->heap[--expiry->count];

	*link = entry->next;
	if (last == entry)
		return;
	put(expiry, entry->place, last);
	move_up(expiry, last);
	move_down(expiry, last);
}

int expiry_note(struct expiry *expiry, const char *path, int64_t ms)
{
	struct expiry_entry **link = find(expiry, path);
	struct expiry_entry *entry = *link;
	size_t size = strlen(path) + 1;

	if (!entry && expiry->count == EXPIRY_MAX)
		return -ENOSPC;
	if (!entry) {
		entry = malloc(sizeof(*entry) + size);
		if (!entry)
			return -ENOMEM;
		memcpy(entry->path, path, size);
		entry->next = NULL;
		*link = entry;
		put(expiry, expiry->count++, entry);
	}
	entry->ms = ms;
	move_up(expiry, entry);
	move_down(expiry, entry);
	return 0;
}

bool expiry_has(const struct expiry *expiry, const char *path)
{
	return *find(expiry, path);
}

void expiry_drop(struct expiry *expiry, const char *path)
{
	struct expiry_entry **link = find(expiry, path);
	struct expiry_entry *entry = *link;

	if (!entry)
		return;
	take_out(expiry, link);
	free(entry);
}

bool expiry_next(const struct expiry *expiry, int64_t *ms)
{
	if (expiry->count == 0)
		return false;
	*ms = expiry->heap[0]->ms;
	return true;
}

char *expiry_take(struct expiry *expiry, int64_t now)
{
	struct expiry_entry *entry = expiry->count ? expiry->heap[0] : NULL;
	char *path;

	if (!entry || entry->ms > now)
		return NULL;
	take_out(expiry, find(expiry, entry->path));
	path = strdup(entry->path);
	free(entry);
	return path;
}
