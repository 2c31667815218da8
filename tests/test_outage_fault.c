/* SPDX-License-Identifier: MIT */
/*
 * What one call or allocation that fails does to changes that are handed on
 * after an outage: the first, the second, ... to the last.  Of the allocations a
 * part is tried; ENGRAMFS_FAULTS=all tries all of them.
 *
 * All changes are made all the same, once, and nothing of them is left.  Those
 * that are refused reach the user, or stay in the spool as files put aside.
 */
#include "tests/fault.h"
#include "tests/outage_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backends/json.h"
#include "layout/spool.h"
#include "layout/tree.h"

#define STRIDE 7 /* of the allocations that are tried, unless all are */

/* ---- changes that wait are tried again at once ---- */

static atomic_bool held;
static atomic_bool parked;

int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until);

static int wait_a_moment(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	struct timespec soon;

	clock_gettime(CLOCK_MONOTONIC, &soon);
	soon.tv_nsec += 1000000;
	soon.tv_sec += soon.tv_nsec / 1000000000;
	soon.tv_nsec %= 1000000000;
	return __real_pthread_cond_timedwait(cond, mutex, &soon);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
	int rc = wait_a_moment(cond, mutex);

	(void)until;
	while (atomic_load(&held)) {
		atomic_store(&parked, true);
		rc = wait_a_moment(cond, mutex);
	}
	atomic_store(&parked, false);
	return rc;
}

/* The thread of the store does nothing until it is released. */
static void hold(void)
{
	atomic_store(&held, true);
	while (!atomic_load(&parked))
		outage_lab_pause_ms(1);
}

static void release(void)
{
	atomic_store(&held, false);
}

/* ---- the spool ---- */

static void open_spool(struct outage_lab *lab, int *out)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/spool/outage/mem", lab->scratch.path);
	*out = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(*out >= 0);
}

/* How many names end with SUFFIX; the last of them. */
static int count_files(struct outage_lab *lab, const char *suffix,
                       char name[256])
{
	const struct dirent *entry;
	DIR *stream;
	int count = 0;
	int fd;

	open_spool(lab, &fd);
	stream = fdopendir(fd);
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

/* Of the only change that waits. */
static void damage_change(struct outage_lab *lab)
{
	char name[256];
	int directory;
	int fd;

	assert_int_equal(count_files(lab, "", name), 1);
	open_spool(lab, &directory);
	fd = openat(directory, name, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "?", 1, 100), 1);
	close(fd);
	close(directory);
}

/* ---- what is done ---- */

static void put_all(struct outage_lab *lab)
{
	assert_int_equal(outage_lab_put(lab, "a", 1), 0);
	assert_int_equal(
	    outage_lab_put_fields(lab, "a", "{\"metadata\": {\"n\": [1]}}"), 0);
	assert_int_equal(outage_lab_put(lab, "b", 2), 0);
}

static void put_anew(struct outage_lab *lab)
{
	assert_int_equal(outage_lab_put(lab, "a", 3), 0);
	assert_int_equal(outage_lab_put_fields(lab, "b", "{}"), 0);
	assert_int_equal(outage_lab_put(lab, "a", 4), 0);
}

static void drop_parts(struct outage_lab *lab)
{
	assert_int_equal(outage_lab_drop(lab, "a", true), 0);
	assert_int_equal(outage_lab_drop(lab, "b", false), 0);
	assert_int_equal(outage_lab_drop(lab, "b", true), 0);
}

static void remove_one(struct outage_lab *lab)
{
	assert_int_equal(lab->store->backend->remove(lab->store, lab->wm,
	                                             outage_lab_key_of("a")),
	                 0);
}

static void rename_one(struct outage_lab *lab)
{
	assert_int_equal(outage_lab_put(lab, "c", 5), 0);
	assert_int_equal(lab->store->backend->rename(
			     lab->store, lab->wm, outage_lab_key_of("c"),
			     outage_lab_key_of("a"), RENAME_REPLACE),
	                 0);
}

/* Another program writes the same a moment later. */
static void come_too_late(struct outage_lab *lab)
{
	assert_int_equal(outage_lab_put(lab, "a", 6), 0);
	outage_lab_pause_ms(2);
	hold();
	mem_set_away(lab->inner, false);
	assert_int_equal(
	    outage_lab_put_number(lab->inner, lab->wm, "a", 7, EXPIRES_KEEP),
	    0);
	mem_set_away(lab->inner, true);
	release();
}

static void come_too_late_for_all(struct outage_lab *lab)
{
	lab->answer = -ENOSPC;
	come_too_late(lab);
}

static void be_damaged(struct outage_lab *lab)
{
	assert_int_equal(outage_lab_put(lab, "a", 8), 0);
	damage_change(lab);
}

struct act {
	const char *name;
	void (*before)(struct outage_lab *lab);
	void (*run)(struct outage_lab *lab); /* while it is away */
};

static const struct act acts[] = {
	{ "make records", NULL, put_all },
	{ "change records", put_all, put_anew },
	{ "remove parts", put_all, drop_parts },
	{ "remove a record", put_all, remove_one },
	{ "rename a record", put_all, rename_one },
	{ "refuse a change", put_all, come_too_late },
	{ "keep a refused change", put_all, come_too_late_for_all },
	{ "put a damaged change aside", NULL, be_damaged },
};

struct mishap {
	const char *name;
	struct fault fault;
};

static const struct mishap mishaps[] = {
	{
	    "no memory",
	    { .calls = FAULT_ALLOCATIONS,
	      .effect = FAULT_FAIL,
	      .error = ENOMEM },
	},
	{ "no descriptor",
	  { .calls = FAULT_OPENS, .effect = FAULT_FAIL, .error = EMFILE } },
	{ "a broken disk",
	  { .calls = FAULT_WRITES | FAULT_NAMES,
	    .effect = FAULT_FAIL,
	    .error = EIO } },
	{ "a broken disk, reading",
	  { .calls = FAULT_READS, .effect = FAULT_FAIL, .error = EIO } },
	{ "a short read", { .calls = FAULT_READS, .effect = FAULT_PART } },
};

/* ---- what came of it ---- */

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

static void dump_store(struct outage_lab *lab, struct store *store,
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

/* Who could not keep the bytes of a refusal may be told again. */
static void dump_all(struct outage_lab *lab, struct blob *out)
{
	int refused = lab->refused ? lab->refused : 1;
	char name[256];

	dump_store(lab, lab->inner, out);
	blob_append_text(out, "--\n");
	dump_store(lab, lab->store, out);
	blob_printf(out, "refused: %s, %zu bytes; aside: %d\n",
	            lab->refused ? "yes" : "no",
	            lab->refused_bytes / (size_t)refused,
	            count_files(lab, ".bad", name));
}

/* ---- trials ---- */

static bool is_done(struct outage_lab *lab)
{
	struct outage_figures figures = outage_lab_figures_of(lab);

	return figures.changes == 0 && !figures.away;
}

static bool has_no_files(struct outage_lab *lab)
{
	char name[256];

	return count_files(lab, "", name) == 0;
}

static void wait_until(struct outage_lab *lab,
                       bool (*is_so)(struct outage_lab *lab))
{
	for (int waited = 0; !is_so(lab); waited++) {
		assert_true(waited < PATIENCE_MS);
		outage_lab_pause_ms(1);
	}
}

/* How many calls went wrong. */
static long run_act(const struct act *act, const struct fault *fault,
                    struct blob *out)
{
	void *state = NULL;
	struct outage_lab *lab;
	long hits;

	assert_int_equal(outage_lab_set_up(&state), 0);
	lab = state;
	if (act->before)
		act->before(lab);
	mem_set_away(lab->inner, true);
	act->run(lab);
	fault_arm(fault);
	mem_set_away(lab->inner, false);
	wait_until(lab, is_done);
	fault_disarm();
	hits = fault_hits();
	wait_until(lab, has_no_files);
	dump_all(lab, out);
	assert_int_equal(outage_lab_tear_down(&state), 0);
	return hits;
}

/* As test_fault.c. */
static long stride_of(const struct fault *fault)
{
	const char *all = getenv("ENGRAMFS_FAULTS");

	return fault->calls & FAULT_ALLOCATIONS &&
	               !(all && strcmp(all, "all") == 0)
	           ? STRIDE
	           : 1;
}

static void try_all(const struct act *act, const struct mishap *mishap)
{
	struct fault fault = mishap->fault;
	struct blob wanted = { 0 };
	struct blob found = { 0 };
	long allocated = fault_allocated();
	long stride = stride_of(&fault);
	long hits;

	fault.everywhere = true;
	fault.at = -1;
	assert_int_equal(run_act(act, &fault, &wanted), 0);
	fault.at = (act - acts) % stride;
	do {
		hits = run_act(act, &fault, &found);
		if (!blob_equal(&wanted, &found))
			fail_msg(
			    "%s, %s, call %ld\n--- wanted\n%s--- found\n%s",
			    act->name, mishap->name, fault.at, wanted.data,
			    found.data);
		blob_release(&found);
		fault.at += stride;
	} while (hits);
	blob_release(&wanted);
	assert_int_equal(fault_allocated(), allocated);
}

static void changes_arrive_whatever_fails_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		for (size_t k = 0; k < sizeof(mishaps) / sizeof(mishaps[0]);
		     k++)
			try_all(&acts[i], &mishaps[k]);
}

static const struct fault unreadable = { .calls = FAULT_READS,
	                                 .effect = FAULT_FAIL,
	                                 .error = EIO,
	                                 .everywhere = true,
	                                 .stays = true };

static void what_can_never_be_read_is_put_aside(void **state)
{
	struct outage_lab *lab = *state;
	char name[256];

	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put(lab, "a", 1), 0);
	assert_int_equal(outage_lab_put(lab, "b", 2), 0);
	fault_arm(&unreadable);
	mem_set_away(lab->inner, false);
	wait_until(lab, is_done);
	fault_disarm();
	assert_int_equal(outage_lab_refusals(lab), 2);
	assert_int_equal(count_files(lab, ".bad", name), 2);
	assert_int_equal(outage_lab_try_get(lab->inner, "a"), -ENOENT);
}

static void what_somebody_removed_keeps_nothing_waiting(void **state)
{
	struct outage_lab *lab = *state;
	char name[256];
	int fd;

	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put(lab, "a", 1), 0);
	assert_int_equal(count_files(lab, "", name), 1);
	assert_int_equal(outage_lab_put(lab, "b", 2), 0);
	open_spool(lab, &fd);
	assert_int_equal(unlinkat(fd, name, 0), 0);
	close(fd);
	mem_set_away(lab->inner, false);
	wait_until(lab, is_done);
	assert_int_equal(outage_lab_refusals(lab), 1);
	assert_int_equal(outage_lab_try_get(lab->inner, "a"), -ENOENT);
	assert_true(outage_lab_number_in(lab->inner, "b") == 2);
}

static int rename_without_memory(struct outage_lab *lab, long at)
{
	const struct fault fault = { .calls = FAULT_ALLOCATIONS,
		                     .effect = FAULT_FAIL,
		                     .error = ENOMEM,
		                     .at = at };
	int rc;

	fault_arm(&fault);
	rc = lab->store->backend->rename(lab->store, lab->wm,
	                                 outage_lab_key_of("a"),
	                                 outage_lab_key_of("c"), RENAME_KEEP);
	fault_disarm();
	return rc;
}

static void a_rename_that_was_not_spooled_changes_nothing(void **state)
{
	struct outage_lab *lab = *state;
	struct blob before = { 0 };
	struct blob after = { 0 };
	long at = 0;

	mem_set_away(lab->inner, true);
	put_all(lab);
	dump_store(lab, lab->store, &before);
	while (rename_without_memory(lab, at) == -ENOMEM) {
		dump_store(lab, lab->store, &after);
		assert_string_equal(after.data, before.data);
		blob_release(&after);
		at++;
	}
	assert_true(at > 0);
	assert_true(outage_lab_number_in(lab->store, "c") == 1);
	blob_release(&before);
}

static void read_owner(struct outage_lab *lab, struct blob *out)
{
	assert_true(scratch_read(&lab->scratch, "spool/outage/mem/owner", out));
}

/* A new name would have changes made again that were made. */
static void the_name_of_the_store_stays_when_it_cannot_be_read(void **state)
{
	struct outage_lab *lab = *state;
	const struct outage_options options = { .directory = lab->scratch.path,
		                                .rows = tree_collections };
	struct blob before = { 0 };
	struct blob after = { 0 };

	read_owner(lab, &before);
	outage_lab_close_store(lab);
	outage_lab_make_inner(lab);
	fault_arm(&unreadable);
	assert_int_equal(outage_open(&options, lab->inner, &lab->store), -EIO);
	fault_disarm();
	outage_lab_open_store(lab);
	read_owner(lab, &after);
	assert_true(blob_equal(&before, &after));
	blob_release(&before);
	blob_release(&after);
}

/* For the callback, which is told nothing. */
static struct outage_lab *interrupted;

/* While a change is being written to the spool all others are handed on; then
 * nothing is any more. */
static enum fault_effect hand_on_others(unsigned int call, int *error)
{
	struct outage_lab *lab = interrupted;

	(void)call;
	(void)error;
	interrupted = NULL;
	if (lab) {
		mem_set_away(lab->inner, false);
		wait_until(lab, is_done);
		mem_set_read_only(lab->inner, true);
	}
	return FAULT_NONE;
}

static void what_was_handed_on_meanwhile_is_seen_behind_a_change(void **state)
{
	struct outage_lab *lab = *state;
	const struct fault fault = { .calls = FAULT_WRITES,
		                     .choose = hand_on_others };

	assert_int_equal(outage_lab_put(lab, "a", 7), 0);
	mem_set_away(lab->inner, true);
	assert_int_equal(outage_lab_put_fields(lab, "a", "{}"), 0);
	interrupted = lab;
	fault_arm(&fault);
	assert_int_equal(
	    outage_lab_put_fields(lab, "a", "{\"metadata\": {\"n\": 2}}"), 0);
	fault_disarm();
	assert_null(interrupted);
	assert_int_equal(outage_lab_figures_of(lab).changes, 1);
	assert_true(outage_lab_number_in(lab->store, "a") == 7);
}

static int reject_with_fault(struct spool *spool, long at)
{
	const struct fault fault = { .calls = FAULT_WRITES,
		                     .effect = FAULT_FAIL,
		                     .error = EIO,
		                     .at = at };
	const struct refusal refusal = { .path = "wm/a.npy",
		                         .bytes = "bytes",
		                         .size = 5,
		                         .cause = -ESTALE,
		                         .reason = "late",
		                         .lasting = true };
	int rc;

	fault_arm(&fault);
	rc = spool_reject(spool, &refusal, NULL);
	fault_disarm();
	return rc;
}

/* The change in the spool goes for it. */
static void what_is_refused_has_reached_the_disk(void **state)
{
	struct outage_lab *lab = *state;
	struct spool spool;
	long at = 0;

	assert_int_equal(spool_open(lab->scratch.path, false, &spool, NULL), 0);
	while (reject_with_fault(&spool, at) == -EIO)
		at++;
	/* Two files are opened, written and synced, and the directory is. */
	assert_int_equal(at, 7);
	spool_close(&spool);
}

#define OUTAGE_TEST(function)                                                  \
	cmocka_unit_test_setup_teardown(function, outage_lab_set_up,           \
	                                outage_lab_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_arrive_whatever_fails_once),
		OUTAGE_TEST(what_can_never_be_read_is_put_aside),
		OUTAGE_TEST(what_somebody_removed_keeps_nothing_waiting),
		OUTAGE_TEST(a_rename_that_was_not_spooled_changes_nothing),
		OUTAGE_TEST(
		    what_was_handed_on_meanwhile_is_seen_behind_a_change),
		OUTAGE_TEST(what_is_refused_has_reached_the_disk),
		OUTAGE_TEST(the_name_of_the_store_stays_when_it_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
