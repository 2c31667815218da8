/* SPDX-License-Identifier: MIT */
/*
 * hdf5_stream.h - ranges of a source, and what comes next
 *
 * A range is served from the chunks that it touches.  When one request follows
 * the other, the chunks of the bytes behind them are loaded ahead: of as many
 * bytes as were read in order, times AHEAD_FACTOR, but at most of one band (the
 * chunks that hold one row), or of AHEAD_MOST where a band is less, and never
 * of more than the cache can hold beside the band that is being read.
 *
 * A band that was read to its end, in order, is spent: the kernel has its pages,
 * and its memory is the next one's.
 *
 * Where the cache cannot hold the bands of all who read in order, each would
 * unpack its band anew for each request.  Each then keeps what comes next to
 * itself, as much as half of its share of the cache, and unpacks its band as
 * often as that is less.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    outside of the library; calls on one stream may overlap.
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_STREAM_H
#define ENGRAMFS_BACKENDS_HDF5_STREAM_H

#include "backends/hdf5_source.h"
#include "backends/loan.h"

struct hdf5_stream {
	struct hdf5_source *source; /* NULL: the library has to read it */
	pthread_mutex_t lock;
	uint64_t end;   /* of the last request */
	uint64_t run;   /* bytes that were read in order */
	uint64_t ahead; /* up to where chunks were asked for */
	uint64_t spent; /* up to where they are not needed any more */
	bool shares;    /* is counted among those who read in order */

	pthread_mutex_t kept_lock; /* taken first */
	char *kept;                /* bytes of the array, or NULL */
	uint64_t kept_start;
	uint64_t kept_end;

	char why[WHY_SIZE];  /* of the last failure, not yet told */
	char told[WHY_SIZE]; /* the last one that was */
};

void hdf5_stream_init(struct hdf5_stream *stream);
void hdf5_stream_release(struct hdf5_stream *stream);

/*
 * Find the source of DATASET, which is at PATH of FILE and has INFO: where
 * STREAM has none afterwards, the library has to read it.
 * Inside of the library.
 */
int hdf5_stream_open(struct hdf5_stream *stream, struct hdf5_store *store,
                     struct hdf5_file *file, const struct blob *path,
                     const struct array_info *info, hid_t dataset);

/* Read SIZE bytes at OFFSET, all of them inside the array. */
int hdf5_stream_read(struct hdf5_stream *stream, uint64_t offset, void *buffer,
                     size_t size);

/* The same by loan; returns SIZE.  -ENOTSUP: it has to be read. */
ssize_t hdf5_stream_lend(struct hdf5_stream *stream, uint64_t offset,
                         size_t size, struct loan *loan);

/* As reader_ops->why. */
void hdf5_stream_why(struct hdf5_stream *stream, char why[WHY_SIZE]);

#endif
