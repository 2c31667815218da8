/* SPDX-License-Identifier: MIT */
/*
 * Every chunk is read, so that the library checks its checksum.  Between two
 * steps the file may change: each step opens the data set anew.
 */
#include "backends/hdf5_volumes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/maintenance.h"

#define STEP_BYTES ((uint64_t)4 << 20)
#define CHUNK_MAX ((uint64_t)1 << 30) /* bytes of one chunk that are believed */

struct paths {
	char **items;
	size_t count;
	size_t capacity;
};

struct checking {
	struct hdf5_file *file;
	const char *volume; /* before the paths in problems: "", "x_1.h5:" */
	struct value *problems;
	const char *path;
	uint64_t chunks; /* read so far, of all data sets */
	uint64_t unchecked;
	uint64_t datasets;
};

static herr_t visit(hid_t file, const char *name, const H5O_info_t *info,
                    void *arg)
{
	struct paths *paths = arg;

	(void)file;
	if (info->type != H5O_TYPE_DATASET)
		return 0;
	if (paths->count == paths->capacity) {
		size_t capacity = paths->capacity ? 2 * paths->capacity : 256;
		char **items =
		    reallocarray(paths->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		paths->items = items;
		paths->capacity = capacity;
	}
	paths->items[paths->count] = strdup(name);
	return paths->items[paths->count++] ? 0 : -ENOMEM;
}

static void paths_release(struct paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->items[i]);
	free(paths->items);
}

static int add_problem(struct checking *checking, const char *what)
{
	char why[HDF5_MESSAGE_SIZE];
	struct blob text = { 0 };
	struct value *value = NULL;
	int rc;

	hdf5_last_message(why);
	rc = blob_printf(&text, "hdf5:%s/%s: %s: %.500s", checking->volume,
	                 checking->path, what, why);
	if (rc == 0)
		value = value_new_text(text.data, text.size);
	blob_release(&text);
	return rc ? rc : value_list_append(checking->problems, value);
}

static int list_datasets(struct checking *checking, struct paths *out)
{
	struct hdf5_file *file = checking->file;
	int rc = hdf5_file_enter(file, HDF5_READ);

	if (rc)
		return rc;
	rc = H5Ovisit2(hdf5_file_id(file), H5_INDEX_NAME, H5_ITER_INC, visit,
	               out, H5O_INFO_BASIC);
	checking->path = "";
	if (rc == HDF5_FAILED)
		rc = add_problem(checking, "cannot be listed");
	hdf5_file_leave(file);
	return rc;
}

/* A data set as it is read: the box of elements in one chunk. */
struct chunks {
	hid_t dataset;
	hid_t space;
	hid_t type; /* in memory */
	int ndim;
	hsize_t dims[H5S_MAX_RANK];
	hsize_t chunk[H5S_MAX_RANK];
	hsize_t count;
	size_t element;
};

static void chunks_close(struct chunks *chunks)
{
	hdf5_close_id(chunks->type);
	hdf5_close_id(chunks->space);
	hdf5_close_id(chunks->dataset);
}

/* 1: it has none, and so no checksum. */
static int measure(struct chunks *chunks)
{
	hid_t list = H5Dget_create_plist(chunks->dataset);
	hid_t stored = H5Dget_type(chunks->dataset);
	bool chunked = H5Pget_layout(list) == H5D_CHUNKED;

	chunks->space = H5Dget_space(chunks->dataset);
	chunks->type = H5Tcopy(stored);
	chunks->element = H5Tget_size(stored);
	chunks->ndim =
	    H5Sget_simple_extent_dims(chunks->space, chunks->dims, NULL);
	if (chunked && H5Pget_chunk(list, H5S_MAX_RANK, chunks->chunk) < 0)
		chunks->ndim = -1;
	hdf5_close_id(stored);
	hdf5_close_id(list);
	if (chunks->ndim < 0 || chunks->element == 0)
		return -EIO;
	if (!chunked)
		return 1;
	return H5Dget_num_chunks(chunks->dataset, chunks->space,
	                         &chunks->count) < 0
	           ? -EIO
	           : 0;
}

static int read_box(const struct chunks *chunks, const hsize_t *offset,
                    uint64_t *bytes)
{
	hsize_t box[H5S_MAX_RANK];
	uint64_t size = chunks->element;
	hid_t memory;
	hid_t place;
	herr_t status;
	void *buffer;

	for (int i = 0; i < chunks->ndim; i++) {
		hsize_t left = chunks->dims[i] - offset[i];

		box[i] = left < chunks->chunk[i] ? left : chunks->chunk[i];
		if (offset[i] >= chunks->dims[i] ||
		    __builtin_mul_overflow(size, box[i], &size) ||
		    size > CHUNK_MAX)
			return -EIO;
	}
	buffer = malloc(size);
	if (!buffer)
		return -ENOMEM;
	memory = H5Screate_simple(chunks->ndim, box, NULL);
	place = H5Scopy(chunks->space);
	status =
	    H5Sselect_hyperslab(place, H5S_SELECT_SET, offset, NULL, box, NULL);
	if (status >= 0)
		status = H5Dread(chunks->dataset, chunks->type, memory, place,
		                 H5P_DEFAULT, buffer);
	if (status >= 0)
		H5Dvlen_reclaim(chunks->type, memory, H5P_DEFAULT, buffer);
	hdf5_close_id(place);
	hdf5_close_id(memory);
	free(buffer);
	*bytes += size;
	return status < 0 ? -EIO : 0;
}

static int read_chunk(struct checking *checking, const struct chunks *chunks,
                      hsize_t index, uint64_t *bytes)
{
	hsize_t offset[H5S_MAX_RANK] = { 0 };
	unsigned int filters;
	haddr_t address;
	hsize_t stored;
	char what[64];
	int rc = 0;

	if (H5Dget_chunk_info(chunks->dataset, chunks->space, index, offset,
	                      &filters, &address, &stored) < 0)
		rc = -EIO;
	if (rc == 0)
		rc = read_box(chunks, offset, bytes);
	checking->chunks++;
	if (rc != -EIO)
		return rc;
	snprintf(what, sizeof(what), "chunk %llu is damaged",
	         (unsigned long long)index);
	return add_problem(checking, what);
}

/* Read from chunk *NEXT on, for one step.  1: that was all. */
static int read_some(struct checking *checking, struct chunks *chunks,
                     hsize_t *next)
{
	uint64_t bytes = 0;
	int rc = measure(chunks);

	if (rc == 1)
		checking->unchecked++;
	if (rc == -EIO) {
		rc = add_problem(checking, "cannot be read");
		return rc ? rc : 1;
	}
	while (rc == 0 && *next < chunks->count && bytes < STEP_BYTES)
		rc = read_chunk(checking, chunks, (*next)++, &bytes);
	if (rc)
		return rc;
	return *next >= chunks->count;
}

static int check_step(struct checking *checking, hsize_t *next)
{
	struct hdf5_file *file = checking->file;
	struct chunks chunks = { .dataset = -1, .space = -1, .type = -1 };
	int rc = hdf5_file_enter(file, HDF5_READ);

	if (rc)
		return rc;
	rc = hdf5_exists(hdf5_file_id(file), checking->path);
	if (rc == 0) {
		rc = 1; /* it was removed meanwhile */
	} else if (rc > 0) {
		chunks.dataset =
		    H5Dopen2(hdf5_file_id(file), checking->path, H5P_DEFAULT);
		if (chunks.dataset < 0) {
			rc = add_problem(checking, "cannot be opened");
			rc = rc ? rc : 1;
		} else {
			rc = read_some(checking, &chunks, next);
		}
	}
	chunks_close(&chunks);
	hdf5_file_leave(file);
	return rc;
}

static int check_dataset(struct checking *checking, const struct work *work,
                         double progress)
{
	hsize_t next = 0;
	int rc = 0;

	while (rc == 0) {
		rc = check_step(checking, &next);
		if (rc == 0)
			rc = work_step(work, progress);
	}
	return rc == 1 ? work_step(work, progress) : rc;
}

static int check_file(struct checking *checking, const struct work *work)
{
	struct paths paths = { 0 };
	int rc = list_datasets(checking, &paths);

	if (rc == -ENOENT) /* an empty store that is read-only */
		rc = 0;
	for (size_t i = 0; rc == 0 && i < paths.count; i++) {
		checking->path = paths.items[i];
		rc = check_dataset(checking, work,
		                   (double)i / (double)paths.count);
	}
	checking->datasets += paths.count;
	paths_release(&paths);
	return rc;
}

/* A rotated file that cannot be opened is a problem of its own. */
static int check_rotated(struct checking *checking, const struct work *work)
{
	struct blob volume = { 0 };
	int rc = blob_printf(&volume, "%s:", hdf5_file_name(checking->file));

	checking->volume = volume.data;
	if (rc == 0)
		rc = check_file(checking, work);
	if (rc == -EIO || rc == -EACCES) {
		hdf5_lock();
		checking->path = "";
		rc = add_problem(checking, "cannot be opened");
		hdf5_unlock();
	}
	blob_release(&volume);
	return rc;
}

static int report(const struct checking *checking, struct value *out)
{
	int rc = value_dict_set(out, "datasets",
	                        value_new_int((int64_t)checking->datasets));

	if (rc == 0)
		rc = value_dict_set(out, "chunks",
		                    value_new_int((int64_t)checking->chunks));
	if (rc == 0)
		rc =
		    value_dict_set(out, "without_checksum",
		                   value_new_int((int64_t)checking->unchecked));
	return rc;
}

int hdf5_verify(struct store *base, const struct work *work, struct value *out,
                struct value *problems)
{
	struct hdf5_store *store = hdf5_store(base);
	struct checking checking = { .problems = problems, .volume = "" };
	struct hdf5_file **files = NULL;
	size_t count = 0;
	int rc = hdf5_volumes_list(store, &files, &count);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct work part = work_part(work, i, count);

		checking.file = files[i];
		rc = i == 0 ? check_file(&checking, &part)
		            : check_rotated(&checking, &part);
	}
	free(files);
	return rc ? rc : report(&checking, out);
}
