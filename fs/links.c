/* SPDX-License-Identifier: MIT */
#include "fs/links.h"

#include "fs/copier.h"
#include "fs/fs.h"
#include "layout/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SUFFIX ".json"

void links_init(struct links *links)
{
	*links = (struct links){ 0 };
	pthread_mutex_init(&links->lock, NULL);
}

void links_release(struct links *links)
{
	for (size_t i = 0; i < LINKS_MAX; i++)
		free(links->removed[i].path);
	pthread_mutex_destroy(&links->lock);
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static void note_removed(struct links *links, const char *path, pid_t pid,
                         const struct relation_change *what)
{
	size_t place;

	pthread_mutex_lock(&links->lock);
	place = links->next;
	links->next = (place + 1) % LINKS_MAX;
	free(links->removed[place].path);
	links->removed[place].path = strdup(path);
	links->removed[place].pid = pid;
	links->removed[place].until = now() + LINKS_SECONDS;
	links->removed[place].what = *what;
	pthread_mutex_unlock(&links->lock);
}

/* What PID has removed at PATH, if it has. */
static void take_removed(struct links *links, const char *path, pid_t pid,
                         struct relation_change *what)
{
	pthread_mutex_lock(&links->lock);
	for (size_t i = 0; i < LINKS_MAX; i++) {
		char *removed = links->removed[i].path;

		if (!removed || strcmp(removed, path) != 0)
			continue;
		if (links->removed[i].pid == pid &&
		    now() <= links->removed[i].until)
			*what = links->removed[i].what;
		free(removed);
		links->removed[i].path = NULL;
	}
	pthread_mutex_unlock(&links->lock);
}

/* The path of the other file. */
static int other_path(const struct node *node, struct blob *out)
{
	size_t size = strlen(node->path);

	if (node->kind == NODE_LINK)
		return blob_printf(out, "%s" SUFFIX, node->path);
	return blob_printf(out, "%.*s", (int)(size - strlen(SUFFIX)),
	                   node->path);
}

void links_note_maker(struct fs *fs, const struct node *node, pid_t pid)
{
	struct blob path = { 0 };

	if (other_path(node, &path) == 0)
		makers_add(&fs->makers, path.data, pid);
	blob_release(&path);
}

int links_make(struct fs *fs, const struct node *node, const char *target,
               pid_t pid, bool exists)
{
	struct relation_change change = { .mtime = { 0, UTIME_OMIT } };
	char why[WHY_SIZE] = "";
	bool expected = makers_has(&fs->makers, node->path, pid);
	int rc;

	if (exists && !expected)
		return -EEXIST;
	if (node->kind != NODE_LINK) {
		spool_error(&fs->tree.spool, node->path, "symlink", -EINVAL,
		            "a relationship is a link in the directory of its "
		            "type");
		return -EINVAL;
	}
	if (!expected)
		take_removed(&fs->links, node->path, pid, &change);
	change.exclusive = !expected;
	rc = link_make(&fs->tree, node, target, &change, why);
	if (rc == -EINVAL)
		spool_error(&fs->tree.spool, node->path, "symlink", rc, why);
	if (rc)
		return rc;
	makers_drop(&fs->makers, node->path);
	if (copier_is(pid))
		links_note_maker(fs, node, pid);
	return 0;
}

/* While a relationship waits, its files are two files. */
static int unlink_waiting(struct fs *fs, const struct node *node)
{
	int rc = spool_unlink(&fs->tree.spool, node->path);

	if (rc == 0)
		link_settle(&fs->tree, node);
	return rc;
}

static int unlink_stored(struct fs *fs, const struct node *node, pid_t pid)
{
	struct relation_change what;
	int rc = link_recall(&fs->tree, node, &what);

	if (rc == 0)
		rc = link_remove(&fs->tree, node);
	if (rc == 0)
		note_removed(&fs->links, node->path, pid, &what);
	return rc;
}

void links_note_reset(struct fs *fs, const struct node *node, pid_t pid)
{
	makers_add(&fs->makers, node->path, pid);
}

int links_unlink(struct fs *fs, const struct found *found, pid_t pid)
{
	const struct node *node = &found->node;
	int rc;

	if (!found->info.scratch)
		return unlink_stored(fs, node, pid);
	if (S_ISLNK(found->info.mode))
		return unlink_waiting(fs, node);
	rc = spool_unlink(&fs->tree.spool, node->path);
	if (rc == 0)
		makers_add(&fs->makers, node->path, pid);
	return rc;
}
