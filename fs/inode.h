/* SPDX-License-Identifier: MIT */
/*
 * inode.h - the kernel's numbers for paths
 *
 * Two numbers name a file.  The node id is what the kernel passes in requests:
 * the address of a struct inode here, valid while the kernel holds lookups on
 * it.  The inode number (st_ino) is what users see: a hash of the path, the
 * same in every mount and after every remount.  Neither says what the file is:
 * an inode has a path, and the path is looked up in the tree by each request,
 * so that there is nothing to go stale.
 *
 * Threads:    any; struct inodes has its own lock.
 */
#ifndef ENGRAMFS_FS_INODE_H
#define ENGRAMFS_FS_INODE_H

#include "layout/node.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct handle;
struct inode;
struct inode_glimpse;
struct names;

#define INODE_STAMPS 64 /* paths share them by their hashes */

struct inodes {
	pthread_mutex_t lock;
	struct inode **buckets;
	size_t bucket_count;
	size_t count;
	struct inode *root;
	uint64_t stamps[INODE_STAMPS]; /* how often inodes_untell was called */
	struct inode_glimpse *newest;  /* inode_glimpse.h */
	struct inode_glimpse *oldest;
	uint64_t glimpses_size;
};

/* All stamps of a moment. */
struct inode_stamps {
	uint64_t all[INODE_STAMPS];
};

/* -ENOMEM. */
int inodes_init(struct inodes *inodes);
void inodes_release(struct inodes *inodes);

/* The node id of PATH with one lookup more; 0 when memory is short. */
uint64_t inodes_lookup(struct inodes *inodes, const char *path);
void inodes_forget(struct inodes *inodes, uint64_t id, uint64_t lookups);

/* A copy of the path, which the caller frees; NULL when memory is short.
 * GONE (may be NULL): the name was removed; only open handles know the file. */
char *inodes_path(struct inodes *inodes, uint64_t id, bool *gone);

/* The node id of PATH if the kernel knows it, else 0. */
uint64_t inodes_known(struct inodes *inodes, const char *path);

/* Add the paths in one BUCKET to OUT: all of them are in the buckets from 0 on,
 * until this is false. */
bool inodes_bucket(struct inodes *inodes, size_t bucket, struct names *out);

/* The name PATH was removed: another file made there gets a new node id. */
void inodes_unlink(struct inodes *inodes, const char *path);

/* The path of the node ID leads to a new node from now on (fs/sharing.h).  The
 * open files of this one still go where the path is renamed to. */
void inodes_set_aside(struct inodes *inodes, uint64_t id);

/* The node of PATH is one that nobody has open, and that PID is to open before
 * anybody else.  The caller looks PATH up next. */
void inodes_reserve(struct inodes *inodes, const char *path, pid_t pid);
/* It is kept for another than PID. */
bool inodes_is_reserved(struct inodes *inodes, uint64_t id, pid_t pid);

bool inodes_is_aside(struct inodes *inodes, uint64_t id);

/* The file was replaced by what HANDLE committed.  Whoever else has it open, on
 * this node or on another, keeps that node, its size and its pages, and the
 * name gets a new one. */
void inodes_replace(struct inodes *inodes, uint64_t id,
                    const struct handle *handle);

/* FROM, and what is below it if it is a DIRECTORY, is called TO now; what was
 * there is gone. */
int inodes_rename(struct inodes *inodes, const char *from, const char *to,
                  bool directory);

/* A and B, and what is below them if one is a DIRECTORY, trade names. */
int inodes_swap(struct inodes *inodes, const char *a, const char *b,
                bool directory);

/* The node ID is called PATH from now on (a named copy that settled). */
int inodes_retarget(struct inodes *inodes, uint64_t id, const char *path);

/*
 * What the kernel was told of a node and believes for SECONDS.  As long as it
 * would not ask, nobody else need be asked either: its own GETATTR after a
 * READ, and an open right after a lookup, are answered from here.
 */
void inodes_tell(struct inodes *inodes, uint64_t id, uint64_t stamp,
                 const struct node_info *info, double seconds);
/* For inodes_tell: take it before the backend is asked.  What was asked before
 * a change and came after it is not kept. */
uint64_t inodes_stamp(struct inodes *inodes, const char *path);
/* The same for many paths at once, and whether PATH was not changed since. */
void inodes_stamps(struct inodes *inodes, struct inode_stamps *out);
bool inodes_has_stamp(struct inodes *inodes, const char *path,
                      const struct inode_stamps *stamps);
/* Seconds for which INFO still holds; 0: ask the backend, INFO may be as it
 * was. */
double inodes_told(struct inodes *inodes, uint64_t id, struct node_info *info);
/* The file PATH has other attributes now.  The node id of PATH if the kernel
 * knows it, else 0. */
uint64_t inodes_untell(struct inodes *inodes, const char *path);

/* The kernel is told that the file has SIZE bytes; the size it was told
 * before. */
uint64_t inodes_tell_size(struct inodes *inodes, uint64_t id, uint64_t size);

/* The kernel will read pages of the node through HANDLE, which is attached.
 * True: those that it has are the same, and nobody can have written to them. */
bool inodes_keep_pages(struct inodes *inodes, uint64_t id,
                       const struct handle *handle);

/* Open handles of a node.  VISIT runs under the lock. */
void inodes_attach(struct inodes *inodes, uint64_t id, struct handle *handle);
void inodes_detach(struct inodes *inodes, uint64_t id, struct handle *handle);
typedef bool handle_visit_fn(struct handle *handle, void *arg);
/* Attach unless VISIT, whose ARG is HANDLE, returns true for one of those that
 * are attached; false then.  ALONE: there are none. */
bool inodes_attach_unless(struct inodes *inodes, uint64_t id,
                          struct handle *handle, handle_visit_fn *visit,
                          bool *alone);
/* True where VISIT returned true for one of them (and stopped there). */
bool inodes_visit(struct inodes *inodes, uint64_t id, handle_visit_fn *visit,
                  void *arg);
/* The same of all nodes of PATH, those that were set aside too. */
bool inodes_visit_path(struct inodes *inodes, const char *path,
                       handle_visit_fn *visit, void *arg);

/* At the end of a mount: commit what open handles hold, and close them. */
void inodes_close_handles(struct inodes *inodes);

/* st_ino of PATH. */
uint64_t inode_number(const char *path);

#endif
