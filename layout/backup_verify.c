/* SPDX-License-Identifier: MIT */
#include "layout/backup.h"

#include "backends/file.h"
#include "backends/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANIFEST "manifest.json"

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

static int check_file(const char *directory, const struct value *file,
                      const struct work *given, struct value *problems)
{
	const struct value *name = value_dict_get(file, "name");
	const struct value *expected = value_dict_get(file, "xxh3");
	char checksum[FILE_CHECKSUM_SIZE] = "";
	struct work work = *given;
	struct blob path = { 0 };
	uint64_t size;
	int rc;

	if (!name || !expected || name->type != VALUE_TEXT ||
	    expected->type != VALUE_TEXT)
		return add_problem(problems, directory,
		                   "the manifest is damaged");
	rc = blob_printf(&path, "%s/%s", directory, name->text.data);
	if (rc)
		return rc;
	rc = file_checksum(path.data, checksum, &size, backup_step, &work);
	if (rc && rc != -ECANCELED && rc != -ENOMEM)
		rc = add_problem(problems, path.data, strerror(-rc));
	else if (rc == 0 && strcmp(checksum, expected->text.data) != 0)
		rc = add_problem(problems, path.data,
		                 "differs from its checksum");
	blob_release(&path);
	return rc;
}

static int read_manifest(const char *directory, struct value **out)
{
	struct blob path = { 0 };
	char *text = NULL;
	size_t size = 0;
	char why[WHY_SIZE];
	FILE *file = NULL;
	ssize_t n = -1;
	int rc = blob_printf(&path, "%s/" MANIFEST, directory);

	if (rc == 0)
		file = fopen(path.data, "re");
	if (file)
		n = getdelim(&text, &size, '\0', file);
	if (rc == 0)
		rc = n > 0 ? json_parse(text, (size_t)n, JSON_ARRAYS_REFUSE,
		                        out, why)
		           : -EINVAL;
	if (file)
		fclose(file);
	free(text);
	blob_release(&path);
	return rc;
}

static int check_backup(const char *directory, const struct work *work,
                        struct value *problems)
{
	struct value *manifest = NULL;
	const struct value *files;
	int rc = read_manifest(directory, &manifest);

	if (rc == -ENOMEM)
		return rc;
	files = manifest ? value_dict_get(manifest, "files") : NULL;
	if (!files || files->type != VALUE_LIST)
		rc = add_problem(problems, directory,
		                 "the manifest cannot be read");
	else
		rc = 0;
	for (size_t i = 0; rc == 0 && files && files->type == VALUE_LIST &&
	                   i < files->list.count;
	     i++)
		rc =
		    check_file(directory, files->list.items[i], work, problems);
	value_unref(manifest);
	return rc;
}

int backup_verify(const struct tree *tree, const struct work *work,
                  struct value *problems, uint64_t *count)
{
	struct blob parent = { 0 };
	struct dirent **names = NULL;
	int found = backup_list(tree, &parent, &names);
	int rc = found < 0 ? found : 0;

	for (int i = 0; i < found; i++) {
		struct blob path = { 0 };

		if (rc == 0)
			rc = blob_printf(&path, "%s/%s", parent.data,
			                 names[i]->d_name);
		if (rc == 0)
			rc = check_backup(path.data, work, problems);
		blob_release(&path);
		free(names[i]);
	}
	*count = found > 0 ? (uint64_t)found : 0;
	free(names);
	blob_release(&parent);
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
