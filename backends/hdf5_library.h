/* SPDX-License-Identifier: MIT */
/*
 * hdf5_library.h - libhdf5, one thread at a time
 *
 * Not every libhdf5 bears two threads, so the process has one lock for it.
 * Those who wait for it get it in turn.
 *
 * Threads:    hdf5_lock and hdf5_unlock are for any thread; everything else,
 *             and every function of the library, is for the one between them.
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_LIBRARY_H
#define ENGRAMFS_BACKENDS_HDF5_LIBRARY_H

/* Newer libraries offer the functions of the oldest one that we know. */
#define H5_USE_110_API
#include <hdf5.h>

/* Messages quote paths. */
#define HDF5_MESSAGE_SIZE 5000

/* What the library's functions return when they, not a callback, failed. */
#define HDF5_FAILED (-1)

void hdf5_lock(void);
void hdf5_unlock(void);

/* Log `hdf5: WHAT WHERE: why`, where why is what the library said about the
 * call that just failed, and return its negative errno value. */
int hdf5_error(const char *what, const char *where);

/* After a failure the library may hold what it could not read, or half of it,
 * for what is there: an open file whose HDF5_FAILURES were others when it was
 * opened is not to be trusted.  hdf5_error notes one. */
void hdf5_note_failure(void);
uint64_t hdf5_failures(void);

/* The same where bytes of a file could not be read: whatever the library says
 * is not there may be. */
void hdf5_note_unread(void);
uint64_t hdf5_unread(void);

/* The two halves of that: what the innermost function of the library said, and
 * what it means; -EAGAIN: the file is locked. */
void hdf5_last_message(char why[HDF5_MESSAGE_SIZE]);
int hdf5_errno_of(const char *message);

/* For opening objects: external links are not followed. */
hid_t hdf5_link_access(void);

/* Of an open FILE; -1: it has none. */
int hdf5_descriptor(hid_t file);

/* Close an id of any kind; negative ones are none. */
void hdf5_close_id(hid_t id);

#endif
