/* SPDX-License-Identifier: MIT */
#include "tests/sqlite_tests.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Databases: new, foreign, locked, full, and of others. */

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static bool has_file(const struct lab *lab, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", lab->directory, name);
	return access(path, F_OK) == 0;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void a_new_store_has_the_schema_of_the_classes(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_truth(lab, "schema", LEGACY, NULL), 0);
	assert_int_equal(
	    lab_truth(lab, "query", "PRAGMA journal_mode", "[[\"wal\"]]", NULL),
	    0);
	lab_close(lab);
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_truth(lab, "schema", LEGACY, NULL), 0);
}

static void without_wal_the_journal_stays_as_it_is(void **state)
{
	struct lab *lab = *state;

	lab->settings.sqlite.enable_wal = false;
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_concepts(), "a", "", 3), 0);
	assert_int_equal(lab_truth(lab, "query", "PRAGMA journal_mode",
	                           "[[\"delete\"]]", NULL),
	                 0);
	assert_int_equal(sqlite_backend.sync(lab->store), 0);
}

static void nothing_is_added_to_an_existing_database(void **state)
{
	struct lab *lab = *state;

	lab_use_legacy(lab);
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_concepts(), "a", "", 3), 0);
	assert_int_equal(lab_truth(lab, "query",
	                           "SELECT count(*), "
	                           "sum(length(coalesce(sql, ''))) "
	                           "FROM sqlite_master",
	                           "[[20, 2689]]", NULL),
	                 0);
}

static void what_is_no_database_is_refused(void **state)
{
	struct lab *lab = *state;

	write_text(lab->database, "this is a text, and a long one, so that "
	                          "it has a whole header's length at least: "
	                          "one hundred bytes");
	assert_int_equal(lab_open(lab), -EINVAL);
	assert_non_null(strstr(lab->why, "godly_ai.db"));
	assert_non_null(strstr(lab->why, "not a database"));
}

static void a_database_of_something_else_is_refused(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(
	    lab_truth(lab, "run", "CREATE TABLE photos (id)", NULL), 0);
	assert_int_equal(lab_open(lab), -EINVAL);
	assert_non_null(strstr(lab->why, "episodes"));
	assert_int_equal(lab_truth(lab, "query",
	                           "SELECT name FROM sqlite_master",
	                           "[[\"photos\"]]", NULL),
	                 0);
}

static void a_database_that_cannot_be_made_is_explained(void **state)
{
	struct lab *lab = *state;

	free(lab->settings.sqlite.db_path);
	lab->settings.sqlite.db_path = strdup("no/such/directory/x.db");
	assert_true(lab_open(lab) < 0);
	assert_non_null(strstr(lab->why, "no/such/directory/x.db"));
}

/* Another process that holds a lock until its input ends. */
struct locker {
	pid_t pid;
	int input;
};

static void lock(struct lab *lab, struct locker *locker)
{
	static const char code[] =
	    "import sqlite3, sys\n"
	    "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
	    "c.execute('BEGIN EXCLUSIVE')\n"
	    "print('locked', flush=True)\n"
	    "sys.stdin.read()\n";
	int in[2];
	int out[2];
	char byte;

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	locker->pid = fork();
	assert_true(locker->pid >= 0);
	if (locker->pid == 0) {
		unsetenv("LD_PRELOAD");
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[1]);
		execl("/usr/bin/python3", "python3", "-c", code, lab->database,
		      (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	locker->input = in[1];
	assert_int_equal(read(out[0], &byte, 1), 1);
	close(out[0]);
}

static void unlock(const struct locker *locker)
{
	int status;

	close(locker->input);
	assert_int_equal(waitpid(locker->pid, &status, 0), locker->pid);
	assert_int_equal(status, 0);
}

static void a_lock_of_another_process_is_an_error_in_time(void **state)
{
	struct lab *lab = *state;
	struct backend_status status;
	struct locker locker;
	double before;

	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_concepts(), "a", "", 3), 0);
	lock(lab, &locker);
	before = seconds();
	assert_int_equal(lab_put_array(lab, lab_concepts(), "a", "", 4),
	                 -EBUSY);
	assert_true(seconds() - before < 2);
	sqlite_backend.status(lab->store, &status);
	assert_false(status.healthy);
	assert_non_null(strstr(status.detail, "locked"));
	assert_true(lab_exists(lab, lab_concepts(), "a"));
	unlock(&locker);
	assert_int_equal(lab_put_array(lab, lab_concepts(), "a", "", 5), 0);
	sqlite_backend.status(lab->store, &status);
	assert_true(status.healthy);
	assert_true(status.bytes_used > 0);
}

static void a_locked_database_is_not_waited_for_at_open(void **state)
{
	struct lab *lab = *state;
	struct locker locker;
	double before;

	lab_use_legacy(lab);
	lock(lab, &locker);
	before = seconds();
	assert_true(lab_open(lab) < 0);
	assert_true(seconds() - before < 4);
	assert_non_null(strstr(lab->why, "locked"));
	unlock(&locker);
	assert_int_equal(lab_open(lab), 0);
}

static void no_lock_is_held_while_idle(void **state)
{
	struct lab *lab = *state;
	struct record record;
	struct locker locker;

	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_concepts(), "a", "", 3), 0);
	lab_get(lab, lab_concepts(), "a", &record);
	record_release(&record);
	lock(lab, &locker);
	unlock(&locker);
}

static void changes_of_other_programs_are_seen(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_json(lab, lab_episodes(), "1", "{}"), 0);
	lab_assert_field(lab, lab_episodes(), "1", "context_hash", "''");
	assert_int_equal(lab_truth(lab, "run",
	                           "UPDATE episodes SET context_hash = 'x'",
	                           NULL),
	                 0);
	lab_assert_field(lab, lab_episodes(), "1", "context_hash", "'x'");
	assert_int_equal(lab_truth(lab, "run", "DELETE FROM episodes", NULL),
	                 0);
	assert_false(lab_exists(lab, lab_episodes(), "1"));
}

static void what_may_only_be_read_is_not_written(void **state)
{
	struct lab *lab = *state;
	struct stat before;
	struct stat after;

	lab_use_legacy(lab);
	assert_int_equal(stat(lab->database, &before), 0);
	lab->settings.read_only = true;
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_concepts(), "a", "", 3),
	                 -EROFS);
	assert_int_equal(
	    sqlite_backend.remove(lab->store, lab_episodes(), text_key("1")),
	    -EROFS);
	assert_int_equal(sqlite_backend.rename(lab->store, lab_episodes(),
	                                       text_key("1"), text_key("9"),
	                                       RENAME_KEEP),
	                 -EROFS);
	assert_int_equal(sqlite_backend.sync(lab->store), 0);
	lab_close(lab);
	assert_int_equal(stat(lab->database, &after), 0);
	assert_memory_equal(&before.st_mtim, &after.st_mtim,
	                    sizeof(before.st_mtim));
	assert_false(has_file(lab, "godly_ai.db-wal"));
	assert_false(has_file(lab, "engramfs.db"));
}

static void an_empty_store_can_be_read_too(void **state)
{
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };
	struct lab *lab = *state;

	lab->settings.read_only = true;
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(
	    sqlite_backend.list(lab->store, lab_episodes(), &cursor, 10, &list),
	    0);
	assert_int_equal(list.count, 0);
	assert_true(cursor.end);
	assert_false(lab_exists(lab, lab_concepts(), "a"));
	assert_false(has_file(lab, "godly_ai.db"));
}

/* In a child: no file of this process may grow past what it has. */
static void fill_disk_and_put(struct lab *lab)
{
	struct rlimit limit = { 256 << 10, 256 << 10 };
	int rc;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	rc = lab_put_array(lab, lab_concepts(), "a", "", 1 << 20);
	if (rc != -ENOSPC)
		_exit(1);
	if (!lab_exists(lab, lab_concepts(), "a"))
		_exit(2);
	_exit(0);
}

static void no_room_leaves_the_old_record(void **state)
{
	struct lab *lab = *state;
	int status;
	pid_t child;

	lab->settings.redis.compression_threshold = UINT64_MAX;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (lab_open(lab) != 0 ||
		    lab_put_array(lab, lab_concepts(), "a", "", 9) != 0)
			_exit(3);
		fill_disk_and_put(lab);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(
	    lab_truth(lab, "array", "concepts", "a", "npy", "9", NULL), 0);
}

static void what_was_put_survives_a_kill(void **state)
{
	struct lab *lab = *state;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (lab_open(lab) == 0 &&
		    lab_put_array(lab, lab_concepts(), "a", "", 9) == 0)
			raise(SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(lab_open(lab), 0);
	assert_true(lab_exists(lab, lab_concepts(), "a"));
	assert_int_equal(
	    lab_truth(lab, "array", "concepts", "a", "npy", "9", NULL), 0);
}

static void what_the_database_refuses_is_explained(void **state)
{
	struct lab *lab = *state;

	lab_use_legacy(lab);
	assert_int_equal(
	    lab_truth(lab, "run",
	              "CREATE TRIGGER guard BEFORE UPDATE ON episodes BEGIN "
	              "SELECT RAISE(ABORT, 'not on Sundays'); END",
	              NULL),
	    0);
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(
	    lab_put_json(lab, lab_episodes(), "1", "{'context_hash': 'x'}"),
	    -EINVAL);
	assert_non_null(strstr(lab->why, "not on Sundays"));
	assert_int_equal(lab_put_json(lab, lab_episodes(), "99",
	                              "{'performance_score': "
	                              "{'$float': 'NaN'}}"),
	                 -EINVAL);
	assert_non_null(strstr(lab->why, "performance_score"));
	assert_false(lab_exists(lab, lab_episodes(), "99"));
}

const struct CMUnitTest sqlite_store_tests[] = {
	LAB_TEST(a_new_store_has_the_schema_of_the_classes),
	LAB_TEST(without_wal_the_journal_stays_as_it_is),
	LAB_TEST(nothing_is_added_to_an_existing_database),
	LAB_TEST(what_is_no_database_is_refused),
	LAB_TEST(a_database_of_something_else_is_refused),
	LAB_TEST(a_database_that_cannot_be_made_is_explained),
	LAB_TEST(a_lock_of_another_process_is_an_error_in_time),
	LAB_TEST(a_locked_database_is_not_waited_for_at_open),
	LAB_TEST(no_lock_is_held_while_idle),
	LAB_TEST(changes_of_other_programs_are_seen),
	LAB_TEST(what_may_only_be_read_is_not_written),
	LAB_TEST(an_empty_store_can_be_read_too),
	LAB_TEST(no_room_leaves_the_old_record),
	LAB_TEST(what_was_put_survives_a_kill),
	LAB_TEST(what_the_database_refuses_is_explained),
	{ 0 },
};
