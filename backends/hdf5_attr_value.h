/* SPDX-License-Identifier: MIT */
/*
 * hdf5_attr_value.h - elements of an attribute as values (value.h)
 *
 * Threads:    with the library's lock held.
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_ATTR_VALUE_H
#define ENGRAMFS_BACKENDS_HDF5_ATTR_VALUE_H

#include "backends/hdf5_library.h"
#include "backends/value.h"

/* Elements of TYPE can be made values. */
bool hdf5_values_can_be(hid_t type);

/* Elements in the machine's own form of TYPE: a list of lists, down the NDIM
 * axes of DIMS; of no axis, one value.  NULL: no memory. */
struct value *hdf5_values_make(hid_t type, const char *data, int ndim,
                               const hsize_t *dims);

#endif
