/* SPDX-License-Identifier: MIT */
/*
 * hdf5_items.h - the links of a file, for whoever copies all of it
 *
 * Errors:     0 or a negative errno value.
 * Threads:    inside the library (hdf5_file.h).
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_ITEMS_H
#define ENGRAMFS_BACKENDS_HDF5_ITEMS_H

#include "backends/hdf5_library.h"

#include <stdbool.h>
#include <stddef.h>

struct hdf5_item {
	char *path;
	H5L_type_t type;
	bool is_group;  /* its members are items of their own, and follow */
	haddr_t shared; /* where it has other links too; else HADDR_UNDEF */
};

struct hdf5_items {
	struct hdf5_item *items;
	size_t count;
	size_t capacity;
};

/* All links of FILE; those of groups far down are one with the group.  OUT is
 * to be released on error too. */
int hdf5_items_list(hid_t file, struct hdf5_items *out);
void hdf5_items_release(struct hdf5_items *items);

#endif
