/* SPDX-License-Identifier: MIT */
/*
 * collection.h - one row of the tree: what a collection holds, and where
 *
 * A collection is a directory of records of one kind.  A record is a key,
 * fields (one JSON object) and named arrays.  Rows are constant data
 * (layout/tree.c); backends interpret them and know no collection by name.
 *
 * A place is where something lives in its backend:
 *
 *   redis    collection "wm:" (prefix of the keys), arrays and fields: the
 *            names of hash fields
 *   sqlite   collection "episodes" (a table), arrays and fields: columns
 *   hdf5     paths in which '$' stands for the key: collection
 *            "network_states/topology/$" (the object whose attributes are the
 *            fields), arrays: data sets, fields: names of attributes
 */
#ifndef ENGRAMFS_BACKENDS_COLLECTION_H
#define ENGRAMFS_BACKENDS_COLLECTION_H

#include <stdbool.h>
#include <stddef.h>

enum record_shape {
	RECORD_PAIR,      /* one array: <key>.npy and <key>.json */
	RECORD_DIRECTORY, /* several: <key>/<array>.npy and metadata.json */
	RECORD_NEST,      /* a value with arrays anywhere inside (nest.h) */
	RECORD_FIELDS,    /* none: <key>.json */
};

enum field_type {
	FIELD_FLOAT,
	FIELD_INT,
	FIELD_TEXT,
	FIELD_JSON, /* any value; stored as JSON text, where the backend has no
	               * better form for it */
	FIELD_DICT, /* a dict; hdf5: one attribute per entry, with PLACE as
	               * prefix ("meta_"), else as FIELD_JSON with an object */
	FIELD_NEST, /* RECORD_NEST: the value; its arrays as references */
	FIELD_VALUES, /* hdf5: a dict of numbers; names in the attribute PLACE, the
	               * numbers in the data set "values" of the record */
};

/* How the data decide a field.  Such a field is written by the backend
 * whenever its array is, and cannot be set. */
enum field_rule {
	FIELD_GIVEN,  /* not at all: the user gives it */
	FIELD_NUMBER, /* the database numbers records: settable on a new record
	               * where free */
	FIELD_SHAPE,  /* shape of the array, as the place stores shapes */
	FIELD_DTYPE,  /* str(dtype) of the array */
	FIELD_COUNT,  /* number of elements */
	FIELD_LENGTH, /* size of the first axis (1 for 0-d) */
	FIELD_UNIQUE, /* number of different elements */
	FIELD_MEAN,
	FIELD_STD, /* population standard deviation, as numpy.std */
	FIELD_SUM,
	FIELD_ARRAYS, /* number of arrays of the record; a file may announce
	               * more, that are still to come */
};

enum field_default {
	DEFAULT_ABSENT, /* not stored and not shown until given */
	DEFAULT_ZERO,   /* 0, 0.0, "", {} or null, as the type has it */
	DEFAULT_NOW,    /* seconds since 1970 */
	DEFAULT_JULIAN, /* julian day, as SQLite's julianday('now') */
	DEFAULT_TEXT,   /* the TEXT of the row; FIELD_JSON: what it means */
};

/* One field, in the order of the JSON file.  FIELD_SHAPE and FIELD_DTYPE rows
 * are stored for other readers; the JSON file shows the array's own. */
struct field_row {
	const char *name; /* in the JSON file */
	enum field_type type;
	const char *place;
	enum field_default fallback; /* what a record written without it gets */
	const char *text;            /* of DEFAULT_TEXT */
	enum field_rule rule;
	const char *array; /* of the rules that look at one */
};

/* One array.  NAME NULL: any name (the arrays of a record are its own), and
 * PLACE is where they are; a name with slashes is that of an array in groups. */
struct array_row {
	const char *name;
	const char *place;
	/* hdf5: a group whose "timestamp" and "shape" follow this array, or NULL */
	const char *stamped;
};

struct collection {
	const char *path;    /* below the mount point, e.g. "wm" */
	const char *backend; /* its name, e.g. "redis" */
	enum record_shape shape;
	const char *place;
	const char *key_field; /* sqlite: column of the key; "id": numbered.
	                        * Else NULL. */
	unsigned int ttl;      /* seconds; 0: records do not expire */
	const struct array_row *arrays; /* ends with an all-zero row */
	const struct field_row *fields; /* ends with an all-zero row */
	const char *timestamp; /* field that dates a record, e.g. "timestamp" */

	/* Fields that count how often an array was read, and say when it last
	 * was: the names of an integer and a float field.  NULL: nobody counts. */
	const char *access_count;
	const char *last_access;

	/* sqlite: the table of relationships between the records.  NULL: there
	 * are none. */
	const char *relations;
};

/* Records are numbered by the database: keys are decimal numbers. */
bool collection_is_numbered(const struct collection *collection);

/* A RECORD_DIRECTORY whose arrays have any name. */
bool collection_takes_any_name(const struct collection *collection);

/* NULL where the collection has no such field / array. */
const struct field_row *collection_field(const struct collection *collection,
                                         const char *name);
const struct array_row *collection_array(const struct collection *collection,
                                         const char *name);

#endif
