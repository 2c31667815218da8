/* SPDX-License-Identifier: MIT */
#include "tests/sqlite_tests.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Which number a record gets, and what refers to it. */

static void open_concepts(struct lab *lab)
{
	assert_int_equal(lab_open(lab), 0);
}

static int put_id(struct lab *lab, const char *name, int id)
{
	char json[64];

	snprintf(json, sizeof(json), "{'id': %d}", id);
	return lab_put_json(lab, lab_concepts(), name, json);
}

static int put_embedding(struct lab *lab, const char *name)
{
	return lab_put_array(lab, lab_concepts(), name, "", 3);
}

static void assert_id(struct lab *lab, const char *name, int id)
{
	char json[16];

	snprintf(json, sizeof(json), "%d", id);
	lab_assert_field(lab, lab_concepts(), name, "id", json);
}

static void a_free_number_is_granted_to_a_new_concept(void **state)
{
	struct lab *lab = *state;

	open_concepts(lab);
	assert_int_equal(put_id(lab, "seven", 7), 0);
	assert_id(lab, "seven", 7);
	assert_int_equal(put_embedding(lab, "seven"), 0);
	assert_id(lab, "seven", 7);
}

static void a_number_may_come_after_the_array(void **state)
{
	struct lab *lab = *state;

	open_concepts(lab);
	assert_int_equal(put_embedding(lab, "seven"), 0);
	assert_id(lab, "seven", 1);
	assert_int_equal(put_id(lab, "seven", 7), 0);
	assert_id(lab, "seven", 7);
}

static void an_explicit_number_cannot_be_changed(void **state)
{
	struct lab *lab = *state;

	open_concepts(lab);
	assert_int_equal(put_id(lab, "seven", 7), 0);
	assert_int_equal(put_id(lab, "seven", 7), 0);
	assert_int_equal(put_id(lab, "seven", 8), -EINVAL);
	assert_non_null(strstr(lab->why, "id"));
	assert_non_null(strstr(lab->why, "7"));
	assert_id(lab, "seven", 7);
	assert_int_equal(put_id(lab, "none", 0), -EINVAL);
	assert_int_equal(put_id(lab, "none", -3), -EINVAL);
}

static void a_taken_number_is_no_reason_to_refuse_a_new_concept(void **state)
{
	struct lab *lab = *state;

	open_concepts(lab);
	assert_int_equal(put_id(lab, "a", 7), 0);
	assert_int_equal(put_id(lab, "copy of a", 7), 0);
	assert_id(lab, "a", 7);
	assert_id(lab, "copy of a", 8);
	assert_int_equal(put_id(lab, "copy of a", 7), 0);
	assert_id(lab, "copy of a", 8);
}

/* As cp -a of concepts/ does, whichever file comes first. */
static void numbers_of_a_copied_store_arrive_in_any_order(void **state)
{
	static const char *const names[] = { "c1", "c2", "c3", "c4", "c5" };
	static const int ids[] = { 3, 5, 1, 2, 4 };
	struct lab *lab = *state;

	open_concepts(lab);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(put_embedding(lab, names[i]), 0);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(put_id(lab, names[i], ids[i]), 0);
	for (size_t i = 0; i < 5; i++) {
		assert_id(lab, names[i], ids[i]);
		assert_int_equal(put_embedding(lab, names[i]), 0);
	}
}

static void a_moved_number_keeps_its_record(void **state)
{
	struct lab *lab = *state;
	struct record record;

	open_concepts(lab);
	assert_int_equal(put_embedding(lab, "first"), 0);
	assert_int_equal(put_id(lab, "second", 1), 0);
	assert_id(lab, "second", 1);
	assert_id(lab, "first", 2);
	lab_get(lab, lab_concepts(), "first", &record);
	assert_int_equal(record.array_count, 1);
	record_release(&record);
	assert_int_equal(put_id(lab, "first", 9), 0);
	assert_id(lab, "first", 9);
	assert_int_equal(put_embedding(lab, "next"), 0);
	assert_id(lab, "next", 10);
}

static void what_refers_to_a_number_follows_it(void **state)
{
	static const char link[] =
	    "INSERT INTO concept_relationships (source_concept_id, "
	    "target_concept_id, relationship_type) VALUES (1, 2, 'x')";
	static const char ends[] = "SELECT source_concept_id, "
				   "target_concept_id FROM "
				   "concept_relationships";
	struct lab *lab = *state;

	open_concepts(lab);
	assert_int_equal(put_embedding(lab, "a"), 0);
	assert_int_equal(put_embedding(lab, "b"), 0);
	assert_int_equal(lab_truth(lab, "run", link, NULL), 0);
	assert_int_equal(put_id(lab, "a", 7), 0);
	assert_id(lab, "a", 7);
	assert_int_equal(put_id(lab, "c", 2), 0);
	assert_id(lab, "b", 8);
	assert_id(lab, "c", 2);
	assert_int_equal(lab_truth(lab, "query", ends, "[[7, 8]]", NULL), 0);
}

static void relationships_go_with_their_concept(void **state)
{
	static const char count[] = "SELECT id FROM concept_relationships";
	struct lab *lab = *state;

	lab_use_legacy(lab);
	open_concepts(lab);
	assert_int_equal(sqlite_backend.remove(lab->store, lab_concepts(),
	                                       text_key("deep_learning")),
	                 0);
	assert_int_equal(lab_truth(lab, "query", count, "[[2]]", NULL), 0);
	assert_int_equal(sqlite_backend.remove(lab->store, lab_concepts(),
	                                       text_key("machine_learning")),
	                 0);
	assert_int_equal(lab_truth(lab, "query", count, "[]", NULL), 0);
}

static void relationships_stay_with_a_renamed_concept(void **state)
{
	static const char names[] =
	    "SELECT a.name, b.name FROM concept_relationships JOIN concepts a "
	    "ON a.id = source_concept_id JOIN concepts b "
	    "ON b.id = target_concept_id ORDER BY concept_relationships.id";
	struct lab *lab = *state;

	lab_use_legacy(lab);
	open_concepts(lab);
	assert_int_equal(sqlite_backend.rename(lab->store, lab_concepts(),
	                                       text_key("deep_learning"),
	                                       text_key("dl"), RENAME_KEEP),
	                 0);
	assert_int_equal(sqlite_backend.rename(lab->store, lab_concepts(),
	                                       text_key("neural_network"),
	                                       text_key("machine_learning"),
	                                       RENAME_SWAP),
	                 0);
	assert_int_equal(
	    lab_truth(lab, "query", names,
	              "[[\"dl\", \"machine_learning\"], "
	              "[\"machine_learning\", \"neural_network\"], "
	              "[\"dl\", \"neural_network\"]]",
	              NULL),
	    0);
}

static void a_taken_number_is_no_reason_to_refuse_a_new_episode(void **state)
{
	struct value *fields = value_new_dict();
	struct change change = no_change();
	struct lab *lab = *state;
	struct blob key = { 0 };

	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_json(lab, lab_episodes(), "41", "{}"), 0);
	assert_int_equal(value_dict_set(fields, "id", value_new_int(41)), 0);
	change.fields_action = PART_SET;
	change.fields = fields;
	assert_int_equal(sqlite_backend.put(lab->store, lab_episodes(),
	                                    (struct key){ 0 }, &change, &key),
	                 0);
	assert_string_equal(key.data, "42");
	blob_release(&key);
	value_unref(fields);
}

static void a_renumbered_episode_is_found_under_its_number(void **state)
{
	struct lab *lab = *state;

	lab_use_legacy(lab);
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(sqlite_backend.rename(lab->store, lab_episodes(),
	                                       text_key("2"), text_key("1000"),
	                                       RENAME_KEEP),
	                 0);
	assert_false(lab_exists(lab, lab_episodes(), "2"));
	lab_assert_field(lab, lab_episodes(), "1000", "id", "1000");
	lab_assert_field(lab, lab_episodes(), "1000", "performance_score",
	                 "0.42");
	assert_int_equal(sqlite_backend.rename(lab->store, lab_episodes(),
	                                       text_key("1"), text_key("01"),
	                                       RENAME_KEEP),
	                 -EINVAL);
	assert_int_equal(lab_truth(lab, "query",
	                           "SELECT seq FROM sqlite_sequence "
	                           "WHERE name = 'episodes'",
	                           "[[1000]]", NULL),
	                 0);
}

static void the_fields_may_come_before_the_array(void **state)
{
	struct lab *lab = *state;
	struct record record;

	open_concepts(lab);
	assert_int_equal(
	    lab_put_json(lab, lab_concepts(), "a", "{'metadata': {'k': 1}}"),
	    0);
	assert_int_equal(lab_truth(lab, "query",
	                           "SELECT hex(embedding), typeof(embedding) "
	                           "FROM concepts",
	                           "[[\"\", \"blob\"]]", NULL),
	                 0);
	lab_get(lab, lab_concepts(), "a", &record);
	assert_int_equal(record.array_count, 0);
	record_release(&record);
	assert_int_equal(put_embedding(lab, "a"), 0);
	lab_assert_field(lab, lab_concepts(), "a", "metadata", "{'k': 1}");
	assert_int_equal(
	    lab_truth(lab, "array", "concepts", "a", "npy", "3", NULL), 0);
}

static void an_array_alone_makes_a_whole_episode(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_episodes(), "3", "", 3), 0);
	assert_int_equal(lab_truth(lab, "query",
	                           "SELECT id, performance_score, "
	                           "context_hash, metadata FROM episodes",
	                           "[[3, 0.0, \"\", \"{}\"]]", NULL),
	                 0);
}

const struct CMUnitTest sqlite_number_tests[] = {
	LAB_TEST(a_free_number_is_granted_to_a_new_concept),
	LAB_TEST(a_number_may_come_after_the_array),
	LAB_TEST(an_explicit_number_cannot_be_changed),
	LAB_TEST(a_taken_number_is_no_reason_to_refuse_a_new_concept),
	LAB_TEST(numbers_of_a_copied_store_arrive_in_any_order),
	LAB_TEST(a_moved_number_keeps_its_record),
	LAB_TEST(what_refers_to_a_number_follows_it),
	LAB_TEST(relationships_go_with_their_concept),
	LAB_TEST(relationships_stay_with_a_renamed_concept),
	LAB_TEST(a_taken_number_is_no_reason_to_refuse_a_new_episode),
	LAB_TEST(a_renumbered_episode_is_found_under_its_number),
	LAB_TEST(the_fields_may_come_before_the_array),
	LAB_TEST(an_array_alone_makes_a_whole_episode),
	{ 0 },
};
