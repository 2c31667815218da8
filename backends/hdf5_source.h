/* SPDX-License-Identifier: MIT */
/*
 * hdf5_source.h - a data set whose chunks come through the chunk cache
 *
 * A source is one version of one data set: what was at a path, at an address
 * in the file, at one generation of the file.  All readers of that version
 * share it, and its chunks outlive the readers in the cache.  Only fetching
 * stored bytes is done inside the library; unpacking is not.
 *
 * Errors:     0 or a negative errno value.  -ESTALE: what is at the path now is
 *             something else.
 * Threads:    as each comment says; "inside" is inside the library
 *             (hdf5_file.h).
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_SOURCE_H
#define ENGRAMFS_BACKENDS_HDF5_SOURCE_H

#include "backends/chunk_cache.h"
#include "backends/hdf5_chunks.h"

#include <pthread.h>
#include <stdatomic.h>

struct hdf5_store;

struct hdf5_source {
	struct chunk_source base;
	struct chunk_cache *cache;
	struct hdf5_store *store;
	struct hdf5_file *file;
	struct blob path;
	struct array_info info;
	struct hdf5_chunks chunks;
	atomic_bool expired;

	/* Inside. */
	haddr_t address;
	uint64_t generation;
	uint64_t session; /* of the file in which DATASET is open */
	hid_t dataset;
	unsigned int readers;

	pthread_mutex_t lock; /* of WHY */
	char why[WHY_SIZE];   /* what was wrong with the last bad chunk */
	uint64_t bad;         /* its index + 1 */
};

/* Where an object is in its file.  Inside. */
int hdf5_source_address(hid_t object, haddr_t *out);

/* DATASET is the one that was at ADDRESS at that GENERATION of FILE, and still
 * has INFO.  Inside. */
int hdf5_source_check(const struct hdf5_file *file, hid_t dataset,
                      haddr_t address, uint64_t generation,
                      const struct array_info *info);

/*
 * The source of the data set of GRID, which is at PATH of FILE.  -ENOTSUP: the
 * library has to read it.  Inside.
 */
int hdf5_source_open(struct hdf5_store *store, struct hdf5_file *file,
                     const struct blob *path, const struct array_info *info,
                     const struct hdf5_grid *grid, struct hdf5_source **out);
/* Outside.  Accepts NULL. */
void hdf5_source_close(struct hdf5_source *source);

/* What was at PATH of FILE or below it will be something else.  Inside. */
void hdf5_sources_expire(struct chunk_cache *cache,
                         const struct hdf5_file *file, const char *path);

/* PATH is ABOVE, or what is below it.  Anywhere. */
bool hdf5_path_is_below(const char *path, const char *above);

/* What was wrong with the last bad chunk; "": nothing yet.  Anywhere. */
void hdf5_source_why(struct hdf5_source *source, char why[WHY_SIZE]);

#endif
