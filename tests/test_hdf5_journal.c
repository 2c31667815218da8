/* SPDX-License-Identifier: MIT */
/*
 * A process that changes the store ends at its first call that writes, at its
 * second, and so on to the last.  The next process finds what was, or what was
 * to be; and what is found when the change was acknowledged is the latter.
 * libhdf5 never runs in the process of the test itself, which only forks.
 */
#include "tests/hdf5_bench.h"
#include "tests/verify_help.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/hdf5_internal.h"
#include "backends/journal.h"

#define COUNT 3000 /* doubles of a record: some pages */
#define KEYS 3

/* How a process ends. */
enum { DONE, ENDED_BEFORE, ENDED_AFTER, FAILED };

static struct {
	int left; /* calls before the process ends */
	bool acknowledged;
	bool full; /* instead of ending, all of them fail */
} calls;

static int call(void)
{
	if (calls.left-- > 0)
		return 0;
	if (!calls.full)
		_exit(calls.acknowledged ? ENDED_AFTER : ENDED_BEFORE);
	calls.left = 0;
	errno = ENOSPC;
	return -1;
}

static ssize_t counted_pwrite(int fd, const void *data, size_t size,
                              off_t offset)
{
	return call() ? -1 : pwrite(fd, data, size, offset);
}

static int counted_ftruncate(int fd, off_t size)
{
	return call() ? -1 : ftruncate(fd, size);
}

static int counted_fdatasync(int fd)
{
	(void)fd;
	return call();
}

static const struct journal_io counted = { counted_pwrite, counted_ftruncate,
	                                   counted_fdatasync };

static const struct collection *snapshots(void)
{
	return bench_collection("network_states", RECORD_DIRECTORY);
}

/* Doubles that are all NUMBER. */
static int put(struct store *store, const char *key, double number)
{
	struct array array;
	struct change change = { .array_action = PART_SET,
		                 .array_name = "weights",
		                 .array = &array,
		                 .array_mtime = { .tv_nsec = UTIME_NOW },
		                 .expires_ms = EXPIRES_KEEP };
	double *numbers;
	int rc;

	bench_doubles(&array, COUNT, 0);
	numbers = (double *)array.owned.data;
	for (size_t i = 0; i < COUNT; i++)
		numbers[i] = number;
	rc =
	    hdf5_backend.put(store, snapshots(), bench_key(key), &change, NULL);
	array_release(&array);
	return rc;
}

static int rename_key(struct store *store, enum rename_mode mode,
                      const char *from, const char *to)
{
	return hdf5_backend.rename(store, snapshots(), bench_key(from),
	                           bench_key(to), mode);
}

static int make_c(struct store *store)
{
	return put(store, "c", 3);
}

static int replace_a(struct store *store)
{
	return put(store, "a", 4);
}

static int remove_a(struct store *store)
{
	return hdf5_backend.remove(store, snapshots(), bench_key("a"));
}

static int rename_a(struct store *store)
{
	return rename_key(store, RENAME_REPLACE, "a", "b");
}

static int swap(struct store *store)
{
	return rename_key(store, RENAME_SWAP, "a", "b");
}

/* What the keys a, b and c have afterwards; 0: there is no such record. */
static const struct operation {
	const char *name;
	int (*act)(struct store *store);
	int after[KEYS];
} operations[] = {
	{ "make", make_c, { 1, 2, 3 } },
	{ "replace", replace_a, { 4, 2, 0 } },
	{ "remove", remove_a, { 0, 2, 0 } },
	{ "rename", rename_a, { 0, 1, 0 } },
	{ "swap", swap, { 2, 1, 0 } },
};

static const int before[KEYS] = { 1, 2, 0 };

/* -1: it is neither whole nor absent. */
static int number_of(struct store *store, const char *key)
{
	struct reader *reader = NULL;
	double numbers[COUNT];
	int rc = hdf5_backend.open_array(store, snapshots(), bench_key(key),
	                                 "weights", &reader);

	if (rc)
		return rc == -ENOENT ? 0 : -1;
	if (reader->size != sizeof(numbers) ||
	    reader->ops->read(reader, 0, numbers, sizeof(numbers)) !=
	        (ssize_t)sizeof(numbers))
		numbers[0] = -1;
	reader->ops->close(reader);
	for (size_t i = 1; i < COUNT; i++)
		if (numbers[i] != numbers[0])
			return -1;
	return (int)numbers[0];
}

static bool holds(struct store *store, const int wanted[KEYS])
{
	static const char *const keys[KEYS] = { "a", "b", "c" };

	for (int i = 0; i < KEYS; i++)
		if (number_of(store, keys[i]) != wanted[i])
			return false;
	return true;
}

static struct store *open_store(const struct bench *bench)
{
	struct store *store;
	char why[WHY_SIZE];

	if (hdf5_backend.open(bench->directory, &bench->settings, &store, why))
		_exit(FAILED);
	return store;
}

/* The functions below run in a process of their own and return how it ends.
 */
typedef int process_fn(const struct bench *bench, const struct operation *);

static int fill(const struct bench *bench, const struct operation *operation)
{
	struct store *store = open_store(bench);
	int rc = put(store, "a", before[0]);

	(void)operation;
	if (rc == 0)
		rc = put(store, "b", before[1]);
	hdf5_backend.close(store);
	return rc ? FAILED : DONE;
}

static int act(const struct bench *bench, const struct operation *operation)
{
	struct store *store = open_store(bench);
	int rc;

	journal_set_io(hdf5_file_journal(hdf5_store(store)->file), &counted);
	rc = operation->act(store);
	if (rc && (!calls.full || rc != -ENOSPC))
		return FAILED;
	calls.acknowledged = rc == 0;
	hdf5_backend.close(store);
	return rc ? ENDED_BEFORE : DONE;
}

/* ENDED_BEFORE, ENDED_AFTER: what was, and what was to be, is there. */
static int look(const struct bench *bench, const struct operation *operation)
{
	struct store *store = open_store(bench);
	int found = FAILED;

	if (store_is_sound(store) && holds(store, before))
		found = ENDED_BEFORE;
	else if (store_is_sound(store) && holds(store, operation->after))
		found = ENDED_AFTER;
	return found; /* closing would sync, which takes time */
}

static int run(process_fn *fn, const struct bench *bench,
               const struct operation *operation)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(fn(bench, operation));
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

static void keep_for_h5py(const struct bench *bench, const char *name, int at)
{
	struct blob bytes = { 0 };
	char path[200];

	snprintf(path, sizeof(path), "%s/%s-%d.h5", bench->directory, name, at);
	bench_read_file(bench->file, &bytes);
	bench_write_file(path, &bytes);
	blob_release(&bytes);
}

/* End OPERATION at call AT.  How it has ended. */
static int try_at(const struct bench *bench, const struct operation *operation,
                  const struct blob *file, int at)
{
	int ended;
	int found;

	bench_write_file(bench->file, file);
	calls.left = at;
	ended = run(act, bench, operation);
	found = run(look, bench, operation);
	if (ended == FAILED || found == FAILED ||
	    (found == ENDED_BEFORE && ended != ENDED_BEFORE))
		fail_msg("%s, call %d: ended %d, found %d", operation->name, at,
		         ended, found);
	keep_for_h5py(bench, operation->name, at);
	return ended;
}

static void try_all(void **state, bool full)
{
	struct bench *bench = *state;
	struct blob file = { 0 };
	int trials = 0;

	bench->settings.hdf5.sync_commits = true; /* by counted_fdatasync */
	calls.full = full;
	assert_int_equal(run(fill, bench, NULL), DONE);
	bench_read_file(bench->file, &file);
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		int at = 0;

		while (try_at(bench, &operations[i], &file, at) != DONE)
			at++;
		assert_true(at > 5);
		trials += at;
	}
	print_message("%d calls\n", trials);
	blob_release(&file);
	assert_int_equal(bench_peer(bench, "read_all", "%s", bench->directory),
	                 0);
}

static void an_end_at_any_call_leaves_the_old_or_the_new_record(void **state)
{
	try_all(state, false);
}

static void a_disk_full_from_any_call_on_leaves_the_old_record(void **state)
{
	try_all(state, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    an_end_at_any_call_leaves_the_old_or_the_new_record,
		    bench_set_up, bench_tear_down),
		cmocka_unit_test_setup_teardown(
		    a_disk_full_from_any_call_on_leaves_the_old_record,
		    bench_set_up, bench_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
