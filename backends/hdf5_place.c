/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/utf8.h"

/* NULL: a link can have this name. */
static const char *wrong_with(struct key key)
{
	if (key.size == 0)
		return "an HDF5 name cannot be empty";
	if (memchr(key.data, '/', key.size))
		return "an HDF5 name cannot hold '/'";
	if (memchr(key.data, '\0', key.size))
		return "an HDF5 name cannot hold a NUL";
	if ((key.size == 1 && key.data[0] == '.') ||
	    (key.size == 2 && memcmp(key.data, "..", 2) == 0))
		return "an HDF5 name cannot be '.' or '..'";
	return NULL;
}

bool hdf5_key_can_be(struct key key)
{
	return wrong_with(key) == NULL;
}

int hdf5_key_check(struct key key, char why[WHY_SIZE])
{
	const char *reason = wrong_with(key);

	if (!reason && !utf8_is_valid(key.data, key.size))
		reason = "an HDF5 name must be UTF-8";
	if (!reason)
		return 0;
	snprintf(why, WHY_SIZE, "%s", reason);
	return -EINVAL;
}

/* Up to SIZE bytes of PLACE. */
static int expand(const char *place, size_t size, struct key key,
                  struct blob *out)
{
	struct blob path = { 0 };
	const char *mark = memchr(place, '$', size);
	size_t before = mark ? (size_t)(mark - place) : size;
	int rc = blob_append(&path, place, before);

	if (rc == 0 && mark)
		rc = blob_append(&path, key.data, key.size);
	if (rc == 0 && mark)
		rc = blob_append(&path, mark + 1, size - before - 1);
	if (rc == 0)
		blob_move(out, &path);
	blob_release(&path);
	return rc;
}

int hdf5_place(const char *place, struct key key, struct blob *out)
{
	return expand(place, strlen(place), key, out);
}

static bool ends_in_slash(const struct blob *path)
{
	return path->size > 0 && path->data[path->size - 1] == '/';
}

int hdf5_array_place(const struct array_row *row, struct key key,
                     const char *name, struct blob *out)
{
	int rc = hdf5_place(row->place, key, out);

	if (rc == 0 && !row->name)
		rc = blob_printf(out, "%s%s", ends_in_slash(out) ? "" : "/",
		                 name);
	return rc;
}

bool hdf5_fields_on_array(const struct collection *collection)
{
	const struct array_row *row = collection->arrays;

	return row && row->name && strcmp(row->place, collection->place) == 0;
}

static int add_root(const char *place, struct key key, struct hdf5_roots *roots)
{
	struct blob path = { 0 };
	const char *mark = strchr(place, '$');
	size_t size = mark ? (size_t)(mark - place) + 1 : strlen(place);
	int rc = expand(place, size, key, &path);

	for (size_t i = 0; rc == 0 && i < roots->count; i++)
		if (blob_equal(&roots->paths[i], &path)) {
			blob_release(&path);
			return 0;
		}
	if (rc == 0 && roots->count == HDF5_MAX_ROOTS)
		rc = -E2BIG;
	if (rc == 0)
		roots->paths[roots->count++] = path;
	else
		blob_release(&path);
	return rc;
}

int hdf5_roots(const struct collection *collection, struct key key,
               struct hdf5_roots *out)
{
	struct hdf5_roots roots = { 0 };
	int rc = add_root(collection->place, key, &roots);

	for (const struct array_row *row = collection->arrays;
	     rc == 0 && row && row->place; row++)
		rc = add_root(row->place, key, &roots);
	if (rc)
		hdf5_roots_release(&roots);
	else
		*out = roots;
	return rc;
}

void hdf5_roots_release(struct hdf5_roots *roots)
{
	for (size_t i = 0; i < roots->count; i++)
		blob_release(&roots->paths[i]);
	*roots = (struct hdf5_roots){ 0 };
}

int hdf5_exists(hid_t file, const char *path)
{
	struct blob part = { 0 };
	const char *slash = path;
	int rc = 1;

	while (rc > 0 && slash) {
		slash = strchr(slash + 1, '/');
		rc = blob_set(&part, path,
		              slash ? (size_t)(slash - path) : strlen(path));
		if (rc == 0)
			rc = H5Lexists(file, part.data, hdf5_link_access());
		if (rc == HDF5_FAILED)
			rc = hdf5_error("cannot look for", path);
	}
	blob_release(&part);
	return rc;
}

static bool is_soft(hid_t file, const char *path)
{
	H5L_info_t info;

	return H5Lget_info(file, path, &info, hdf5_link_access()) >= 0 &&
	       info.type != H5L_TYPE_HARD;
}

int hdf5_open_object(hid_t file, const char *path, hid_t *out)
{
	hid_t id = H5Oopen(file, path, hdf5_link_access());
	int rc;

	if (id < 0) {
		rc = hdf5_exists(file, path);
		if (rc < 0)
			return rc;
		if (rc == 0 || is_soft(file, path))
			return -ENOENT;
		id = H5Oopen(file, path, hdf5_link_access());
	}
	if (id < 0)
		return hdf5_error("cannot open", path);
	*out = id;
	return 0;
}

static int open_kind(hid_t file, const char *path, H5I_type_t kind, hid_t *out)
{
	hid_t id = -1;
	int rc = hdf5_open_object(file, path, &id);

	if (rc)
		return rc;
	if (H5Iget_type(id) != kind) {
		hdf5_close_id(id);
		return -ENOENT;
	}
	*out = id;
	return 0;
}

int hdf5_open_group(hid_t file, const char *path, hid_t *out)
{
	return open_kind(file, path, H5I_GROUP, out);
}

int hdf5_open_root(hid_t file, const struct collection *collection,
                   const char *path, hid_t *out)
{
	return open_kind(
	    file, path,
	    hdf5_fields_on_array(collection) ? H5I_DATASET : H5I_GROUP, out);
}

int hdf5_unlink(hid_t file, const char *path)
{
	int rc = hdf5_exists(file, path);

	if (rc <= 0)
		return rc;
	if (H5Ldelete(file, path, hdf5_link_access()) < 0)
		return hdf5_error("cannot remove", path);
	return 0;
}

hid_t hdf5_link_creation(void)
{
	hid_t list = H5Pcreate(H5P_LINK_CREATE);

	H5Pset_char_encoding(list, H5T_CSET_UTF8);
	H5Pset_create_intermediate_group(list, 1);
	return list;
}
