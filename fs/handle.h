/* SPDX-License-Identifier: MIT */
/*
 * handle.h - open files
 *
 * A handle on a part of a record reads from a view, which is the record as it
 * was at open, until it is written to; then it reads from and writes to a
 * draft.  The draft becomes the record, as a whole, by handle_commit.  A handle
 * on a scratch file is a descriptor of the file in the spool.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    handle functions lock the handle.
 */
#ifndef ENGRAMFS_FS_HANDLE_H
#define ENGRAMFS_FS_HANDLE_H

#include "layout/draft.h"
#include "layout/node.h"
#include "layout/packing.h"
#include "layout/view.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct passed;

struct handle {
	struct handle *next; /* of the inode's; under its table's lock */
	atomic_uint holders; /* each calls handle_close */
	pthread_mutex_t lock;
	struct tree *tree;
	struct node node;
	int flags; /* of open(2) */

	int fd;                /* scratch files; else -1 */
	struct passed *passed; /* the kernel uses FD itself (passthrough.h) */

	struct view view; /* while has_view */
	bool has_view;
	struct draft draft; /* while has_draft */
	bool has_draft;
	struct packing packing; /* of the draft */
	bool is_new;            /* there was no record when it was opened */
	bool dirty;             /* the draft holds what is not committed */
	bool waits;             /* or, if not, what is in the spool (begun) */
	bool tried;       /* and its commit failed, nothing was written since */
	int failure;      /* what that commit returned */
	int failed_write; /* what the last write returned that failed */
	bool spoiled;     /* and it is missing in the draft: */
	uint64_t spoiled_at; /* from here on, */
	uint64_t spoiled_to; /* up to here; once it is written all is well */
	bool retarget; /* a named copy settled: NODE has another path now */
	struct blob rejected;     /* name in rejected/ of the last refusal */
	struct node_info at_open; /* for a file whose name is gone */
	uint64_t version; /* of the view and its mtime; 0: cannot be told */

	/* What stat and utime need, behind a lock of its own, which nobody
	 * holds while a backend works. */
	pthread_mutex_t shown_lock;
	uint64_t shown_size;
	bool shows_size;
	bool unborn;
	bool uncommitted;
	bool dropped;          /* by handle_drop */
	struct timespec mtime; /* for the next commit; UTIME_NOW */
};

/* Open NODE as open(2) does with FLAGS.  INFO is what node_stat says of it,
 * NULL where there is nothing (-ENOENT without O_CREAT). */
int handle_open(struct tree *tree, const struct node *node,
                const struct node_info *info, int flags, mode_t mode,
                struct handle **out);

/* Open NODE for reading what VIEW has, which is taken over, in any case. */
int handle_open_view(struct tree *tree, const struct node *node,
                     const struct node_info *info, int flags, struct view *view,
                     struct handle **out);

/* Whoever opened it, or called handle_hold, closes it.  The last one frees it;
 * what is dirty must have been committed.  HANDLE may be NULL. */
void handle_hold(struct handle *handle);
void handle_close(struct handle *handle);

/* Read by loan (loan.h): until HANDLE is closed.  LOAN is all new. */
ssize_t handle_lend(struct handle *handle, uint64_t offset, size_t size,
                    struct loan *loan);
int handle_write(struct handle *handle, uint64_t offset, const void *data,
                 size_t size);
int handle_truncate(struct handle *handle, uint64_t size);
int handle_allocate(struct handle *handle, int mode, uint64_t offset,
                    uint64_t size);

/*
 * Make what was written the record.  LAST: nobody can write any more.
 * A file that is only begun (commit_is_begun) waits in the spool.
 * -EINVAL: refused; bytes and reason are in rejected/.  Until more is written
 * each commit returns that again.
 */
int handle_commit(struct handle *handle, bool last);

/* Something was written that handle_commit would store; what is in the spool
 * instead was put there by it.  Both wait for who uses HANDLE. */
bool handle_is_dirty(struct handle *handle);
bool handle_waits(struct handle *handle);

/* The file is called PATH now: that is what the next commit stores. */
int handle_follow(struct handle *handle, const char *path);

/* What it is called: a copy. */
int handle_node(struct handle *handle, struct node *out);

/* A named copy has settled since this was last asked: PATH, the caller's to
 * free, is where.  Else NULL. */
int handle_take_target(struct handle *handle, char **path);

/* The name of the file was removed: nothing is committed from now on.  True:
 * something would have been. */
bool handle_drop(struct handle *handle);

/* Let stat see what the handle holds; with its lock held. */
void handle_publish(struct handle *handle);

/* Set the mtime of the next commit; false where nothing waits for one. */
bool handle_touch_uncommitted(struct handle *handle, struct timespec mtime);

/* Something was written that is not committed. */
bool handle_is_uncommitted(struct handle *handle);

/* What stat shows while the handle is open. True: use *SIZE, for the file is
 * new or shared memory needs it. */
bool handle_shows_size(struct handle *handle, uint64_t *size);

/* The file is new, nothing of it is committed and nothing was refused: only
 * the handle has it. */
bool handle_is_unborn(struct handle *handle);

/* Size and times for a file that has no name any more. */
void handle_info(struct handle *handle, struct node_info *out);

#endif
