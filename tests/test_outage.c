/* SPDX-License-Identifier: MIT */
/* What is written while a storage is away.  The storage is mem; what Redis has
 * for it is in test_redis_outage.c. */
#include "tests/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/change.h"
#include "backends/json.h"
#include "backends/mem.h"
#include "backends/outage.h"
#include "backends/settings.h"
#include "layout/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 30000

struct bench {
	struct scratch scratch;
	struct settings settings;
	struct store *inner;
	struct store *store;
	const struct collection *wm;
	pthread_mutex_t lock;
	int begun;
	int ended;
	int refused;
	int cause; /* of the last refusal */
	size_t refused_bytes;
};

static void note_event(const struct outage_event *event, void *arg)
{
	struct bench *bench = arg;

	pthread_mutex_lock(&bench->lock);
	bench->begun += event->news == OUTAGE_BEGAN;
	bench->ended += event->news == OUTAGE_ENDED;
	if (event->news == OUTAGE_REFUSED) {
		bench->refused++;
		bench->cause = event->cause;
		bench->refused_bytes += event->size;
	}
	pthread_mutex_unlock(&bench->lock);
}

static int refusals(struct bench *bench)
{
	int refused;

	pthread_mutex_lock(&bench->lock);
	refused = bench->refused;
	pthread_mutex_unlock(&bench->lock);
	return refused;
}

static const struct collection *find_row(const char *path)
{
	const struct collection *row = tree_collections;

	while (row->path && strcmp(row->path, path) != 0)
		row++;
	assert_non_null(row->path);
	return row;
}

/* A new, empty storage. */
static void make_inner(struct bench *bench)
{
	char why[WHY_SIZE];

	assert_int_equal(mem_backend.open(bench->scratch.path, &bench->settings,
	                                  &bench->inner, why),
	                 0);
}

static void open_store(struct bench *bench)
{
	const struct outage_options options = {
		.directory = bench->scratch.path,
		.rows = tree_collections,
		.event = note_event,
		.arg = bench,
	};

	assert_int_equal(outage_open(&options, bench->inner, &bench->store), 0);
}

/* The storage goes with it. */
static void close_store(struct bench *bench)
{
	bench->store->backend->close(bench->store);
	bench->store = NULL;
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	scratch_init(&bench->scratch);
	assert_int_equal(settings_init(&bench->settings), 0);
	pthread_mutex_init(&bench->lock, NULL);
	bench->wm = find_row("wm");
	make_inner(bench);
	open_store(bench);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	if (bench->store)
		close_store(bench);
	settings_release(&bench->settings);
	scratch_release(&bench->scratch);
	pthread_mutex_destroy(&bench->lock);
	free(bench);
	return 0;
}

static struct key key_of(const char *text)
{
	return (struct key){ text, strlen(text) };
}

static struct change no_change(void)
{
	return (struct change){
		.expires_ms = EXPIRES_KEEP,
		.fields_mtime = { .tv_nsec = UTIME_NOW },
		.array_mtime = { .tv_nsec = UTIME_NOW },
	};
}

/* One double. */
static int put_number(struct store *store, const struct collection *row,
                      const char *key, double number, int64_t expires_ms)
{
	struct array array = { .info = { .ndim = 1, .shape = { 1 } } };
	struct change change = no_change();

	dtype_plain(&array.info.dtype, 'f', sizeof(number));
	assert_int_equal(array_info_measure(&array.info), 0);
	array.data = &number;
	change.array_action = PART_SET;
	change.array_name = "";
	change.array = &array;
	change.expires_ms = expires_ms;
	return store->backend->put(store, row, key_of(key), &change, NULL);
}

static int put(struct bench *bench, const char *key, double number)
{
	return put_number(bench->store, bench->wm, key, number, EXPIRES_ANEW);
}

static int put_fields(struct bench *bench, const char *key, const char *json)
{
	struct change change = no_change();
	struct value *fields = NULL;
	char why[WHY_SIZE];
	int rc;

	assert_int_equal(
	    json_parse(json, strlen(json), JSON_ARRAYS_REFUSE, &fields, why),
	    0);
	change.fields_action = PART_SET;
	change.fields = fields;
	rc = bench->store->backend->put(bench->store, bench->wm, key_of(key),
	                                &change, NULL);
	value_unref(fields);
	return rc;
}

static int drop(struct bench *bench, const char *key, bool array)
{
	struct change change = no_change();

	change.must_exist = true;
	change.array_name = "";
	if (array)
		change.array_action = PART_DROP;
	else
		change.fields_action = PART_DROP;
	return bench->store->backend->put(bench->store, bench->wm, key_of(key),
	                                  &change, NULL);
}

static int try_get(struct store *store, const char *key)
{
	struct record record = { 0 };
	int rc =
	    store->backend->get(store, find_row("wm"), key_of(key), &record);

	record_release(&record);
	return rc;
}

static double number_in(struct store *store, const char *key)
{
	struct reader *reader;
	double number = 0;

	assert_int_equal(store->backend->open_array(store, find_row("wm"),
	                                            key_of(key), "", &reader),
	                 0);
	assert_int_equal(reader->ops->read(reader, 0, &number, sizeof(number)),
	                 sizeof(number));
	reader->ops->close(reader);
	return number;
}

static struct outage_figures figures_of(struct bench *bench)
{
	struct outage_figures figures;

	bench->store->backend->outage->figures(bench->store, &figures);
	return figures;
}

static void pause_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static void wait_until_delivered(struct bench *bench)
{
	for (int waited = 0;
	     figures_of(bench).changes || figures_of(bench).away;
	     waited += 10) {
		assert_true(waited < PATIENCE_MS);
		pause_ms(10);
	}
}

static int list(struct bench *bench, struct record_list *out)
{
	struct cursor cursor = { 0 };
	int rc = 0;

	while (rc == 0 && !cursor.end)
		rc = bench->store->backend->list(bench->store, bench->wm,
		                                 &cursor, 10, out);
	cursor_release(&cursor);
	return rc;
}

static void what_is_written_while_away_is_there(void **state)
{
	struct bench *bench = *state;
	struct record_list found = { 0 };

	mem_set_away(bench->inner, true);
	assert_int_equal(put(bench, "a", 1), 0);
	assert_int_equal(try_get(bench->store, "a"), 0);
	assert_true(number_in(bench->store, "a") == 1);
	assert_int_equal(list(bench, &found), 0);
	assert_int_equal(found.count, 1);
	record_list_release(&found);
	assert_true(figures_of(bench).away);
	assert_int_equal(figures_of(bench).changes, 1);
}

static void what_nobody_knows_is_an_error(void **state)
{
	struct bench *bench = *state;
	struct record_list found = { 0 };

	assert_int_equal(put(bench, "a", 1), 0);
	mem_set_away(bench->inner, true);
	assert_int_equal(try_get(bench->store, "a"), -EIO);
	assert_int_equal(try_get(bench->store, "b"), -EIO);
	assert_int_equal(list(bench, &found), -EIO);
	record_list_release(&found);
	assert_true(outage_takes_unknown(bench->store));
}

static void changes_arrive_in_their_order(void **state)
{
	struct bench *bench = *state;

	mem_set_away(bench->inner, true);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(put(bench, "a", i), 0);
		assert_int_equal(put(bench, "b", -i), 0);
	}
	assert_int_equal(figures_of(bench).changes, 40);
	mem_set_away(bench->inner, false);
	wait_until_delivered(bench);
	assert_true(number_in(bench->inner, "a") == 19);
	assert_true(number_in(bench->inner, "b") == -19);
	assert_true(number_in(bench->store, "a") == 19);
	assert_int_equal(refusals(bench), 0);
}

static void an_outage_begins_and_ends_once(void **state)
{
	struct bench *bench = *state;

	mem_set_away(bench->inner, true);
	for (int i = 0; i < 5; i++)
		assert_int_equal(put(bench, "a", i), 0);
	mem_set_away(bench->inner, false);
	wait_until_delivered(bench);
	for (int waited = 0; waited < PATIENCE_MS; waited += 10) {
		pthread_mutex_lock(&bench->lock);
		if (bench->ended)
			waited = PATIENCE_MS;
		pthread_mutex_unlock(&bench->lock);
		pause_ms(10);
	}
	assert_int_equal(bench->begun, 1);
	assert_int_equal(bench->ended, 1);
}

static void changes_outlive_the_store(void **state)
{
	struct bench *bench = *state;
	struct record record = { 0 };

	mem_set_away(bench->inner, true);
	assert_int_equal(put(bench, "a", 4), 0);
	assert_int_equal(put_fields(bench, "a", "{\"metadata\": {\"n\": 1}}"),
	                 0);
	close_store(bench);
	make_inner(bench);
	mem_set_away(bench->inner, true);
	open_store(bench);
	assert_true(number_in(bench->store, "a") == 4);
	mem_set_away(bench->inner, false);
	wait_until_delivered(bench);
	assert_true(number_in(bench->inner, "a") == 4);
	assert_int_equal(bench->inner->backend->get(bench->inner, bench->wm,
	                                            key_of("a"), &record),
	                 0);
	assert_int_equal(value_dict_get(record.fields, "metadata")->dict.count,
	                 1);
	record_release(&record);
}

static void a_time_to_live_runs_in_the_spool(void **state)
{
	struct bench *bench = *state;
	int waited = 0;

	mem_set_away(bench->inner, true);
	assert_int_equal(
	    put_number(bench->store, bench->wm, "a", 1, change_now_ms() + 300),
	    0);
	assert_int_equal(try_get(bench->store, "a"), 0);
	while (try_get(bench->store, "a") == 0 && waited < PATIENCE_MS) {
		pause_ms(10);
		waited += 10;
	}
	assert_int_equal(try_get(bench->store, "a"), -ENOENT);
	mem_set_away(bench->inner, false);
	wait_until_delivered(bench);
	assert_int_equal(try_get(bench->inner, "a"), -ENOENT);
	assert_int_equal(refusals(bench), 0);
}

static void a_new_record_lives_from_when_it_was_written(void **state)
{
	struct bench *bench = *state;
	int64_t before = change_now_ms();
	int64_t accepted;
	struct record record = { 0 };

	mem_set_away(bench->inner, true);
	assert_int_equal(put_fields(bench, "a", "{}"), 0);
	accepted = change_now_ms();
	pause_ms(50);
	mem_set_away(bench->inner, false);
	wait_until_delivered(bench);
	assert_int_equal(bench->inner->backend->get(bench->inner, bench->wm,
	                                            key_of("a"), &record),
	                 0);
	assert_true(record.expires_ms >= before + bench->wm->ttl * 1000LL);
	assert_true(record.expires_ms <= accepted + bench->wm->ttl * 1000LL);
	record_release(&record);
}

static void removals_and_renames_arrive(void **state)
{
	struct bench *bench = *state;
	struct store *store = bench->store;

	assert_int_equal(put(bench, "old", 1), 0);
	mem_set_away(bench->inner, true);
	assert_int_equal(drop(bench, "old", true), 0);
	assert_int_equal(try_get(store, "old"), -EIO);
	assert_int_equal(drop(bench, "old", false), 0);
	assert_int_equal(try_get(store, "old"), -ENOENT);
	assert_int_equal(put(bench, "a", 2), 0);
	assert_int_equal(store->backend->rename(store, bench->wm, key_of("a"),
	                                        key_of("b"), RENAME_REPLACE),
	                 0);
	assert_int_equal(try_get(store, "a"), -ENOENT);
	assert_true(number_in(store, "b") == 2);
	assert_int_equal(store->backend->rename(store, bench->wm, key_of("x"),
	                                        key_of("y"), RENAME_REPLACE),
	                 -EIO);
	mem_set_away(bench->inner, false);
	wait_until_delivered(bench);
	assert_int_equal(try_get(bench->inner, "old"), -ENOENT);
	assert_int_equal(try_get(bench->inner, "a"), -ENOENT);
	assert_true(number_in(bench->inner, "b") == 2);
}

static void what_another_wrote_later_stays(void **state)
{
	struct bench *bench = *state;

	mem_set_away(bench->inner, true);
	assert_int_equal(put(bench, "a", 1), 0);
	close_store(bench);
	make_inner(bench);
	pause_ms(5);
	assert_int_equal(
	    put_number(bench->inner, bench->wm, "a", 2, EXPIRES_KEEP), 0);
	open_store(bench);
	wait_until_delivered(bench);
	assert_true(number_in(bench->inner, "a") == 2);
	assert_int_equal(refusals(bench), 1);
	assert_int_equal(bench->cause, -ESTALE);
	assert_true(bench->refused_bytes > 8);
}

static void what_was_there_before_is_replaced(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(put(bench, "a", 1), 0);
	mem_set_away(bench->inner, true);
	assert_int_equal(put(bench, "a", 2), 0);
	mem_set_away(bench->inner, false);
	wait_until_delivered(bench);
	assert_true(number_in(bench->inner, "a") == 2);
	assert_int_equal(refusals(bench), 0);
}

/* The name of the only change in the spool. */
static void find_change(struct bench *bench, char out[600])
{
	char directory[300];
	const struct dirent *entry;
	DIR *stream;

	snprintf(directory, sizeof(directory), "%s/spool/outage/mem",
	         bench->scratch.path);
	stream = opendir(directory);
	assert_non_null(stream);
	out[0] = '\0';
	while ((entry = readdir(stream)))
		if (strspn(entry->d_name, "0123456789") == 20 &&
		    entry->d_name[20] == '\0')
			snprintf(out, 600, "%s/%s", directory, entry->d_name);
	closedir(stream);
	assert_int_not_equal(out[0], '\0');
}

static void damage(const char *path, off_t offset)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, offset), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

static void damaged_changes_are_put_aside(void **state)
{
	struct bench *bench = *state;
	const off_t offsets[] = { 0, 20, 60, 300 };
	char path[600];
	char aside[620];

	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		mem_set_away(bench->inner, true);
		assert_int_equal(put(bench, "a", 1), 0);
		find_change(bench, path);
		close_store(bench);
		damage(path, offsets[i]);
		make_inner(bench);
		open_store(bench);
		wait_until_delivered(bench);
		assert_int_equal(try_get(bench->inner, "a"), -ENOENT);
		assert_int_equal(refusals(bench), (int)i + 1);
		snprintf(aside, sizeof(aside), "%s.bad", path);
		assert_int_equal(access(aside, F_OK), 0);
	}
}

static void numbered_records_are_refused(void **state)
{
	struct bench *bench = *state;
	const struct collection *episodes = find_row("episodes");

	mem_set_away(bench->inner, true);
	assert_int_equal(
	    put_number(bench->store, episodes, "1", 1, EXPIRES_KEEP), -EIO);
	assert_int_equal(figures_of(bench).changes, 0);
}

static void a_wrong_change_is_refused_at_once(void **state)
{
	struct bench *bench = *state;

	mem_set_away(bench->inner, true);
	assert_int_equal(put_fields(bench, "a", "{\"colour\": 1}"), -EINVAL);
	assert_int_equal(figures_of(bench).changes, 0);
	mem_set_away(bench->inner, false);
	wait_until_delivered(bench);
	assert_int_equal(try_get(bench->inner, "a"), -ENOENT);
}

static void a_failure_while_it_is_there_is_not_spooled(void **state)
{
	struct bench *bench = *state;

	mem_fail_next(bench->inner, ENOSPC);
	assert_int_equal(put(bench, "a", 1), -ENOSPC);
	mem_fail_next(bench->inner, EIO);
	assert_int_equal(put(bench, "a", 1), 0);
	assert_true(number_in(bench->inner, "a") == 1);
	assert_int_equal(figures_of(bench).changes, 0);
}

/* A replica: what is there is shown behind what was changed. */
static void a_record_that_can_only_be_read_is_seen_whole(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(put(bench, "a", 7), 0);
	mem_set_read_only(bench->inner, true);
	assert_int_equal(put_fields(bench, "a", "{\"metadata\": {\"n\": 2}}"),
	                 0);
	assert_true(number_in(bench->store, "a") == 7);
	assert_int_equal(try_get(bench->store, "b"), -ENOENT);
	assert_int_equal(drop(bench, "b", true), -ENOENT);
	mem_set_read_only(bench->inner, false);
	wait_until_delivered(bench);
	assert_true(number_in(bench->inner, "a") == 7);
}

#define OUTAGE_TEST(function)                                                  \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OUTAGE_TEST(what_is_written_while_away_is_there),
		OUTAGE_TEST(what_nobody_knows_is_an_error),
		OUTAGE_TEST(changes_arrive_in_their_order),
		OUTAGE_TEST(an_outage_begins_and_ends_once),
		OUTAGE_TEST(changes_outlive_the_store),
		OUTAGE_TEST(a_time_to_live_runs_in_the_spool),
		OUTAGE_TEST(a_new_record_lives_from_when_it_was_written),
		OUTAGE_TEST(removals_and_renames_arrive),
		OUTAGE_TEST(what_another_wrote_later_stays),
		OUTAGE_TEST(what_was_there_before_is_replaced),
		OUTAGE_TEST(damaged_changes_are_put_aside),
		OUTAGE_TEST(numbered_records_are_refused),
		OUTAGE_TEST(a_wrong_change_is_refused_at_once),
		OUTAGE_TEST(a_failure_while_it_is_there_is_not_spooled),
		OUTAGE_TEST(a_record_that_can_only_be_read_is_seen_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
