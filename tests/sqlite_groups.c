/* SPDX-License-Identifier: MIT */
#include "tests/sqlite_tests.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Changes that arrive together: one commit, and each its own result. */

#define WRITERS 8
#define CHECKED 5 /* looks at a thread that must all see it wait */

struct writer {
	struct lab *lab;
	const char *key; /* NULL: a new number */
	struct change change;
	struct value *fields;
	pthread_t thread;
	atomic_int id;
	int rc;
};

static void *write_it(void *arg)
{
	struct writer *writer = arg;
	struct key key = { 0 };
	struct blob given = { 0 };

	if (writer->key)
		key = text_key(writer->key);
	atomic_store(&writer->id, (int)gettid());
	do {
		writer->rc =
		    sqlite_backend.put(writer->lab->store, lab_episodes(), key,
		                       &writer->change, &given);
	} while (writer->rc == -EBUSY);
	blob_release(&given);
	return NULL;
}

static void pause_briefly(void)
{
	nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
}

static char state_of(int id)
{
	char path[64];
	char line[256] = "";
	const char *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", id);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	fclose(file);
	end = strrchr(line, ')');
	assert_non_null(end);
	return end[2];
}

/* The first waits for the database, the others for the first. */
static void await(const struct writer *writers)
{
	int seen = 0;

	while (seen < CHECKED) {
		seen++;
		for (int i = 0; i < WRITERS; i++) {
			int id = atomic_load(&writers[i].id);

			if (!id || state_of(id) != 'S')
				seen = 0;
		}
		pause_briefly();
	}
}

static sqlite3 *connect_to(struct lab *lab, const char *sql)
{
	sqlite3 *other = NULL;

	assert_int_equal(sqlite3_open(lab->database, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
	return other;
}

/* All WRITERS at once: they arrive while somebody else has the database. */
static void write_together(struct lab *lab, struct writer *writers)
{
	sqlite3 *other = connect_to(lab, "BEGIN IMMEDIATE");

	for (int i = 0; i < WRITERS; i++) {
		writers[i].lab = lab;
		assert_int_equal(pthread_create(&writers[i].thread, NULL,
		                                write_it, &writers[i]),
		                 0);
	}
	await(writers);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL),
	                 SQLITE_OK);
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(writers[i].thread, NULL);
		value_unref(writers[i].fields);
	}
	sqlite3_close(other);
}

static uint32_t big_endian(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Frames of the log that end a transaction, as the format has them. */
static int count_commits(const struct lab *lab)
{
	unsigned char header[32];
	unsigned char frame[24];
	char path[160];
	FILE *log;
	int count = 0;

	snprintf(path, sizeof(path), "%s-wal", lab->database);
	log = fopen(path, "rb");
	assert_non_null(log);
	assert_int_equal(fread(header, sizeof(header), 1, log), 1);
	while (fread(frame, sizeof(frame), 1, log) == 1) {
		if (memcmp(frame + 8, header + 16, 8) == 0 &&
		    big_endian(frame + 4))
			count++;
		assert_int_equal(
		    fseek(log, (long)big_endian(header + 8), SEEK_CUR), 0);
	}
	fclose(log);
	return count;
}

static void set_context(struct writer *writer, const char *key,
                        const char *context)
{
	writer->key = key;
	writer->fields = value_new_dict();
	assert_int_equal(
	    value_dict_set(writer->fields, "context_hash",
	                   value_new_text(context, strlen(context))),
	    0);
	writer->change = no_change();
	writer->change.fields_action = PART_SET;
	writer->change.fields = writer->fields;
}

/* Writer I makes the episode "2<I>" with the context "good". */
static void set_all(struct writer *writers)
{
	static const char *const keys[WRITERS] = { "20", "21", "22", "23",
		                                   "24", "25", "26", "27" };

	memset(writers, 0, WRITERS * sizeof(*writers));
	for (int i = 0; i < WRITERS; i++)
		set_context(&writers[i], keys[i], "good");
}

static void set_again(struct writer *writer, const char *key,
                      const char *context)
{
	value_unref(writer->fields);
	set_context(writer, key, context);
}

static void changes_that_come_together_share_a_commit(void **state)
{
	struct lab *lab = *state;
	struct writer writers[WRITERS];
	int before;

	assert_int_equal(lab_open(lab), 0);
	/* New numbers are higher, whoever comes first. */
	assert_int_equal(lab_put_array(lab, lab_episodes(), "100", "", 3), 0);
	before = count_commits(lab);
	set_all(writers);
	writers[1].key = NULL;
	writers[2].key = NULL;
	write_together(lab, writers);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(writers[i].rc, 0);
	assert_in_range(count_commits(lab) - before, 1, WRITERS / 2);
	assert_int_equal(lab_truth(lab, "query",
	                           "SELECT count(*), count(DISTINCT id) FROM "
	                           "episodes WHERE context_hash = 'good'",
	                           "[[8, 8]]", NULL),
	                 0);
}

static void a_writer_alone_waits_for_nobody(void **state)
{
	struct lab *lab = *state;
	int before;

	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_episodes(), "7", "", 3), 0);
	before = count_commits(lab);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(lab_put_array(lab, lab_episodes(), "7", "", i),
		                 0);
	assert_int_equal(count_commits(lab) - before, 5);
}

static void assert_others_are_there(struct lab *lab,
                                    const struct writer *writers, int refused)
{
	for (int i = 0; i < WRITERS; i++) {
		if (i == refused)
			continue;
		assert_int_equal(writers[i].rc, 0);
		lab_assert_field(lab, lab_episodes(), writers[i].key,
		                 "context_hash", "'good'");
	}
}

static void a_refused_change_leaves_its_group_alone(void **state)
{
	struct lab *lab = *state;
	struct writer writers[WRITERS];

	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_episodes(), "7", "", 3), 0);
	set_all(writers);
	set_again(&writers[3], "7", "bad");
	writers[3].change.exclusive = true;
	write_together(lab, writers);
	assert_int_equal(writers[3].rc, -EEXIST);
	assert_others_are_there(lab, writers, 3);

	set_all(writers);
	set_again(&writers[5], "8", "bad");
	writers[5].change.must_exist = true;
	write_together(lab, writers);
	assert_int_equal(writers[5].rc, -ENOENT);
	assert_others_are_there(lab, writers, 5);
	assert_false(lab_exists(lab, lab_episodes(), "8"));
}

/* FAILURE: how far the database goes back. */
static void refuse_bad_ones(struct lab *lab, const char *failure)
{
	struct writer writers[WRITERS];
	char sql[256];

	snprintf(sql, sizeof(sql),
	         "CREATE TRIGGER refuse AFTER INSERT ON episodes WHEN "
	         "NEW.context_hash = 'bad' "
	         "BEGIN SELECT RAISE(%s, 'not this one'); END",
	         failure);
	sqlite3_close(connect_to(lab, sql));
	set_all(writers);
	set_again(&writers[4], "8", "bad");
	write_together(lab, writers);
	assert_int_equal(writers[4].rc, -EINVAL);
	assert_string_equal(writers[4].change.why, "not this one");
	assert_others_are_there(lab, writers, 4);
	assert_false(lab_exists(lab, lab_episodes(), "8"));
}

static void what_the_database_refuses_fails_alone(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_open(lab), 0);
	refuse_bad_ones(lab, "ABORT");
}

static void what_ends_the_transaction_fails_alone(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_open(lab), 0);
	refuse_bad_ones(lab, "ROLLBACK");
}

static void times_of_one_record_set_together_are_all_kept(void **state)
{
	struct lab *lab = *state;
	struct writer writers[WRITERS];
	struct record record;

	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_episodes(), "21", "", 3), 0);
	set_all(writers);
	writers[1].change.fields_action = PART_TOUCH;
	writers[1].change.fields_mtime.tv_sec = 1000;
	writers[1].change.fields_mtime.tv_nsec = 0;
	set_again(&writers[2], "21", "good");
	writers[2].change.fields_action = PART_KEEP;
	writers[2].change.array_action = PART_TOUCH;
	writers[2].change.array_name = "";
	writers[2].change.array_mtime = (struct timespec){ 2000, 0 };
	write_together(lab, writers);
	assert_int_equal(writers[1].rc, 0);
	assert_int_equal(writers[2].rc, 0);
	lab_close(lab);
	assert_int_equal(lab_open(lab), 0);
	lab_get(lab, lab_episodes(), "21", &record);
	assert_int_equal(record.fields_mtime.tv_sec, 1000);
	assert_int_equal(record.arrays[0].mtime.tv_sec, 2000);
	record_release(&record);
}

const struct CMUnitTest sqlite_group_tests[] = {
	LAB_TEST(changes_that_come_together_share_a_commit),
	LAB_TEST(a_writer_alone_waits_for_nobody),
	LAB_TEST(a_refused_change_leaves_its_group_alone),
	LAB_TEST(what_the_database_refuses_fails_alone),
	LAB_TEST(what_ends_the_transaction_fails_alone),
	LAB_TEST(times_of_one_record_set_together_are_all_kept),
	{ 0 },
};
