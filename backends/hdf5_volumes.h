/* SPDX-License-Identifier: MIT */
/*
 * hdf5_volumes.h - the current file and the rotated ones, as one
 *
 * Rotation renames the current file NAME.h5 to NAME_<unix>.h5 and goes on with
 * a new one; it is done by this store, or by another program.  What the rotated
 * files hold is still there: a store is the union of all of them.  A record
 * that is in several of them is the one in the newest file.
 *
 * A change to a record is made in the file that has it; new records go to the
 * current file.  So one change is one flush of one file.
 *
 * A rotated file is opened only when the names that were read from it say that
 * it has a record, and few are open at once.  One that cannot be read is
 * reported once, and passed over until it changes.
 *
 * Errors:     0 or a negative errno value.
 * Ownership:  volumes and their files live as long as the store, also when the
 *             file is gone.
 * Threads:    inside the library (hdf5_file.h), unless a comment says
 *             otherwise.
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_VOLUMES_H
#define ENGRAMFS_BACKENDS_HDF5_VOLUMES_H

#include "backends/hdf5_internal.h"

struct hdf5_volume {
	struct hdf5_volume *next; /* the next older one */
	struct hdf5_file *file;
	struct hdf5_names *names; /* hdf5_list.c */
	uint64_t number;          /* of a rotated file: from its name */
	bool gone;                /* no file of that name is there */
	int64_t used;             /* when it was last joined */
	uint64_t broken;          /* 1 + the generation that cannot be read */
};

/* For any thread.  Open the store whose current file is PATH. */
int hdf5_volumes_open(struct hdf5_store *store, const char *path);
/* Accepts a half-opened store. */
void hdf5_volumes_close(struct hdf5_store *store);

/* For any thread: go inside, and see which files are there now. */
void hdf5_volumes_enter(struct hdf5_store *store);
/* Call at once after the files were renamed. */
void hdf5_volumes_look(struct hdf5_store *store);

/* Where nothing was rotated, there is nothing to look for. */
bool hdf5_volumes_is_one(const struct hdf5_store *store);

/* -ENOENT: it is not there, or it cannot be read. */
int hdf5_volume_join(struct hdf5_store *store, struct hdf5_volume *volume,
                     enum hdf5_access access);

/*
 * Join the newest volume that has the record KEY.  -ENOENT: none has it.  A
 * store of one file is not asked.
 */
int hdf5_volumes_find(struct hdf5_store *store,
                      const struct collection *collection, struct key key,
                      enum hdf5_access access, struct hdf5_volume **out);

/* ... from VOLUME on (NULL: there is none) to older ones. */
int hdf5_volumes_find_from(struct hdf5_store *store, struct hdf5_volume *volume,
                           const struct collection *collection, struct key key,
                           enum hdf5_access access, struct hdf5_volume **out);

/* For any thread: enter the file that has the record; -ENOENT: none has. */
int hdf5_enter_record(struct hdf5_store *store,
                      const struct collection *collection, struct key key,
                      enum hdf5_access access, struct hdf5_file **out);

/* ... and where none has it, the current one, for writing. */
int hdf5_enter_change(struct hdf5_store *store,
                      const struct collection *collection, struct key key,
                      struct hdf5_file **out);

/* For any thread: enter FILE for reading, wherever it is now. */
int hdf5_enter_volume(struct hdf5_store *store, struct hdf5_file *file);

/* Remove the record from all files that are older than FILE, which has it: it
 * would be seen again.  FILE stays joined for writing. */
int hdf5_remove_older(struct hdf5_store *store, struct hdf5_file *file,
                      const struct collection *collection, struct key key);

/* hdf5_gather.c: the current file has the record afterwards, if any has. */
int hdf5_gather(struct hdf5_store *store, const struct collection *collection,
                struct key key);

/* For any thread: the files that are there, newest first, for work that goes
 * through all of them.  The array is the caller's to free. */
int hdf5_volumes_list(struct hdf5_store *store, struct hdf5_file ***files,
                      size_t *count);

/* The last part of the path of a file. */
const char *hdf5_file_name(const struct hdf5_file *file);

/* hdf5_rotated.c: what is in the directory.  For any thread. */

/* Call VISIT with the path of each rotated file of the current file PATH, and
 * the number in its name, until it fails. */
int hdf5_rotated_visit(const char *path,
                       int (*visit)(const char *path, uint64_t number,
                                    void *arg),
                       void *arg);

/* hdf5_list.c: a link in VOLUME, joined or not, has the name of KEY. */
int hdf5_names_have(struct hdf5_store *store, struct hdf5_volume *volume,
                    const struct collection *collection, struct key key,
                    bool *out);

#endif
