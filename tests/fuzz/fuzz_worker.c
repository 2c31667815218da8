/* SPDX-License-Identifier: MIT */
/* What a worker sends that a hostile HDF5 file has taken over: whatever it is,
 * the store of the daemon answers as the contract says, and what it has made of
 * it can be used.
 *
 * The first byte says what the daemon asks for; worker_peer.h says the rest. */
#include "tests/fuzz/worker_peer.h"

#include "backends/json.h"
#include "backends/loan.h"
#include "backends/log.h"
#include "backends/maintenance.h"
#include "backends/npy.h"
#include "backends/packed.h"
#include "backends/settings.h"
#include "backends/worker.h"
#include "layout/tree.h"

#include <stdio.h>

#define JSON_LIMIT ((size_t)16 << 20)
#define PAGES 4

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What those above do with a result. */

static void check_rc(int64_t rc)
{
	feed_check(rc <= 0 && rc > -512);
}

static void show(const struct value *value)
{
	struct blob text = { 0 };

	check_rc(json_append(value, JSON_STYLE_FILE, JSON_ARRAYS_INLINE,
	                     JSON_LIMIT, &text));
	blob_release(&text);
}

static void show_info(const struct array_info *info)
{
	struct blob header = { 0 };
	uint64_t size;

	if (npy_append_header(info, &header) == 0)
		npy_file_size(info, &size);
	blob_release(&header);
}

static void show_record(const struct record *record)
{
	show(record->fields);
	for (size_t i = 0; i < record->array_count; i++) {
		feed_check(strlen(record->arrays[i].name) < SIZE_MAX);
		show_info(&record->arrays[i].info);
	}
}

/* The daemon asks. */

struct asking {
	struct store *store;
	const struct collection *collection;
	struct key key;
};

static void ask_get(const struct asking *asking)
{
	struct record record;
	int rc = asking->store->backend->get(asking->store, asking->collection,
	                                     asking->key, &record);

	check_rc(rc);
	if (rc)
		return;
	show_record(&record);
	record_release(&record);
}

static void ask_list(const struct asking *asking)
{
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };
	int rc = 0;

	for (int i = 0; rc == 0 && !cursor.end && i < PAGES; i++)
		rc = asking->store->backend->list(
		    asking->store, asking->collection, &cursor, 8, &list);
	check_rc(rc);
	for (size_t i = 0; i < list.count; i++)
		show_record(&list.items[i]);
	cursor_release(&cursor);
	record_list_release(&list);
}

static bool match(struct key key, void *arg)
{
	unsigned int *sum = arg;

	for (size_t i = 0; i < key.size; i++)
		*sum += (unsigned char)key.data[i];
	return *sum % 2;
}

static void ask_find(const struct asking *asking)
{
	struct blob found = { 0 };
	unsigned int sum = 0;

	check_rc(asking->store->backend->find(asking->store, asking->collection,
	                                      asking->key, match, &sum,
	                                      &found));
	blob_release(&found);
}

static void use_reader(struct reader *reader)
{
	char bytes[256];
	struct loan loan;
	ssize_t got = reader->ops->read(reader, 1, bytes, sizeof(bytes));
	char why[WHY_SIZE];

	feed_check(got <= (ssize_t)sizeof(bytes));
	loan_init(&loan);
	got = reader->ops->lend(reader, 0, sizeof(bytes), &loan);
	feed_check(got <= (ssize_t)sizeof(bytes));
	loan_end(&loan);
	reader->ops->why(reader, why);
	show_info(&reader->info);
	reader->ops->close(reader);
}

static void ask_array(const struct asking *asking)
{
	struct reader *reader;
	int rc = asking->store->backend->open_array(
	    asking->store, asking->collection, asking->key,
	    asking->collection->arrays[0].name, &reader);

	check_rc(rc);
	if (rc == 0)
		use_reader(reader);
}

static void ask_plan(const struct asking *asking)
{
	static const char bytes[4096];
	struct array_info info = { .ndim = 1, .shape = { sizeof(bytes) / 8 } };
	struct packed_plan plan;
	struct chunk_work work = { 0 };
	const char *packed;
	size_t size;
	uint32_t mask;
	int rc;

	dtype_plain(&info.dtype, 'f', 8);
	feed_check(array_info_measure(&info) == 0);
	rc = asking->store->backend->packed->plan(asking->store,
	                                          asking->collection, &info,
	                                          bytes, sizeof(bytes), &plan);
	check_rc(rc);
	if (rc == 0 && sizeof(bytes) / plan.chunk)
		check_rc(chunk_encode(&plan.pipeline, &work, bytes,
		                      sizeof(bytes), &packed, &size, &mask));
	chunk_work_release(&work);
}

static void ask_put(const struct asking *asking)
{
	struct value *fields = value_new_dict();
	struct change change = { .fields_action = PART_SET, .fields = fields };
	struct blob key = { 0 };
	int rc = asking->store->backend->put(asking->store, asking->collection,
	                                     asking->key, &change, &key);

	check_rc(rc);
	feed_check(memchr(change.why, '\0', sizeof(change.why)) != NULL);
	blob_release(&key);
	value_unref(fields);
}

static void ask_changes(const struct asking *asking)
{
	const struct backend *backend = asking->store->backend;
	const struct key other = { "other", 5 };

	check_rc(
	    backend->remove(asking->store, asking->collection, asking->key));
	check_rc(backend->rename(asking->store, asking->collection, asking->key,
	                         other, RENAME_REPLACE));
	check_rc(backend->sync(asking->store));
}

static void ask_status(const struct asking *asking)
{
	struct backend_status status;

	asking->store->backend->status(asking->store, &status);
	feed_check(memchr(status.detail, '\0', sizeof(status.detail)) != NULL);
}

static int step(void *arg, double progress)
{
	(void)arg;
	(void)progress;
	return 0;
}

static const struct work work = { .step = step, .to = 1 };

static const struct maintenance_ops *upkeep_of(const struct asking *asking)
{
	return asking->store->backend->maintenance;
}

static void ask_upkeep(const struct asking *asking)
{
	upkeep_of(asking)->is_full(asking->store);
	check_rc(upkeep_of(asking)->remove_before(
	    asking->store, asking->collection, asking->key, 1));
}

static void ask_figures(const struct asking *asking)
{
	struct value *out = value_new_dict();

	feed_check(out != NULL);
	check_rc(upkeep_of(asking)->statistics(asking->store, out));
	check_rc(upkeep_of(asking)->compact(asking->store, &work, out));
	check_rc(upkeep_of(asking)->rotate(asking->store, 1, out));
	show(out);
	value_unref(out);
}

static void ask_verify(const struct asking *asking)
{
	struct value *out = value_new_dict();
	struct value *problems = value_new_list(VALUE_LIST);

	feed_check(out && problems);
	check_rc(
	    upkeep_of(asking)->verify(asking->store, &work, out, problems));
	show(out);
	show(problems);
	value_unref(out);
	value_unref(problems);
}

static void ask_backup(const struct asking *asking)
{
	struct value *files = value_new_list(VALUE_LIST);

	feed_check(files != NULL);
	check_rc(upkeep_of(asking)->backup(asking->store, tree_collections,
	                                   "/backup", &work, files));
	for (size_t i = 0; i < files->list.count; i++) {
		const struct value *file = files->list.items[i];
		const char *name = value_dict_get(file, "name")->text.data;
		const char *place = value_dict_get(file, "place")->text.data;

		feed_check(!strchr(name, '/') &&
		           strncmp(name, "godly_ai_data", 13) == 0 &&
		           strncmp(place, "/store/godly_ai_data", 20) == 0);
	}
	show(files);
	value_unref(files);
}

static void (*const questions[])(const struct asking *asking) = {
	ask_get,    ask_list,    ask_find,    ask_array,
	ask_plan,   ask_put,     ask_changes, ask_status,
	ask_upkeep, ask_figures, ask_verify,  ask_backup,
};

/* The Nth collection of HDF5. */
static const struct collection *choose(unsigned int n)
{
	const struct collection *rows[32];
	size_t count = 0;

	for (const struct collection *row = tree_collections;
	     row->path && count < 32; row++)
		if (strcmp(row->backend, "hdf5") == 0 && row->arrays[0].name)
			rows[count++] = row;
	return rows[n % count];
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_set_level((enum log_level) - 1); /* workers end all the time */
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = { data, size };
	unsigned int first = feed_byte(&feed);
	size_t question = first % (sizeof(questions) / sizeof(questions[0]));
	struct asking asking = { .collection = choose(first / 16),
		                 .key = { "key", 3 } };
	struct settings settings;
	char why[WHY_SIZE] = "";

	worker_peer_feed(&feed);
	feed_check(settings_init(&settings) == 0);
	feed_check(worker_open(backend_find("hdf5"), "/store", &settings,
	                       &asking.store, why) == 0);
	questions[question](&asking);
	asking.store->backend->close(asking.store);
	settings_release(&settings);
	return 0;
}
