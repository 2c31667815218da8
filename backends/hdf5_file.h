/* SPDX-License-Identifier: MIT */
/*
 * hdf5_file.h - one HDF5 file, open only while it is used
 *
 * libhdf5 is not to be entered by two threads at once, and an open file keeps
 * other programs out.  So every use of the library stands between
 * hdf5_file_enter and hdf5_file_leave, which take one lock for the whole
 * process and open the file where it is not; a thread (hdf5_closer.h)
 * closes it when it has not been used for a tenth of a second.
 *
 * Ids of objects in the file become invalid when it closes: keep one past
 * hdf5_file_leave only together with hdf5_file_session.
 *
 * Errors:     0 or a negative errno value.  The cause is logged here.
 * Threads:    enter, leave and lock may be called by any thread; all others by
 *             the one between enter (or lock) and leave (or unlock).
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_FILE_H
#define ENGRAMFS_BACKENDS_HDF5_FILE_H

#include "backends/hdf5_closer.h"
#include "backends/hdf5_library.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct hdf5_file;
struct journal;

enum hdf5_access { HDF5_READ, HDF5_WRITE };

/* The file need not exist until it is entered.  CLOSER outlives it. */
int hdf5_file_new(const char *path, bool read_only, struct hdf5_closer *closer,
                  struct hdf5_file **out);
/* Closes it.  Accepts NULL. */
void hdf5_file_free(struct hdf5_file *file);

/* File access list: nothing newer than HIGHEST is written, and as little of it
 * as can be, so that old readers understand it. */
hid_t hdf5_file_access(H5F_libver_t highest);

/* Make a new file, whole or not at all: FILL is called with it open. */
int hdf5_file_create(const char *path, int (*fill)(hid_t id, const void *arg),
                     const void *arg);

/*
 * -ENOENT: there is no file.  -EROFS: it was opened for reading only, or other
 * programs that read it have held it for a second.  -EIO: it cannot be opened,
 * or another program has held it for a second.
 */
int hdf5_file_enter(struct hdf5_file *file, enum hdf5_access access);
void hdf5_file_leave(struct hdf5_file *file);

/*
 * For the one who is inside already, be it with another file: open this one as
 * well.  -EAGAIN: another program has held it for a second; others were let in
 * while it was waited for.
 */
int hdf5_file_join(struct hdf5_file *file, enum hdf5_access access);
/* Close it if it was not used for IDLE_MS.  True: it is still open. */
bool hdf5_file_rest(struct hdf5_file *file, int64_t idle_ms);

/* For the one who has come in and has not begun anything yet: what the library
 * has failed at is forgotten, and so is a change that was given up. */
void hdf5_file_renew(struct hdf5_file *file);
/* RC, or -EIO where something was found or not found (0, -ENOENT) after bytes of
 * the file could not be read: the library does not always tell. */
int hdf5_file_doubt(const struct hdf5_file *file, int rc);

/* The last time another program held it.  At any time. */
bool hdf5_file_is_locked(const struct hdf5_file *file);

/* Between two pieces of long work: let others in.  The file stays open. */
void hdf5_file_yield(struct hdf5_file *file);

/* hdf5_recover.c: undo what a process that is gone had begun to change.
 * -EAGAIN: another program has the file. */
int hdf5_file_recover(const char *path, bool read_only);
struct journal *hdf5_file_journal(struct hdf5_file *file);

hid_t hdf5_file_id(const struct hdf5_file *file);
const char *hdf5_file_path(const struct hdf5_file *file);

/* Another number each time that the file has been opened; 0: it is closed. */
uint64_t hdf5_file_session(const struct hdf5_file *file);
/* Another number when another program has changed the file. */
uint64_t hdf5_file_generation(const struct hdf5_file *file);
/* Another number when it was changed, by whomever. */
uint64_t hdf5_file_changes(const struct hdf5_file *file);
/* The file, as it was last seen at its path, is the one of STATUS. */
bool hdf5_file_is(const struct hdf5_file *file, const struct stat *status);
/* See what is at the path now, without opening it. */
void hdf5_file_look(struct hdf5_file *file);
/* The file was renamed: its path is PATH. */
int hdf5_file_follow(struct hdf5_file *file, const char *path);
/* Put the file MADE into its place; it is open for writing. */
int hdf5_file_replace(struct hdf5_file *file, const char *made);
/*
 * hdf5_room.c: see that the file can grow by SIZE bytes, so that a full disk is
 * known before anything is done.  -ENOSPC.  What was not needed is given back
 * by hdf5_file_flush or hdf5_file_unreserve.
 */
int hdf5_file_reserve(struct hdf5_file *file, uint64_t size);
void hdf5_file_unreserve(struct hdf5_file *file);

/* What was changed has happened: it survives the end of this process, and not
 * even a power cut leaves half of it.  On an error nothing of it has, and the
 * file is closed. */
int hdf5_file_flush(struct hdf5_file *file);
/* Undo what was changed since the last flush; the file is closed. */
void hdf5_file_abort(struct hdf5_file *file);
/* What was flushed survives a power cut.  For callers outside of enter and
 * leave. */
int hdf5_file_sync(struct hdf5_file *file);

#endif
