/* SPDX-License-Identifier: MIT */
/*
 * fs.h - the file system as FUSE requests see it
 *
 * struct fs is the userdata of every request.  Handlers are named op_<request>
 * and live in ops_*.c; each replies exactly once.  Below them errors are
 * negative errno values; they are turned around here and nowhere else.
 *
 * libfuse's low-level API is used (docs/design.md says why).
 */
#ifndef ENGRAMFS_FS_FS_H
#define ENGRAMFS_FS_FS_H

#define FUSE_USE_VERSION 314

#include "fs/absent.h"
#include "fs/changes.h"
#include "fs/herald.h"
#include "fs/inode.h"
#include "fs/inode_glimpse.h"
#include "fs/links.h"
#include "fs/maker.h"
#include "fs/moved.h"
#include "fs/read_ahead.h"
#include "fs/notify.h"
#include "fs/passthrough.h"
#include "fs/sharing.h"
#include "layout/access.h"
#include "layout/node.h"

#include <fuse_lowlevel.h>
#include <stdatomic.h>

/* How long the kernel may believe what it was told, in seconds; never past a
 * record's expiry. */
#define FS_VALID_SECONDS 1.0

/* One READ or WRITE request carries this much. */
#define FS_MAX_TRANSFER (1U << 20)

struct directory;

struct fs {
	struct tree tree;
	struct inodes inodes;
	struct moved moved;
	struct makers makers;
	struct absent absent;
	struct sharing sharing;
	struct links links;
	struct changes changes;
	struct herald herald;
	struct read_ahead read_ahead;
	struct passthrough passthrough;
	pthread_mutex_t directories_lock;
	struct directory *directories; /* that are open (ops_dir.c) */
	struct accesses *accesses;     /* NULL: nobody counts */
	struct fuse_session *session;
	pthread_rwlock_t sending; /* held while the kernel is told something */
	atomic_bool ended;        /* nothing is sent to it any more */
	uid_t uid;                /* of every file */
	gid_t gid;
	mode_t file_mode; /* permission bits */
	mode_t directory_mode;
	/* Called once the kernel can send requests. */
	void (*ready)(void *arg);
	void *ready_arg;
};

/* A node with its attributes. */
struct found {
	struct node node;
	struct node_info info;
	uint64_t stamp; /* see inodes_tell */
	bool unborn;    /* a new file that is being written */
};

/* The node at PATH; -ENOENT unless it exists.  On success NODE is the
 * caller's to release. */
int fs_find(struct fs *fs, const char *path, struct found *out);

/* The same; and what came along of a small file. */
int fs_look(struct fs *fs, const char *path, struct found *out,
            struct glimpse *glimpse);

/* A new file that is being written, of which only its handle knows; -ENOENT:
 * OUT is untouched then. */
int fs_find_unborn(struct fs *fs, const char *path, struct found *out);

/* The node that the kernel knows as ID; the path's too when it is gone and
 * only handles have it. */
int fs_find_id(struct fs *fs, uint64_t id, struct found *out);

/* The path of NAME in the directory ID: freed by the caller.  NULL, with the
 * error in RC. */
char *fs_child_path(struct fs *fs, uint64_t id, const char *name, int *rc);

/* struct stat of what FOUND is; PATH makes the inode number. */
void fs_fill_stat(const struct fs *fs, const char *path,
                  const struct node_info *info, struct stat *out);

/* Seconds that the kernel may keep INFO. */
double fs_valid(const struct node_info *info);

/* The kernel was told FOUND of the node ID (kept for parts of records). */
void fs_tell(struct fs *fs, uint64_t id, const struct found *found,
             double seconds);

/* What it was told and still believes for SECONDS.  True: OUT->node is the
 * caller's to release. */
bool fs_told(struct fs *fs, uint64_t id, const char *path, struct found *out,
             double *seconds);

/* A lookup of PATH as a reply's entry.  -ENOMEM. */
int fs_fill_entry(struct fs *fs, const char *path, const struct node_info *info,
                  struct fuse_entry_param *out);

/* PID has opened HANDLE: who opens an array only to read it has used the
 * record. */
void fs_note_access(struct fs *fs, const struct handle *handle, pid_t pid);

/* The record's other files may have other sizes now: the kernel shall ask
 * again.  Safe in a handler: only attributes are dropped, no page is waited
 * for. */
void fs_forget_attributes(struct fs *fs, const struct node *node);
/* The same for a record of pairs whose fields have changed; ARG is the fs. */
void fs_forget_fields(const struct collection *collection, struct key key,
                      void *arg);

extern const struct fuse_lowlevel_ops fs_operations;

#endif
