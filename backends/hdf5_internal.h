/* SPDX-License-Identifier: MIT */
/*
 * hdf5_internal.h - what the files of the HDF5 backend share
 *
 * A record is one or more objects, its roots: what the key names in the places
 * of the collection and of its arrays, up to the '$'.  The first root has the
 * fields; a record is there when any root is.
 *
 * Errors:     0 or a negative errno value; causes are logged where the library
 *             reports them.
 * Threads:    inside the library (hdf5_file.h), unless a comment says
 *             otherwise.
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_INTERNAL_H
#define ENGRAMFS_BACKENDS_HDF5_INTERNAL_H

#include "backends/backend.h"
#include "backends/hdf5_file.h"
#include "backends/hdf5_range.h"
#include "backends/settings.h"

#include <pthread.h>
#include <stdatomic.h>

struct chunk_cache;
struct chunk_pipeline;
struct hdf5_names;
struct hdf5_reader;
struct hdf5_volume;
struct pool;

struct hdf5_store {
	struct store base;
	bool read_only;
	struct hdf5_settings settings; /* compression is in FILTER */
	const struct hdf5_filter *filter;

	char *path;                  /* of the current file */
	struct hdf5_volume *volumes; /* hdf5_volumes.h: newest first */
	struct hdf5_file *file;      /* the first of them: the current one */
	struct hdf5_closer *closer;
	int64_t looked_ms; /* when the directory was looked at */
	atomic_bool full;  /* the current file has grown past its limit */

	pthread_mutex_t writer; /* one change at a time; taken first */
	struct hdf5_reader *readers;
	struct pool *packers;
	struct chunk_cache *cache; /* NULL: the library reads all */
	uint64_t reads;
};

struct hdf5_store *hdf5_store(struct store *store);

/* Make PATH a new current file.  For any thread. */
int hdf5_make_file(const struct hdf5_store *store, const char *path);

/* hdf5_filter.c: how data sets are compressed. */

/* Make every filter that we know readable, whichever is used for writing. */
void hdf5_filters_register(void);

/* NULL: unknown, or this library lacks it; WHY says which. */
const struct hdf5_filter *hdf5_filter_find(const char *name,
                                           char why[WHY_SIZE]);
/* FILTER, or what it chooses for the SIZE bytes at DATA, numbers of ELEMENT
 * bytes.  For any thread. */
const struct hdf5_filter *hdf5_filter_for(const struct hdf5_filter *filter,
                                          uint64_t element, const void *data,
                                          uint64_t size);
/* FILTER, or what it chose for the array that was PACKED. */
const struct hdf5_filter *
hdf5_filter_of_packed(const struct hdf5_filter *filter,
                      const struct packed *packed);
/* What hdf5_filter_apply will do to numbers of ELEMENT bytes.  -ENOTSUP: it
 * does nothing, or the library alone can do it.  For any thread. */
int hdf5_filter_pipeline(const struct hdf5_filter *filter,
                         const struct hdf5_settings *settings, size_t element,
                         struct chunk_pipeline *out);
/* Set the filters on a data set creation list for elements of TYPE in chunks
 * of COUNT. */
int hdf5_filter_apply(const struct hdf5_filter *filter,
                      const struct hdf5_settings *settings, hid_t type,
                      uint64_t count, hid_t list);

/* hdf5_sample.c: the name of the filter that packs the SIZE bytes at DATA, numbers
 * of ELEMENT bytes, best for its speed. */
const char *hdf5_sample_choice(uint64_t element, const void *data,
                               uint64_t size);

/* hdf5_zstd.c, hdf5_lzf.c: filters 32015 and 32000, for libraries that have no
 * plugins of them. */
int hdf5_zstd_register(void);
int hdf5_lzf_register(void);

/* hdf5_refers.c: -ENOTSUP, and logged: a data set or an attribute of FILE refers
 * to an object. */
int hdf5_check_references(const struct hdf5_file *file);

/* hdf5_place.c: where things are. */

#define HDF5_MAX_ROOTS 8

struct hdf5_roots {
	size_t count;
	struct blob paths[HDF5_MAX_ROOTS];
};

/* A link can have this name. */
bool hdf5_key_can_be(struct key key);
/* ... and we make one.  -EINVAL: WHY says why not. */
int hdf5_key_check(struct key key, char why[WHY_SIZE]);

/* The paths of the roots of KEY, that of the fields first. */
int hdf5_roots(const struct collection *collection, struct key key,
               struct hdf5_roots *out);
void hdf5_roots_release(struct hdf5_roots *roots);

/* PLACE with KEY for its '$'. */
int hdf5_place(const char *place, struct key key, struct blob *out);
int hdf5_array_place(const struct array_row *row, struct key key,
                     const char *name, struct blob *out);

/* An array of any name can be put at its place: -EINVAL where the name is not
 * UTF-8, or something that is no array is there; WHY says which. */
int hdf5_array_check(hid_t file, const struct array_row *row, const char *name,
                     const char *path, char why[WHY_SIZE]);
/* Remove what is at PATH, and the groups below ROOT that are empty then. */
int hdf5_prune(hid_t file, const char *root, const char *path);

/* The fields are on the data set of the one array. */
bool hdf5_fields_on_array(const struct collection *collection);

/* Open what is at PATH.  -ENOENT: nothing, or something that is kept in
 * another file. */
int hdf5_open_object(hid_t file, const char *path, hid_t *out);
/* ... if it is of the kind that the collection has there. */
int hdf5_open_root(hid_t file, const struct collection *collection,
                   const char *path, hid_t *out);
int hdf5_open_group(hid_t file, const char *path, hid_t *out);
/* 1 where every link on the way to PATH is there, else 0; the last may lead
 * nowhere. */
int hdf5_exists(hid_t file, const char *path);
int hdf5_unlink(hid_t file, const char *path);
/* Link creation list: UTF-8 names, groups on the way made as needed. */
hid_t hdf5_link_creation(void);

/* hdf5_array.c: a data set as an array. */

/* -ENOTSUP: not one that an npy file can hold. */
int hdf5_array_info(hid_t dataset, struct array_info *out);
/* INFO is that of the data set.  The type is the caller's to close. */
int hdf5_array_grid(hid_t dataset, const struct array_info *info,
                    struct hdf5_grid *out);
int hdf5_array_open(hid_t file, const char *path, hid_t *dataset,
                    struct array_info *info);

/* hdf5_times.c: kept modification times. */

/* -ENOENT: none is kept, or it is void since the timestamp is another. */
int hdf5_time_read(hid_t object, const char *name,
                   const struct collection *collection,
                   const struct value *fields, struct timespec *out);
int hdf5_time_write(hid_t object, const char *name,
                    const struct collection *collection,
                    const struct value *fields, struct timespec time);

/* hdf5_record.c */
int hdf5_record_load(struct hdf5_file *file,
                     const struct collection *collection, struct key key,
                     struct record *out);

/* Bytes that the attributes and links of a change take, with some to spare. */
#define HDF5_RECORD_ROOM ((uint64_t)256 << 10)

/* hdf5_write.c: a new data set that no link leads to yet. */
int hdf5_write_array(struct hdf5_store *store, struct hdf5_file *file,
                     const struct array *array, hid_t *out);
/* One without elements: attributes that wait for their array. */
int hdf5_write_nothing(hid_t file, hid_t *out);

/* hdf5_read.c */
int hdf5_open_array(struct store *base, const struct collection *collection,
                    struct key key, const char *name, struct reader **out);
/* Readers of what was at PATH of FILE or below it must not read what is there
 * now. */
void hdf5_readers_expire(struct hdf5_store *store, const struct hdf5_file *file,
                         const char *path);

/* hdf5_list.c */
int hdf5_list(struct store *base, const struct collection *collection,
              struct cursor *cursor, size_t limit, struct record_list *out);
int hdf5_find(struct store *base, const struct collection *collection,
              struct key prefix, bool (*match)(struct key key, void *arg),
              void *arg, struct blob *key_out);
/* 0: a root of the record is in FILE.  -ENOENT. */
int hdf5_find_record(const struct hdf5_file *file,
                     const struct collection *collection, struct key key);
/* Records of FILE have come or gone. */
void hdf5_names_forget(struct hdf5_store *store, const struct hdf5_file *file);
void hdf5_names_free(struct hdf5_names *names);

/* hdf5_put.c, hdf5_move.c */
int hdf5_put(struct store *base, const struct collection *collection,
             struct key key, struct change *change, struct blob *key_out);
int hdf5_remove(struct store *base, const struct collection *collection,
                struct key key);
int hdf5_remove_before(struct store *base, const struct collection *collection,
                       struct key key, double before);
int hdf5_rename(struct store *base, const struct collection *collection,
                struct key from, struct key to, enum rename_mode mode);
/* Unlink all roots of a record. */
int hdf5_remove_roots(struct hdf5_store *store, struct hdf5_file *file,
                      const struct hdf5_roots *roots);

/* hdf5_rotate.c: there is no current file; wait for a second for another program
 * to make one, else do it.  For the writer, outside of the library. */
int hdf5_renew(struct hdf5_store *store);
/* FILE was written to. */
void hdf5_note_size(struct hdf5_store *store, const struct hdf5_file *file);

/* hdf5_upkeep.c, hdf5_compact.c, hdf5_rotate.c, hdf5_verify.c: maintenance.h.
 */
struct work;
extern const struct maintenance_ops hdf5_maintenance;
int hdf5_compact(struct store *base, const struct work *work,
                 struct value *out);
int hdf5_backup(struct store *base, const struct collection *rows,
                const char *directory, const struct work *given,
                struct value *files);
int hdf5_rotate(struct store *base, uint64_t if_larger, struct value *out);
bool hdf5_is_full(struct store *base);
int hdf5_verify(struct store *base, const struct work *work, struct value *out,
                struct value *problems);

#endif
