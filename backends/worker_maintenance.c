/* SPDX-License-Identifier: MIT */
#include "backends/worker_internal.h"

#include "backends/file.h"

#include <errno.h>
#include <string.h>

/* Add what FROM holds (may be NULL) to TO: pairs to a dict, items to a list. */
static int add_all(struct value *to, struct value *from)
{
	bool is_dict = to->type == VALUE_DICT;
	int rc = 0;

	if (!from)
		return 0;
	if (from->type != to->type)
		return -EIO;
	for (size_t i = 0; is_dict && rc == 0 && i < from->dict.count; i++)
		rc = value_dict_add(to, value_ref(from->dict.pairs[i].key),
		                    value_ref(from->dict.pairs[i].item));
	for (size_t i = 0; !is_dict && rc == 0 && i < from->list.count; i++)
		rc = value_list_append(to, value_ref(from->list.items[i]));
	return rc;
}

/* Make CALL; what it describes goes to OUT and PROBLEMS (either may be NULL). */
static int describe(struct store *base, struct worker_call *call,
                    struct value *out, struct value *problems)
{
	int rc = worker_do(worker_store(base), call);

	if (rc == 0 && out)
		rc = add_all(out, call->value);
	if (rc == 0 && problems)
		rc = add_all(problems, call->problems);
	worker_call_release(call);
	return rc;
}

static int statistics(struct store *base, struct value *out)
{
	struct worker_call call = { .operation = WORKER_STATISTICS };

	return describe(base, &call, out, NULL);
}

static int usage(struct store *base, const struct collection *collection,
                 const struct work *work, uint64_t *keys, uint64_t *bytes)
{
	struct worker_call call = { .operation = WORKER_USAGE,
		                    .collection = collection,
		                    .work = work };
	int rc = worker_do(worker_store(base), &call);

	if (rc == 0) {
		*keys = call.counts[0];
		*bytes = call.counts[1];
	}
	return rc;
}

static int vacuum(struct store *base, const struct work *work,
                  struct value *out)
{
	struct worker_call call = { .operation = WORKER_VACUUM, .work = work };

	return describe(base, &call, out, NULL);
}

static int compact(struct store *base, const struct work *work,
                   struct value *out)
{
	struct worker_call call = { .operation = WORKER_COMPACT, .work = work };

	return describe(base, &call, out, NULL);
}

static int rotate(struct store *base, uint64_t if_larger, struct value *out)
{
	struct worker_call call = { .operation = WORKER_ROTATE,
		                    .number = if_larger };

	return describe(base, &call, out, NULL);
}

static bool is_full(struct store *base)
{
	struct worker_call call = { .operation = WORKER_IS_FULL };

	return worker_do(worker_store(base), &call) == 0 && call.counts[0];
}

static int remove_before(struct store *base,
                         const struct collection *collection, struct key key,
                         double before)
{
	struct worker_store *store = worker_store(base);
	struct worker_call call = { .operation = WORKER_REMOVE_BEFORE,
		                    .collection = collection,
		                    .key = key,
		                    .real = before };
	int rc = worker_do(store, &call);

	if (rc == 0)
		worker_readers_expire(store, collection, key);
	return rc;
}

/* COUNT is added to. */
static int count_all(struct store *base, struct worker_call *call,
                     uint64_t *count)
{
	int rc = worker_do(worker_store(base), call);

	if (rc == 0)
		*count += call->counts[0];
	return rc;
}

static int clear_expired(struct store *base,
                         const struct collection *collection,
                         const struct work *work, uint64_t *count)
{
	struct worker_call call = { .operation = WORKER_CLEAR_EXPIRED,
		                    .collection = collection,
		                    .work = work };

	return count_all(base, &call, count);
}

static int flush(struct store *base, const struct collection *collection,
                 const struct work *work, uint64_t *count)
{
	struct worker_call call = { .operation = WORKER_FLUSH,
		                    .collection = collection,
		                    .work = work };

	return count_all(base, &call, count);
}

static int verify(struct store *base, const struct work *work,
                  struct value *out, struct value *problems)
{
	struct worker_call call = { .operation = WORKER_VERIFY, .work = work };

	return describe(base, &call, out, problems);
}

/* A text without a zero byte, or NULL. */
static const char *text_of(const struct value *file, const char *name)
{
	const struct value *text = value_dict_get(file, name);

	return text && text->type == VALUE_TEXT &&
	               strlen(text->text.data) == text->text.size
	           ? text->text.data
	           : NULL;
}

/* The file of the store, CURRENT, or one that was rotated. */
static bool is_own_file(const char *current, const struct value *file)
{
	const char *name = text_of(file, "name");
	const char *place = text_of(file, "place");
	size_t size = (size_t)(strrchr(current, '/') + 1 - current);
	uint64_t number;

	return name && place && file->dict.count == 2 &&
	       strncmp(place, current, size) == 0 &&
	       strcmp(place + size, name) == 0 &&
	       (strcmp(name, current + size) == 0 ||
	        file_is_rotated(name, current + size, &number));
}

static bool are_own_files(const char *current, const struct value *files)
{
	if (files->type != VALUE_LIST)
		return false;
	for (size_t i = 0; i < files->list.count; i++)
		if (!is_own_file(current, files->list.items[i]))
			return false;
	return true;
}

/* By these names files are read, packed and removed here, and written when the
 * backup is restored. */
static int check_files(const struct worker_store *store,
                       const struct value *files)
{
	const char *name = store->settings.hdf5.file_path;
	struct blob current = { 0 };
	int rc = name[0] == '/'
	             ? blob_append_text(&current, name)
	             : blob_printf(&current, "%s/%s", store->directory, name);

	if (rc == 0 && files && !are_own_files(current.data, files))
		rc = -EIO;
	blob_release(&current);
	return rc;
}

static int backup(struct store *base, const struct collection *rows,
                  const char *directory, const struct work *work,
                  struct value *files)
{
	struct worker_call call = { .operation = WORKER_BACKUP,
		                    .rows = rows,
		                    .path = directory,
		                    .work = work };
	struct worker_store *store = worker_store(base);
	int rc = worker_do(store, &call);

	if (rc == 0)
		rc = check_files(store, call.value);
	if (rc == 0)
		rc = add_all(files, call.value);
	worker_call_release(&call);
	return rc;
}

static int restore(struct store *base, const char *path)
{
	struct worker_call call = { .operation = WORKER_RESTORE, .path = path };

	return worker_do(worker_store(base), &call);
}

#define OFFER(function)                                                        \
	store->maintenance.function = inner->function ? (function) : NULL

void worker_fill_maintenance(struct worker_store *store)
{
	const struct maintenance_ops *inner = store->inner->maintenance;

	if (!inner)
		return;
	OFFER(statistics);
	OFFER(usage);
	OFFER(vacuum);
	OFFER(compact);
	OFFER(rotate);
	OFFER(is_full);
	OFFER(remove_before);
	OFFER(clear_expired);
	OFFER(flush);
	OFFER(verify);
	OFFER(backup);
	OFFER(restore);
	store->backend.maintenance = &store->maintenance;
}
