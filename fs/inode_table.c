/* SPDX-License-Identifier: MIT */
#include "fs/inode_table.h"

#include "fs/inode_glimpse.h"

#include <stdlib.h>
#include <string.h>

static struct inode **bucket_of(const struct inodes *inodes, const char *path)
{
	return &inodes
	            ->buckets[inode_number(path) & (inodes->bucket_count - 1)];
}

struct inode *inode_find(const struct inodes *inodes, const char *path)
{
	struct inode *inode = *bucket_of(inodes, path);

	while (inode &&
	       (inode->gone || inode->aside || strcmp(inode->path, path) != 0))
		inode = inode->next;
	return inode;
}

struct inode *inode_next(const struct inodes *inodes, const char *path,
                         const struct inode *last)
{
	struct inode *inode = last ? last->next : *bucket_of(inodes, path);

	while (inode && (inode->gone || strcmp(inode->path, path) != 0))
		inode = inode->next;
	return inode;
}

static void hash(struct inodes *inodes, struct inode *inode)
{
	struct inode **bucket = bucket_of(inodes, inode->path);

	inode->next = *bucket;
	*bucket = inode;
	inodes->count++;
}

static void unhash(struct inodes *inodes, struct inode *inode)
{
	struct inode **slot = bucket_of(inodes, inode->path);

	while (*slot != inode)
		slot = &(*slot)->next;
	*slot = inode->next;
	inodes->count--;
}

void inode_free(struct inode *inode)
{
	inode_glimpse_free(inode->glimpse);
	free(inode->told);
	free(inode->path);
	free(inode);
}

void inode_remove(struct inodes *inodes, struct inode *inode)
{
	inode_drop_glimpse(inodes, inode);
	unhash(inodes, inode);
	inode_free(inode);
}

/* Twice the buckets; with too little memory the chains only get longer. */
static void grow(struct inodes *inodes)
{
	size_t count = inodes->bucket_count;
	struct inode **old = inodes->buckets;
	struct inode **buckets = calloc(2 * count, sizeof(struct inode *));

	if (!buckets)
		return;
	inodes->buckets = buckets;
	inodes->bucket_count = 2 * count;
	inodes->count = 0;
	for (size_t i = 0; i < count; i++) {
		while (old[i]) {
			struct inode *inode = old[i];

			old[i] = inode->next;
			hash(inodes, inode);
		}
	}
	free(old);
}

struct inode *inode_add(struct inodes *inodes, const char *path)
{
	struct inode *inode = calloc(1, sizeof(*inode));

	if (!inode)
		return NULL;
	inode->path = strdup(path);
	if (!inode->path) {
		free(inode);
		return NULL;
	}
	if (inodes->count >= inodes->bucket_count)
		grow(inodes);
	hash(inodes, inode);
	return inode;
}

struct inode *inode_from_id(const struct inodes *inodes, uint64_t id)
{
	return id == INODE_ROOT ? inodes->root : (struct inode *)(uintptr_t)id;
}

uint64_t inode_to_id(const struct inodes *inodes, const struct inode *inode)
{
	return inode == inodes->root ? INODE_ROOT : (uint64_t)(uintptr_t)inode;
}

void inode_set_path(struct inodes *inodes, struct inode *inode, char *path)
{
	struct inode *there = inode_find(inodes, path);

	if (there == inode) {
		free(path);
		return;
	}
	if (there && !inode->aside)
		there->gone = true;
	unhash(inodes, inode);
	free(inode->path);
	inode->path = path;
	inode->gone = false;
	inode_untell(inode);
	inode_drop_glimpse(inodes, inode);
	hash(inodes, inode);
}
