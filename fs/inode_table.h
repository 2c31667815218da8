/* SPDX-License-Identifier: MIT */
/*
 * inode_table.h - the hash table of inodes, by path
 *
 * Inodes whose name is gone or that were set aside stay in it, for the kernel
 * may still ask for them by id, but are not found by path.
 *
 * Threads:    the caller holds the lock of struct inodes.
 */
#ifndef ENGRAMFS_FS_INODE_TABLE_H
#define ENGRAMFS_FS_INODE_TABLE_H

#include "fs/inode.h"

#define INODE_ROOT 1 /* FUSE_ROOT_ID */

/* What the kernel was told, and believes till then. */
struct inode_told {
	struct node_info info;
	struct timespec until;
};

/* The kernel may know a million of them: what few have is apart. */
struct inode {
	struct inode *next; /* in the bucket */
	char *path;
	uint64_t lookups;
	bool gone;    /* the name was removed: PATH leads here no more */
	bool aside;   /* PATH leads to another inode of the same file */
	pid_t keeper; /* is to open it before anybody else, or 0 */
	struct handle *handles;
	struct inode_told *told;       /* NULL: nothing */
	struct inode_glimpse *glimpse; /* inode_glimpse.h; NULL: none */
	uint64_t size;                 /* that the kernel was told last */
	uint64_t pages; /* version of those that the kernel keeps, or 0 */
};

/* The stamp that PATH shares with others (inodes_untell). */
uint64_t *inode_stamp(struct inodes *inodes, const char *path);

/* NULL: the kernel knows no such name. */
struct inode *inode_find(const struct inodes *inodes, const char *path);

/* The next inode of PATH, those that were set aside too; NULL at the end.
 * LAST NULL: the first. */
struct inode *inode_next(const struct inodes *inodes, const char *path,
                         const struct inode *last);

/* The kernel is not to be taken for believing anything of INODE. */
void inode_untell(struct inode *inode);

/* A new inode without lookups; NULL when memory is short. */
struct inode *inode_add(struct inodes *inodes, const char *path);

/* Take the inode out of the table and free it. */
void inode_remove(struct inodes *inodes, struct inode *inode);
void inode_free(struct inode *inode);

/* The inode is called PATH from now on, which it owns; who had that name
 * before has none, unless INODE is aside. */
void inode_set_path(struct inodes *inodes, struct inode *inode, char *path);

struct inode *inode_from_id(const struct inodes *inodes, uint64_t id);
uint64_t inode_to_id(const struct inodes *inodes, const struct inode *inode);

#endif
