/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_items.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/blob.h"

#define GROUP_DEPTH 3 /* groups below it are one item with their members */

void hdf5_items_release(struct hdf5_items *items)
{
	for (size_t i = 0; i < items->count; i++)
		free(items->items[i].path);
	free(items->items);
	*items = (struct hdf5_items){ 0 };
}

static int make_room(struct hdf5_items *items)
{
	size_t capacity = items->capacity ? 2 * items->capacity : 256;
	struct hdf5_item *larger;

	if (items->count < items->capacity)
		return 0;
	larger = reallocarray(items->items, capacity, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	items->items = larger;
	items->capacity = capacity;
	return 0;
}

static int add_item(struct hdf5_items *items, const char *path, H5L_type_t type,
                    const H5O_info_t *object)
{
	struct hdf5_item *item;
	int rc = make_room(items);

	if (rc)
		return rc;
	item = &items->items[items->count];
	*item = (struct hdf5_item){ .path = strdup(path),
		                    .type = type,
		                    .shared = HADDR_UNDEF };
	if (!item->path)
		return -ENOMEM;
	if (object && object->rc > 1)
		item->shared = object->addr;
	items->count++;
	return 0;
}

/* One group under way. */
struct listing {
	struct hdf5_items *items;
	hid_t file;
	const char *path;
	int depth;
};

static int list_group(const struct listing *listing);

static int list_object(const struct listing *listing, const char *path)
{
	const struct listing below = { .items = listing->items,
		                       .file = listing->file,
		                       .path = path,
		                       .depth = listing->depth + 1 };
	struct hdf5_items *items = listing->items;
	H5O_info_t object;
	bool is_group;
	int rc;

	if (H5Oget_info_by_name2(listing->file, path, &object, H5O_INFO_BASIC,
	                         H5P_DEFAULT) < 0)
		return hdf5_error("cannot look at", path);
	is_group = object.type == H5O_TYPE_GROUP && object.rc == 1 &&
	           listing->depth < GROUP_DEPTH;
	rc = add_item(items, path, H5L_TYPE_HARD, &object);
	if (rc || !is_group)
		return rc;
	items->items[items->count - 1].is_group = true;
	return list_group(&below);
}

static herr_t list_link(hid_t group, const char *name, const H5L_info_t *info,
                        void *arg)
{
	const struct listing *listing = arg;
	struct blob path = { 0 };
	int rc = blob_printf(&path, "%s/%s", listing->path, name);

	(void)group;
	if (rc == 0)
		rc =
		    info->type == H5L_TYPE_HARD
			? list_object(listing, path.data)
			: add_item(listing->items, path.data, info->type, NULL);
	blob_release(&path);
	return rc;
}

static int list_group(const struct listing *listing)
{
	struct listing visited = *listing;
	const char *path = listing->path;
	hid_t group =
	    H5Gopen2(listing->file, path[0] ? path : "/", H5P_DEFAULT);
	int rc = group < 0 ? HDF5_FAILED
	                   : H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL,
	                                list_link, &visited);

	if (rc == HDF5_FAILED)
		rc = hdf5_error("cannot list", path);
	hdf5_close_id(group);
	return rc;
}

int hdf5_items_list(hid_t file, struct hdf5_items *out)
{
	const struct listing root = { .items = out, .file = file, .path = "" };

	return list_group(&root);
}
