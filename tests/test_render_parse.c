/* SPDX-License-Identifier: MIT */
/* JSON files are read as what they were written from, or refused. */
#include "layout/render.h"

#include "tests/render_help.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int parse(const struct collection *collection,
                 const struct record *record, const char *text,
                 struct fields_file *file, char why[WHY_SIZE])
{
	why[0] = '\0';
	return render_parse(collection, record, text, strlen(text), file, why);
}

/* What the file of RECORD says is what RECORD holds. */
static void assert_read_back(const struct collection *collection,
                             const struct record *record)
{
	struct blob text = { 0 };
	struct fields_file file;
	uint64_t size = 0;
	char why[WHY_SIZE];

	assert_int_equal(render_fields(collection, record, &text), 0);
	assert_int_equal(render_size(collection, record, &size), 0);
	assert_int_equal(size, text.size);
	if (parse(collection, record, text.data, &file, why))
		fail_msg("%s: %s", text.data, why);
	assert_true(value_equal(file.fields, record->fields));
	assert_true(file.expires_ms == EXPIRES_KEEP);
	if (file.has_key)
		assert_true(blob_equal(&file.key, &record->key));
	fields_file_release(&file);
	blob_release(&text);
}

static void every_file_is_read_back_as_its_record(void **state)
{
	static const uint64_t shape[] = { 4, 2 };
	const struct collection *wm = collection_of("wm", RECORD_PAIR);
	const struct collection *states =
	    collection_of("network_states", RECORD_DIRECTORY);
	const struct collection *episodes =
	    collection_of("episodes", RECORD_NEST);
	struct record record;

	(void)state;
	make_record(&record, "a",
	            "{\"timestamp\": NaN, \"metadata\": {\"k\": [1, 2.5]}}");
	add_array(&record, "", 2, shape);
	record.expires_ms = 1700003600125;
	assert_read_back(wm, &record);
	record_release(&record);
	make_record(&record, "s", "{\"timestamp\": 2.0}");
	add_array(&record, "weights", 2, shape);
	assert_read_back(states, &record);
	record_release(&record);
	make_record(&record, "43",
	            "{\"id\": 43, \"experience_data\": [{\"$npy\": \"0\"}]}");
	assert_read_back(episodes, &record);
	record_release(&record);
}

/* A key may be any bytes, also where its file has to say it. */
static void a_cut_key_that_is_no_text_is_read_back(void **state)
{
	const struct collection *wm = collection_of("wm", RECORD_PAIR);
	char key[301];
	struct record record;

	(void)state;
	memset(key, '\xff', sizeof(key));
	key[300] = '\0';
	make_record(&record, key, "{\"timestamp\": 2.0}");
	assert_read_back(wm, &record);
	record_release(&record);
}

static void an_expiry_that_was_changed_is_taken(void **state)
{
	const struct collection *wm = collection_of("wm", RECORD_PAIR);
	const struct collection *concepts =
	    collection_of("concepts", RECORD_PAIR);
	static const char text[] = "{\"expires_at\": 1700003600.5}";
	struct record record;
	struct fields_file file;
	char why[WHY_SIZE];

	(void)state;
	make_record(&record, "a", "{}");
	record.expires_ms = 1700003600499;
	assert_int_equal(parse(wm, &record, text, &file, why), 0);
	assert_true(file.expires_ms == 1700003600500);
	fields_file_release(&file);
	assert_int_equal(parse(wm, NULL, text, &file, why), 0);
	assert_true(file.expires_ms == 1700003600500);
	fields_file_release(&file);
	/* A file that was copied to where nothing expires. */
	assert_int_equal(parse(concepts, NULL, text, &file, why), 0);
	assert_true(file.expires_ms == EXPIRES_KEEP);
	assert_int_equal(file.fields->dict.count, 0);
	fields_file_release(&file);
	record_release(&record);
}

static const struct {
	const char *collection;
	enum record_shape shape;
	const char *text;
	const char *why;
} refusals[] = {
	{ "wm", RECORD_PAIR, "[1]", "the file must hold one JSON object" },
	{ "wm", RECORD_PAIR, "{\"a\\u0000b\": 1}",
	  "a field's name must be a text" },
	{ "wm", RECORD_PAIR, "{\"key\": 7}", "key: must be a text" },
	{ "wm", RECORD_PAIR, "{\"expires_at\": \"soon\"}",
	  "expires_at: must be a time in seconds since 1970" },
	{ "wm", RECORD_PAIR, "{\"expires_at\": true}",
	  "expires_at: must be a time in seconds since 1970" },
	{ "wm", RECORD_PAIR, "{\"expires_at\": NaN}",
	  "expires_at: must be a time in seconds since 1970" },
	{ "wm", RECORD_PAIR, "{\"expires_at\": -1}",
	  "expires_at: must be a time in seconds since 1970" },
	{ "wm", RECORD_PAIR, "{\"expires_at\": 1e300}",
	  "expires_at: must be a time in seconds since 1970" },
	{ "wm", RECORD_PAIR, "{\"shape\": [4]}",
	  "shape: differs from the array, which decides it" },
	{ "wm", RECORD_PAIR, "{\"shape\": 4}",
	  "shape: differs from the array, which decides it" },
	{ "wm", RECORD_PAIR, "{\"shape\": [4, 2, 1]}",
	  "shape: differs from the array, which decides it" },
	{ "wm", RECORD_PAIR, "{\"dtype\": \"float32\"}",
	  "dtype: differs from the array, which decides it" },
	{ "network_states", RECORD_DIRECTORY, "{\"arrays\": []}",
	  "arrays: must be an object" },
	{ "network_states", RECORD_DIRECTORY,
	  "{\"arrays\": {\"\": {\"shape\": [1]}}}",
	  "arrays: shape: differs from the array, which decides it" },
	{ "network_states", RECORD_DIRECTORY,
	  "{\"arrays\": {\"\": {\"dtype\": 1}}}",
	  "arrays: dtype: differs from the array, which decides it" },
	{ "episodes", RECORD_NEST,
	  "{\"experience_data\": {\"$npy\": \"43/x\"}}",
	  "experience_data: \"$npy\": \"43/x\" is not the name of an .npy "
	  "file" },
	{ "episodes", RECORD_NEST,
	  "{\"experience_data\": {\"$npy\": \".npy\"}}",
	  "experience_data: \"$npy\": \".npy\" is not the name of an .npy "
	  "file" },
};

static void what_cannot_be_is_refused_with_the_reason(void **state)
{
	static const uint64_t shape[] = { 4, 2 };

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct record record;
		struct fields_file file;
		char why[WHY_SIZE];

		make_record(&record, "43", "{}");
		add_array(&record, "", 2, shape);
		assert_int_equal(parse(collection_of(refusals[i].collection,
		                                     refusals[i].shape),
		                       &record, refusals[i].text, &file, why),
		                 -EINVAL);
		assert_string_equal(why, refusals[i].why);
		record_release(&record);
	}
}

static void shapes_are_believed_where_there_is_no_array(void **state)
{
	const struct collection *wm = collection_of("wm", RECORD_PAIR);
	struct fields_file file;
	char why[WHY_SIZE];

	(void)state;
	assert_int_equal(parse(wm, NULL,
	                       "{\"shape\": [4], \"dtype\": \"int8\","
	                       " \"other\": 1}",
	                       &file, why),
	                 0);
	/* Names that no row has are for the backend to refuse. */
	assert_non_null(value_dict_get(file.fields, "other"));
	assert_int_equal(file.fields->dict.count, 1);
	assert_false(file.has_key);
	fields_file_release(&file);
	fields_file_release(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_file_is_read_back_as_its_record),
		cmocka_unit_test(a_cut_key_that_is_no_text_is_read_back),
		cmocka_unit_test(an_expiry_that_was_changed_is_taken),
		cmocka_unit_test(what_cannot_be_is_refused_with_the_reason),
		cmocka_unit_test(shapes_are_believed_where_there_is_no_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
