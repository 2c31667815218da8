/* SPDX-License-Identifier: MIT */
/*
 * Open arrays.  A small one is read when it is opened.  A large one is a path
 * and the address of its object in the file: the file is closed whenever
 * nobody uses it, and what is at the path then must be the same object, which
 * this store has not replaced.  Its chunks come through the chunk cache
 * (hdf5_source.h) where we can decode them, else from the library.
 */
#include "backends/hdf5_internal.h"

#include "backends/hdf5_stream.h"
#include "backends/hdf5_strip.h"
#include "backends/hdf5_volumes.h"
#include "backends/version.h"

#include <errno.h>
#include <stdlib.h>

#define SMALL ((uint64_t)1 << 20)

/* Bytes of decoded chunks and of strips: of one reader at the least and at the
 * most, and of all. */
#define CACHE_LEAST ((uint64_t)1 << 20)
#define CACHE_MOST HDF5_STRIP_MEMORY
#define CACHE_ALL ((uint64_t)256 << 20)

struct hdf5_reader {
	struct reader base;
	struct hdf5_store *store;
	struct hdf5_file *file;
	struct hdf5_reader *next;
	struct blob path;
	struct blob whole; /* of a small array */
	haddr_t address;
	bool expired;
	struct hdf5_stream stream; /* or, where it has no source: */

	struct hdf5_grid grid; /* valid in SESSION of the file */
	uint64_t session;
	uint64_t generation;
	uint64_t used; /* the store's count of reads at the last one */

	/* Decoded elements: the chunk cache of the data set while it is open,
	 * or a strip. */
	uint64_t memory;
	bool follows; /* it is a strip */
	struct hdf5_strip strip;
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool is_open(const struct hdf5_reader *reader)
{
	return reader->session != 0 &&
	       reader->session == hdf5_file_session(reader->file);
}

static void close_dataset(struct hdf5_reader *reader)
{
	if (is_open(reader))
		hdf5_close_id(reader->grid.dataset);
	if (reader->session != 0)
		hdf5_close_id(reader->grid.type);
	reader->session = 0;
}

/* As many slots as small chunks need; the library wants a prime. */
static hid_t cache_access(uint64_t size)
{
	hid_t list = H5Pcreate(H5P_DATASET_ACCESS);

	H5Pset_chunk_cache(list, 12421, size, 0.75);
	return list;
}

static uint64_t memory_of(const struct hdf5_reader *reader)
{
	bool holds =
	    reader->follows ? reader->strip.data != NULL : is_open(reader);

	return holds ? reader->memory : 0;
}

/* Make room for what READER may hold: the longest unused ones lose theirs. */
static void limit_memory(struct hdf5_reader *reader)
{
	for (;;) {
		struct hdf5_reader *oldest = NULL;
		uint64_t sum = reader->memory;

		for (struct hdf5_reader *other = reader->store->readers; other;
		     other = other->next) {
			if (other == reader || memory_of(other) == 0)
				continue;
			sum += memory_of(other);
			if (!oldest || other->used < oldest->used)
				oldest = other;
		}
		if (sum <= CACHE_ALL || !oldest)
			return;
		hdf5_strip_drop(&oldest->strip);
		close_dataset(oldest);
	}
}

/* What READER may have for a strip: strips share alike, at the least a half of
 * all, in what chunk caches leave. */
static uint64_t strip_share(const struct hdf5_reader *reader)
{
	uint64_t caches = 0;
	uint64_t strips = 1;

	for (const struct hdf5_reader *other = reader->store->readers; other;
	     other = other->next) {
		if (other == reader)
			continue;
		if (other->follows && !other->expired)
			strips++;
		else
			caches += memory_of(other);
	}
	caches = min_u64(caches, CACHE_ALL / 2);
	return min_u64(HDF5_STRIP_MEMORY, (CACHE_ALL - caches) / strips);
}

/* The data set again, with a chunk cache of its own, or with none.  Where that
 * fails it is closed. */
static int reopen_with_cache(struct hdf5_reader *reader)
{
	uint64_t size =
	    hdf5_strip_measure(&reader->strip, &reader->grid, CACHE_MOST);
	hid_t list;
	int rc;

	size = min_u64(size > CACHE_LEAST ? size : CACHE_LEAST, CACHE_MOST);
	if (!reader->follows)
		reader->memory = size;
	hdf5_close_id(reader->grid.dataset);
	list = cache_access(reader->follows ? 0 : size);
	reader->grid.dataset =
	    H5Dopen2(hdf5_file_id(reader->file), reader->path.data, list);
	hdf5_close_id(list);
	if (reader->grid.dataset < 0) {
		rc = hdf5_error("cannot open", reader->path.data);
		close_dataset(reader);
		return rc;
	}
	if (!reader->follows)
		limit_memory(reader);
	return 0;
}

static int open_dataset(struct hdf5_reader *reader)
{
	hid_t file = hdf5_file_id(reader->file);
	hid_t dataset = -1;
	int rc;

	if (is_open(reader))
		return 0;
	close_dataset(reader);
	rc = hdf5_open_object(file, reader->path.data, &dataset);
	if (rc == 0)
		rc = hdf5_source_check(reader->file, dataset, reader->address,
		                       reader->generation, &reader->base.info);
	if (rc == 0)
		rc =
		    hdf5_array_grid(dataset, &reader->base.info, &reader->grid);
	rc = hdf5_file_doubt(reader->file, rc);
	if (rc) {
		hdf5_close_id(dataset);
		return rc == -ENOENT ? -ESTALE : rc;
	}
	if (reader->generation != hdf5_file_generation(reader->file))
		hdf5_strip_drop(&reader->strip);
	reader->generation = hdf5_file_generation(reader->file);
	reader->session = hdf5_file_session(reader->file);
	return reopen_with_cache(reader);
}

/* Begin or stop to read strips: then the chunk cache makes room, or returns. */
static int set_follows(struct hdf5_reader *reader, bool follows)
{
	if (reader->follows == follows)
		return 0;
	reader->follows = follows;
	hdf5_strip_drop(&reader->strip);
	return reopen_with_cache(reader);
}

static int read_strip(struct hdf5_reader *reader, uint64_t offset, void *buffer,
                      size_t size)
{
	if (!hdf5_strip_has(&reader->strip, offset, size)) {
		reader->memory = strip_share(reader);
		limit_memory(reader);
	}
	return hdf5_strip_read(&reader->strip, &reader->grid, reader->memory,
	                       offset, buffer, size);
}

static int read_range(struct hdf5_reader *reader, uint64_t offset, void *buffer,
                      size_t size)
{
	int rc = reader->expired ? -ESTALE : open_dataset(reader);
	bool follows;

	if (rc)
		return rc;
	reader->used = ++reader->store->reads;
	follows = hdf5_strip_follow(&reader->strip, &reader->grid,
	                            strip_share(reader), offset, size);
	rc = set_follows(reader, follows);
	if (rc)
		return rc;
	if (follows)
		return read_strip(reader, offset, buffer, size);
	return hdf5_range_read(&reader->grid, offset, buffer, size);
}

static int read_library(struct hdf5_reader *reader, uint64_t offset,
                        void *buffer, size_t size)
{
	int rc = hdf5_enter_volume(reader->store, reader->file);

	if (rc)
		return rc == -ENOENT ? -ESTALE : rc;
	rc = read_range(reader, offset, buffer, size);
	hdf5_file_leave(reader->file);
	return rc;
}

static size_t clip(const struct reader *base, uint64_t offset, size_t size)
{
	return offset < base->size ? min_u64(size, base->size - offset) : 0;
}

static ssize_t reader_read(struct reader *base, uint64_t offset, void *buffer,
                           size_t size)
{
	struct hdf5_reader *reader = (struct hdf5_reader *)base;
	int rc;

	if (reader->whole.data)
		return reader_copy(base, reader->whole.data, offset, buffer,
		                   size);
	size = clip(base, offset, size);
	if (size == 0)
		return 0;
	rc = reader->stream.source
	         ? hdf5_stream_read(&reader->stream, offset, buffer, size)
	         : read_library(reader, offset, buffer, size);
	return rc ? rc : (ssize_t)size;
}

static ssize_t reader_lend(struct reader *base, uint64_t offset, size_t size,
                           struct loan *loan)
{
	struct hdf5_reader *reader = (struct hdf5_reader *)base;

	if (reader->whole.data)
		return reader_show(base, reader->whole.data, offset, size,
		                   loan);
	return hdf5_stream_lend(&reader->stream, offset,
	                        clip(base, offset, size), loan);
}

static void unlink_reader(struct hdf5_reader *reader)
{
	struct hdf5_reader **link = &reader->store->readers;

	while (*link != reader)
		link = &(*link)->next;
	*link = reader->next;
}

static void free_reader(struct hdf5_reader *reader)
{
	hdf5_stream_release(&reader->stream);
	array_info_release(&reader->base.info);
	blob_release(&reader->path);
	blob_release(&reader->whole);
	free(reader);
}

static void reader_close(struct reader *base)
{
	struct hdf5_reader *reader = (struct hdf5_reader *)base;

	if (!reader)
		return;
	hdf5_lock();
	unlink_reader(reader);
	hdf5_strip_drop(&reader->strip);
	close_dataset(reader);
	hdf5_unlock();
	free_reader(reader);
}

static void reader_why(struct reader *base, char why[WHY_SIZE])
{
	hdf5_stream_why(&((struct hdf5_reader *)base)->stream, why);
}

static const struct reader_ops reader_ops = {
	.read = reader_read,
	.lend = reader_lend,
	.why = reader_why,
	.close = reader_close,
};

/* What we change ourselves gets another address, or at least another mtime,
 * which is the caller's to look at. */
static uint64_t version(const struct hdf5_reader *reader)
{
	const uint64_t place[] = { (uint64_t)(uintptr_t)reader->file,
		                   reader->generation, reader->address };

	if (reader->whole.data)
		return version_of(reader->whole.data, reader->whole.size, 0);
	return version_of(place, sizeof(place), 0);
}

static int open_reader(struct hdf5_reader *reader)
{
	struct array_info *info = &reader->base.info;
	hid_t dataset = -1;
	int rc = hdf5_array_open(hdf5_file_id(reader->file), reader->path.data,
	                         &dataset, info);

	if (rc)
		return hdf5_file_doubt(reader->file, rc);
	reader->base.size = info->nbytes;
	reader->generation = hdf5_file_generation(reader->file);
	rc = hdf5_source_address(dataset, &reader->address);
	if (rc == 0 && info->nbytes > 0 && info->nbytes <= SMALL)
		rc = hdf5_range_whole(dataset, info, &reader->whole);
	else if (rc == 0 && info->nbytes > 0)
		rc = hdf5_stream_open(&reader->stream, reader->store,
		                      reader->file, &reader->path, info,
		                      dataset);
	hdf5_close_id(dataset);
	rc = hdf5_file_doubt(reader->file, rc);
	if (rc == 0) {
		reader->base.version = version(reader);
		reader->next = reader->store->readers;
		reader->store->readers = reader;
	}
	return rc;
}

int hdf5_open_array(struct store *base, const struct collection *collection,
                    struct key key, const char *name, struct reader **out)
{
	struct hdf5_store *store = hdf5_store(base);
	const struct array_row *row = collection_array(collection, name);
	struct hdf5_reader *reader;
	int rc;

	if (!row || !hdf5_key_can_be(key))
		return -ENOENT;
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	hdf5_stream_init(&reader->stream);
	reader->base.ops = &reader_ops;
	reader->store = store;
	rc = hdf5_array_place(row, key, name, &reader->path);
	if (rc == 0)
		rc = hdf5_enter_record(store, collection, key, HDF5_READ,
		                       &reader->file);
	if (rc == 0) {
		rc = open_reader(reader);
		hdf5_file_leave(reader->file);
	}
	if (rc)
		free_reader(reader);
	else
		*out = &reader->base;
	return rc;
}

void hdf5_readers_expire(struct hdf5_store *store, const struct hdf5_file *file,
                         const char *path)
{
	if (store->cache)
		hdf5_sources_expire(store->cache, file, path);
	for (struct hdf5_reader *reader = store->readers; reader;
	     reader = reader->next) {
		if (reader->file != file ||
		    !hdf5_path_is_below(reader->path.data, path))
			continue;
		reader->expired = true;
		hdf5_strip_drop(&reader->strip);
	}
}
