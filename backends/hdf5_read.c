/* SPDX-License-Identifier: MIT */
/*
 * Open arrays.  A small one is read when it is opened.  A large one is a path
 * and the address of its object in the file: the file is closed whenever
 * nobody uses it, and what is at the path then must be the same object, which
 * this store has not replaced.
 */
#include "backends/hdf5_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SMALL ((uint64_t)1 << 20)

/* Bytes of decoded chunks: of one data set at the least and at the most, and
 * of all that are open. */
#define CACHE_LEAST ((uint64_t)1 << 20)
#define CACHE_MOST ((uint64_t)64 << 20)
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

	struct hdf5_grid grid; /* valid in SESSION of the file */
	uint64_t session;
	uint64_t generation;
	uint64_t cache;
	uint64_t used; /* the store's count of reads at the last one */
};

static int address_of(hid_t object, haddr_t *out)
{
	H5O_info_t info;

	if (H5Oget_info2(object, &info, H5O_INFO_BASIC) < 0)
		return hdf5_error("cannot look at", "an object");
	*out = info.addr;
	return 0;
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
	reader->cache = 0;
}

/*
 * The chunks that reading in order comes back to: on the first axis where a
 * chunk is thicker than one element, all that lie beside it.
 */
static uint64_t wanted_cache(hid_t dataset, const struct hdf5_grid *grid)
{
	hid_t list = H5Dget_create_plist(dataset);
	hsize_t chunk[ARRAY_MAX_DIMS] = { 0 };
	bool chunked = list >= 0 && H5Pget_layout(list) == H5D_CHUNKED &&
	               H5Pget_chunk(list, ARRAY_MAX_DIMS, chunk) > 0;
	uint64_t size = grid->element;
	bool beside = false;

	hdf5_close_id(list);
	for (int i = 0; chunked && i < grid->ndim; i++) {
		int axis = grid->fortran ? grid->ndim - 1 - i : i;
		uint64_t most = CACHE_MOST / (size ? size : 1) + 1;
		uint64_t chunks =
		    grid->dims[axis] / (chunk[axis] ? chunk[axis] : 1) + 1;

		if (chunk[axis] > most || (beside && chunks > most))
			return CACHE_MOST;
		size *= chunk[axis] * (beside ? chunks : 1);
		beside = beside || chunk[axis] > 1;
		if (size > CACHE_MOST)
			return CACHE_MOST;
	}
	return size > CACHE_LEAST ? size : CACHE_LEAST;
}

/* As many slots as small chunks need; the library wants a prime. */
static hid_t cache_access(uint64_t size)
{
	hid_t list = H5Pcreate(H5P_DATASET_ACCESS);

	H5Pset_chunk_cache(list, 12421, size, 0.75);
	return list;
}

/* Make room for the cache of READER: the longest unused ones are closed. */
static void limit_caches(struct hdf5_reader *reader)
{
	for (;;) {
		struct hdf5_reader *oldest = NULL;
		uint64_t sum = reader->cache;

		for (struct hdf5_reader *other = reader->store->readers; other;
		     other = other->next) {
			if (other == reader || !is_open(other))
				continue;
			sum += other->cache;
			if (!oldest || other->used < oldest->used)
				oldest = other;
		}
		if (sum <= CACHE_ALL || !oldest)
			return;
		close_dataset(oldest);
	}
}

/* The data set again, with a cache of its own. */
static int reopen_with_cache(struct hdf5_reader *reader, hid_t found)
{
	hid_t list;
	hid_t dataset;

	reader->cache = wanted_cache(found, &reader->grid);
	reader->grid.dataset = -1;
	hdf5_close_id(found);
	list = cache_access(reader->cache);
	dataset = H5Dopen2(hdf5_file_id(reader->file), reader->path.data, list);
	hdf5_close_id(list);
	if (dataset < 0)
		return hdf5_error("cannot open", reader->path.data);
	reader->grid.dataset = dataset;
	return 0;
}

/* What is at the path now is what was opened. */
static int check_same(const struct hdf5_reader *reader, hid_t dataset)
{
	struct array_info info = { 0 };
	haddr_t address = HADDR_UNDEF;
	bool same;
	int rc = address_of(dataset, &address);

	if (rc)
		return rc;
	if (address != reader->address)
		return -ESTALE;
	if (reader->generation == hdf5_file_generation(reader->file))
		return 0;
	rc = hdf5_array_info(dataset, &info);
	same = rc == 0 && array_info_equal(&info, &reader->base.info);
	array_info_release(&info);
	return same ? 0 : -ESTALE;
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
		rc = H5Iget_type(dataset) == H5I_DATASET
		         ? check_same(reader, dataset)
		         : -ESTALE;
	if (rc == 0)
		rc =
		    hdf5_array_grid(dataset, &reader->base.info, &reader->grid);
	if (rc) {
		hdf5_close_id(dataset);
		return rc == -ENOENT ? -ESTALE : rc;
	}
	reader->generation = hdf5_file_generation(reader->file);
	reader->session = hdf5_file_session(reader->file);
	rc = reopen_with_cache(reader, dataset);
	if (rc)
		close_dataset(reader);
	limit_caches(reader);
	return rc;
}

static int read_range(struct hdf5_reader *reader, uint64_t offset, void *buffer,
                      size_t size)
{
	int rc = reader->expired ? -ESTALE : open_dataset(reader);

	if (rc)
		return rc;
	reader->used = ++reader->store->reads;
	return hdf5_range_read(&reader->grid, offset, buffer, size);
}

static ssize_t reader_read(struct reader *base, uint64_t offset, void *buffer,
                           size_t size)
{
	struct hdf5_reader *reader = (struct hdf5_reader *)base;
	int rc;

	if (offset >= base->size || size == 0)
		return 0;
	if (size > base->size - offset)
		size = base->size - offset;
	if (reader->whole.data) {
		memcpy(buffer, reader->whole.data + offset, size);
		return (ssize_t)size;
	}
	rc = hdf5_file_enter(reader->file, HDF5_READ);
	if (rc)
		return rc == -ENOENT ? -ESTALE : rc;
	rc = read_range(reader, offset, buffer, size);
	hdf5_file_leave(reader->file);
	return rc ? rc : (ssize_t)size;
}

static void unlink_reader(struct hdf5_reader *reader)
{
	struct hdf5_reader **link = &reader->store->readers;

	while (*link && *link != reader)
		link = &(*link)->next;
	if (*link)
		*link = reader->next;
}

static void free_reader(struct hdf5_reader *reader)
{
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
	close_dataset(reader);
	hdf5_unlock();
	free_reader(reader);
}

static const struct reader_ops reader_ops = {
	.read = reader_read,
	.close = reader_close,
};

static int read_whole(struct hdf5_reader *reader, hid_t dataset)
{
	struct hdf5_grid grid = { .type = -1 };
	int rc = hdf5_array_grid(dataset, &reader->base.info, &grid);

	if (rc == 0)
		rc = blob_resize(&reader->whole, reader->base.size);
	if (rc == 0)
		rc = hdf5_range_read(&grid, 0, reader->whole.data,
		                     reader->base.size);
	hdf5_close_id(grid.type);
	return rc;
}

static int open_reader(struct hdf5_reader *reader)
{
	struct array_info *info = &reader->base.info;
	hid_t dataset = -1;
	int rc = hdf5_array_open(hdf5_file_id(reader->file), reader->path.data,
	                         &dataset, info);

	if (rc)
		return rc;
	reader->base.size = info->nbytes;
	reader->generation = hdf5_file_generation(reader->file);
	rc = address_of(dataset, &reader->address);
	if (rc == 0 && info->nbytes > 0 && info->nbytes <= SMALL)
		rc = read_whole(reader, dataset);
	hdf5_close_id(dataset);
	if (rc == 0) {
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
	reader->base.ops = &reader_ops;
	reader->store = store;
	reader->file = store->file;
	rc = hdf5_array_place(row, key, name, &reader->path);
	if (rc == 0)
		rc = hdf5_file_enter(store->file, HDF5_READ);
	if (rc == 0) {
		rc = open_reader(reader);
		hdf5_file_leave(store->file);
	}
	if (rc)
		free_reader(reader);
	else
		*out = &reader->base;
	return rc;
}

void hdf5_readers_expire(struct hdf5_store *store, const char *path)
{
	size_t size = strlen(path);

	for (struct hdf5_reader *reader = store->readers; reader;
	     reader = reader->next) {
		const char *its = reader->path.data;

		if (strncmp(its, path, size) == 0 &&
		    (its[size] == '\0' || its[size] == '/'))
			reader->expired = true;
	}
}
