/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/hdf5_internal.h"
#include "backends/hdf5_lend.h"

/* Bytes that are served at once: longer requests are taken in pieces. */
#define PIECE ((uint64_t)1 << 20)

/* Requests may overtake each other so far. */
#define SLACK ((uint64_t)1 << 20)

/* Bytes in order before anything is loaded ahead. */
#define RUN_LEAST ((uint64_t)512 << 10)
#define AHEAD_FACTOR 8
#define AHEAD_MOST ((uint64_t)8 << 20)

struct serving {
	struct hdf5_source *source;
	const struct hdf5_chunk_box *box;
	char *out;
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void hdf5_stream_init(struct hdf5_stream *stream)
{
	*stream = (struct hdf5_stream){ 0 };
	pthread_mutex_init(&stream->lock, NULL);
	pthread_mutex_init(&stream->kept_lock, NULL);
}

void hdf5_stream_release(struct hdf5_stream *stream)
{
	if (stream->shares)
		chunk_cache_sharers(stream->source->cache, -1);
	hdf5_source_close(stream->source);
	free(stream->kept);
	pthread_mutex_destroy(&stream->kept_lock);
	pthread_mutex_destroy(&stream->lock);
}

int hdf5_stream_open(struct hdf5_stream *stream, struct hdf5_store *store,
                     struct hdf5_file *file, const struct blob *path,
                     const struct array_info *info, hid_t dataset)
{
	struct hdf5_grid grid = { .type = -1 };
	int rc;

	if (!store->cache)
		return 0;
	rc = hdf5_array_grid(dataset, info, &grid);
	if (rc == 0)
		rc = hdf5_source_open(store, file, path, info, &grid,
		                      &stream->source);
	hdf5_close_id(grid.type);
	return rc == -ENOTSUP ? 0 : rc;
}

static int want_now(uint64_t first, uint64_t count, void *arg)
{
	struct hdf5_source *source = arg;

	return !chunk_cache_want(source->cache, &source->base, first, count,
	                         true);
}

static int want_later(uint64_t first, uint64_t count, void *arg)
{
	struct hdf5_source *source = arg;

	return !chunk_cache_want(source->cache, &source->base, first, count,
	                         false);
}

static int serve_run(uint64_t first, uint64_t count, void *arg)
{
	struct serving *serving = arg;
	struct hdf5_source *source = serving->source;

	for (uint64_t i = first; i < first + count; i++) {
		struct chunk *chunk;
		const char *data;
		int rc = chunk_cache_take(source->cache, &source->base, i,
		                          &chunk, &data);

		if (rc)
			return rc;
		hdf5_chunks_copy(&source->chunks, serving->box, i, data,
		                 serving->out);
		chunk_cache_give(source->cache, chunk);
	}
	return 0;
}

/* All chunks of a box are begun before the first is waited for. */
static int serve(struct hdf5_source *source, uint64_t offset, char *out,
                 uint64_t size)
{
	const struct hdf5_chunks *chunks = &source->chunks;
	uint64_t end = offset + size;

	while (offset < end) {
		struct hdf5_chunk_box box;
		struct serving serving = { source, &box, out };
		uint64_t got = hdf5_chunks_box(chunks, offset, end, &box);
		int rc;

		hdf5_chunks_each_run(chunks, &box, want_now, source);
		rc = hdf5_chunks_each_run(chunks, &box, serve_run, &serving);
		if (rc)
			return rc;
		offset += got;
		out += got;
	}
	return 0;
}

/* How many bytes ahead of a run of RUN bytes. */
static uint64_t window(const struct hdf5_source *source, uint64_t run)
{
	uint64_t band = source->chunks.band;
	uint64_t limit = chunk_cache_limit(source->cache);
	uint64_t most = max_u64(AHEAD_MOST, band);

	if (run < RUN_LEAST || limit / 2 < band)
		return 0;
	most = min_u64(most, limit / 2);
	return min_u64(run > most ? most : run * AHEAD_FACTOR, most);
}

/* What to do beside serving a request. */
struct course {
	uint64_t from; /* load ahead from here ... */
	uint64_t end;
	uint64_t share; /* keep so many bytes; 0: the cache will do */
};

/* Be counted or not; what is to be kept then. */
static uint64_t share_of(struct hdf5_stream *stream)
{
	struct hdf5_source *source = stream->source;
	uint64_t limit = chunk_cache_limit(source->cache);
	bool shares = stream->run >= RUN_LEAST;
	int change = (int)shares - (int)stream->shares;
	unsigned int count;

	if (!shares && change == 0)
		return 0;
	count = chunk_cache_sharers(source->cache, change);
	stream->shares = shares;
	if (!shares || source->chunks.band <= limit / count)
		return 0;
	return max_u64(limit / 2 / count, PIECE);
}

static int spend(uint64_t first, uint64_t count, void *arg)
{
	struct hdf5_source *source = arg;

	chunk_cache_spend(source->cache, &source->base, first, count);
	return 0;
}

/* Whole bands that all requests of the run have passed. */
static void spend_bands(struct hdf5_stream *stream)
{
	uint64_t passed = stream->end > SLACK ? stream->end - SLACK : 0;

	passed -= passed % stream->source->chunks.rows;
	if (passed <= stream->spent)
		return;
	hdf5_chunks_each_in(&stream->source->chunks, stream->spent, passed,
	                    spend, stream->source);
	stream->spent = passed;
}

/* Note the request. */
static void follow(struct hdf5_stream *stream, uint64_t offset, uint64_t size,
                   struct course *out)
{
	struct hdf5_source *source = stream->source;
	uint64_t length;

	pthread_mutex_lock(&stream->lock);
	if (stream->run > 0 && offset <= stream->end + SLACK &&
	    offset + size + SLACK >= stream->end) {
		stream->run += size;
	} else {
		stream->run = size;
		stream->ahead = 0;
		stream->spent = offset + source->chunks.rows - 1;
		stream->spent -= stream->spent % source->chunks.rows;
		stream->end = 0;
	}
	stream->end = max_u64(stream->end, offset + size);
	out->share = share_of(stream);
	spend_bands(stream);
	length = out->share > 0 ? 0 : window(source, stream->run);
	out->from = max_u64(stream->ahead, stream->end);
	out->end = min_u64(stream->end + length, source->info.nbytes);
	/* Not a few bytes for each request. */
	if (out->end < out->from || out->end - out->from < length / 4)
		out->end = out->from;
	if (out->end > out->from)
		stream->ahead = out->end;
	pthread_mutex_unlock(&stream->lock);
}

static bool is_kept(const struct hdf5_stream *stream, uint64_t offset)
{
	return stream->kept && offset >= stream->kept_start &&
	       offset < stream->kept_end;
}

static void drop_kept(struct hdf5_stream *stream)
{
	free(stream->kept);
	stream->kept = NULL;
}

static int keep(struct hdf5_stream *stream, uint64_t offset, uint64_t share)
{
	uint64_t row = stream->source->chunks.row;
	uint64_t size = min_u64(share, stream->source->info.nbytes - offset);
	uint64_t rest = (offset + size) % row;
	int rc;

	if (rest < size)
		size -= rest; /* up to the end of a row */
	drop_kept(stream);
	stream->kept = chunk_alloc(size);
	if (!stream->kept)
		return -ENOMEM;
	stream->kept_start = offset;
	stream->kept_end = offset + size;
	rc = serve(stream->source, offset, stream->kept, size);
	if (rc)
		drop_kept(stream);
	return rc;
}

/* From what is kept, which moves on as needed. */
static int serve_kept(struct hdf5_stream *stream, uint64_t offset, char *out,
                      uint64_t size, uint64_t share)
{
	/* It was overtaken by the one that moved on. */
	if (stream->kept && offset < stream->kept_start &&
	    offset + SLACK >= stream->kept_start)
		return serve(stream->source, offset, out, size);
	while (size > 0) {
		uint64_t part;
		int rc =
		    is_kept(stream, offset) ? 0 : keep(stream, offset, share);

		if (rc)
			return rc;
		part = min_u64(size, stream->kept_end - offset);
		memcpy(out, stream->kept + (offset - stream->kept_start), part);
		offset += part;
		out += part;
		size -= part;
	}
	return 0;
}

static int serve_shared(struct hdf5_stream *stream, uint64_t offset, char *out,
                        uint64_t size, uint64_t share)
{
	int rc = 0;

	pthread_mutex_lock(&stream->kept_lock);
	if (share > 0)
		rc = serve_kept(stream, offset, out, size, share);
	else
		drop_kept(stream);
	pthread_mutex_unlock(&stream->kept_lock);
	return share > 0 ? rc : serve(stream->source, offset, out, size);
}

/* A chunk that was told of is not told again. */
static void note_failure(struct hdf5_stream *stream)
{
	char why[WHY_SIZE];

	hdf5_source_why(stream->source, why);
	pthread_mutex_lock(&stream->lock);
	if (strcmp(why, stream->told) != 0)
		memcpy(stream->why, why, WHY_SIZE);
	pthread_mutex_unlock(&stream->lock);
}

void hdf5_stream_why(struct hdf5_stream *stream, char why[WHY_SIZE])
{
	pthread_mutex_lock(&stream->lock);
	memcpy(why, stream->why, WHY_SIZE);
	if (why[0])
		memcpy(stream->told, why, WHY_SIZE);
	stream->why[0] = '\0';
	pthread_mutex_unlock(&stream->lock);
}

int hdf5_stream_read(struct hdf5_stream *stream, uint64_t offset, void *buffer,
                     size_t size)
{
	struct hdf5_source *source = stream->source;
	char *out = buffer;
	uint64_t left = size;

	if (source->expired)
		return -ESTALE;

	while (left > 0) {
		uint64_t part = min_u64(left, PIECE);
		struct course course;
		int rc;

		follow(stream, offset, part, &course);
		rc = serve_shared(stream, offset, out, part, course.share);
		if (rc == -EIO)
			note_failure(stream);
		if (rc)
			return rc;
		hdf5_chunks_each_in(&source->chunks, course.from, course.end,
		                    want_later, source);
		offset += part;
		out += part;
		left -= part;
	}
	return 0;
}

static int serve_into(struct hdf5_stream *stream, uint64_t offset, size_t size,
                      uint64_t share, struct loan *loan)
{
	char *buffer = loan_reserve(loan, size);
	int rc;

	if (!buffer)
		return -ENOMEM;
	rc = serve_shared(stream, offset, buffer, size, share);
	if (rc)
		return rc;
	return loan_append(loan, buffer, size) ? 0 : -ENOBUFS;
}

/* All chunks are begun before the first is waited for. */
static int serve_loan(struct hdf5_stream *stream, uint64_t offset, size_t size,
                      uint64_t share, struct loan *loan)
{
	struct loan_mark mark = loan_mark(loan);
	int rc = -ENOTSUP;

	if (share == 0) {
		hdf5_chunks_each_in(&stream->source->chunks, offset,
		                    offset + size, want_now, stream->source);
		rc = hdf5_lend(stream->source, offset, size, loan);
	}
	if (rc != -ENOTSUP)
		return rc;
	loan_rewind(loan, mark);
	return serve_into(stream, offset, size, share, loan);
}

ssize_t hdf5_stream_lend(struct hdf5_stream *stream, uint64_t offset,
                         size_t size, struct loan *loan)
{
	struct hdf5_source *source = stream->source;
	struct course course;
	int rc;

	if (size == 0)
		return 0;
	if (!source || size > PIECE || !hdf5_lend_pays(source, size))
		return -ENOTSUP;
	if (source->expired)
		return -ESTALE;
	follow(stream, offset, size, &course);
	rc = serve_loan(stream, offset, size, course.share, loan);
	if (rc == -EIO)
		note_failure(stream);
	if (rc == 0)
		hdf5_chunks_each_in(&source->chunks, course.from, course.end,
		                    want_later, source);
	return rc ? rc : (ssize_t)size;
}
