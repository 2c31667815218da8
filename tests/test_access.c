/* SPDX-License-Identifier: MIT */
#include "layout/access.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "backends/mem.h"
#include "tests/lab.h"

#define PATIENCE_MS 30000
#define MANY 2500 /* more than one call of a backend takes */

struct desk {
	struct lab lab;
	struct accesses *accesses;
	atomic_int told; /* calls of the function given to accesses_start */
};

static void tell(const struct collection *collection, struct key key, void *arg)
{
	struct desk *desk = arg;

	assert_string_equal(collection->path, "wm");
	assert_true(key.size > 0);
	atomic_fetch_add(&desk->told, 1);
}

static int set_up(void **state)
{
	static struct desk desk;

	desk = (struct desk){ 0 };
	lab_init(&desk.lab);
	assert_int_equal(
	    accesses_start(&desk.lab.tree.stores, tell, &desk, &desk.accesses),
	    0);
	*state = &desk;
	return 0;
}

static int tear_down(void **state)
{
	struct desk *desk = *state;

	accesses_stop(desk->accesses);
	lab_release(&desk->lab);
	return 0;
}

static void stop(struct desk *desk)
{
	accesses_stop(desk->accesses);
	desk->accesses = NULL;
}

static void note(struct desk *desk, const char *path)
{
	struct node node = { 0 };

	assert_int_equal(node_find(&desk->lab.tree, path, &node), 0);
	accesses_note(desk->accesses, &node);
	node_release(&node);
}

/* The counter of the record at PATH; 0: it has none. */
static int64_t counted(struct desk *desk, const char *path)
{
	struct record record = { 0 };
	const struct value *value;
	struct node node = { 0 };
	int64_t count = 0;

	assert_int_equal(node_find(&desk->lab.tree, path, &node), 0);
	assert_int_equal(mem_backend.get(desk->lab.store, node.collection,
	                                 node_key(&node), &record),
	                 0);
	value = value_dict_get(record.fields, "access_count");
	if (value)
		assert_int_equal(value_to_int(value, &count), 0);
	record_release(&record);
	node_release(&node);
	return count;
}

static void wait_for(struct desk *desk, const char *path, int64_t count)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
		if (counted(desk, path) == count)
			return;
		nanosleep(&pause, NULL);
	}
	assert_int_equal(counted(desk, path), count);
}

/* Without asking the store, which is to fail for another. */
static void wait_until_told(struct desk *desk)
{
	const struct timespec pause = { .tv_nsec = 10000000 };

	for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
		if (atomic_load(&desk->told))
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("nothing was written");
}

static void opens_of_a_record_are_added_up(void **state)
{
	struct desk *desk = *state;

	assert_int_equal(lab_write_array(&desk->lab, "wm/a.npy", 3, 1), 0);
	assert_int_equal(lab_write_array(&desk->lab, "wm/b.npy", 3, 1), 0);
	note(desk, "wm/a.npy");
	note(desk, "wm/b.npy");
	note(desk, "wm/a.npy");
	wait_for(desk, "wm/a.npy", 2);
	wait_for(desk, "wm/b.npy", 1);
	stop(desk);
	assert_true(atomic_load(&desk->told) >= 2);
}

static void the_end_writes_what_is_left_and_tells_nobody(void **state)
{
	struct desk *desk = *state;

	assert_int_equal(lab_write_array(&desk->lab, "wm/a.npy", 3, 1), 0);
	note(desk, "wm/a.npy");
	stop(desk);
	assert_int_equal(counted(desk, "wm/a.npy"), 1);
	assert_int_equal(atomic_load(&desk->told), 0);
}

static void what_failed_is_written_later(void **state)
{
	struct desk *desk = *state;

	assert_int_equal(lab_write_array(&desk->lab, "wm/a.npy", 3, 1), 0);
	mem_fail_next(desk->lab.store, EIO);
	note(desk, "wm/a.npy");
	wait_until_told(desk);
	assert_int_equal(counted(desk, "wm/a.npy"), 1);
}

static void what_cannot_be_written_is_forgotten(void **state)
{
	struct desk *desk = *state;

	assert_int_equal(lab_write_array(&desk->lab, "wm/a.npy", 3, 1), 0);
	note(desk, "wm/a.npy");
	mem_fail_next(desk->lab.store, EROFS);
	stop(desk);
	assert_int_equal(counted(desk, "wm/a.npy"), 0);
}

static void many_records_take_several_calls(void **state)
{
	struct desk *desk = *state;
	char path[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "wm/%d.npy", i);
		assert_int_equal(lab_write_array(&desk->lab, path, 1, 1), 0);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "wm/%d.npy", i);
		note(desk, path);
	}
	stop(desk);
	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "wm/%d.npy", i);
		assert_int_equal(counted(desk, path), 1);
	}
}

static void only_arrays_with_counters_count(void **state)
{
	struct desk *desk = *state;

	assert_int_equal(lab_write_array(&desk->lab, "wm/a.npy", 3, 1), 0);
	assert_int_equal(lab_write_array(&desk->lab, "episodes/4.npy", 3, 1),
	                 0);
	note(desk, "wm/a.json");
	note(desk, "wm");
	note(desk, "episodes/4.npy");
	stop(desk);
	assert_int_equal(counted(desk, "wm/a.npy"), 0);
	assert_int_equal(counted(desk, "episodes/4.npy"), 0);
}

static void a_record_that_was_removed_stays_removed(void **state)
{
	struct desk *desk = *state;

	note(desk, "wm/gone.npy");
	stop(desk);
	assert_false(lab_exists(&desk->lab, "wm/gone.npy"));
}

static void nobody_has_to_count(void **state)
{
	struct desk *desk = *state;

	stop(desk);
	note(desk, "wm/a.npy");
	accesses_stop(NULL);
}

#define CASE(function)                                                         \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(opens_of_a_record_are_added_up),
		CASE(the_end_writes_what_is_left_and_tells_nobody),
		CASE(what_failed_is_written_later),
		CASE(what_cannot_be_written_is_forgotten),
		CASE(many_records_take_several_calls),
		CASE(only_arrays_with_counters_count),
		CASE(a_record_that_was_removed_stays_removed),
		CASE(nobody_has_to_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
