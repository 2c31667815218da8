/* SPDX-License-Identifier: MIT */
/*
 * hdf5_chunks.h - the chunks of a data set, as they are stored
 *
 * What is needed to find, fetch and unpack a chunk without the library's own
 * pipeline, and to know which bytes of the array it holds.  Lengths along the
 * last axis are counted in bytes, all others in elements, so that ranges need
 * not be of whole elements.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    describe and the functions that take a data set: inside the
 *             library (hdf5_file.h).  The others have no shared state.
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_CHUNKS_H
#define ENGRAMFS_BACKENDS_HDF5_CHUNKS_H

#include "backends/chunk_filter.h"
#include "backends/hdf5_range.h"

struct hdf5_chunks {
	int ndim;
	uint64_t dims[ARRAY_MAX_DIMS];
	uint64_t chunk[ARRAY_MAX_DIMS];
	uint64_t counts[ARRAY_MAX_DIMS]; /* chunks along each axis */
	uint64_t element;
	size_t size; /* bytes of a chunk */
	uint64_t
	    row; /* bytes of one, along the slowest axis with thick chunks */
	uint64_t rows;  /* bytes of the array in a band */
	uint64_t band;  /* bytes of all chunks that hold one row, whole */
	uint64_t piece; /* bytes of the array that a chunk has in one run, on
	                 * average */
	struct chunk_pipeline pipeline;
	char *fill; /* the element of chunks that are not stored; NULL: 0 */
};

/* A box of bytes, in the units of the axes. */
struct hdf5_chunk_box {
	uint64_t start[ARRAY_MAX_DIMS];
	uint64_t count[ARRAY_MAX_DIMS];
};

/*
 * -ENOTSUP: the library has to read it: no chunks, or larger than MOST, filters
 * that are not known here, elements that are converted, column-major order.
 */
int hdf5_chunks_describe(const struct hdf5_grid *grid, uint64_t most,
                         struct hdf5_chunks *out);
void hdf5_chunks_release(struct hdf5_chunks *chunks);

/* Where chunk INDEX, counted row by row, begins: in elements. */
void hdf5_chunks_offset(const struct hdf5_chunks *chunks, uint64_t index,
                        hsize_t offset[ARRAY_MAX_DIMS]);

/* The bytes that are stored for a chunk; 0: none.  -EIO: so many that it
 * cannot be true; *WHY says so. */
int hdf5_chunks_stored(const struct hdf5_chunks *chunks, hid_t dataset,
                       uint64_t index, size_t *size, const char **why);
/* Fetch them. */
int hdf5_chunks_fetch(const struct hdf5_chunks *chunks, hid_t dataset,
                      uint64_t index, char *out, uint32_t *mask);
/* A chunk that is not stored. */
void hdf5_chunks_fill(const struct hdf5_chunks *chunks, char *out);

/*
 * The largest box that begins with byte FIRST of the array and has its bytes up
 * to END in one run.  Returns how many they are.
 */
uint64_t hdf5_chunks_box(const struct hdf5_chunks *chunks, uint64_t first,
                         uint64_t end, struct hdf5_chunk_box *box);

/* The bytes from byte FIRST of the array on that one chunk has in one run. */
struct hdf5_chunk_piece {
	uint64_t index; /* of the chunk */
	size_t at;      /* in it */
	uint64_t size;
};

void hdf5_chunks_piece(const struct hdf5_chunks *chunks, uint64_t first,
                       struct hdf5_chunk_piece *out);

/* Call FN for all chunks that BOX touches, COUNT neighbours at a time.  What
 * is not 0 ends it and is returned. */
typedef int hdf5_chunk_run_fn(uint64_t first, uint64_t count, void *arg);
int hdf5_chunks_each_run(const struct hdf5_chunks *chunks,
                         const struct hdf5_chunk_box *box,
                         hdf5_chunk_run_fn *fn, void *arg);

/* The same for those that the bytes from FIRST up to END are in: some may come
 * twice. */
int hdf5_chunks_each_in(const struct hdf5_chunks *chunks, uint64_t first,
                        uint64_t end, hdf5_chunk_run_fn *fn, void *arg);

/* Copy what BOX has of chunk INDEX, whose bytes are DATA, to its place in OUT,
 * the bytes of the box. */
void hdf5_chunks_copy(const struct hdf5_chunks *chunks,
                      const struct hdf5_chunk_box *box, uint64_t index,
                      const char *data, char *out);

uint64_t hdf5_chunks_total(const struct hdf5_chunks *chunks);

/* Where ARRAY, the bytes of the whole array, has those of chunk INDEX in one
 * run; NULL: it has not. */
const char *hdf5_chunks_in_place(const struct hdf5_chunks *chunks,
                                 uint64_t index, const char *array);
/* Copy them to OUT, a whole chunk, with zeros where the array ends. */
void hdf5_chunks_gather(const struct hdf5_chunks *chunks, uint64_t index,
                        const char *array, char *out);

#endif
