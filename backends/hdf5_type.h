/* SPDX-License-Identifier: MIT */
/*
 * hdf5_type.h - numpy's element types as HDF5 types, the way h5py has them
 *
 *   bool              enum of int8 { FALSE = 0, TRUE = 1 }
 *   ints, floats      themselves, in their byte order; float16 and the 80-bit
 *                     longdouble by their bits
 *   complex           compound { r, i }
 *   S                 string of fixed length, null-padded, ASCII
 *   V                 opaque with an empty tag
 *   U, M, m           opaque with the tag "NUMPY:<U5", "NUMPY:<M8[ns]"
 *   structured        compound; sub-arrays are array types, padding is a gap
 *
 * What HDF5 has no word for (a size of 0, titles) is left out of the type:
 * compare what hdf5_type_read makes of it with the original.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    inside the library (hdf5_file.h).
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_TYPE_H
#define ENGRAMFS_BACKENDS_HDF5_TYPE_H

#include "backends/array.h"
#include "backends/hdf5_file.h"

/* The type in the file.  Its size is the itemsize of DTYPE, or 1 for 0. */
int hdf5_type_make(const struct dtype *dtype, hid_t *out);

/*
 * What numpy makes of TYPE.  -ENOTSUP: nothing that an npy file can hold.  An
 * array type at the top is its element type with NDIM axes of SHAPE, which the
 * caller appends to those of the data set.
 */
int hdf5_type_read(hid_t type, struct dtype *out, int *ndim,
                   uint64_t shape[ARRAY_MAX_DIMS]);

/* The enum that h5py takes for bool. */
int hdf5_type_bool(hid_t *out);
bool hdf5_type_is_bool(hid_t type);

#endif
