/* SPDX-License-Identifier: MIT */
#include "layout/render.h"

#include "tests/render_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_file(const struct collection *collection,
                        const struct record *record, const char *text)
{
	struct blob file = { 0 };
	uint64_t size = 0;

	assert_int_equal(render_fields(collection, record, &file), 0);
	assert_string_equal(file.data, text);
	assert_int_equal(render_size(collection, record, &size), 0);
	assert_int_equal(size, file.size);
	blob_release(&file);
}

static void a_pattern_shows_its_array_and_its_expiry(void **state)
{
	static const uint64_t shape[] = { 100, 50 };
	const struct collection *wm = collection_of("wm", RECORD_PAIR);
	struct record record;

	(void)state;
	/* What is stored of shape and dtype gives way to the array's own. */
	make_record(&record, "a",
	            "{\"metadata\": {\"k\": [1, 2.5], \"a\": null},"
	            " \"timestamp\": 1700000000.25,"
	            " \"shape\": [3], \"dtype\": \"int8\"}");
	add_array(&record, "", 2, shape);
	record.expires_ms = 1700003600125;
	assert_file(wm, &record,
	            "{\n"
	            "  \"timestamp\": 1700000000.25,\n"
	            "  \"metadata\": {\n"
	            "    \"k\": [1, 2.5],\n"
	            "    \"a\": null\n"
	            "  },\n"
	            "  \"shape\": [100, 50],\n"
	            "  \"dtype\": \"float64\",\n"
	            "  \"expires_at\": 1700003600.125\n"
	            "}\n");
	record_release(&record);
}

static void fields_without_their_array_show_no_shape(void **state)
{
	const struct collection *wm = collection_of("wm", RECORD_PAIR);
	struct record record;

	(void)state;
	make_record(&record, "a", "{\"timestamp\": 1, \"shape\": [3]}");
	assert_file(wm, &record, "{\n  \"timestamp\": 1\n}\n");
	record_release(&record);
	make_record(&record, "a", "{}");
	assert_file(wm, &record, "{}\n");
	record_release(&record);
}

static void a_number_without_axes_has_an_empty_shape(void **state)
{
	const struct collection *concepts =
	    collection_of("concepts", RECORD_PAIR);
	struct record record;

	(void)state;
	make_record(&record, "red",
	            "{\"id\": 7, \"creation_time\": 1e9, \"access_count\": 0,"
	            " \"last_accessed\": 0.0, \"metadata\": {}}");
	add_array(&record, "", 0, NULL);
	assert_file(concepts, &record,
	            "{\n"
	            "  \"id\": 7,\n"
	            "  \"creation_time\": 1000000000.0,\n"
	            "  \"access_count\": 0,\n"
	            "  \"last_accessed\": 0.0,\n"
	            "  \"metadata\": {},\n"
	            "  \"shape\": [],\n"
	            "  \"dtype\": \"float64\"\n"
	            "}\n");
	record_release(&record);
}

static void a_directory_shows_each_of_its_arrays(void **state)
{
	static const uint64_t shape[] = { 2, 3, 0 };
	const struct collection *states =
	    collection_of("network_states", RECORD_DIRECTORY);
	struct record record;

	(void)state;
	make_record(&record, "s",
	            "{\"metadata\": {\"x\": 1}, \"timestamp\": 2.0}");
	add_array(&record, "adjacency", 2, shape);
	add_array(&record, "weights", 3, shape);
	assert_file(states, &record,
	            "{\n"
	            "  \"timestamp\": 2.0,\n"
	            "  \"metadata\": {\n"
	            "    \"x\": 1\n"
	            "  },\n"
	            "  \"arrays\": {\n"
	            "    \"adjacency\": {\n"
	            "      \"shape\": [2, 3],\n"
	            "      \"dtype\": \"float64\"\n"
	            "    },\n"
	            "    \"weights\": {\n"
	            "      \"shape\": [2, 3, 0],\n"
	            "      \"dtype\": \"float64\"\n"
	            "    }\n"
	            "  }\n"
	            "}\n");
	record_release(&record);
	make_record(&record, "s", "{\"timestamp\": 2.0}");
	assert_file(states, &record,
	            "{\n  \"timestamp\": 2.0,\n  \"arrays\": {}\n}\n");
	record_release(&record);
}

static void references_show_the_names_of_files(void **state)
{
	const struct collection *episodes =
	    collection_of("episodes", RECORD_NEST);
	struct record record;
	struct value *stored;

	(void)state;
	make_record(&record, "43",
	            "{\"id\": 43, \"experience_data\": [{\"reward\": 0.5,"
	            " \"observation\": {\"$npy\": \"0/observation\"}},"
	            " {\"$npy\": \"1\"},"
	            " {\"$npy\": \"kept\", \"as\": \"it is\"}]}");
	assert_file(episodes, &record,
	            "{\n"
	            "  \"id\": 43,\n"
	            "  \"experience_data\": [\n"
	            "    {\n"
	            "      \"reward\": 0.5,\n"
	            "      \"observation\": {\n"
	            "        \"$npy\": \"43/0/observation.npy\"\n"
	            "      }\n"
	            "    },\n"
	            "    {\n"
	            "      \"$npy\": \"43/1.npy\"\n"
	            "    },\n"
	            "    {\n"
	            "      \"$npy\": \"kept\",\n"
	            "      \"as\": \"it is\"\n"
	            "    }\n"
	            "  ]\n"
	            "}\n");
	/* The record itself is as it was. */
	stored = value_dict_get(record.fields, "experience_data");
	assert_string_equal(
	    value_dict_get(stored->list.items[1], "$npy")->text.data, "1");
	record_release(&record);
}

static void an_experience_that_is_an_array_refers_to_it(void **state)
{
	static const uint64_t shape[] = { 4 };
	const struct collection *episodes =
	    collection_of("episodes", RECORD_NEST);
	struct record record;

	(void)state;
	make_record(&record, "43", "{\"experience_data\": {\"$npy\": \"\"}}");
	add_array(&record, "", 1, shape);
	assert_file(episodes, &record,
	            "{\n"
	            "  \"experience_data\": {\n"
	            "    \"$npy\": \"43.npy\"\n"
	            "  },\n"
	            "  \"shape\": [4],\n"
	            "  \"dtype\": \"float64\"\n"
	            "}\n");
	record_release(&record);
}

static void numbers_that_json_lacks_have_a_form(void **state)
{
	const struct collection *concepts =
	    collection_of("concepts", RECORD_PAIR);
	struct record record;

	(void)state;
	make_record(&record, "red",
	            "{\"creation_time\": NaN, \"last_accessed\": -Infinity,"
	            " \"metadata\": {\"n\": [1, NaN], \"i\": Infinity,"
	            " \"t\": \"\\u00e9\\u0001\"}}");
	assert_file(concepts, &record,
	            "{\n"
	            "  \"creation_time\": {\"$float\": \"NaN\"},\n"
	            "  \"last_accessed\": {\"$float\": \"-Infinity\"},\n"
	            "  \"metadata\": {\n"
	            "    \"n\": [1, {\"$float\": \"NaN\"}],\n"
	            "    \"i\": {\"$float\": \"Infinity\"},\n"
	            "    \"t\": \"\303\251\\u0001\"\n"
	            "  }\n"
	            "}\n");
	record_release(&record);
}

/* 248 bytes are the longest stem. */
static void only_a_key_that_was_cut_is_shown(void **state)
{
	const struct collection *wm = collection_of("wm", RECORD_PAIR);
	char key[251];
	char text[300];
	struct record record;

	(void)state;
	memset(key, 'k', sizeof(key));
	key[248] = '\0';
	make_record(&record, key, "{}");
	assert_file(wm, &record, "{}\n");
	record_release(&record);
	key[248] = 'k';
	key[249] = '\0';
	make_record(&record, key, "{\"timestamp\": 1}");
	snprintf(text, sizeof(text),
	         "{\n  \"key\": \"%s\",\n  \"timestamp\": 1\n}\n", key);
	assert_file(wm, &record, text);
	record_release(&record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pattern_shows_its_array_and_its_expiry),
		cmocka_unit_test(fields_without_their_array_show_no_shape),
		cmocka_unit_test(a_number_without_axes_has_an_empty_shape),
		cmocka_unit_test(a_directory_shows_each_of_its_arrays),
		cmocka_unit_test(references_show_the_names_of_files),
		cmocka_unit_test(an_experience_that_is_an_array_refers_to_it),
		cmocka_unit_test(numbers_that_json_lacks_have_a_form),
		cmocka_unit_test(only_a_key_that_was_cut_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
