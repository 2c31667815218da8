/* SPDX-License-Identifier: MIT */
#include "fs/inode.h"

#include "fs/handle.h"
#include "fs/inode_table.h"
#include "layout/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

uint64_t inode_number(const char *path)
{
	uint64_t number = XXH3_64bits(path, strlen(path));

	return number > INODE_ROOT ? number : number + 2;
}

int inodes_init(struct inodes *inodes)
{
	*inodes = (struct inodes){ .bucket_count = 1024 };
	inodes->buckets = calloc(inodes->bucket_count, sizeof(struct inode *));
	if (!inodes->buckets)
		return -ENOMEM;
	pthread_mutex_init(&inodes->lock, NULL);
	inodes->root = inode_add(inodes, "");
	if (inodes->root)
		return 0;
	inodes_release(inodes);
	return -ENOMEM;
}

void inodes_release(struct inodes *inodes)
{
	for (size_t i = 0; inodes->buckets && i < inodes->bucket_count; i++) {
		while (inodes->buckets[i]) {
			struct inode *inode = inodes->buckets[i];

			inodes->buckets[i] = inode->next;
			inode_free(inode);
		}
	}
	free(inodes->buckets);
	pthread_mutex_destroy(&inodes->lock);
	*inodes = (struct inodes){ 0 };
}

uint64_t inodes_lookup(struct inodes *inodes, const char *path)
{
	struct inode *inode;
	uint64_t id = 0;

	pthread_mutex_lock(&inodes->lock);
	inode = inode_find(inodes, path);
	if (!inode)
		inode = inode_add(inodes, path);
	if (inode) {
		inode->lookups++;
		id = inode_to_id(inodes, inode);
	}
	pthread_mutex_unlock(&inodes->lock);
	return id;
}

void inodes_forget(struct inodes *inodes, uint64_t id, uint64_t lookups)
{
	struct inode *inode = inode_from_id(inodes, id);

	if (id == INODE_ROOT)
		return;
	pthread_mutex_lock(&inodes->lock);
	inode->lookups -= lookups < inode->lookups ? lookups : inode->lookups;
	if (inode->lookups == 0 && !inode->handles) {
		inode_remove(inodes, inode);
	}
	pthread_mutex_unlock(&inodes->lock);
}

char *inodes_path(struct inodes *inodes, uint64_t id, bool *gone)
{
	const struct inode *inode = inode_from_id(inodes, id);
	char *path;

	pthread_mutex_lock(&inodes->lock);
	path = strdup(inode->path);
	if (gone)
		*gone = inode->gone;
	pthread_mutex_unlock(&inodes->lock);
	return path;
}

uint64_t inodes_known(struct inodes *inodes, const char *path)
{
	const struct inode *inode;
	uint64_t id;

	pthread_mutex_lock(&inodes->lock);
	inode = inode_find(inodes, path);
	id = inode ? inode_to_id(inodes, inode) : 0;
	pthread_mutex_unlock(&inodes->lock);
	return id;
}

static void unlink_locked(struct inodes *inodes, const char *path)
{
	for (struct inode *inode = inode_next(inodes, path, NULL); inode;
	     inode = inode_next(inodes, path, inode))
		inode->gone = inode != inodes->root;
}

bool inodes_bucket(struct inodes *inodes, size_t bucket, struct names *out)
{
	const struct inode *inode;
	bool found;

	pthread_mutex_lock(&inodes->lock);
	found = bucket < inodes->bucket_count;
	inode = found ? inodes->buckets[bucket] : NULL;
	for (; inode; inode = inode->next)
		if (!inode->gone)
			names_add(out, inode->path, strlen(inode->path));
	pthread_mutex_unlock(&inodes->lock);
	return found;
}

void inodes_unlink(struct inodes *inodes, const char *path)
{
	pthread_mutex_lock(&inodes->lock);
	unlink_locked(inodes, path);
	pthread_mutex_unlock(&inodes->lock);
}

void inodes_set_aside(struct inodes *inodes, uint64_t id)
{
	pthread_mutex_lock(&inodes->lock);
	if (id != INODE_ROOT)
		inode_from_id(inodes, id)->aside = true;
	pthread_mutex_unlock(&inodes->lock);
}

void inodes_reserve(struct inodes *inodes, const char *path, pid_t pid)
{
	struct inode *inode;

	pthread_mutex_lock(&inodes->lock);
	inode = inode_find(inodes, path);
	if (inode &&
	    (inode->handles || (inode->keeper && inode->keeper != pid))) {
		inode->aside = true;
		inode = NULL;
	}
	if (!inode)
		inode = inode_add(inodes, path);
	if (inode)
		inode->keeper = pid;
	pthread_mutex_unlock(&inodes->lock);
}

bool inodes_is_reserved(struct inodes *inodes, uint64_t id, pid_t pid)
{
	pid_t keeper;

	pthread_mutex_lock(&inodes->lock);
	keeper = inode_from_id(inodes, id)->keeper;
	pthread_mutex_unlock(&inodes->lock);
	return keeper && keeper != pid;
}

bool inodes_is_aside(struct inodes *inodes, uint64_t id)
{
	bool aside;

	pthread_mutex_lock(&inodes->lock);
	aside = inode_from_id(inodes, id)->aside;
	pthread_mutex_unlock(&inodes->lock);
	return aside;
}

void inodes_replace(struct inodes *inodes, uint64_t id,
                    const struct handle *handle)
{
	struct inode *replaced = inode_from_id(inodes, id);

	pthread_mutex_lock(&inodes->lock);
	for (struct inode *inode = inode_next(inodes, replaced->path, NULL);
	     inode; inode = inode_next(inodes, replaced->path, inode))
		if (inode != replaced && inode->handles)
			inode->aside = true;
	if (replaced->handles != handle || handle->next)
		replaced->gone = true;
	pthread_mutex_unlock(&inodes->lock);
}

static int rename_one(struct inodes *inodes, struct inode *inode,
                      const char *from, const char *to)
{
	const char *rest = inode->path + strlen(from);
	char *path;

	if (asprintf(&path, "%s%s", to, rest) < 0)
		return -ENOMEM;
	inode_set_path(inodes, inode, path);
	return 0;
}

static bool is_below(const struct inode *inode, const char *path, size_t size)
{
	return !inode->gone && strncmp(inode->path, path, size) == 0 &&
	       inode->path[size] == '/';
}

/* The inodes below PATH, in *OUT, which the caller frees. */
static int collect_below(const struct inodes *inodes, const char *path,
                         struct inode ***out, size_t *count)
{
	struct inode **found = calloc(inodes->count, sizeof(struct inode *));
	size_t size = strlen(path);

	if (!found)
		return -ENOMEM;
	*count = 0;
	for (size_t i = 0; i < inodes->bucket_count; i++)
		for (struct inode *inode = inodes->buckets[i]; inode;
		     inode = inode->next)
			if (is_below(inode, path, size))
				found[(*count)++] = inode;
	*out = found;
	return 0;
}

static int rename_below(struct inodes *inodes, const char *from, const char *to)
{
	struct inode **below;
	size_t count;
	int rc = collect_below(inodes, from, &below, &count);

	if (rc)
		return rc;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = rename_one(inodes, below[i], from, to);
	free(below);
	return rc;
}

static int rename_locked(struct inodes *inodes, const char *from,
                         const char *to, bool directory)
{
	struct inode *inode;
	int rc = 0;

	while (rc == 0 && (inode = inode_next(inodes, from, NULL)))
		rc = rename_one(inodes, inode, from, to);
	return rc == 0 && directory ? rename_below(inodes, from, to) : rc;
}

int inodes_rename(struct inodes *inodes, const char *from, const char *to,
                  bool directory)
{
	int rc;

	pthread_mutex_lock(&inodes->lock);
	unlink_locked(inodes, to);
	rc = rename_locked(inodes, from, to, directory);
	pthread_mutex_unlock(&inodes->lock);
	return rc;
}

int inodes_swap(struct inodes *inodes, const char *a, const char *b,
                bool directory)
{
	static const char between[] = "/"; /* no path begins like this */
	int rc;

	pthread_mutex_lock(&inodes->lock);
	rc = rename_locked(inodes, a, between, directory);
	if (rc == 0)
		rc = rename_locked(inodes, b, a, directory);
	if (rc == 0)
		rc = rename_locked(inodes, between, b, directory);
	pthread_mutex_unlock(&inodes->lock);
	return rc;
}

int inodes_retarget(struct inodes *inodes, uint64_t id, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	pthread_mutex_lock(&inodes->lock);
	inode_set_path(inodes, inode_from_id(inodes, id), copy);
	pthread_mutex_unlock(&inodes->lock);
	return 0;
}

static void attach_locked(struct inode *inode, struct handle *handle)
{
	handle->next = inode->handles;
	inode->handles = handle;
	inode->keeper = 0;
}

void inodes_attach(struct inodes *inodes, uint64_t id, struct handle *handle)
{
	pthread_mutex_lock(&inodes->lock);
	attach_locked(inode_from_id(inodes, id), handle);
	pthread_mutex_unlock(&inodes->lock);
}

void inodes_detach(struct inodes *inodes, uint64_t id, struct handle *handle)
{
	struct inode *inode = inode_from_id(inodes, id);
	struct handle **slot = &inode->handles;

	pthread_mutex_lock(&inodes->lock);
	while (*slot && *slot != handle)
		slot = &(*slot)->next;
	if (*slot)
		*slot = handle->next;
	pthread_mutex_unlock(&inodes->lock);
}

static bool visit_handles(const struct inode *inode, handle_visit_fn *visit,
                          void *arg)
{
	bool stop = false;

	for (struct handle *handle = inode->handles; handle && !stop;
	     handle = handle->next)
		stop = visit(handle, arg);
	return stop;
}

bool inodes_attach_unless(struct inodes *inodes, uint64_t id,
                          struct handle *handle, handle_visit_fn *visit,
                          bool *alone)
{
	struct inode *inode = inode_from_id(inodes, id);
	bool stopped;

	pthread_mutex_lock(&inodes->lock);
	*alone = !inode->handles;
	stopped = visit_handles(inode, visit, handle);
	if (!stopped)
		attach_locked(inode, handle);
	pthread_mutex_unlock(&inodes->lock);
	return !stopped;
}

bool inodes_visit(struct inodes *inodes, uint64_t id, handle_visit_fn *visit,
                  void *arg)
{
	bool stopped;

	pthread_mutex_lock(&inodes->lock);
	stopped = visit_handles(inode_from_id(inodes, id), visit, arg);
	pthread_mutex_unlock(&inodes->lock);
	return stopped;
}

bool inodes_visit_path(struct inodes *inodes, const char *path,
                       handle_visit_fn *visit, void *arg)
{
	bool stopped = false;

	pthread_mutex_lock(&inodes->lock);
	for (const struct inode *inode = inode_next(inodes, path, NULL);
	     inode && !stopped; inode = inode_next(inodes, path, inode))
		stopped = visit_handles(inode, visit, arg);
	pthread_mutex_unlock(&inodes->lock);
	return stopped;
}

/* What its open files hold goes where it is called now, or else where it was
 * when they were opened. */
static void close_handles(struct inode *inode)
{
	struct handle *handle;

	while ((handle = inode->handles)) {
		inode->handles = handle->next;
		if (!inode->gone)
			(void)handle_follow(handle, inode->path);
		handle_commit(handle, true);
		handle_close(handle);
	}
}

void inodes_close_handles(struct inodes *inodes)
{
	for (size_t i = 0; i < inodes->bucket_count; i++)
		for (struct inode *inode = inodes->buckets[i]; inode;
		     inode = inode->next)
			close_handles(inode);
}
