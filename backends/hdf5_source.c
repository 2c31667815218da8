/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/hdf5_internal.h"
#include "backends/hdf5_volumes.h"
#include "backends/log.h"

/* What a batch fetched of one chunk. */
struct fetched {
	size_t at; /* in the buffer */
	size_t size;
	uint32_t mask;
};

int hdf5_source_address(hid_t object, haddr_t *out)
{
	H5O_info_t info;

	if (H5Oget_info2(object, &info, H5O_INFO_BASIC) < 0)
		return hdf5_error("cannot look at", "an object");
	*out = info.addr;
	return 0;
}

/* Log once which chunk is bad, however many ask for it. */
static int blame(struct hdf5_source *source, uint64_t index, int rc,
                 const char *why)
{
	hsize_t offset[ARRAY_MAX_DIMS];
	char text[WHY_SIZE];
	int length = snprintf(text, sizeof(text), "%.120s: the chunk at (",
	                      source->path.data);
	bool told;

	hdf5_chunks_offset(&source->chunks, index, offset);
	for (int i = 0; i < source->chunks.ndim && length < WHY_SIZE; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length,
		                   "%s%" PRIu64, i > 0 ? ", " : "",
		                   (uint64_t)offset[i]);
	if (length < WHY_SIZE)
		snprintf(text + length, sizeof(text) - (size_t)length, "): %s",
		         why);
	pthread_mutex_lock(&source->lock);
	told = source->bad == index + 1;
	source->bad = index + 1;
	memcpy(source->why, text, sizeof(text));
	pthread_mutex_unlock(&source->lock);
	if (!told)
		log_error("hdf5: cannot read %s", text);
	return rc;
}

void hdf5_source_why(struct hdf5_source *source, char why[WHY_SIZE])
{
	pthread_mutex_lock(&source->lock);
	memcpy(why, source->why, WHY_SIZE);
	pthread_mutex_unlock(&source->lock);
}

static bool is_open(const struct hdf5_source *source)
{
	return source->session != 0 &&
	       source->session == hdf5_file_session(source->file);
}

static void close_dataset(struct hdf5_source *source)
{
	if (is_open(source))
		hdf5_close_id(source->dataset);
	source->session = 0;
}

int hdf5_source_check(const struct hdf5_file *file, hid_t dataset,
                      haddr_t address, uint64_t generation,
                      const struct array_info *info)
{
	struct array_info now = { 0 };
	haddr_t found = HADDR_UNDEF;
	bool same;
	int rc;

	if (H5Iget_type(dataset) != H5I_DATASET)
		return -ESTALE;
	rc = hdf5_source_address(dataset, &found);
	if (rc || found != address)
		return rc ? rc : -ESTALE;
	if (generation == hdf5_file_generation(file))
		return 0;
	rc = hdf5_array_info(dataset, &now);
	same = rc == 0 && array_info_equal(&now, info);
	array_info_release(&now);
	return same ? 0 : -ESTALE;
}

/* ... and is stored as it was. */
static int check_stored(const struct hdf5_source *source, hid_t dataset)
{
	struct hdf5_grid grid = { .type = -1 };
	struct hdf5_chunks chunks = { 0 };
	bool same;
	int rc = hdf5_array_grid(dataset, &source->info, &grid);

	if (rc == 0)
		rc = hdf5_chunks_describe(&grid, source->chunks.size, &chunks);
	same = rc == 0 &&
	       memcmp(chunks.chunk, source->chunks.chunk,
	              sizeof(chunks.chunk)) == 0 &&
	       memcmp(&chunks.pipeline, &source->chunks.pipeline,
	              sizeof(chunks.pipeline)) == 0;
	hdf5_close_id(grid.type);
	hdf5_chunks_release(&chunks);
	return same ? 0 : -ESTALE;
}

/* Another program has been at the file since: the chunks in the cache may be
 * of before. */
static int renew(struct hdf5_source *source, hid_t dataset)
{
	uint64_t generation = hdf5_file_generation(source->file);
	int rc;

	if (source->generation == generation)
		return 0;
	rc = check_stored(source, dataset);
	if (rc)
		return rc;
	chunk_cache_forget(source->cache, &source->base, false);
	source->generation = generation;
	return 0;
}

/* Without a chunk cache of the library's. */
static int reopen(struct hdf5_source *source)
{
	hid_t list = H5Pcreate(H5P_DATASET_ACCESS);

	H5Pset_chunk_cache(list, 0, 0, 1.0);
	source->dataset =
	    H5Dopen2(hdf5_file_id(source->file), source->path.data, list);
	hdf5_close_id(list);
	if (source->dataset < 0)
		return hdf5_error("cannot open", source->path.data);
	source->session = hdf5_file_session(source->file);
	return 0;
}

static int open_dataset(struct hdf5_source *source)
{
	hid_t dataset = -1;
	int rc;

	if (source->readers == 0 || source->expired)
		return -ESTALE;
	if (is_open(source))
		return 0;
	rc = hdf5_open_object(hdf5_file_id(source->file), source->path.data,
	                      &dataset);
	if (rc == 0)
		rc = hdf5_source_check(source->file, dataset, source->address,
		                       source->generation, &source->info);
	if (rc == 0)
		rc = renew(source, dataset);
	hdf5_close_id(dataset);
	if (rc == 0)
		rc = reopen(source);
	rc = hdf5_file_doubt(source->file, rc);
	return rc == -ENOENT ? -ESTALE : rc;
}

/* Where the bytes of each chunk go in WORK's buffer. */
static int plan(struct hdf5_source *source, struct chunk_work *work,
                struct chunk_load *loads, struct fetched *fetched, size_t count)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++) {
		const char *why = "";

		loads[i].rc =
		    hdf5_chunks_stored(&source->chunks, source->dataset,
		                       loads[i].index, &fetched[i].size, &why);
		if (loads[i].rc)
			blame(source, loads[i].index, loads[i].rc, why);
		fetched[i].at = total;
		total += fetched[i].size;
	}
	return chunk_buffer_reserve(&work->stored, total);
}

static void fetch(struct hdf5_source *source, struct chunk_work *work,
                  struct chunk_load *loads, struct fetched *fetched,
                  size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (loads[i].rc || fetched[i].size == 0)
			continue;
		loads[i].rc = hdf5_chunks_fetch(
		    &source->chunks, source->dataset, loads[i].index,
		    work->stored.data + fetched[i].at, &fetched[i].mask);
		if (loads[i].rc)
			blame(source, loads[i].index, loads[i].rc,
			      "its bytes cannot be read from the file");
	}
}

static int fetch_all(struct hdf5_source *source, struct chunk_work *work,
                     struct chunk_load *loads, struct fetched *fetched,
                     size_t count)
{
	int rc = hdf5_enter_volume(source->store, source->file);

	if (rc)
		return rc == -ENOENT ? -ESTALE : rc;
	rc = open_dataset(source);
	if (rc == 0)
		rc = plan(source, work, loads, fetched, count);
	if (rc == 0)
		fetch(source, work, loads, fetched, count);
	hdf5_file_leave(source->file);
	return rc;
}

static void unpack(struct hdf5_source *source, struct chunk_work *work,
                   struct chunk_load *load, const struct fetched *fetched)
{
	const char *why = "";

	if (load->rc)
		return;
	if (fetched->size == 0) {
		hdf5_chunks_fill(&source->chunks, load->data);
		return;
	}
	load->rc = chunk_decode(&source->chunks.pipeline, fetched->mask, work,
	                        work->stored.data + fetched->at, fetched->size,
	                        load->data, source->chunks.size, &why);
	if (load->rc == -EIO)
		blame(source, load->index, -EIO, why);
}

static void source_load(struct chunk_source *base, struct chunk_work *work,
                        struct chunk_load *loads, size_t count)
{
	struct hdf5_source *source = (struct hdf5_source *)base;
	struct fetched fetched[CHUNK_BATCH] = { 0 };
	int rc = fetch_all(source, work, loads, fetched, count);

	for (size_t i = 0; i < count; i++)
		if (rc)
			loads[i].rc = rc;
		else
			unpack(source, work, &loads[i], &fetched[i]);
}

static void source_free(struct chunk_source *base)
{
	struct hdf5_source *source = (struct hdf5_source *)base;

	blob_release(&source->path);
	array_info_release(&source->info);
	hdf5_chunks_release(&source->chunks);
	pthread_mutex_destroy(&source->lock);
	free(source);
}

static const struct chunk_source_ops source_ops = {
	.load = source_load,
	.free = source_free,
};

static int new_source(struct hdf5_store *store, const struct blob *path,
                      const struct array_info *info,
                      const struct hdf5_grid *grid, struct hdf5_source **out)
{
	struct hdf5_source *source = calloc(1, sizeof(*source));
	int rc;

	if (!source)
		return -ENOMEM;
	pthread_mutex_init(&source->lock, NULL);
	source->base.ops = &source_ops;
	source->cache = store->cache;
	source->store = store;
	rc = blob_set(&source->path, path->data, path->size);
	if (rc == 0)
		rc = array_info_copy(&source->info, info);
	if (rc == 0)
		rc = hdf5_source_address(grid->dataset, &source->address);
	if (rc == 0)
		rc = hdf5_chunks_describe(grid,
		                          chunk_cache_limit(source->cache) / 2,
		                          &source->chunks);
	source->base.size = source->chunks.size;
	if (rc)
		source_free(&source->base);
	else
		*out = source;
	return rc;
}

/* One that is found belongs to the version that is in the file now. */
static bool is_of(const struct chunk_source *base, const void *arg)
{
	const struct hdf5_source *source = (const struct hdf5_source *)base;
	const struct hdf5_source *other = arg;

	return source->file == other->file && !source->expired &&
	       source->address == other->address &&
	       source->generation == hdf5_file_generation(source->file) &&
	       blob_equal(&source->path, &other->path) &&
	       array_info_equal(&source->info, &other->info);
}

int hdf5_source_open(struct hdf5_store *store, struct hdf5_file *file,
                     const struct blob *path, const struct array_info *info,
                     const struct hdf5_grid *grid, struct hdf5_source **out)
{
	struct hdf5_source *fresh = NULL;
	struct chunk_source *found;
	int rc = new_source(store, path, info, grid, &fresh);

	if (rc)
		return rc;
	fresh->file = file;
	fresh->generation = hdf5_file_generation(file);
	found = chunk_cache_find_source(store->cache, is_of, fresh);
	if (found) {
		source_free(&fresh->base);
	} else {
		found = &fresh->base;
		chunk_cache_add_source(store->cache, found);
	}
	*out = (struct hdf5_source *)found;
	(*out)->readers++;
	return 0;
}

void hdf5_source_close(struct hdf5_source *source)
{
	if (!source)
		return;
	hdf5_lock();
	if (--source->readers == 0)
		close_dataset(source);
	hdf5_unlock();
	chunk_cache_release_source(source->cache, &source->base);
}

struct place {
	const struct hdf5_file *file;
	const char *path;
};

bool hdf5_path_is_below(const char *path, const char *above)
{
	size_t size = strlen(above);

	return strncmp(path, above, size) == 0 &&
	       (path[size] == '\0' || path[size] == '/');
}

static bool is_below(const struct chunk_source *base, const void *arg)
{
	const struct hdf5_source *source = (const struct hdf5_source *)base;
	const struct place *place = arg;

	return source->file == place->file &&
	       hdf5_path_is_below(source->path.data, place->path);
}

void hdf5_sources_expire(struct chunk_cache *cache,
                         const struct hdf5_file *file, const char *path)
{
	const struct place place = { file, path };
	struct chunk_source *found;

	while ((found = chunk_cache_find_source(cache, is_below, &place))) {
		((struct hdf5_source *)found)->expired = true;
		chunk_cache_forget(cache, found, true);
		chunk_cache_release_source(cache, found);
	}
}
