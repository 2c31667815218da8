/* SPDX-License-Identifier: MIT */
/* Questions to SQLite: what they answer, and that indexes answer them. */
#include "tests/sqlite_lab.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "backends/query.h"
#include "backends/sqlite_near.h"
#include "backends/sqlite_query.h"

static const struct field_row event_fields[] = {
	{ .name = "id",
	  .type = FIELD_INT,
	  .place = "id",
	  .rule = FIELD_NUMBER },
	{ .name = "task_type", .type = FIELD_TEXT, .place = "task_type" },
	{ .name = "performance_delta",
	  .type = FIELD_FLOAT,
	  .place = "performance_delta" },
	{ .name = "strategy_used",
	  .type = FIELD_TEXT,
	  .place = "strategy_used" },
	{ .name = "timestamp", .type = FIELD_FLOAT, .place = "timestamp" },
	{ 0 },
};

static const struct collection events = {
	.path = "learning_events",
	.backend = "sqlite",
	.shape = RECORD_FIELDS,
	.place = "learning_events",
	.key_field = "id",
	.fields = event_fields,
	.timestamp = "timestamp",
};

static const struct query_summary strategies = {
	.field = "task_type",
	.text = { "vision", 6 },
	.group = "strategy_used",
	.mean = "performance_delta",
};

static sqlite3 *connect_to(struct lab *lab)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(lab->database, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	return db;
}

static void execute(struct lab *lab, const char *sql)
{
	sqlite3 *db = connect_to(lab);

	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* The lines of EXPLAIN QUERY PLAN for SQL, which is released. */
static void explain(struct lab *lab, struct blob *sql, struct blob *out)
{
	sqlite3 *db = connect_to(lab);
	struct blob text = { 0 };
	sqlite3_stmt *stmt;

	assert_int_equal(blob_printf(&text, "EXPLAIN QUERY PLAN %s", sql->data),
	                 0);
	assert_int_equal(
	    sqlite3_prepare_v2(db, text.data, (int)text.size, &stmt, NULL),
	    SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		assert_int_equal(
		    blob_printf(out, "%s\n",
		                (const char *)sqlite3_column_text(stmt, 3)),
		    0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	blob_release(&text);
	blob_release(sql);
}

static void assert_plan(struct lab *lab, struct blob *sql, const char *wanted,
                        const char *unwanted)
{
	struct blob plan = { 0 };

	explain(lab, sql, &plan);
	print_message("%s", plan.data);
	assert_non_null(strstr(plan.data, wanted));
	if (unwanted)
		assert_null(strstr(plan.data, unwanted));
	blob_release(&plan);
}

static void assert_query_plan(struct lab *lab,
                              const struct collection *collection,
                              const struct query *query, const char *wanted,
                              const char *unwanted)
{
	struct blob sql = { 0 };

	assert_int_equal(sqlite_query_ask_sql(collection, query, &sql), 0);
	assert_plan(lab, &sql, wanted, unwanted);
}

static const struct key maze = { "maze", 4 };

static void a_context_is_looked_up_in_its_index(void **state)
{
	struct query query = { .order = "timestamp" };

	lab_open(*state);
	query_add_text(&query, "context_hash", QUERY_EQUAL, maze);
	assert_query_plan(*state, lab_episodes(), &query,
	                  "USING INDEX idx_episodes_context_hash "
	                  "(context_hash=?)",
	                  "SCAN");
	query_add_number(&query, "performance_score", QUERY_AT_LEAST, 0.5);
	query.order = "performance_score";
	assert_query_plan(*state, lab_episodes(), &query,
	                  "USING INDEX idx_episodes_context_hash", "SCAN");
}

static void a_time_is_looked_up_in_its_index_and_needs_no_sorting(void **state)
{
	struct query query = { .order = "timestamp" };

	lab_open(*state);
	query_add_number(&query, "timestamp", QUERY_AT_LEAST, 1);
	assert_query_plan(*state, lab_episodes(), &query,
	                  "INDEX idx_episodes_timestamp (timestamp>?)",
	                  "B-TREE");
	query_add_number(&query, "timestamp", QUERY_AT_MOST, 2);
	assert_query_plan(
	    *state, lab_episodes(), &query,
	    "INDEX idx_episodes_timestamp (timestamp>? AND timestamp<?)",
	    "B-TREE");
}

static void a_score_is_looked_up_in_its_index_and_needs_no_sorting(void **state)
{
	struct query query = { .order = "performance_score" };

	lab_open(*state);
	query_add_number(&query, "performance_score", QUERY_AT_LEAST, 0.5);
	assert_query_plan(*state, lab_episodes(), &query,
	                  "INDEX idx_episodes_performance_score "
	                  "(performance_score>?)",
	                  "B-TREE");
}

static void a_pattern_reads_the_index_of_names_alone(void **state)
{
	struct query query = { .order = "access_count" };

	lab_open(*state);
	query_add_text(&query, NULL, QUERY_LIKE, (struct key){ "%a%", 3 });
	assert_query_plan(*state, lab_concepts(), &query,
	                  "SCAN concepts USING COVERING INDEX", NULL);
}

static void contexts_are_found_one_by_one_in_their_index(void **state)
{
	struct blob sql = { 0 };

	lab_open(*state);
	assert_int_equal(
	    sqlite_query_texts_sql(lab_episodes(), "context_hash", &sql), 0);
	assert_plan(*state, &sql,
	            "SEARCH episodes USING COVERING INDEX "
	            "idx_episodes_context_hash (context_hash>?)",
	            "SCAN episodes");
}

static void a_task_is_looked_up_in_its_index(void **state)
{
	struct query query = { .order = "timestamp" };
	struct blob sql = { 0 };

	lab_open(*state);
	query_add_text(&query, "task_type", QUERY_EQUAL, strategies.text);
	assert_query_plan(*state, &events, &query,
	                  "USING INDEX idx_learning_events_task_type", "SCAN");
	assert_int_equal(sqlite_query_summary_sql(&events, &strategies, &sql),
	                 0);
	assert_plan(*state, &sql, "USING INDEX idx_learning_events_task_type",
	            "SCAN");
}

static void the_best_strategies_come_first(void **state)
{
	struct lab *lab = *state;
	const struct query_ops *ops;
	struct value *list;
	struct value *best;
	double mean;
	int64_t count;

	lab_open(lab);
	execute(lab, "INSERT INTO learning_events (task_type, strategy_used, "
	             "performance_delta, timestamp) VALUES "
	             "('vision', 'sgd', 0.25, 1), ('vision', 'adam', 0.5, 2), "
	             "('vision', 'adam', 1.0, 3), ('speech', 'lbfgs', 9, 4)");
	ops = lab->store->backend->query;
	assert_int_equal(
	    ops->summarise(lab->store, &events, &strategies, &list), 0);
	assert_int_equal(list->list.count, 2);
	best = list->list.items[0];
	assert_string_equal(best->list.items[0]->text.data, "adam");
	assert_int_equal(value_to_double(best->list.items[1], &mean), 0);
	assert_true(mean == 0.75);
	assert_int_equal(value_to_int(best->list.items[2], &count), 0);
	assert_int_equal(count, 2);
	value_unref(list);
}

static void events_of_a_task_are_newest_first(void **state)
{
	struct query query = { .order = "timestamp" };
	struct match_list found = { 0 };
	struct lab *lab = *state;

	lab_open(lab);
	execute(lab, "INSERT INTO learning_events (task_type, strategy_used, "
	             "performance_delta, timestamp) VALUES ('a', 's', 1, 10), "
	             "('a', 's', 1, 30), ('b', 's', 1, 40), ('a', 's', 1, 20)");
	query_add_text(&query, "task_type", QUERY_EQUAL,
	               (struct key){ "a", 1 });
	assert_int_equal(query_ask(lab->store, &events, &query, &found), 0);
	assert_int_equal(found.count, 3);
	assert_string_equal(found.items[0].key.data, "2");
	assert_string_equal(found.items[1].key.data, "4");
	assert_string_equal(found.items[2].key.data, "1");
	match_list_release(&found);
}

static void a_question_about_no_field_is_refused(void **state)
{
	struct query query = { .order = "nothing" };
	struct match_list found = { 0 };
	struct lab *lab = *state;

	lab_open(lab);
	assert_int_equal(query_ask(lab->store, &events, &query, &found),
	                 -EINVAL);
	assert_int_equal(found.count, 0);
}

static size_t count_near(struct lab *lab, const char *name)
{
	const struct query_ops *ops = lab->store->backend->query;
	struct match_list found = { 0 };
	size_t count;

	assert_int_equal(
	    ops->near(lab->store, lab_concepts(), text_key(name), 10, &found),
	    0);
	count = found.count;
	for (size_t i = 0; i < count; i++)
		assert_string_not_equal(found.items[i].key.data, name);
	match_list_release(&found);
	return count;
}

static void put_ramp(struct lab *lab, const char *name, size_t last)
{
	assert_int_equal(lab_put_array(lab, lab_concepts(), name, "", last), 0);
}

static void near_arrays_are_as_long(void **state)
{
	struct lab *lab = *state;

	lab_open(lab);
	put_ramp(lab, "a", 4);
	put_ramp(lab, "b", 4);
	put_ramp(lab, "c", 5);
	assert_int_equal(count_near(lab, "a"), 1);
	assert_int_equal(count_near(lab, "c"), 0);
	put_ramp(lab, "c", 4);
	assert_int_equal(count_near(lab, "c"), 2);
}

/* SQLite's update hook does not tell of DELETE without WHERE. */
static void deletions_by_others_are_seen(void **state)
{
	struct lab *lab = *state;

	lab_open(lab);
	put_ramp(lab, "a", 4);
	put_ramp(lab, "b", 4);
	assert_int_equal(count_near(lab, "a"), 1);
	execute(lab, "DELETE FROM concepts WHERE name = 'b'");
	assert_int_equal(count_near(lab, "a"), 0);
	execute(lab, "DELETE FROM concepts");
	put_ramp(lab, "a", 4);
	assert_int_equal(count_near(lab, "a"), 0);
}

static void more_changes_than_are_noted_are_seen(void **state)
{
	struct lab *lab = *state;
	char name[16];

	lab_open(lab);
	put_ramp(lab, "a", 4);
	assert_int_equal(count_near(lab, "a"), 0);
	for (int i = 0; i < 1100; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		put_ramp(lab, name, i < 1095 ? 3 : 4);
	}
	assert_int_equal(count_near(lab, "a"), 5);
}

static size_t allocated(void)
{
	const struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* Each shape of an embedding has its own place in memory. */
static void vectors_that_are_gone_take_no_memory(void **state)
{
	struct lab *lab = *state;
	struct sqlite_near *near;
	size_t before;

	lab_open(lab);
	put_ramp(lab, "a", 4);
	put_ramp(lab, "b", 16);
	assert_int_equal(count_near(lab, "a"), 0);
	near = ((struct sqlite_store *)lab->store)->near;
	before = allocated();
	for (size_t i = 1; i < 200; i++) {
		put_ramp(lab, "b", 16 * i);
		assert_int_equal(count_near(lab, "a"), 0);
	}
	assert_true(allocated() < before + (8 << 20));
	put_ramp(lab, "b", 4);
	assert_int_equal(count_near(lab, "a"), 1);
	assert_int_equal(near->vectors.bytes,
	                 2 * (16 * sizeof(float) + sizeof(int64_t)));
}

static void a_table_beyond_the_limit_is_read_each_time(void **state)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct lab *lab = *state;
	struct sqlite_near *near;

	lab_open(lab);
	for (int i = 0; i < 4; i++)
		put_ramp(lab, names[i], 20);
	assert_int_equal(count_near(lab, "a"), 3);
	near = ((struct sqlite_store *)lab->store)->near;
	assert_int_equal(near->vectors.bytes,
	                 4 * (32 * sizeof(float) + sizeof(int64_t)));
	near->limit = near->vectors.bytes;
	put_ramp(lab, "e", 20);
	assert_int_equal(count_near(lab, "a"), 4);
	assert_true(near->streams);
	assert_int_equal(near->vectors.bytes, 0);
	put_ramp(lab, "f", 20);
	assert_int_equal(count_near(lab, "a"), 5);
}

static void nobody_is_near_a_record_that_is_not_there(void **state)
{
	struct match_list found = { 0 };
	struct lab *lab = *state;

	lab_open(lab);
	assert_int_equal(
	    lab->store->backend->query->near(lab->store, lab_concepts(),
	                                     text_key("x"), 10, &found),
	    -ENOENT);
}

#define TEST(function)                                                         \
	cmocka_unit_test_setup_teardown(function, lab_set_up, lab_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_context_is_looked_up_in_its_index),
		TEST(a_time_is_looked_up_in_its_index_and_needs_no_sorting),
		TEST(a_score_is_looked_up_in_its_index_and_needs_no_sorting),
		TEST(a_pattern_reads_the_index_of_names_alone),
		TEST(contexts_are_found_one_by_one_in_their_index),
		TEST(a_task_is_looked_up_in_its_index),
		TEST(the_best_strategies_come_first),
		TEST(events_of_a_task_are_newest_first),
		TEST(a_question_about_no_field_is_refused),
		TEST(near_arrays_are_as_long),
		TEST(deletions_by_others_are_seen),
		TEST(more_changes_than_are_noted_are_seen),
		TEST(vectors_that_are_gone_take_no_memory),
		TEST(a_table_beyond_the_limit_is_read_each_time),
		TEST(nobody_is_near_a_record_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
