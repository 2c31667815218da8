/* SPDX-License-Identifier: MIT */
#include "layout/backup.h"

#include "layout/backups.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int add_problem(struct value *problems, const char *path,
                       const char *why)
{
	struct blob text = { 0 };
	struct value *value = NULL;
	int rc = blob_printf(&text, "backup: %s: %s", path, why);

	if (rc == 0)
		value = value_new_text(text.data, text.size);
	blob_release(&text);
	return rc ? rc : value_list_append(problems, value);
}

static int check_file(const char *directory, const struct manifest *manifest,
                      size_t i, const struct parcel_form *how,
                      struct value *problems)
{
	struct manifest_file file = manifest_file(manifest, i);
	struct blob path = { 0 };
	int rc = manifest_unpack(manifest, directory, &file, how, NULL);

	if (rc == 0 || rc == -ECANCELED || rc == -ENOMEM)
		return rc;
	if (blob_printf(&path, "%s/%s", directory, file.name))
		return -ENOMEM;
	rc = add_problem(problems, path.data,
	                 rc == -EBADMSG ? "differs from its checksum, or "
	                                  "cannot be unpacked"
	                                : strerror(-rc));
	blob_release(&path);
	return rc;
}

static bool is_key(const struct manifest *manifest, const struct seal_key *key)
{
	return manifest->key && key &&
	       strcmp(manifest->key, seal_key_id(key)) == 0;
}

/* Of backups with another key only the checksums can be looked at. */
static int read_manifest(const char *directory, struct parcel_form *how,
                         struct manifest *out, char why[WHY_SIZE])
{
	int rc = manifest_read(directory, NULL, out, why);

	if (rc)
		return rc;
	if (!is_key(out, how->key)) {
		how->key = NULL;
		return 0;
	}
	manifest_release(out);
	return manifest_read(directory, how->key, out, why);
}

static int check_backup(const char *directory, const struct parcel_form *given,
                        struct value *problems)
{
	struct manifest manifest = { 0 };
	struct parcel_form how = *given;
	char why[WHY_SIZE] = "";
	int rc = read_manifest(directory, &how, &manifest, why);
	size_t count = rc == 0 ? manifest_count(&manifest) : 0;

	if (rc == -EINVAL)
		return add_problem(problems, directory, why);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct work work = work_part(given->arg, i, count);

		how.arg = &work;
		rc = check_file(directory, &manifest, i, &how, problems);
	}
	manifest_release(&manifest);
	return rc;
}

int backup_verify(const struct tree *tree, const struct work *given,
                  struct value *problems, uint64_t *count)
{
	struct parcel_form how = { 0 };
	struct backup_list list = { 0 };
	int rc = 0;

	if (tree->backups) {
		how = backups_packing(tree->backups);
		rc = backups_list(tree->backups, &list);
	}
	how.step = backup_step;
	for (size_t i = 0; rc == 0 && i < list.count; i++) {
		struct work work = work_part(given, i, list.count);
		struct blob path = { 0 };

		how.arg = &work;
		rc = blob_printf(&path, "%s/%s",
		                 backups_directory(tree->backups),
		                 list.entries[i].name);
		if (rc == 0)
			rc = check_backup(path.data, &how, problems);
		blob_release(&path);
	}
	*count = list.count;
	backup_list_release(&list);
	return rc;
}

int backup_restore(const struct tree *tree)
{
	const struct stores *stores = &tree->stores;
	struct blob path = { 0 };
	int rc =
	    blob_printf(&path, "%s/" BACKUP_REDIS_PLACE, stores->directory);
	bool waiting = rc == 0 && access(path.data, F_OK) == 0;

	for (size_t i = 0;
	     rc == 0 && waiting && i < STORES_MAX && stores->slots[i].backend;
	     i++) {
		struct store *store = stores->slots[i].store;

		if (!store || !store->backend->maintenance ||
		    !store->backend->maintenance->restore)
			continue;
		rc = store->backend->maintenance->restore(store, path.data);
		if (rc == 0 && unlink(path.data) != 0)
			rc = -errno;
		break;
	}
	blob_release(&path);
	return rc;
}
