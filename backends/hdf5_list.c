/* SPDX-License-Identifier: MIT */
/*
 * The names of a collection's records are read once from each file, sorted, and
 * kept while the file stays as it is; a cursor is the last name that was
 * listed.
 */
#include "backends/hdf5_volumes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The names of one collection in one file. */
struct hdf5_names {
	struct hdf5_names *next;
	const struct collection *collection;
	uint64_t generation; /* of the file */
	bool valid;
	char **items;
	size_t count;
	size_t capacity;
};

static void clear(struct hdf5_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	names->count = 0;
	names->valid = false;
}

void hdf5_names_free(struct hdf5_names *names)
{
	while (names) {
		struct hdf5_names *next = names->next;

		clear(names);
		free(names->items);
		free(names);
		names = next;
	}
}

static void forget(struct hdf5_names *names)
{
	for (; names; names = names->next)
		names->valid = false;
}

void hdf5_names_forget(struct hdf5_store *store, const struct hdf5_file *file)
{
	for (struct hdf5_volume *volume = store->volumes; volume;
	     volume = volume->next)
		if (volume->file == file)
			forget(volume->names);
}

static int add_name(struct hdf5_names *names, const char *name)
{
	if (names->count == names->capacity) {
		size_t capacity = names->capacity ? 2 * names->capacity : 64;
		char **items =
		    reallocarray(names->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		names->items = items;
		names->capacity = capacity;
	}
	names->items[names->count] = strdup(name);
	if (!names->items[names->count])
		return -ENOMEM;
	names->count++;
	return 0;
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info,
                         void *arg)
{
	(void)group;
	(void)info;
	return add_name(arg, name);
}

/* The names in the group where a root of any key would be. */
static int add_group(hid_t file, const char *root, struct hdf5_names *names)
{
	struct blob path = { 0 };
	const char *slash = strrchr(root, '/');
	hid_t group = -1;
	int rc = blob_append(&path, root, slash ? (size_t)(slash - root) : 0);

	if (rc == 0)
		rc = hdf5_open_group(file, path.data, &group);
	if (rc == 0)
		rc = H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL,
		                visit_link, names);
	if (rc == HDF5_FAILED)
		rc = hdf5_error("cannot list", path.data);
	hdf5_close_id(group);
	blob_release(&path);
	return rc == -ENOENT ? 0 : rc;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_unique(struct hdf5_names *names)
{
	size_t kept = 0;

	if (names->count == 0)
		return;
	qsort(names->items, names->count, sizeof(*names->items), compare);
	for (size_t i = 1; i < names->count; i++) {
		if (strcmp(names->items[kept], names->items[i]) == 0)
			free(names->items[i]);
		else
			names->items[++kept] = names->items[i];
	}
	names->count = kept + 1;
}

static int fill(struct hdf5_store *store, struct hdf5_volume *volume,
                struct hdf5_names *names)
{
	const struct key any = { "$", 1 };
	struct hdf5_file *file = volume->file;
	struct hdf5_roots roots;
	int rc = hdf5_volume_join(store, volume, HDF5_READ);

	if (rc == 0)
		rc = hdf5_roots(names->collection, any, &roots);
	if (rc)
		return rc;
	clear(names);
	for (size_t i = 0; rc == 0 && i < roots.count; i++)
		rc = add_group(hdf5_file_id(file), roots.paths[i].data, names);
	hdf5_roots_release(&roots);
	rc = hdf5_file_doubt(file, rc);
	if (rc)
		return rc;
	sort_unique(names);
	names->generation = hdf5_file_generation(file);
	names->valid = true;
	return 0;
}

/* Those of a rotated file are read without opening it while it is the same. */
static int names_of(struct hdf5_store *store, struct hdf5_volume *volume,
                    const struct collection *collection,
                    const struct hdf5_names **out)
{
	struct hdf5_names *names = volume->names;
	int rc = volume->gone ? -ENOENT : 0;

	while (names && names->collection != collection)
		names = names->next;
	if (!names) {
		names = calloc(1, sizeof(*names));
		if (!names)
			return -ENOMEM;
		names->collection = collection;
		names->next = volume->names;
		volume->names = names;
	}
	if (rc == 0 && (volume == store->volumes || !names->valid))
		rc = hdf5_volume_join(store, volume, HDF5_READ);
	if (rc == 0 &&
	    (!names->valid ||
	     names->generation != hdf5_file_generation(volume->file)))
		rc = fill(store, volume, names);
	if (rc == 0)
		*out = names;
	return rc;
}

/* The first name at or after TEXT; AFTER: after it only. */
static size_t position(const struct hdf5_names *names, const char *text,
                       bool after)
{
	size_t low = 0;
	size_t high = names->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(names->items[middle], text);

		if (order < 0 || (after && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first name of all files at or after TEXT; AFTER: after it only.  -ENOENT:
 * there is none. */
static int next_name(struct hdf5_store *store,
                     const struct collection *collection, const char *text,
                     bool after, struct blob *out)
{
	const char *first = NULL;
	int rc = 0;

	for (struct hdf5_volume *volume = store->volumes; rc == 0 && volume;
	     volume = volume->next) {
		const struct hdf5_names *names;
		size_t at;

		rc = names_of(store, volume, collection, &names);
		if (rc == -ENOENT) {
			rc = 0;
			continue;
		}
		if (rc)
			break;
		at = position(names, text, after);
		if (at == names->count ||
		    (first && strcmp(first, names->items[at]) <= 0))
			continue;
		rc = blob_set(out, names->items[at], strlen(names->items[at]));
		first = out->data;
	}
	if (rc == 0 && !first)
		rc = -ENOENT;
	return rc;
}

/* Append the record NAME, unless it is of another kind. */
static int list_one(struct hdf5_store *store,
                    const struct collection *collection,
                    const struct blob *name, struct record_list *out)
{
	const struct key key = { name->data, name->size };
	struct hdf5_volume *volume;
	struct record record = { 0 };
	int rc = hdf5_volumes_find(store, collection, key, HDF5_READ, &volume);

	if (rc == 0)
		rc = hdf5_record_load(volume->file, collection, key, &record);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = record_list_append(out, &record);
	record_release(&record);
	return rc;
}

static int list_from(struct hdf5_store *store,
                     const struct collection *collection, struct cursor *cursor,
                     size_t limit, struct record_list *out)
{
	size_t most = out->count + (limit ? limit : 1);
	struct blob name = { 0 };
	int rc = 0;

	while (rc == 0 && !cursor->end && out->count < most) {
		const char *last = cursor->token.data;

		rc = next_name(store, collection, last ? last : "",
		               last != NULL, &name);
		cursor->end = rc == -ENOENT;
		if (cursor->end)
			rc = 0;
		else if (rc == 0)
			rc = list_one(store, collection, &name, out);
		if (rc == 0 && !cursor->end)
			rc = blob_set(&cursor->token, name.data, name.size);
	}
	blob_release(&name);
	return rc;
}

int hdf5_list(struct store *base, const struct collection *collection,
              struct cursor *cursor, size_t limit, struct record_list *out)
{
	struct hdf5_store *store = hdf5_store(base);
	int rc;

	hdf5_volumes_enter(store);
	rc = list_from(store, collection, cursor, limit, out);
	hdf5_unlock();
	return rc;
}

int hdf5_find_record(const struct hdf5_file *file,
                     const struct collection *collection, struct key key)
{
	struct hdf5_roots roots;
	int rc = hdf5_roots(collection, key, &roots);

	if (rc)
		return rc;
	rc = -ENOENT;
	for (size_t i = 0; rc == -ENOENT && i < roots.count; i++) {
		hid_t root = -1;

		rc = hdf5_open_root(hdf5_file_id(file), collection,
		                    roots.paths[i].data, &root);
		hdf5_close_id(root);
	}
	hdf5_roots_release(&roots);
	return hdf5_file_doubt(file, rc);
}

int hdf5_names_have(struct hdf5_store *store, struct hdf5_volume *volume,
                    const struct collection *collection, struct key key,
                    bool *out)
{
	const struct hdf5_names *names;
	struct blob text = { 0 };
	size_t at;
	int rc = names_of(store, volume, collection, &names);

	if (rc == 0)
		rc = blob_append(&text, key.data, key.size);
	if (rc)
		return rc;
	at = position(names, text.data, false);
	*out = at < names->count && strcmp(names->items[at], text.data) == 0;
	blob_release(&text);
	return 0;
}

/* Move NAME on to the next one that begins with PREFIX. */
static int step_name(struct hdf5_store *store,
                     const struct collection *collection, const char *prefix,
                     struct blob *name)
{
	struct blob next = { 0 };
	int rc = next_name(store, collection, name->size ? name->data : prefix,
	                   name->size > 0, &next);

	if (rc == 0 && strncmp(next.data, prefix, strlen(prefix)) != 0)
		rc = -ENOENT;
	if (rc == 0)
		blob_move(name, &next);
	blob_release(&next);
	return rc;
}

static int find_from(struct hdf5_store *store,
                     const struct collection *collection, const char *prefix,
                     bool (*match)(struct key key, void *arg), void *arg,
                     struct blob *key_out)
{
	struct blob name = { 0 };
	int rc = step_name(store, collection, prefix, &name);

	while (rc == 0) {
		const struct key key = { name.data, name.size };
		struct hdf5_volume *volume;

		rc = match(key, arg)
		         ? hdf5_volumes_find_from(store, store->volumes,
		                                  collection, key, HDF5_READ,
		                                  &volume)
		         : -ENOENT;
		if (rc != -ENOENT)
			break;
		rc = step_name(store, collection, prefix, &name);
	}
	if (rc == 0)
		blob_move(key_out, &name);
	blob_release(&name);
	return rc;
}

int hdf5_find(struct store *base, const struct collection *collection,
              struct key prefix, bool (*match)(struct key key, void *arg),
              void *arg, struct blob *key_out)
{
	struct hdf5_store *store = hdf5_store(base);
	struct blob text = { 0 };
	int rc = 0;

	if (prefix.size > 0)
		rc = memchr(prefix.data, '\0', prefix.size)
		         ? -ENOENT
		         : blob_append(&text, prefix.data, prefix.size);
	if (rc == 0) {
		hdf5_volumes_enter(store);
		rc = find_from(store, collection, text.data ? text.data : "",
		               match, arg, key_out);
		hdf5_unlock();
	}
	blob_release(&text);
	return rc;
}
