/* SPDX-License-Identifier: MIT */
#include "tests/outage_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/json.h"
#include "layout/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int note_event(const struct outage_event *event, void *arg)
{
	struct outage_lab *lab = arg;
	int answer = 0;

	pthread_mutex_lock(&lab->lock);
	lab->begun += event->news == OUTAGE_BEGAN;
	lab->ended += event->news == OUTAGE_ENDED;
	if (event->news == OUTAGE_REFUSED) {
		lab->refused++;
		lab->cause = event->cause;
		lab->refused_bytes += event->size;
		answer = lab->answer;
	}
	pthread_mutex_unlock(&lab->lock);
	return answer;
}

int outage_lab_refusals(struct outage_lab *lab)
{
	int refused;

	pthread_mutex_lock(&lab->lock);
	refused = lab->refused;
	pthread_mutex_unlock(&lab->lock);
	return refused;
}

const struct collection *outage_lab_find_row(const char *path)
{
	const struct collection *row = tree_collections;

	while (row->path && strcmp(row->path, path) != 0)
		row++;
	assert_non_null(row->path);
	return row;
}

void outage_lab_make_inner(struct outage_lab *lab)
{
	char why[WHY_SIZE];

	assert_int_equal(mem_backend.open(lab->scratch.path, &lab->settings,
	                                  &lab->inner, why),
	                 0);
}

void outage_lab_open_store(struct outage_lab *lab)
{
	const struct outage_options options = {
		.directory = lab->scratch.path,
		.rows = tree_collections,
		.event = note_event,
		.arg = lab,
	};

	assert_int_equal(outage_open(&options, lab->inner, &lab->store), 0);
}

void outage_lab_close_store(struct outage_lab *lab)
{
	lab->store->backend->close(lab->store);
	lab->store = NULL;
}

int outage_lab_set_up(void **state)
{
	struct outage_lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	scratch_init(&lab->scratch);
	assert_int_equal(settings_init(&lab->settings), 0);
	pthread_mutex_init(&lab->lock, NULL);
	lab->wm = outage_lab_find_row("wm");
	outage_lab_make_inner(lab);
	outage_lab_open_store(lab);
	*state = lab;
	return 0;
}

int outage_lab_tear_down(void **state)
{
	struct outage_lab *lab = *state;

	if (lab->store)
		outage_lab_close_store(lab);
	settings_release(&lab->settings);
	scratch_release(&lab->scratch);
	pthread_mutex_destroy(&lab->lock);
	free(lab);
	return 0;
}

struct key outage_lab_key_of(const char *text)
{
	return (struct key){ text, strlen(text) };
}

static struct change outage_lab_no_change(void)
{
	return (struct change){
		.expires_ms = EXPIRES_KEEP,
		.fields_mtime = { .tv_nsec = UTIME_NOW },
		.array_mtime = { .tv_nsec = UTIME_NOW },
	};
}

int outage_lab_put_number(struct store *store, const struct collection *row,
                          const char *key, double number, int64_t expires_ms)
{
	struct array array = { .info = { .ndim = 1, .shape = { 1 } } };
	struct change change = outage_lab_no_change();

	dtype_plain(&array.info.dtype, 'f', sizeof(number));
	assert_int_equal(array_info_measure(&array.info), 0);
	array.data = &number;
	change.array_action = PART_SET;
	change.array_name = "";
	change.array = &array;
	change.expires_ms = expires_ms;
	return store->backend->put(store, row, outage_lab_key_of(key), &change,
	                           NULL);
}

int outage_lab_put(struct outage_lab *lab, const char *key, double number)
{
	return outage_lab_put_number(lab->store, lab->wm, key, number,
	                             EXPIRES_ANEW);
}

int outage_lab_put_fields(struct outage_lab *lab, const char *key,
                          const char *json)
{
	struct change change = outage_lab_no_change();
	struct value *fields = NULL;
	char why[WHY_SIZE];
	int rc;

	assert_int_equal(
	    json_parse(json, strlen(json), JSON_ARRAYS_REFUSE, &fields, why),
	    0);
	change.fields_action = PART_SET;
	change.fields = fields;
	rc = lab->store->backend->put(lab->store, lab->wm,
	                              outage_lab_key_of(key), &change, NULL);
	value_unref(fields);
	return rc;
}

int outage_lab_drop(struct outage_lab *lab, const char *key, bool array)
{
	struct change change = outage_lab_no_change();

	change.must_exist = true;
	change.array_name = "";
	if (array)
		change.array_action = PART_DROP;
	else
		change.fields_action = PART_DROP;
	return lab->store->backend->put(lab->store, lab->wm,
	                                outage_lab_key_of(key), &change, NULL);
}

int outage_lab_try_get(struct store *store, const char *key)
{
	struct record record = { 0 };
	int rc = store->backend->get(store, outage_lab_find_row("wm"),
	                             outage_lab_key_of(key), &record);

	record_release(&record);
	return rc;
}

double outage_lab_number_in(struct store *store, const char *key)
{
	struct reader *reader;
	double number = 0;

	assert_int_equal(
	    store->backend->open_array(store, outage_lab_find_row("wm"),
	                               outage_lab_key_of(key), "", &reader),
	    0);
	assert_int_equal(reader->ops->read(reader, 0, &number, sizeof(number)),
	                 sizeof(number));
	reader->ops->close(reader);
	return number;
}

struct outage_figures outage_lab_figures_of(struct outage_lab *lab)
{
	struct outage_figures figures;

	lab->store->backend->outage->figures(lab->store, &figures);
	return figures;
}

void outage_lab_pause_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

void outage_lab_wait_until_delivered(struct outage_lab *lab)
{
	for (int waited = 0; outage_lab_figures_of(lab).changes ||
	                     outage_lab_figures_of(lab).away;
	     waited += 10) {
		assert_true(waited < PATIENCE_MS);
		outage_lab_pause_ms(10);
	}
}

int outage_lab_list(struct outage_lab *lab, struct record_list *out)
{
	struct cursor cursor = { 0 };
	int rc = 0;

	while (rc == 0 && !cursor.end)
		rc = lab->store->backend->list(lab->store, lab->wm, &cursor, 10,
		                               out);
	cursor_release(&cursor);
	return rc;
}

int outage_lab_open_spool(struct outage_lab *lab)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/spool/outage/mem", lab->scratch.path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

int outage_lab_count_files(struct outage_lab *lab, const char *suffix,
                           char name[256])
{
	const struct dirent *entry;
	DIR *stream = fdopendir(outage_lab_open_spool(lab));
	int count = 0;

	assert_non_null(stream);
	while ((entry = readdir(stream)))
		if (strspn(entry->d_name, "0123456789") == 20 &&
		    strcmp(entry->d_name + 20, suffix) == 0) {
			snprintf(name, 256, "%s", entry->d_name);
			count++;
		}
	closedir(stream);
	return count;
}

static void dump_record(const struct record *record, struct store *store,
                        struct blob *out)
{
	const char *key = record->key.data;

	blob_printf(out, "%s: ", key);
	if (record->array_count)
		blob_printf(out, "%g ", outage_lab_number_in(store, key));
	if (record->fields_dropped)
		blob_append_text(out, "no ");
	json_append(value_dict_get(record->fields, "metadata"),
	            JSON_STYLE_PYTHON, JSON_ARRAYS_REFUSE, SIZE_MAX, out);
	blob_append_text(out, "\n");
}

void outage_lab_dump(struct outage_lab *lab, struct store *store,
                     struct blob *out)
{
	struct cursor cursor = { 0 };
	struct record_list list = { 0 };

	while (!cursor.end)
		assert_int_equal(
		    store->backend->list(store, lab->wm, &cursor, 100, &list),
		    0);
	for (size_t i = 0; i < list.count; i++)
		dump_record(&list.items[i], store, out);
	record_list_release(&list);
	cursor_release(&cursor);
}

bool outage_lab_is_done(struct outage_lab *lab)
{
	struct outage_figures figures = outage_lab_figures_of(lab);

	return figures.changes == 0 && !figures.away;
}

void outage_lab_wait_until(struct outage_lab *lab,
                           bool (*is_so)(struct outage_lab *lab))
{
	for (int waited = 0; !is_so(lab); waited++) {
		assert_true(waited < PATIENCE_MS);
		outage_lab_pause_ms(1);
	}
}
