/* SPDX-License-Identifier: MIT */
/* What is written while a storage is away.  The storage is mem; what Redis has
 * for it is in test_redis_outage.c. */
#include "tests/outage_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static void what_is_written_while_away_is_there(void **state)
{
	struct outage_lab *lab = *state;
	struct record_list found = { 0 };

	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put(lab, "a", 1), 0);
	assert_int_equal(outage_lab_try_get(lab->store, "a"), 0);
	assert_true(outage_lab_number_in(lab->store, "a") == 1);
	assert_int_equal(outage_lab_list(lab, &found), 0);
	assert_int_equal(found.count, 1);
	record_list_release(&found);
	assert_true(outage_lab_figures_of(lab).away);
	assert_int_equal(outage_lab_figures_of(lab).changes, 1);
}

static void what_nobody_knows_is_an_error(void **state)
{
	struct outage_lab *lab = *state;
	struct record_list found = { 0 };

	assert_int_equal(outage_lab_put(lab, "a", 1), 0);
	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_try_get(lab->store, "a"), -EIO);
	assert_int_equal(outage_lab_try_get(lab->store, "b"), -EIO);
	assert_int_equal(outage_lab_list(lab, &found), -EIO);
	record_list_release(&found);
	assert_true(outage_takes_unknown(lab->store));
}

static void changes_arrive_in_their_order(void **state)
{
	struct outage_lab *lab = *state;

	mem_set_away(lab->inner, true);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(outage_lab_put(lab, "a", i), 0);
		assert_int_equal(outage_lab_put(lab, "b", -i), 0);
	}
	assert_int_equal(outage_lab_figures_of(lab).changes, 40);
	mem_set_away(lab->inner, false);
	outage_lab_wait_until_delivered(lab);
	assert_true(outage_lab_number_in(lab->inner, "a") == 19);
	assert_true(outage_lab_number_in(lab->inner, "b") == -19);
	assert_true(outage_lab_number_in(lab->store, "a") == 19);
	assert_int_equal(outage_lab_refusals(lab), 0);
}

static void an_outage_begins_and_ends_once(void **state)
{
	struct outage_lab *lab = *state;

	mem_set_away(lab->inner, true);
	for (int i = 0; i < 5; i++)
		assert_int_equal(outage_lab_put(lab, "a", i), 0);
	mem_set_away(lab->inner, false);
	outage_lab_wait_until_delivered(lab);
	for (int waited = 0; waited < PATIENCE_MS; waited += 10) {
		pthread_mutex_lock(&lab->lock);
		if (lab->ended)
			waited = PATIENCE_MS;
		pthread_mutex_unlock(&lab->lock);
		outage_lab_pause_ms(10);
	}
	assert_int_equal(lab->begun, 1);
	assert_int_equal(lab->ended, 1);
}

static void changes_outlive_the_store(void **state)
{
	struct outage_lab *lab = *state;
	struct record record = { 0 };

	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put(lab, "a", 4), 0);
	assert_int_equal(
	    outage_lab_put_fields(lab, "a", "{\"metadata\": {\"n\": 1}}"), 0);
	outage_lab_close_store(lab);
	outage_lab_make_inner(lab);
	mem_set_away(lab->inner, true);
	outage_lab_open_store(lab);
	assert_true(outage_lab_number_in(lab->store, "a") == 4);
	mem_set_away(lab->inner, false);
	outage_lab_wait_until_delivered(lab);
	assert_true(outage_lab_number_in(lab->inner, "a") == 4);
	assert_int_equal(lab->inner->backend->get(lab->inner, lab->wm,
	                                          outage_lab_key_of("a"),
	                                          &record),
	                 0);
	assert_int_equal(value_dict_get(record.fields, "metadata")->dict.count,
	                 1);
	record_release(&record);
}

static void a_time_to_live_runs_in_the_spool(void **state)
{
	struct outage_lab *lab = *state;
	int waited = 0;

	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put_number(lab->store, lab->wm, "a", 1,
	                                       change_now_ms() + 300),
	                 0);
	assert_int_equal(outage_lab_try_get(lab->store, "a"), 0);
	while (outage_lab_try_get(lab->store, "a") == 0 &&
	       waited < PATIENCE_MS) {
		outage_lab_pause_ms(10);
		waited += 10;
	}
	assert_int_equal(outage_lab_try_get(lab->store, "a"), -ENOENT);
	mem_set_away(lab->inner, false);
	outage_lab_wait_until_delivered(lab);
	assert_int_equal(outage_lab_try_get(lab->inner, "a"), -ENOENT);
	assert_int_equal(outage_lab_refusals(lab), 0);
}

static void a_new_record_lives_from_when_it_was_written(void **state)
{
	struct outage_lab *lab = *state;
	int64_t before = change_now_ms();
	int64_t accepted;
	struct record record = { 0 };

	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put_fields(lab, "a", "{}"), 0);
	accepted = change_now_ms();
	outage_lab_pause_ms(50);
	mem_set_away(lab->inner, false);
	outage_lab_wait_until_delivered(lab);
	assert_int_equal(lab->inner->backend->get(lab->inner, lab->wm,
	                                          outage_lab_key_of("a"),
	                                          &record),
	                 0);
	assert_true(record.expires_ms >= before + lab->wm->ttl * 1000LL);
	assert_true(record.expires_ms <= accepted + lab->wm->ttl * 1000LL);
	record_release(&record);
}

static void removals_and_renames_arrive(void **state)
{
	struct outage_lab *lab = *state;
	struct store *store = lab->store;

	assert_int_equal(outage_lab_put(lab, "old", 1), 0);
	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_drop(lab, "old", true), 0);
	assert_int_equal(outage_lab_try_get(store, "old"), -EIO);
	assert_int_equal(outage_lab_drop(lab, "old", false), 0);
	assert_int_equal(outage_lab_try_get(store, "old"), -ENOENT);
	assert_int_equal(outage_lab_put(lab, "a", 2), 0);
	assert_int_equal(
	    store->backend->rename(store, lab->wm, outage_lab_key_of("a"),
	                           outage_lab_key_of("b"), RENAME_REPLACE),
	    0);
	assert_int_equal(outage_lab_try_get(store, "a"), -ENOENT);
	assert_true(outage_lab_number_in(store, "b") == 2);
	assert_int_equal(
	    store->backend->rename(store, lab->wm, outage_lab_key_of("x"),
	                           outage_lab_key_of("y"), RENAME_REPLACE),
	    -EIO);
	mem_set_away(lab->inner, false);
	outage_lab_wait_until_delivered(lab);
	assert_int_equal(outage_lab_try_get(lab->inner, "old"), -ENOENT);
	assert_int_equal(outage_lab_try_get(lab->inner, "a"), -ENOENT);
	assert_true(outage_lab_number_in(lab->inner, "b") == 2);
}

static void what_another_wrote_later_stays(void **state)
{
	struct outage_lab *lab = *state;

	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put(lab, "a", 1), 0);
	outage_lab_close_store(lab);
	outage_lab_make_inner(lab);
	outage_lab_pause_ms(5);
	assert_int_equal(
	    outage_lab_put_number(lab->inner, lab->wm, "a", 2, EXPIRES_KEEP),
	    0);
	outage_lab_open_store(lab);
	outage_lab_wait_until_delivered(lab);
	assert_true(outage_lab_number_in(lab->inner, "a") == 2);
	assert_int_equal(outage_lab_refusals(lab), 1);
	assert_int_equal(lab->cause, -ESTALE);
	assert_true(lab->refused_bytes > 8);
}

static void what_another_wrote_later_is_not_removed_or_renamed(void **state)
{
	struct outage_lab *lab = *state;
	struct store *store = lab->store;

	assert_int_equal(outage_lab_put(lab, "a", 1), 0);
	mem_set_away(lab->inner, true);
	assert_int_equal(
	    store->backend->remove(store, lab->wm, outage_lab_key_of("a")), 0);
	assert_int_equal(outage_lab_put(lab, "b", 2), 0);
	assert_int_equal(
	    store->backend->rename(store, lab->wm, outage_lab_key_of("b"),
	                           outage_lab_key_of("c"), RENAME_REPLACE),
	    0);
	outage_lab_close_store(lab);
	outage_lab_make_inner(lab);
	outage_lab_pause_ms(5);
	assert_int_equal(
	    outage_lab_put_number(lab->inner, lab->wm, "a", 3, EXPIRES_KEEP),
	    0);
	assert_int_equal(
	    outage_lab_put_number(lab->inner, lab->wm, "b", 4, EXPIRES_KEEP),
	    0);
	outage_lab_open_store(lab);
	outage_lab_wait_until_delivered(lab);
	assert_true(outage_lab_number_in(lab->inner, "a") == 3);
	assert_true(outage_lab_number_in(lab->inner, "b") == 4);
	assert_int_equal(outage_lab_try_get(lab->inner, "c"), -ENOENT);
	assert_int_equal(outage_lab_refusals(lab), 3);
	assert_int_equal(lab->cause, -ESTALE);
}

static void what_was_there_before_is_replaced(void **state)
{
	struct outage_lab *lab = *state;

	assert_int_equal(outage_lab_put(lab, "a", 1), 0);
	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put(lab, "a", 2), 0);
	mem_set_away(lab->inner, false);
	outage_lab_wait_until_delivered(lab);
	assert_true(outage_lab_number_in(lab->inner, "a") == 2);
	assert_int_equal(outage_lab_refusals(lab), 0);
}

#define OUTAGE_TEST(function)                                                  \
	cmocka_unit_test_setup_teardown(function, outage_lab_set_up,           \
	                                outage_lab_tear_down)

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
		OUTAGE_TEST(what_another_wrote_later_is_not_removed_or_renamed),
		OUTAGE_TEST(what_was_there_before_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
