/* SPDX-License-Identifier: MIT */
/*
 * spool.h - bytes that are accepted and not (yet) in a backend
 *
 *   STORE/spool/scratch/   files with names that no record has, at the path
 *                          that they have in the mount: editors' and rsync's
 *                          temporary files, files that are only begun, the
 *                          symlinks that named copies leave behind
 *   STORE/spool/           unnamed drafts; the lock; errors.jsonl
 *   STORE/rejected/        refused bytes, and beside each NAME.reason.json
 *
 * Paths are relative to the mount point, without a leading slash.
 *
 * Errors:     int functions return 0 (or what they say) or a negative errno
 *             value.
 * Threads:    calls may overlap.
 */
#ifndef ENGRAMFS_LAYOUT_SPOOL_H
#define ENGRAMFS_LAYOUT_SPOOL_H

#include "backends/blob.h"

#include <dirent.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define SPOOL_ERRORS_MAX ((off_t)1 << 20) /* bytes of errors.jsonl */

struct spool {
	int store_fd;    /* STORE */
	int fd;          /* STORE/spool */
	int scratch_fd;  /* STORE/spool/scratch */
	int rejected_fd; /* STORE/rejected */
	int lock_fd;
	pthread_mutex_t lock; /* errors.jsonl and names in rejected/ */
	unsigned long sequence;
};

/*
 * Open, making what is not there, and take the store's lock.  READ_ONLY: make
 * nothing; what is not there is empty.  -EBUSY: the store is mounted already;
 * WHERE (may be NULL) receives where, as the owner noted.  -ENOSYS: the kernel
 * has no openat2(2) (Linux 5.6 has), or a filter denies it.
 */
int spool_open(const char *directory, bool read_only, struct spool *out,
               struct blob *where);
void spool_close(struct spool *spool);

/* Note in the lock file where the store is mounted. */
int spool_note_mount(struct spool *spool, const char *mountpoint);

/* Scratch files: as the system calls of the same names.  A link at the end of a
 * path is not followed; one on the way that leads out of the scratch tree is
 * -ELOOP (spool_stat: -ENOENT). */
int spool_stat(const struct spool *spool, const char *path, struct stat *out);
int spool_open_file(const struct spool *spool, const char *path, int flags,
                    mode_t mode); /* the descriptor; makes parents on O_CREAT */
int spool_unlink(const struct spool *spool, const char *path);
int spool_mkdir(const struct spool *spool, const char *path, mode_t mode);
int spool_rmdir(const struct spool *spool, const char *path);
int spool_rename(const struct spool *spool, const char *from, const char *to,
                 unsigned int flags);
int spool_symlink(const struct spool *spool, const char *target,
                  const char *path);
int spool_readlink(const struct spool *spool, const char *path,
                   struct blob *out);
int spool_chmod(const struct spool *spool, const char *path, mode_t mode);
/* As utimensat(2). */
int spool_touch(const struct spool *spool, const char *path,
                const struct timespec times[2]);

/* Make PATH a file of SIZE bytes with these times, as futimens(2) takes
 * them.  On error what was there is there. */
int spool_replace(struct spool *spool, const char *path, const void *bytes,
                  size_t size, const struct timespec times[2]);

/* A new file in STORE/spool, for spool_take: its descriptor, for writing. */
#define SPOOL_NEW_SIZE 32
int spool_new(struct spool *spool, char name[SPOOL_NEW_SIZE]);
/* It becomes PATH; FLAGS as those of renameat2(2). */
int spool_take(const struct spool *spool, const char *name, const char *path,
               unsigned int flags);
/* It goes.  Not an error where it has gone. */
void spool_drop(const struct spool *spool, const char *name);

/* Count the files below STORE/NAME, and their bytes. */
int spool_measure(const char *store, const char *name, uint64_t *files,
                  uint64_t *bytes);

/* fsync(2) of PATH and of its name; not an error where there is none. */
int spool_sync(const struct spool *spool, const char *path);

/* The directory's stream, or NULL in *OUT where there is none. */
int spool_list(const struct spool *spool, const char *path, DIR **out);

/* What was written to PATH and refused. */
struct refusal {
	const char *path;
	const void *bytes;
	size_t size;
	int cause; /* a negative errno value */
	const char *reason;
	bool
	    lasting; /* they survive a power cut, for they were accepted once */
};

/* Keep its bytes and the reason, and add a line to errors.jsonl.  NAME (may be
 * NULL) receives the name in rejected/. */
int spool_reject(struct spool *spool, const struct refusal *refusal,
                 struct blob *name);

/* What was refused turned out well: remove it from rejected/. */
void spool_unreject(struct spool *spool, const char *name);

/* Add a line to errors.jsonl: time, PATH, OPERATION, errno RC, REASON. */
void spool_error(struct spool *spool, const char *path, const char *operation,
                 int rc, const char *reason);

#endif
