/* SPDX-License-Identifier: MIT */
/*
 * hdf5_fields.h - the fields of a record as attributes of its first root
 *
 * FIELD_DICT: one attribute per entry, prefix and key.  FIELD_JSON: a number,
 * a text, or a list of numbers or texts as it is.  What an attribute cannot
 * hold so that it reads back as it was is stored as JSON text, and the names
 * of these attributes are listed in HDF5_ATTR_JSON.  Attributes come sorted by
 * name; HDF5_ATTR_ORDER has the names in another order where that matters.
 * FIELD_VALUES: an attribute of names, and the numbers in a data set.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    inside the library (hdf5_file.h).
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_FIELDS_H
#define ENGRAMFS_BACKENDS_HDF5_FIELDS_H

#include "backends/hdf5_internal.h"

int hdf5_fields_read(hid_t object, const struct collection *collection,
                     struct value **out);

/* -EINVAL: FIELDS has names that attributes cannot have; WHY says which.
 * Needs no library. */
int hdf5_fields_check(const struct collection *collection,
                      const struct value *fields, char why[WHY_SIZE]);

/* Write what is not the same value in BEFORE (NULL: everything). */
int hdf5_fields_write(struct hdf5_store *store, struct hdf5_file *file,
                      hid_t object, const struct collection *collection,
                      const struct value *before, const struct value *fields);

#endif
