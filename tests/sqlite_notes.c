/* SPDX-License-Identifier: MIT */
#include "tests/sqlite_tests.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Times and marks that the schema has no place for. */

static const struct timespec early = { 1234567890, 123456789 };

static void side_path(const struct lab *lab, char path[160])
{
	snprintf(path, 160, "%s/engramfs.db", lab->directory);
}

static bool has_side(const struct lab *lab)
{
	char path[160];

	side_path(lab, path);
	return access(path, F_OK) == 0;
}

static struct timespec fields_time(struct lab *lab, const char *key)
{
	struct timespec time;
	struct record record;

	lab_get(lab, lab_episodes(), key, &record);
	time = record.fields_mtime;
	record_release(&record);
	return time;
}

static int touch(struct lab *lab, const char *key)
{
	struct change change = no_change();

	change.fields_action = PART_TOUCH;
	change.fields_mtime = early;
	return lab_put(lab, lab_episodes(), key, &change);
}

static void assert_early(struct timespec time)
{
	assert_int_equal(time.tv_sec, early.tv_sec);
	assert_int_equal(time.tv_nsec, early.tv_nsec);
}

static void notes_are_made_when_the_first_is_needed(void **state)
{
	struct lab *lab = *state;

	lab_use_legacy(lab);
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_json(lab, lab_episodes(), "100", "{}"), 0);
	assert_false(has_side(lab));
	assert_int_equal(fields_time(lab, "1").tv_sec, 1730000000);
	assert_int_equal(touch(lab, "1"), 0);
	assert_true(has_side(lab));
	assert_early(fields_time(lab, "1"));
	assert_int_equal(fields_time(lab, "2").tv_sec, 1730000060);
}

static void a_kept_time_is_void_after_another_program_wrote(void **state)
{
	struct lab *lab = *state;

	lab_use_legacy(lab);
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(touch(lab, "1"), 0);
	assert_int_equal(
	    lab_truth(lab, "run",
	              "UPDATE episodes SET timestamp = 1740000000.5 "
	              "WHERE id = 1",
	              NULL),
	    0);
	assert_int_equal(fields_time(lab, "1").tv_sec, 1740000000);
	assert_int_equal(fields_time(lab, "1").tv_nsec, 500000000);
}

static void a_kept_time_stays_when_the_timestamp_is_edited_here(void **state)
{
	struct lab *lab = *state;
	struct change change = no_change();
	struct record record;

	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_episodes(), "1", "", 3), 0);
	change.array_action = PART_TOUCH;
	change.array_name = "";
	change.array_mtime = early;
	assert_int_equal(lab_put(lab, lab_episodes(), "1", &change), 0);
	assert_int_equal(
	    lab_put_json(lab, lab_episodes(), "1", "{'timestamp': 5.0}"), 0);
	lab_get(lab, lab_episodes(), "1", &record);
	assert_int_equal(record.array_count, 1);
	assert_early(record.arrays[0].mtime);
	record_release(&record);
}

static void notes_follow_a_renumbered_episode(void **state)
{
	struct lab *lab = *state;

	lab_use_legacy(lab);
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(touch(lab, "1"), 0);
	assert_int_equal(sqlite_backend.rename(lab->store, lab_episodes(),
	                                       text_key("1"), text_key("2"),
	                                       RENAME_SWAP),
	                 0);
	assert_early(fields_time(lab, "2"));
	assert_int_equal(fields_time(lab, "1").tv_sec, 1730000060);
}

static void notes_of_a_removed_record_go(void **state)
{
	struct lab *lab = *state;
	struct lab side = { 0 };

	lab_use_legacy(lab);
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(touch(lab, "1"), 0);
	assert_int_equal(
	    sqlite_backend.remove(lab->store, lab_episodes(), text_key("1")),
	    0);
	snprintf(side.database, sizeof(side.database), "%.60s/engramfs.db",
	         lab->directory);
	assert_int_equal(
	    lab_truth(&side, "query", "SELECT * FROM note", "[]", NULL), 0);
}

static void unreadable_notes_are_done_without(void **state)
{
	struct lab *lab = *state;
	struct change change = no_change();
	char path[160];
	FILE *file;

	lab_use_legacy(lab);
	side_path(lab, path);
	file = fopen(path, "wb");
	assert_non_null(file);
	for (int i = 0; i < 200; i++)
		assert_true(fputs("rubbish ", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(fields_time(lab, "1").tv_sec, 1730000000);
	assert_int_equal(touch(lab, "1"), 0);
	assert_int_equal(fields_time(lab, "1").tv_sec, 1730000000);
	change.fields_action = PART_DROP;
	assert_int_equal(lab_put(lab, lab_episodes(), "1", &change), -EROFS);
	assert_int_equal(
	    lab_put_array(lab, lab_episodes(), "1", "observation", 3), 0);
}

static void an_access_is_the_time_that_the_classes_noted(void **state)
{
	struct lab *lab = *state;
	struct record record;

	lab_use_legacy(lab);
	assert_int_equal(lab_open(lab), 0);
	lab_get(lab, lab_concepts(), "deep_learning", &record);
	assert_int_equal(record.atime.tv_sec, 1795160637);
	assert_int_equal(record.fields_mtime.tv_sec, 1730000000);
	record_release(&record);
	lab_get(lab, lab_concepts(), ".hidden", &record);
	assert_int_equal(record.atime.tv_sec, 1730000000);
	record_release(&record);
}

const struct CMUnitTest sqlite_note_tests[] = {
	LAB_TEST(notes_are_made_when_the_first_is_needed),
	LAB_TEST(a_kept_time_is_void_after_another_program_wrote),
	LAB_TEST(a_kept_time_stays_when_the_timestamp_is_edited_here),
	LAB_TEST(notes_follow_a_renumbered_episode),
	LAB_TEST(notes_of_a_removed_record_go),
	LAB_TEST(unreadable_notes_are_done_without),
	LAB_TEST(an_access_is_the_time_that_the_classes_noted),
	{ 0 },
};
