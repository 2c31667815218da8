/* SPDX-License-Identifier: MIT */
#include "layout/backup_internal.h"

#include "backends/file.h"
#include "layout/node.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct value *new_text(const char *text)
{
	return value_new_text(text, strlen(text));
}

/* PATH below the store is relative to it. */
static const char *relative(const char *store, const char *path)
{
	size_t size = strlen(store);

	return strncmp(path, store, size) == 0 && path[size] == '/'
	           ? path + size + 1
	           : path;
}

static int describe(const struct making *making, struct value *file,
                    const char *name, const struct parcel *packed)
{
	const char *place = value_dict_get(file, "place")->text.data;
	const char *store = making->tree->stores.directory;
	int rc =
	    value_dict_set(file, "place", new_text(relative(store, place)));

	if (rc == 0)
		rc = value_dict_set(file, "name", new_text(name));
	if (rc == 0)
		rc = value_dict_set(file, "size",
		                    value_new_int((int64_t)packed->size));
	if (rc == 0)
		rc = value_dict_set(file, "stored",
		                    value_new_int((int64_t)packed->stored));
	if (rc == 0)
		rc = value_dict_set(file, "xxh3", new_text(packed->xxh3));
	return rc;
}

/* FROM/NAME becomes TO; what is not packed is in place already. */
static int pack(const struct making *making, const char *from, const char *to,
                const char *name, struct work *work, struct parcel *out)
{
	struct parcel_form packing = making->packing;
	struct blob label = { 0 };
	int rc = blob_printf(&label, "%s/%s", making->name, name);

	packing.label = label.data;
	packing.step = backup_step;
	packing.arg = work;
	if (rc == 0)
		rc = parcel_write(from, to, &packing, out);
	if (rc == 0 && unlink(from) != 0)
		rc = -errno;
	blob_release(&label);
	return rc;
}

static int look(const char *path, struct work *work, struct parcel *out)
{
	int rc =
	    file_checksum(path, out->xxh3, &out->stored, backup_step, work);

	out->size = out->stored;
	return rc;
}

const struct backup_part *backup_stage(const struct making *making)
{
	return making->stage.path.size ? &making->stage : &making->place;
}

static int pack_file(const struct making *making, struct value *file,
                     struct work *work)
{
	const struct backup_part *stage = backup_stage(making);
	const char *given = value_dict_get(file, "name")->text.data;
	const char *suffix = parcel_suffix(&making->packing);
	struct parcel packed = { 0 };
	struct blob name = { 0 };
	struct blob from = { 0 };
	struct blob to = { 0 };
	int rc = blob_printf(&name, "%s%s", given, suffix);

	if (rc == 0)
		rc = blob_printf(&from, "%s/%s", stage->path.data, given);
	if (rc == 0)
		rc = blob_printf(&to, "%s/%s", making->place.path.data,
		                 name.data);
	if (rc == 0)
		rc = suffix[0] ? pack(making, from.data, to.data, name.data,
		                      work, &packed)
		               : look(from.data, work, &packed);
	if (rc == 0)
		rc = describe(making, file, name.data, &packed);
	blob_release(&name);
	blob_release(&from);
	blob_release(&to);
	return rc;
}

int backup_pack_files(struct making *making, const struct work *given)
{
	const struct value *files = making->files;
	size_t first = making->packed;
	int rc = 0;

	for (size_t i = first; rc == 0 && i < files->list.count; i++) {
		struct work work =
		    work_part(given, i - first, files->list.count - first);

		rc = pack_file(making, files->list.items[i], &work);
		making->packed++;
	}
	return rc;
}
