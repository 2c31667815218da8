/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_chunks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Where chunk INDEX begins, in the units of the axes. */
static void origin(const struct hdf5_chunks *chunks, uint64_t index,
                   uint64_t at[ARRAY_MAX_DIMS])
{
	for (int i = chunks->ndim - 1; i >= 0; i--) {
		at[i] = index % chunks->counts[i] * chunks->chunk[i];
		index /= chunks->counts[i];
	}
}

void hdf5_chunks_offset(const struct hdf5_chunks *chunks, uint64_t index,
                        hsize_t offset[ARRAY_MAX_DIMS])
{
	uint64_t at[ARRAY_MAX_DIMS];

	origin(chunks, index, at);
	for (int i = 0; i < chunks->ndim; i++)
		offset[i] = at[i];
	offset[chunks->ndim - 1] /= chunks->element;
}

/* What was looked for is not stored: HDF5 1.10 says so by an error. */
static int not_stored(const char **why)
{
	char message[HDF5_MESSAGE_SIZE];

	hdf5_last_message(message);
	if (strcmp(message, "chunk storage is not allocated") == 0)
		return 0;
	*why = "the index of chunks cannot be read";
	return hdf5_error("cannot find", "a chunk");
}

int hdf5_chunks_stored(const struct hdf5_chunks *chunks, hid_t dataset,
                       uint64_t index, size_t *size, const char **why)
{
	hsize_t offset[ARRAY_MAX_DIMS];
	hsize_t stored = 0;

	hdf5_chunks_offset(chunks, index, offset);
	*size = 0;
	if (H5Dget_chunk_storage_size(dataset, offset, &stored) < 0)
		return not_stored(why);
	*why = "it claims to be longer than any chunk can be";
	if (stored > chunk_stored_most(&chunks->pipeline, chunks->size))
		return -EIO;
	*size = stored;
	return 0;
}

int hdf5_chunks_fetch(const struct hdf5_chunks *chunks, hid_t dataset,
                      uint64_t index, char *out, uint32_t *mask)
{
	hsize_t offset[ARRAY_MAX_DIMS];

	hdf5_chunks_offset(chunks, index, offset);
	if (H5Dread_chunk(dataset, H5P_DEFAULT, offset, mask, out) < 0)
		return hdf5_error("cannot read", "a chunk");
	return 0;
}

void hdf5_chunks_fill(const struct hdf5_chunks *chunks, char *out)
{
	if (!chunks->fill) {
		memset(out, 0, chunks->size);
		return;
	}
	for (size_t at = 0; at < chunks->size; at += chunks->element)
		memcpy(out + at, chunks->fill, chunks->element);
}

uint64_t hdf5_chunks_box(const struct hdf5_chunks *chunks, uint64_t first,
                         uint64_t end, struct hdf5_chunk_box *box)
{
	uint64_t most = end - first;
	uint64_t run = 1; /* bytes of one step along the axis */
	uint64_t rest = first;
	bool whole = true;

	for (int i = chunks->ndim - 1; i >= 0; i--) {
		uint64_t dim = chunks->dims[i];
		uint64_t at = rest % dim;
		uint64_t count = 1;

		if (whole)
			count = max_u64(min_u64(dim - at, most / run), 1);
		whole = whole && count == dim;
		box->start[i] = at;
		box->count[i] = count;
		run *= count;
		rest /= dim;
	}
	return run;
}

void hdf5_chunks_piece(const struct hdf5_chunks *chunks, uint64_t first,
                       struct hdf5_chunk_piece *out)
{
	struct hdf5_chunk_piece piece = { 0 };
	uint64_t rest = first;
	uint64_t chunks_step = 1; /* to the next chunk along the axis */
	size_t step = 1;          /* to the next byte along the axis */
	bool whole = true;

	for (int i = chunks->ndim - 1; i >= 0; i--) {
		uint64_t at = rest % chunks->dims[i];
		uint64_t in = at % chunks->chunk[i];

		if (whole)
			piece.size = min_u64(chunks->chunk[i] - in,
			                     chunks->dims[i] - at) *
			                 step -
			             piece.at;
		piece.index += at / chunks->chunk[i] * chunks_step;
		piece.at += in * step;
		whole = whole && chunks->chunk[i] == chunks->dims[i];
		chunks_step *= chunks->counts[i];
		step *= chunks->chunk[i];
		rest /= chunks->dims[i];
	}
	*out = piece;
}

/* To the next of COUNT numbers from FIRST along each of the first NDIM axes. */
static bool advance(uint64_t *at, const uint64_t *first, const uint64_t *count,
                    int ndim)
{
	for (int i = ndim - 1; i >= 0; i--) {
		if (++at[i] < first[i] + count[i])
			return true;
		at[i] = first[i];
	}
	return false;
}

int hdf5_chunks_each_run(const struct hdf5_chunks *chunks,
                         const struct hdf5_chunk_box *box,
                         hdf5_chunk_run_fn *fn, void *arg)
{
	uint64_t first[ARRAY_MAX_DIMS];
	uint64_t count[ARRAY_MAX_DIMS];
	uint64_t at[ARRAY_MAX_DIMS];
	int last = chunks->ndim - 1;

	for (int i = 0; i < chunks->ndim; i++) {
		uint64_t end = box->start[i] + box->count[i] - 1;

		first[i] = box->start[i] / chunks->chunk[i];
		count[i] = end / chunks->chunk[i] - first[i] + 1;
		at[i] = first[i];
	}
	do {
		uint64_t index = 0;
		int rc;

		for (int i = 0; i <= last; i++)
			index = index * chunks->counts[i] + at[i];
		rc = fn(index, count[last], arg);
		if (rc)
			return rc;
	} while (advance(at, first, count, last));
	return 0;
}

int hdf5_chunks_each_in(const struct hdf5_chunks *chunks, uint64_t first,
                        uint64_t end, hdf5_chunk_run_fn *fn, void *arg)
{
	int rc = 0;

	while (rc == 0 && first < end) {
		struct hdf5_chunk_box box;

		first += hdf5_chunks_box(chunks, first, end, &box);
		rc = hdf5_chunks_each_run(chunks, &box, fn, arg);
	}
	return rc;
}

/* Bytes between two neighbours along each axis of what has these LENGTHS. */
static void strides(const uint64_t *lengths, int ndim, uint64_t *out)
{
	uint64_t step = 1;

	for (int i = ndim - 1; i >= 0; i--) {
		out[i] = step;
		step *= lengths[i];
	}
}

/* What a box and chunk INDEX have in common. */
struct overlap {
	uint64_t first[ARRAY_MAX_DIMS];
	uint64_t count[ARRAY_MAX_DIMS];
	uint64_t corner[ARRAY_MAX_DIMS]; /* where the chunk begins */
};

static void find_overlap(const struct hdf5_chunks *chunks,
                         const struct hdf5_chunk_box *box, uint64_t index,
                         struct overlap *out)
{
	origin(chunks, index, out->corner);
	for (int i = 0; i < chunks->ndim; i++) {
		uint64_t end = min_u64(box->start[i] + box->count[i],
		                       out->corner[i] + chunks->chunk[i]);

		out->first[i] = max_u64(box->start[i], out->corner[i]);
		out->count[i] = end - out->first[i];
	}
}

/* Bytes from the start of what begins at START to the place AT. */
static uint64_t distance(const uint64_t *at, const uint64_t *start,
                         const uint64_t *step, int ndim)
{
	uint64_t bytes = 0;

	for (int i = 0; i < ndim; i++)
		bytes += (at[i] - start[i]) * step[i];
	return bytes;
}

void hdf5_chunks_copy(const struct hdf5_chunks *chunks,
                      const struct hdf5_chunk_box *box, uint64_t index,
                      const char *data, char *out)
{
	uint64_t chunk_step[ARRAY_MAX_DIMS];
	uint64_t box_step[ARRAY_MAX_DIMS];
	uint64_t at[ARRAY_MAX_DIMS];
	struct overlap both;
	int ndim = chunks->ndim;

	find_overlap(chunks, box, index, &both);
	strides(chunks->chunk, ndim, chunk_step);
	strides(box->count, ndim, box_step);
	memcpy(at, both.first, sizeof(at));
	do {
		memcpy(out + distance(at, box->start, box_step, ndim),
		       data + distance(at, both.corner, chunk_step, ndim),
		       both.count[ndim - 1]);
	} while (advance(at, both.first, both.count, ndim - 1));
}

uint64_t hdf5_chunks_total(const struct hdf5_chunks *chunks)
{
	uint64_t total = 1;

	for (int i = 0; i < chunks->ndim; i++)
		total *= chunks->counts[i];
	return total;
}

static void whole_array(const struct hdf5_chunks *chunks,
                        struct hdf5_chunk_box *out)
{
	memset(out->start, 0, sizeof(out->start));
	memcpy(out->count, chunks->dims, sizeof(out->count));
}

const char *hdf5_chunks_in_place(const struct hdf5_chunks *chunks,
                                 uint64_t index, const char *array)
{
	const uint64_t zeros[ARRAY_MAX_DIMS] = { 0 };
	uint64_t step[ARRAY_MAX_DIMS];
	struct hdf5_chunk_box all;
	struct overlap both;
	bool runs = true; /* all axes behind the first thick one are whole */

	whole_array(chunks, &all);
	find_overlap(chunks, &all, index, &both);
	for (int i = chunks->ndim - 1; i >= 0; i--) {
		if (both.count[i] != chunks->chunk[i] ||
		    (!runs && both.count[i] != 1))
			return NULL;
		runs = runs && both.count[i] == chunks->dims[i];
	}
	strides(chunks->dims, chunks->ndim, step);
	return array + distance(both.first, zeros, step, chunks->ndim);
}

void hdf5_chunks_gather(const struct hdf5_chunks *chunks, uint64_t index,
                        const char *array, char *out)
{
	uint64_t chunk_step[ARRAY_MAX_DIMS];
	uint64_t array_step[ARRAY_MAX_DIMS];
	uint64_t at[ARRAY_MAX_DIMS];
	struct hdf5_chunk_box all;
	struct overlap both;
	int ndim = chunks->ndim;

	whole_array(chunks, &all);
	find_overlap(chunks, &all, index, &both);
	strides(chunks->chunk, ndim, chunk_step);
	strides(chunks->dims, ndim, array_step);
	memset(out, 0, chunks->size);
	memcpy(at, both.first, sizeof(at));
	do {
		memcpy(out + distance(at, both.corner, chunk_step, ndim),
		       array + distance(at, all.start, array_step, ndim),
		       both.count[ndim - 1]);
	} while (advance(at, both.first, both.count, ndim - 1));
}
