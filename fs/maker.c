/* SPDX-License-Identifier: MIT */
#include "fs/maker.h"

#include "fs/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void makers_init(struct makers *makers)
{
	*makers = (struct makers){ 0 };
	pthread_mutex_init(&makers->lock, NULL);
}

void makers_release(struct makers *makers)
{
	for (size_t i = 0; i < MAKERS_MAX; i++)
		free(makers->notes[i].path);
	pthread_mutex_destroy(&makers->lock);
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* The place of PATH, or MAKERS_MAX. */
static size_t find(const struct makers *makers, const char *path)
{
	size_t i = 0;

	while (i < MAKERS_MAX && (!makers->notes[i].path ||
	                          strcmp(makers->notes[i].path, path) != 0))
		i++;
	return i;
}

void makers_add(struct makers *makers, const char *path, pid_t pid)
{
	size_t i;

	pthread_mutex_lock(&makers->lock);
	i = find(makers, path);
	if (i == MAKERS_MAX) {
		i = makers->next;
		makers->next = (i + 1) % MAKERS_MAX;
		free(makers->notes[i].path);
		makers->notes[i].path = strdup(path);
	}
	makers->notes[i].pid = pid;
	makers->notes[i].until = now() + MAKERS_SECONDS;
	pthread_mutex_unlock(&makers->lock);
}

bool makers_has(struct makers *makers, const char *path, pid_t pid)
{
	time_t time = now();
	bool has = false;

	pthread_mutex_lock(&makers->lock);
	for (size_t i = 0; !has && i < MAKERS_MAX; i++)
		has = makers->notes[i].pid == pid && makers->notes[i].path &&
		      time <= makers->notes[i].until &&
		      strcmp(makers->notes[i].path, path) == 0;
	pthread_mutex_unlock(&makers->lock);
	return has;
}

void makers_drop(struct makers *makers, const char *path)
{
	size_t i;

	pthread_mutex_lock(&makers->lock);
	i = find(makers, path);
	if (i < MAKERS_MAX) {
		free(makers->notes[i].path);
		makers->notes[i].path = NULL;
	}
	pthread_mutex_unlock(&makers->lock);
}

/* The path of the JSON file of the record that NODE is an array of. */
static int fields_path(const struct node *node, struct blob *out)
{
	int rc = blob_printf(out, "%s/", node->collection->path);

	if (rc == 0)
		rc = node_part_name(node_key(node),
		                    node->collection->shape == RECORD_DIRECTORY
		                        ? "/metadata.json"
		                        : ".json",
		                    out);
	return rc;
}

void makers_note_array(struct fs *fs, const struct node *node, pid_t pid)
{
	struct blob path = { 0 };
	struct node fields = { 0 };
	struct node_info info;

	if (node->named_copy || fields_path(node, &path) ||
	    node_find(&fs->tree, path.data, &fields)) {
		blob_release(&path);
		return;
	}
	if (node_stat(&fs->tree, &fields, &info) == -ENOENT)
		makers_add(&fs->makers, path.data, pid);
	node_release(&fields);
	blob_release(&path);
}
