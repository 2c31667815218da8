/* SPDX-License-Identifier: MIT */
/*
 * hdf5_attr.h - attributes as values, written as h5py writes Python's
 *
 *   bool              enum { FALSE, TRUE }
 *   int, float        int64 (uint64 past that), float64
 *   text              variable-length UTF-8
 *   list of one of these (not bool)     the same with one axis
 *
 * and read back as these.  From other programs: numbers of any width, fixed
 * strings (text), arrays (lists), compounds (dicts by member), opaque bytes
 * (bytes), nothing (null).
 *
 * Errors:     0 or a negative errno value.
 * Threads:    inside the library (hdf5_file.h).
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_ATTR_H
#define ENGRAMFS_BACKENDS_HDF5_ATTR_H

#include "backends/hdf5_file.h"
#include "backends/value.h"

/* Ours: never shown as fields.  */
#define HDF5_OWN_PREFIX "engramfs_"

/* On a data set: what its type does not say.  */
#define HDF5_ATTR_DESCR HDF5_OWN_PREFIX "descr"     /* text, as in npy */
#define HDF5_ATTR_FORTRAN HDF5_OWN_PREFIX "fortran" /* 1: column-major */
#define HDF5_ATTR_HEADER HDF5_OWN_PREFIX "header"   /* bytes, if not numpy's */
#define HDF5_ATTR_MTIME HDF5_OWN_PREFIX "mtime"     /* kept: hdf5_times.c */

/* On the object that has the fields. */
#define HDF5_ATTR_JSON HDF5_OWN_PREFIX "json"   /* names, stored as JSON text */
#define HDF5_ATTR_ORDER HDF5_OWN_PREFIX "order" /* of names, as JSON text */
#define HDF5_ATTR_FIELDS_MTIME HDF5_OWN_PREFIX "fields_mtime"
#define HDF5_ATTR_FIELDS_DROPPED HDF5_OWN_PREFIX "fields_dropped"

/* An attribute in an object header holds less than 64 KiB. */
#define HDF5_ATTR_MAX_SIZE 60000

/* A dict of all attributes of OBJECT by name, those left out that cannot be
 * shown. */
int hdf5_attrs_read(hid_t object, struct value **out);

/* One attribute.  -ENOENT: there is none.  -ENOTSUP: it cannot be shown. */
int hdf5_attr_read(hid_t object, const char *name, struct value **out);
/* 1 or 0, or a negative errno value. */
int hdf5_attr_exists(hid_t object, const char *name);

/* VALUE can be written and reads back equal. */
bool hdf5_attr_can_hold(const struct value *value);

/* Make or replace one attribute.  -ENOTSUP: see hdf5_attr_can_hold. */
int hdf5_attr_write(hid_t object, const char *name, const struct value *value);

/* The attribute may be absent. */
int hdf5_attr_remove(hid_t object, const char *name);

/* One-dimensional attributes of int64 with up to LIMIT items, and of bytes.
 * -ENOENT: there is no attribute of that form. */
int hdf5_attr_write_ints(hid_t object, const char *name, const int64_t *items,
                         size_t count);
int hdf5_attr_read_ints(hid_t object, const char *name, int64_t *items,
                        size_t limit, size_t *count);
int hdf5_attr_write_bytes(hid_t object, const char *name, const void *bytes,
                          size_t size);
int hdf5_attr_read_bytes(hid_t object, const char *name, struct blob *out);

/* Copy what FROM has and TO has not, but for what describes an array. */
int hdf5_attrs_copy(hid_t from, hid_t to);

#endif
