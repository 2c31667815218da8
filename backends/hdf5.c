/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "backends/chunk_cache.h"
#include "backends/hdf5_attr.h"
#include "backends/hdf5_plan.h"
#include "backends/hdf5_volumes.h"
#include "backends/pool.h"

extern const struct backend hdf5_backend;

struct hdf5_store *hdf5_store(struct store *store)
{
	store = store_bottom(store);
	assert(store->backend == &hdf5_backend);
	return (struct hdf5_store *)store;
}

static int add_groups(hid_t file)
{
	static const char *const paths[] = {
		"network_states/topology",      "network_states/weights",
		"network_states/neuron_states", "spike_trains/raw_data",
		"spike_trains/compressed",      "spike_trains/metadata",
		"activations/reservoir_states", "activations/layer_outputs",
		"activations/attention_maps",   "learning_traces/plasticity",
		"learning_traces/homeostatic",  "learning_traces/performance",
	};
	hid_t list = hdf5_link_creation();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(paths) / sizeof(*paths); i++) {
		hid_t group =
		    H5Gcreate2(file, paths[i], list, H5P_DEFAULT, H5P_DEFAULT);

		if (group < 0)
			rc = hdf5_error("cannot make the group", paths[i]);
		hdf5_close_id(group);
	}
	hdf5_close_id(list);
	return rc;
}

/* VALUE is released. */
static int add_attribute(hid_t file, const char *name, struct value *value)
{
	int rc = value ? hdf5_attr_write(file, name, value) : -ENOMEM;

	value_unref(value);
	return rc;
}

/* What the Python classes put into a new file. */
static int fill_file(hid_t file, const void *arg)
{
	const struct hdf5_settings *settings = arg;
	const char *compression = settings->compression;
	struct timespec now;
	int rc;

	clock_gettime(CLOCK_REALTIME, &now);
	rc = add_groups(file);
	if (rc == 0)
		rc = add_attribute(file, "created_at",
		                   value_new_float((double)now.tv_sec +
		                                   (double)now.tv_nsec / 1e9));
	if (rc == 0)
		rc = add_attribute(file, "version", value_new_text("1.0", 3));
	if (rc == 0)
		rc = add_attribute(
		    file, "compression",
		    value_new_text(compression, strlen(compression)));
	if (rc == 0)
		rc =
		    add_attribute(file, "chunk_size",
		                  value_new_int((int64_t)settings->chunk_size));
	return rc;
}

int hdf5_make_file(const struct hdf5_store *store, const char *path)
{
	return hdf5_file_create(path, fill_file, &store->settings);
}

/* Make the file where there is none, and see that it opens where there is. */
static int check_file(struct hdf5_store *store, char why[WHY_SIZE])
{
	const char *path = hdf5_file_path(store->file);
	struct stat status;
	int rc = 0;

	if (stat(path, &status) != 0) {
		rc = -errno;
		if (rc == -ENOENT)
			rc = store->read_only ? 0 : hdf5_make_file(store, path);
		if (rc)
			snprintf(why, WHY_SIZE, "cannot make %s: %s", path,
			         strerror(-rc));
		return rc;
	}
	rc = hdf5_file_enter(store->file, HDF5_READ);
	if (rc == 0)
		hdf5_file_leave(store->file);
	else if (hdf5_file_is_locked(store->file))
		return 0; /* it will be let go */
	else
		snprintf(why, WHY_SIZE,
		         "cannot open %s: no HDF5 file, or damaged", path);
	return rc;
}

static int open_file(struct hdf5_store *store, const char *directory,
                     char why[WHY_SIZE])
{
	const char *name = store->settings.file_path;
	struct blob path = { 0 };
	int rc = name[0] == '/' ? blob_append_text(&path, name)
	                        : blob_printf(&path, "%s/%s", directory, name);

	if (rc == 0)
		rc = hdf5_volumes_open(store, path.data);
	blob_release(&path);
	return rc ? rc : check_file(store, why);
}

static int find_filter(struct hdf5_store *store, char why[WHY_SIZE])
{
	hdf5_lock();
	hdf5_filters_register();
	store->filter = hdf5_filter_find(store->settings.compression, why);
	hdf5_unlock();
	return store->filter ? 0 : -EINVAL;
}

static int hdf5_sync(struct store *base)
{
	struct hdf5_file **files = NULL;
	size_t count = 0;
	int rc = hdf5_volumes_list(hdf5_store(base), &files, &count);

	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = hdf5_file_sync(files[i]);
	free(files);
	return rc;
}

static void hdf5_close(struct store *base)
{
	struct hdf5_store *store;

	if (!base)
		return;
	store = hdf5_store(base);
	chunk_cache_free(store->cache);
	pool_free(store->packers);
	if (store->file && !store->read_only)
		hdf5_sync(base);
	hdf5_volumes_close(store);
	pthread_mutex_destroy(&store->writer);
	free(store->path);
	free(store->settings.file_path);
	free(store->settings.compression);
	free(store);
}

static int hdf5_open(const char *directory, const struct settings *settings,
                     struct store **out, char why[WHY_SIZE])
{
	struct hdf5_store *store = calloc(1, sizeof(*store));
	int rc;

	if (!store)
		return -ENOMEM;
	store->base.backend = &hdf5_backend;
	store->read_only = settings->read_only;
	pthread_mutex_init(&store->writer, NULL);
	store->settings = settings->hdf5;
	store->settings.file_path = strdup(settings->hdf5.file_path);
	store->settings.compression = strdup(settings->hdf5.compression);
	rc = store->settings.file_path && store->settings.compression
	         ? find_filter(store, why)
	         : -ENOMEM;
	if (rc == 0)
		rc = pool_new(&store->packers);
	if (rc == 0 && store->settings.cache_size > 0)
		rc = chunk_cache_new(store->settings.cache_size, &store->cache);
	if (rc == 0)
		rc = open_file(store, directory, why);
	if (rc) {
		hdf5_close(&store->base);
		return rc;
	}
	*out = &store->base;
	return 0;
}

static int hdf5_get(struct store *base, const struct collection *collection,
                    struct key key, struct record *out)
{
	struct hdf5_store *store = hdf5_store(base);
	struct record record = { 0 };
	struct hdf5_file *file;
	int rc;

	if (!hdf5_key_can_be(key))
		return -ENOENT;
	rc = hdf5_enter_record(store, collection, key, HDF5_READ, &file);
	if (rc)
		return rc;
	rc = hdf5_record_load(file, collection, key, &record);
	if (rc == 0 && file != store->file)
		rc = blob_append_text(&record.volume, hdf5_file_name(file));
	hdf5_file_leave(file);
	if (rc)
		record_release(&record);
	else
		*out = record;
	return rc;
}

/* Add what PATH takes to ARG. */
static int add_size(const char *path, uint64_t number, void *arg)
{
	uint64_t *sum = arg;
	struct stat status;

	(void)number;
	if (stat(path, &status) == 0)
		*sum += (uint64_t)status.st_blocks * 512;
	return 0;
}

static void hdf5_status(struct store *base, struct backend_status *out)
{
	struct hdf5_store *store = hdf5_store(base);
	const char *path = store->path;
	struct stat status;

	*out = (struct backend_status){ .healthy = true };
	snprintf(out->detail, sizeof(out->detail), "hdf5 %d.%d.%d, %.200s",
	         H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE,
	         store->settings.file_path);
	out->away = hdf5_file_is_locked(store->file);
	if (out->away) {
		out->healthy = false;
		snprintf(out->detail, sizeof(out->detail),
		         "%.200s: another program holds it", path);
	}
	if (stat(path, &status) == 0)
		out->bytes_used = (uint64_t)status.st_blocks * 512;
	else if (!store->read_only) {
		out->healthy = false;
		snprintf(out->detail, sizeof(out->detail), "%.200s: %s", path,
		         strerror(errno));
	}
	(void)hdf5_rotated_visit(path, add_size, &out->bytes_used);
}

const struct backend hdf5_backend = {
	.name = "hdf5",
	.apart = true,
	.open = hdf5_open,
	.close = hdf5_close,
	.get = hdf5_get,
	.list = hdf5_list,
	.find = hdf5_find,
	.open_array = hdf5_open_array,
	.put = hdf5_put,
	.remove = hdf5_remove,
	.rename = hdf5_rename,
	.sync = hdf5_sync,
	.status = hdf5_status,
	.maintenance = &hdf5_maintenance,
	.packed = &hdf5_packed,
};
