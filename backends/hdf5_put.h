/* SPDX-License-Identifier: MIT */
/*
 * hdf5_put.h - one change while it is made
 *
 * hdf5_put.c decides and stores; hdf5_marks.c keeps what goes with fields and
 * arrays in step: modification times, and the stamps of groups.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    inside the library (hdf5_file.h).
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_PUT_H
#define ENGRAMFS_BACKENDS_HDF5_PUT_H

#include "backends/change.h"
#include "backends/hdf5_internal.h"

struct putting {
	struct hdf5_store *store;
	struct hdf5_file *file;
	const struct collection *collection;
	struct key key;
	struct change *change;
	struct blob root;            /* path of the object with the fields */
	struct blob array;           /* path of the array of the change */
	struct record stored;        /* as it is */
	const struct record *before; /* STORED or NULL */
	struct change_result after;
	hid_t staged; /* data set to be linked at ARRAY (or ROOT) */
	hid_t object; /* gets the fields */
	bool fresh;   /* OBJECT has none of the fields of BEFORE yet */
};

/* Times that the change gives, and kept ones if the timestamp is new. */
int hdf5_mark_fields(struct putting *putting);
int hdf5_mark_arrays(struct putting *putting);

/* "timestamp" and "shape" on the groups that have them. */
int hdf5_mark_groups(struct putting *putting);

#endif
