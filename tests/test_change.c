/* SPDX-License-Identifier: MIT */
#include "backends/change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>

#include "backends/nest.h"

/* What no backend shows: which values are kept, and opaque bytes. */

static const struct array_row lone_array[] = {
	{ .name = "", .place = "pattern" },
	{ 0 },
};
static const struct array_row any_array[] = { { .place = "data" }, { 0 } };

static const struct field_row pair_fields[] = {
	{ .name = "id",
	  .type = FIELD_INT,
	  .place = "id",
	  .rule = FIELD_NUMBER },
	{ .name = "timestamp",
	  .type = FIELD_FLOAT,
	  .place = "timestamp",
	  .fallback = DEFAULT_NOW },
	{ .name = "metadata",
	  .type = FIELD_DICT,
	  .place = "metadata",
	  .fallback = DEFAULT_ZERO },
	{ .name = "shape",
	  .type = FIELD_JSON,
	  .place = "shape",
	  .rule = FIELD_SHAPE,
	  .array = "" },
	{ 0 },
};
static const struct field_row nest_fields[] = {
	{ .name = "score",
	  .type = FIELD_FLOAT,
	  .place = "score",
	  .fallback = DEFAULT_ZERO },
	{ .name = "data", .type = FIELD_NEST, .place = "data" },
	{ 0 },
};

static const struct collection pairs = {
	.path = "pairs",
	.shape = RECORD_PAIR,
	.place = "pairs",
	.arrays = lone_array,
	.fields = pair_fields,
	.timestamp = "timestamp",
};
static const struct collection nests = {
	.path = "nests",
	.shape = RECORD_NEST,
	.place = "nests",
	.arrays = any_array,
	.fields = nest_fields,
};

static const struct key key = { "k", 1 };

static struct value *pair_before(void)
{
	struct value *dict = value_new_dict();
	struct value *shape = value_new_list(VALUE_LIST);

	value_list_append(shape, value_new_int(3));
	value_dict_set(dict, "id", value_new_int(7));
	value_dict_set(dict, "timestamp", value_new_float(12.5));
	value_dict_set(dict, "metadata", value_new_dict());
	value_dict_set(dict, "shape", shape);
	return dict;
}

static struct change set_fields(const struct value *fields)
{
	return (struct change){ .fields_action = PART_SET,
		                .fields = fields,
		                .expires_ms = EXPIRES_KEEP };
}

static struct change array_change(enum part_action action, const char *name,
                                  const struct array *array)
{
	return (struct change){ .array_action = action,
		                .array_name = name,
		                .array = array,
		                .expires_ms = EXPIRES_KEEP };
}

static void init_bytes(struct array *array, size_t count)
{
	static const char zeros[64];

	*array = (struct array){
		.info = { .ndim = 1, .shape = { count }, .nbytes = count },
		.data = zeros
	};
	dtype_plain(&array->info.dtype, 'u', 1);
}

static void a_field_that_is_equal_is_the_stored_value(void **state)
{
	struct record before = { .fields = pair_before() };
	struct value *given = value_copy(before.fields);
	struct change change;
	struct change_result result;

	(void)state;
	value_dict_set(given, "metadata", value_new_dict());
	value_dict_set(given, "timestamp", value_new_float(13));
	change = set_fields(given);
	assert_int_equal(change_apply(&pairs, key, &change, &before, &result),
	                 0);
	assert_ptr_equal(value_dict_get(result.fields, "id"),
	                 value_dict_get(before.fields, "id"));
	assert_ptr_equal(value_dict_get(result.fields, "metadata"),
	                 value_dict_get(before.fields, "metadata"));
	assert_ptr_equal(value_dict_get(result.fields, "shape"),
	                 value_dict_get(before.fields, "shape"));
	assert_ptr_equal(value_dict_get(result.fields, "timestamp"),
	                 value_dict_get(given, "timestamp"));
	change_result_release(&result);
	value_unref(given);
	record_release(&before);
}

static void an_array_change_keeps_all_that_does_not_follow(void **state)
{
	struct record before = { .fields = pair_before() };
	struct change_result result;
	struct change change;
	struct array array;

	(void)state;
	init_bytes(&array, 3);
	change = array_change(PART_SET, "", &array);
	assert_int_equal(change_apply(&pairs, key, &change, &before, &result),
	                 0);
	for (size_t i = 0; i < before.fields->dict.count; i++)
		assert_ptr_equal(result.fields->dict.pairs[i].item,
		                 before.fields->dict.pairs[i].item);
	change_result_release(&result);
	init_bytes(&array, 4);
	assert_int_equal(change_apply(&pairs, key, &change, &before, &result),
	                 0);
	assert_ptr_not_equal(value_dict_get(result.fields, "shape"),
	                     value_dict_get(before.fields, "shape"));
	change_result_release(&result);
	record_release(&before);
}

static void fields_are_in_the_order_of_rows(void **state)
{
	struct value *given = value_new_dict();
	struct change change = set_fields(given);
	struct change_result result;

	(void)state;
	value_dict_set(given, "metadata", value_new_dict());
	value_dict_set(given, "timestamp", value_new_int(1));
	value_dict_set(given, "id", value_new_int(5));
	assert_int_equal(change_apply(&pairs, key, &change, NULL, &result), 0);
	assert_int_equal(result.fields->dict.count, 3);
	assert_string_equal(result.fields->dict.pairs[0].key->text.data, "id");
	assert_string_equal(result.fields->dict.pairs[1].key->text.data,
	                    "timestamp");
	assert_string_equal(result.fields->dict.pairs[2].key->text.data,
	                    "metadata");
	change_result_release(&result);
	value_unref(given);
}

/* A legacy row may hold what could not be given: it stays. */
static void a_stored_field_of_an_odd_type_may_come_back(void **state)
{
	struct record before = { .fields = pair_before() };
	struct change_result result;
	struct change change;

	(void)state;
	value_dict_set(before.fields, "timestamp", value_new_null());
	change = set_fields(before.fields);
	assert_int_equal(change_apply(&pairs, key, &change, &before, &result),
	                 0);
	assert_int_equal(value_dict_get(result.fields, "timestamp")->type,
	                 VALUE_NULL);
	change_result_release(&result);
	record_release(&before);
}

static void dropped_fields_keep_what_dates_the_record(void **state)
{
	struct record_array shown = { .name = (char[]){ "" } };
	struct record before = { .fields = pair_before(),
		                 .arrays = &shown,
		                 .array_count = 1 };
	struct change change = { .fields_action = PART_DROP,
		                 .expires_ms = EXPIRES_KEEP };
	struct value *metadata = value_new_dict();
	struct change_result result;

	(void)state;
	value_dict_set(metadata, "a", value_new_int(1));
	value_dict_set(before.fields, "metadata", metadata);
	assert_int_equal(change_apply(&pairs, key, &change, &before, &result),
	                 0);
	assert_true(result.fields_dropped);
	assert_false(result.remove);
	assert_ptr_equal(value_dict_get(result.fields, "timestamp"),
	                 value_dict_get(before.fields, "timestamp"));
	assert_int_equal(value_dict_get(result.fields, "metadata")->dict.count,
	                 0);
	change_result_release(&result);
	value_unref(before.fields);
}

/* A nest whose bytes are a pickle of some class. */
static struct record opaque_before(void)
{
	struct value *dict = value_new_dict();

	value_dict_set(dict, "score", value_new_float(0.5));
	return (struct record){ .fields = dict, .opaque_size = 100 };
}

static void opaque_bytes_survive_an_edit_of_the_fields(void **state)
{
	struct value *given = value_new_dict();
	struct record before = opaque_before();
	struct change change = set_fields(given);
	struct change_result result;

	(void)state;
	value_dict_set(given, "score", value_new_float(0.75));
	assert_int_equal(change_apply(&nests, key, &change, &before, &result),
	                 0);
	assert_null(value_dict_get(result.fields, "data"));
	assert_false(result.remove);
	change_result_release(&result);

	value_dict_set(given, "data", value_new_null());
	assert_int_equal(change_apply(&nests, key, &change, &before, &result),
	                 -EINVAL);
	assert_non_null(strstr(change.why, "data"));
	value_unref(given);
	record_release(&before);
}

static void opaque_bytes_are_not_replaced_by_an_array(void **state)
{
	struct record before = opaque_before();
	struct change_result result;
	struct change change;
	struct array array;

	(void)state;
	init_bytes(&array, 3);
	change = array_change(PART_SET, "", &array);
	assert_int_equal(change_apply(&nests, key, &change, &before, &result),
	                 -EINVAL);
	assert_true(strlen(change.why) > 0);
	record_release(&before);
}

static void opaque_bytes_are_a_part_that_can_be_dropped(void **state)
{
	struct record before = opaque_before();
	struct change change = { .fields_action = PART_DROP,
		                 .expires_ms = EXPIRES_KEEP };
	struct change_result result;

	(void)state;
	assert_int_equal(change_apply(&nests, key, &change, &before, &result),
	                 0);
	assert_false(result.remove);
	change_result_release(&result);

	change = array_change(PART_DROP, "", NULL);
	assert_int_equal(change_apply(&nests, key, &change, &before, &result),
	                 0);
	assert_false(result.remove);
	change_result_release(&result);

	before.fields_dropped = true;
	assert_int_equal(change_apply(&nests, key, &change, &before, &result),
	                 0);
	assert_true(result.remove);
	change_result_release(&result);
	record_release(&before);
}

static void a_stored_tuple_stays_one_when_json_gives_a_list(void **state)
{
	struct value *tuple = value_new_list(VALUE_TUPLE);
	struct value *list = value_new_list(VALUE_LIST);
	struct record before = { .fields = value_new_dict() };
	struct value *given = value_new_dict();
	struct change change = set_fields(given);
	struct change_result result;

	(void)state;
	value_list_append(tuple, value_new_int(1));
	value_list_append(list, value_new_int(1));
	value_dict_set(before.fields, "score", value_new_float(0));
	value_dict_set(before.fields, "data", tuple);
	value_dict_set(given, "data", list);
	assert_int_equal(change_apply(&nests, key, &change, &before, &result),
	                 0);
	assert_ptr_equal(value_dict_get(result.fields, "data"), tuple);
	change_result_release(&result);
	value_unref(given);
	record_release(&before);
}

static void key_numbers_are_plain_digits(void **state)
{
	static const char *const bad[] = {
		"", "01", "-1", "+1", "1x", " 1", "9223372036854775808"
	};
	int64_t number;

	(void)state;
	assert_int_equal(change_key_number((struct key){ "0", 1 }, &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(
	    change_key_number((struct key){ "9223372036854775807", 19 },
	                      &number),
	    0);
	assert_true(number == INT64_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
		    change_key_number((struct key){ bad[i], strlen(bad[i]) },
		                      &number),
		    -EINVAL);
}

static void a_timestamp_becomes_a_time(void **state)
{
	struct value *fields = value_new_dict();
	struct timespec time;

	(void)state;
	value_dict_set(fields, "timestamp", value_new_float(-1.25));
	time = change_timestamp(&pairs, fields);
	assert_int_equal(time.tv_sec, -2);
	assert_int_equal(time.tv_nsec, 750000000);
	value_dict_set(fields, "timestamp", value_new_float(1e300));
	assert_int_equal(change_timestamp(&pairs, fields).tv_sec, 0);
	value_dict_set(fields, "timestamp", value_new_text("x", 1));
	assert_int_equal(change_timestamp(&pairs, fields).tv_sec, 0);
	value_unref(fields);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_that_is_equal_is_the_stored_value),
		cmocka_unit_test(
		    an_array_change_keeps_all_that_does_not_follow),
		cmocka_unit_test(fields_are_in_the_order_of_rows),
		cmocka_unit_test(a_stored_field_of_an_odd_type_may_come_back),
		cmocka_unit_test(dropped_fields_keep_what_dates_the_record),
		cmocka_unit_test(opaque_bytes_survive_an_edit_of_the_fields),
		cmocka_unit_test(opaque_bytes_are_not_replaced_by_an_array),
		cmocka_unit_test(opaque_bytes_are_a_part_that_can_be_dropped),
		cmocka_unit_test(
		    a_stored_tuple_stays_one_when_json_gives_a_list),
		cmocka_unit_test(key_numbers_are_plain_digits),
		cmocka_unit_test(a_timestamp_becomes_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
