/* SPDX-License-Identifier: MIT */
/*
 * A process that changes a SQLite store ends at its first call that changes a
 * file - the database, its log, what is beside them -, at its second, and so on
 * to the last.  The next process finds the database sound, with every change
 * that was acknowledged, and of the one that was under way all or nothing.
 *
 * What must be there after N changes is what a process without a fault has
 * found after N changes.
 */
#include "tests/fault.h"
#include "tests/scratch.h"
#include "tests/sqlite_script.h"
#include "tests/verify_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "backends/settings.h"
#include "backends/version.h"

/* How a process ends.  Sanitizers and assertions end one with 1. */
enum { DONE, ENDED = 80, FAILED };

struct lab {
	struct scratch scratch;
	struct settings settings;
	int *acknowledged; /* shared with the processes */
	long points;
};

extern const struct backend sqlite_backend;

static int dump_row(sqlite3_stmt *statement, struct blob *out)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < sqlite3_column_count(statement); i++) {
		const void *bytes = sqlite3_column_blob(statement, i);
		size_t size = (size_t)sqlite3_column_bytes(statement, i);

		rc = size > 60 ? blob_printf(out, "%zu bytes %llx|", size,
		                             (unsigned long long)version_of(
						 bytes, size, 1))
		               : blob_printf(out, "%.*s|", (int)size,
		                             size ? (const char *)bytes : "");
	}
	return rc ? rc : blob_append_text(out, "\n");
}

static int dump_query(sqlite3 *db, const char *query, struct blob *out)
{
	sqlite3_stmt *statement;
	int rc = 0;

	if (sqlite3_prepare_v2(db, query, -1, &statement, NULL) != SQLITE_OK)
		return -EIO;
	while (rc == 0 && sqlite3_step(statement) == SQLITE_ROW)
		rc = dump_row(statement, out);
	if (sqlite3_finalize(statement) != SQLITE_OK)
		rc = -EIO;
	return rc;
}

static int dump_tables(sqlite3 *db, struct blob *out)
{
	static const char tables[] =
	    "SELECT name FROM sqlite_master WHERE type = 'table' AND "
	    "name <> 'schema_version' ORDER BY name";
	sqlite3_stmt *statement;
	int rc = 0;

	if (sqlite3_prepare_v2(db, tables, -1, &statement, NULL) != SQLITE_OK)
		return -EIO;
	while (rc == 0 && sqlite3_step(statement) == SQLITE_ROW) {
		char query[200];

		snprintf(query, sizeof(query), "SELECT * FROM \"%s\"",
		         (const char *)sqlite3_column_text(statement, 0));
		blob_printf(out, "%s\n", query);
		rc = dump_query(db, query, out);
	}
	sqlite3_finalize(statement);
	return rc;
}

static int dump_database(const struct lab *lab, const char *name,
                         struct blob *out)
{
	char path[300];
	sqlite3 *db = NULL;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", lab->scratch.path, name);
	rc =
	    sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK
		? dump_query(db, "PRAGMA integrity_check", out)
		: -EIO;
	if (rc == 0)
		rc = dump_tables(db, out);
	sqlite3_close(db);
	return rc;
}

static int open_store(const struct lab *lab, struct store **out)
{
	char why[WHY_SIZE];

	return sqlite_backend.open(lab->scratch.path, &lab->settings, out, why);
}

/* In a process of its own: take the first LAST steps. */
static int act(const struct lab *lab, int last, const struct fault *fault)
{
	struct store *store;

	*lab->acknowledged = 0;
	if (fault)
		fault_arm(fault);
	if (open_store(lab, &store) != 0)
		return FAILED;
	for (int i = 0; i < last; i++) {
		if (sqlite_script[i](store) != 0)
			return FAILED;
		++*lab->acknowledged;
	}
	sqlite_backend.close(store);
	return DONE;
}

/* In a process of its own: what there is goes to the file "found". */
static int look(const struct lab *lab)
{
	struct store *store;
	struct blob found = { 0 };
	FILE *file;
	char path[300];
	int rc = open_store(lab, &store);

	if (rc || !store_is_sound(store))
		return FAILED;
	sqlite_backend.close(store);
	rc = dump_database(lab, "godly_ai.db", &found);
	snprintf(path, sizeof(path), "%s/found", lab->scratch.path);
	file = rc ? NULL : fopen(path, "w");
	if (!file || fwrite(found.data, 1, found.size, file) != found.size ||
	    fclose(file) != 0)
		return FAILED;
	blob_release(&found);
	return DONE;
}

static int wait_for(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

static int run_act(const struct lab *lab, int last, const struct fault *fault)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(act(lab, last, fault));
	return wait_for(pid);
}

static void run_look(struct lab *lab, struct blob *found)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(look(lab));
	assert_int_equal(wait_for(pid), DONE);
	blob_release(found);
	assert_true(scratch_read(&lab->scratch, "found", found));
}

/* A directory as it was before all of it. */
static void clear(struct lab *lab)
{
	static const char *const names[] = { "godly_ai.db", "engramfs.db" };
	static const char *const suffixes[] = { "", "-wal", "-shm",
		                                "-journal" };
	char path[300];

	for (size_t i = 0; i < 8; i++) {
		snprintf(path, sizeof(path), "%s/%s%s", lab->scratch.path,
		         names[i / 4], suffixes[i % 4]);
		unlink(path);
	}
}

static void set_up(struct lab *lab)
{
	*lab = (struct lab){ 0 };
	scratch_init(&lab->scratch);
	assert_int_equal(settings_init(&lab->settings), 0);
	lab->acknowledged = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
	                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(lab->acknowledged, MAP_FAILED);
}

static void tear_down(struct lab *lab)
{
	munmap(lab->acknowledged, sizeof(int));
	settings_release(&lab->settings);
	scratch_release(&lab->scratch);
}

/* What is found after each number of steps. */
static void learn(struct lab *lab, struct blob wanted[STEPS + 1])
{
	for (int i = 0; i <= STEPS; i++) {
		clear(lab);
		assert_int_equal(run_act(lab, i, NULL), DONE);
		run_look(lab, &wanted[i]);
	}
}

/* True: the process ended at call AT.  Else there are not that many. */
static bool try_at(struct lab *lab, const struct blob *wanted, long at)
{
	const struct fault fault = { .calls = FAULT_WRITES | FAULT_NAMES,
		                     .effect = FAULT_EXIT,
		                     .error = ENDED,
		                     .at = at,
		                     .everywhere = true };
	struct blob found = { 0 };
	int ended;
	int last;

	clear(lab);
	ended = run_act(lab, STEPS, &fault);
	last = *lab->acknowledged;
	assert_true(ended == DONE || ended == ENDED);
	run_look(lab, &found);
	if (!blob_equal(&found, &wanted[last]) &&
	    (last == STEPS || !blob_equal(&found, &wanted[last + 1])))
		fail_msg("call %ld, after %d steps: found\n%s", at, last,
		         found.data);
	blob_release(&found);
	return ended == ENDED;
}

static void an_end_at_any_call_loses_nothing(void **state)
{
	struct blob wanted[STEPS + 1] = { 0 };
	struct lab lab;
	long at = 0;

	(void)state;
	set_up(&lab);
	learn(&lab, wanted);
	while (try_at(&lab, wanted, at))
		at++;
	print_message("%ld calls, %d changes\n", at, STEPS);
	assert_true(at > 3 * STEPS);
	for (int i = 0; i <= STEPS; i++)
		blob_release(&wanted[i]);
	tear_down(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_end_at_any_call_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
