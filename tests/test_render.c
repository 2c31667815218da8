/* SPDX-License-Identifier: MIT */
#include "layout/render.h"

#include "backends/json.h"
#include "layout/tree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct collection *collection_of(const char *path,
                                              enum record_shape shape)
{
	const struct collection *row = tree_collections;

	while (row->path &&
	       (strcmp(row->path, path) != 0 || row->shape != shape))
		row++;
	assert_non_null(row->path);
	return row;
}

/* The fields as Python would write them; their order is not the file's. */
static void make_record(struct record *record, const char *key,
                        const char *fields)
{
	char why[WHY_SIZE];

	*record = (struct record){ 0 };
	assert_int_equal(blob_set(&record->key, key, strlen(key)), 0);
	assert_int_equal(json_parse(fields, strlen(fields), JSON_ARRAYS_REFUSE,
	                            &record->fields, why),
	                 0);
}

/* NDIM sizes follow: an array of doubles. */
static void add_array(struct record *record, const char *name, int ndim,
                      const uint64_t *shape)
{
	size_t size = sizeof(*record->arrays);
	struct record_array *array;

	record->arrays =
	    reallocarray(record->arrays, record->array_count + 1, size);
	assert_non_null(record->arrays);
	array = &record->arrays[record->array_count++];
	*array = (struct record_array){ .name = strdup(name) };
	assert_non_null(array->name);
	dtype_plain(&array->info.dtype, 'f', 8);
	array->info.ndim = ndim;
	for (int i = 0; i < ndim; i++)
		array->info.shape[i] = shape[i];
}

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
		cmocka_unit_test(a_pattern_shows_its_array_and_its_expiry),
		cmocka_unit_test(fields_without_their_array_show_no_shape),
		cmocka_unit_test(a_number_without_axes_has_an_empty_shape),
		cmocka_unit_test(a_directory_shows_each_of_its_arrays),
		cmocka_unit_test(references_show_the_names_of_files),
		cmocka_unit_test(an_experience_that_is_an_array_refers_to_it),
		cmocka_unit_test(numbers_that_json_lacks_have_a_form),
		cmocka_unit_test(only_a_key_that_was_cut_is_shown),
		cmocka_unit_test(every_file_is_read_back_as_its_record),
		cmocka_unit_test(a_cut_key_that_is_no_text_is_read_back),
		cmocka_unit_test(an_expiry_that_was_changed_is_taken),
		cmocka_unit_test(what_cannot_be_is_refused_with_the_reason),
		cmocka_unit_test(shapes_are_believed_where_there_is_no_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
