/* SPDX-License-Identifier: MIT */
#include "tests/sqlite_lab.h"
#include "tests/sqlite_tests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/json.h"
#include "backends/npy.h"

/* What Python reads and what engramfs reads, and writes, is the same. */

static void append_hex(const char *bytes, size_t size, struct blob *out)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(
		    blob_printf(out, "%02x", (unsigned char)bytes[i]), 0);
}

static void write_file(const char *path, const struct blob *bytes)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes->data, 1, bytes->size, file),
	                 bytes->size);
	assert_int_equal(fclose(file), 0);
}

/* In steps that fit nothing: ranges must fit together. */
static void read_all(struct reader *reader, struct blob *out)
{
	char buffer[1000];
	uint64_t offset = 0;
	ssize_t count;

	while ((count = reader->ops->read(reader, offset, buffer,
	                                  sizeof(buffer))) > 0) {
		assert_int_equal(blob_append(out, buffer, (size_t)count), 0);
		offset += (uint64_t)count;
	}
	assert_int_equal(count, 0);
	assert_int_equal(offset, reader->size);
}

static void dump_array(struct lab *lab, const struct collection *collection,
                       const struct record *record,
                       const struct record_array *array, const char *place)
{
	struct key key = { record->key.data, record->key.size };
	struct blob path = { 0 };
	struct blob bytes = { 0 };
	struct reader *reader;

	assert_int_equal(sqlite_backend.open_array(lab->store, collection, key,
	                                           array->name, &reader),
	                 0);
	assert_true(array_info_equal(&reader->info, &array->info));
	assert_int_equal(npy_append_header(&reader->info, &bytes), 0);
	read_all(reader, &bytes);
	reader->ops->close(reader);
	assert_int_equal(blob_printf(&path, "%s/_", place), 0);
	append_hex(array->name, strlen(array->name), &path);
	assert_int_equal(blob_append_text(&path, ".npy"), 0);
	write_file(path.data, &bytes);
	blob_release(&path);
	blob_release(&bytes);
}

static void dump_record(struct lab *lab, const struct collection *collection,
                        const struct record *record, const char *directory)
{
	struct blob place = { 0 };
	struct blob text = { 0 };

	assert_int_equal(blob_printf(&place, "%s/", directory), 0);
	append_hex(record->key.data, record->key.size, &place);
	assert_int_equal(mkdir(place.data, 0700), 0);
	for (size_t i = 0; i < record->array_count; i++)
		dump_array(lab, collection, record, &record->arrays[i],
		           place.data);
	assert_int_equal(json_append(record->fields, JSON_STYLE_FILE,
	                             JSON_ARRAYS_REFUSE, SIZE_MAX, &text),
	                 0);
	assert_int_equal(blob_append_text(&place, "/fields"), 0);
	write_file(place.data, &text);
	blob_release(&place);
	blob_release(&text);
}

static void dump(struct lab *lab, const struct collection *collection,
                 const char *directory)
{
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };
	char place[160];

	snprintf(place, sizeof(place), "%s/%s", directory, collection->path);
	assert_int_equal(mkdir(place, 0700), 0);
	while (!cursor.end)
		assert_int_equal(sqlite_backend.list(lab->store, collection,
		                                     &cursor, 4, &list),
		                 0);
	for (size_t i = 0; i < list.count; i++)
		dump_record(lab, collection, &list.items[i], place);
	record_list_release(&list);
	cursor_release(&cursor);
}

static void assert_like_python(struct lab *lab)
{
	char directory[96];

	snprintf(directory, sizeof(directory), "%s/dump-XXXXXX",
	         lab->directory);
	assert_non_null(mkdtemp(directory));
	dump(lab, lab_episodes(), directory);
	dump(lab, lab_concepts(), directory);
	assert_int_equal(lab_truth(lab, "compare", directory, NULL), 0);
}

static void every_row_of_the_classes_is_what_python_reads(void **state)
{
	struct lab *lab = *state;

	lab_use_legacy(lab);
	assert_int_equal(lab_open(lab), 0);
	assert_like_python(lab);
}

static void every_row_is_read_without_being_allowed_to_write(void **state)
{
	struct lab *lab = *state;

	lab_use_legacy(lab);
	lab->settings.read_only = true;
	assert_int_equal(lab_open(lab), 0);
	assert_like_python(lab);
}

static void a_legacy_store_keeps_getting_pickles(void **state)
{
	struct lab *lab = *state;

	lab_use_legacy(lab);
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_episodes(), "77", "", 999), 0);
	assert_int_equal(lab_put_array(lab, lab_concepts(), "new", "", 999), 0);
	assert_int_equal(
	    lab_truth(lab, "array", "episodes", "77", "pickle", "999", NULL),
	    0);
	assert_int_equal(
	    lab_truth(lab, "array", "concepts", "new", "pickle", "999", NULL),
	    0);
	assert_like_python(lab);
}

static void a_new_store_gets_npy(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_episodes(), "1", "", 9), 0);
	assert_int_equal(
	    lab_truth(lab, "array", "episodes", "1", "npy", "9", NULL), 0);
	assert_int_equal(lab_put_array(lab, lab_concepts(), "big", "", 9999),
	                 0);
	assert_int_equal(
	    lab_truth(lab, "array", "concepts", "big", "zstd", "9999", NULL),
	    0);
}

static void the_encoding_can_be_chosen(void **state)
{
	struct lab *lab = *state;

	lab->settings.encoding = ENCODE_PICKLE;
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_concepts(), "a", "", 9), 0);
	assert_int_equal(
	    lab_truth(lab, "array", "concepts", "a", "pickle", "9", NULL), 0);
	lab_close(lab);
	lab->settings.encoding = ENCODE_NPY;
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(lab_put_array(lab, lab_concepts(), "a", "", 8), 0);
	assert_int_equal(
	    lab_truth(lab, "array", "concepts", "a", "npy", "8", NULL), 0);
}

static void put_nest(struct lab *lab)
{
	assert_int_equal(
	    lab_put_json(lab, lab_episodes(), "5",
	                 "{'metadata': {'k': 'é'}, 'experience_data': "
	                 "{'action': 'left', 'steps': [1, 2.5, null], "
	                 "'observation': {'$npy': 'observation'}}}"),
	    0);
	assert_int_equal(
	    lab_put_array(lab, lab_episodes(), "5", "observation", 2), 0);
}

static void nests_are_written_as_python_reads_them(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(lab_open(lab), 0);
	put_nest(lab);
	assert_int_equal(lab_truth(lab, "nest", "5", "npy", NULL), 0);
	lab_close(lab);
	lab->settings.encoding = ENCODE_PICKLE;
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(
	    sqlite_backend.remove(lab->store, lab_episodes(), text_key("5")),
	    0);
	put_nest(lab);
	assert_int_equal(lab_truth(lab, "nest", "5", "pickle", NULL), 0);
}

/* Written back unchanged, it changes nothing: not even the bytes. */
static void writing_fields_back_keeps_every_stored_byte(void **state)
{
	static const char sums[] =
	    "CREATE TABLE before AS SELECT id, experience_data, metadata, "
	    "created_at, timestamp, typeof(metadata) FROM episodes";
	static const char same[] =
	    "SELECT count(*) FROM (SELECT * FROM before INTERSECT SELECT id, "
	    "experience_data, metadata, created_at, timestamp, "
	    "typeof(metadata) FROM episodes)";
	struct lab *lab = *state;
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };

	lab_use_legacy(lab);
	assert_int_equal(lab_open(lab), 0);
	assert_int_equal(
	    lab_truth(lab, "run",
	              "UPDATE episodes SET metadata = '{ \"odd\" :1}' "
	              "WHERE id = 2",
	              "UPDATE episodes SET metadata = NULL WHERE id = 3", sums,
	              NULL),
	    0);
	while (!cursor.end)
		assert_int_equal(sqlite_backend.list(lab->store, lab_episodes(),
		                                     &cursor, 100, &list),
		                 0);
	for (size_t i = 0; i < list.count; i++) {
		struct change change = no_change();

		change.fields_action = PART_SET;
		change.fields = list.items[i].fields;
		assert_int_equal(lab_put(lab, lab_episodes(),
		                         list.items[i].key.data, &change),
		                 0);
	}
	record_list_release(&list);
	cursor_release(&cursor);
	assert_int_equal(lab_truth(lab, "query", same, "[[6]]", NULL), 0);
}

static void metadata_that_is_no_json_is_shown_as_text(void **state)
{
	struct lab *lab = *state;

	lab_use_legacy(lab);
	assert_int_equal(
	    lab_truth(lab, "run",
	              "UPDATE concepts SET metadata = 'not json' WHERE id = 1",
	              "UPDATE concepts SET metadata = NULL WHERE id = 2", NULL),
	    0);
	assert_int_equal(lab_open(lab), 0);
	lab_assert_field(lab, lab_concepts(), "deep_learning", "metadata",
	                 "'not json'");
	lab_assert_field(lab, lab_concepts(), "neural_network", "metadata",
	                 "{}");
}

static void what_is_no_data_is_offered_whole(void **state)
{
	struct lab *lab = *state;
	struct reader *reader;
	struct record record;
	struct blob bytes = { 0 };

	lab_use_legacy(lab);
	assert_int_equal(lab_truth(lab, "class", "3", NULL), 0);
	assert_int_equal(lab_open(lab), 0);
	lab_get(lab, lab_episodes(), "3", &record);
	assert_null(value_dict_get(record.fields, "experience_data"));
	assert_int_equal(record.array_count, 0);
	assert_true(record.opaque_size > 0);
	assert_int_equal(sqlite_backend.open_opaque(lab->store, lab_episodes(),
	                                            text_key("3"), &reader),
	                 0);
	read_all(reader, &bytes);
	assert_int_equal(bytes.size, record.opaque_size);
	assert_memory_equal(bytes.data, "\x80", 1);
	reader->ops->close(reader);
	blob_release(&bytes);
	record_release(&record);
	assert_int_equal(sqlite_backend.open_opaque(lab->store, lab_episodes(),
	                                            text_key("1"), &reader),
	                 -ENOENT);
	assert_int_equal(
	    lab_put_json(lab, lab_episodes(), "3", "{'context_hash': 'x'}"), 0);
	lab_get(lab, lab_episodes(), "3", &record);
	assert_true(record.opaque_size > 0);
	record_release(&record);
}

static void bytes_that_do_not_decode_are_offered_whole(void **state)
{
	struct lab *lab = *state;
	struct record record;

	lab_use_legacy(lab);
	assert_int_equal(
	    lab_truth(lab, "run",
	              "UPDATE concepts SET embedding = x'800495ff' "
	              "WHERE id = 1",
	              "UPDATE episodes SET experience_data = "
	              "substr(experience_data, 1, 500) WHERE id = 2",
	              NULL),
	    0);
	assert_int_equal(lab_open(lab), 0);
	lab_get(lab, lab_concepts(), "deep_learning", &record);
	assert_int_equal(record.opaque_size, 4);
	assert_int_equal(record.array_count, 0);
	record_release(&record);
	lab_get(lab, lab_episodes(), "2", &record);
	assert_int_equal(record.opaque_size, 500);
	record_release(&record);
}

const struct CMUnitTest sqlite_legacy_tests[] = {
	LAB_TEST(every_row_of_the_classes_is_what_python_reads),
	LAB_TEST(every_row_is_read_without_being_allowed_to_write),
	LAB_TEST(a_legacy_store_keeps_getting_pickles),
	LAB_TEST(a_new_store_gets_npy),
	LAB_TEST(the_encoding_can_be_chosen),
	LAB_TEST(nests_are_written_as_python_reads_them),
	LAB_TEST(writing_fields_back_keeps_every_stored_byte),
	LAB_TEST(metadata_that_is_no_json_is_shown_as_text),
	LAB_TEST(what_is_no_data_is_offered_whole),
	LAB_TEST(bytes_that_do_not_decode_are_offered_whole),
	{ 0 },
};
