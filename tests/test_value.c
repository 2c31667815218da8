/* SPDX-License-Identifier: MIT */
#include "backends/value.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct value *text(const char *text)
{
	return value_new_text(text, strlen(text));
}

static struct value *list(enum value_type type, int64_t a, int64_t b)
{
	struct value *value = value_new_list(type);

	assert_int_equal(value_list_append(value, value_new_int(a)), 0);
	assert_int_equal(value_list_append(value, value_new_int(b)), 0);
	return value;
}

static struct value *array(int16_t element)
{
	struct array array = { 0 };

	dtype_plain(&array.info.dtype, 'i', 2);
	assert_int_equal(array_info_measure(&array.info), 0);
	assert_int_equal(blob_set(&array.owned, &element, sizeof(element)), 0);
	array.data = array.owned.data;
	return value_new_array(&array);
}

static void integers_take_the_form_that_fits(void **state)
{
	static const struct {
		const char *digits;
		enum value_type type;
		const char *big;
		int64_t integer;
	} rows[] = {
		{ "0", VALUE_INT, NULL, 0 },
		{ "-0", VALUE_INT, NULL, 0 },
		{ "+17", VALUE_INT, NULL, 17 },
		{ "0000000000000000000000005", VALUE_INT, NULL, 5 },
		{ "9223372036854775807", VALUE_INT, NULL, INT64_MAX },
		{ "-9223372036854775808", VALUE_INT, NULL, INT64_MIN },
		{ "9223372036854775808", VALUE_BIGINT, "9223372036854775808",
		  0 },
		{ "-009223372036854775809", VALUE_BIGINT,
		  "-9223372036854775809", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct value *value = value_new_integer_text(
		    rows[i].digits, strlen(rows[i].digits));

		assert_int_equal(value->type, rows[i].type);
		if (rows[i].big)
			assert_string_equal(value->text.data, rows[i].big);
		else
			assert_int_equal(value->integer, rows[i].integer);
		value_unref(value);
	}
}

static void a_dict_keeps_order_and_replaces_in_place(void **state)
{
	struct value *dict = value_new_dict();

	(void)state;
	assert_int_equal(value_dict_set(dict, "b", value_new_int(1)), 0);
	assert_int_equal(value_dict_set(dict, "a", value_new_int(2)), 0);
	assert_int_equal(value_dict_set(dict, "b", value_new_int(3)), 0);
	assert_int_equal(dict->dict.count, 2);
	assert_string_equal(dict->dict.pairs[0].key->text.data, "b");
	assert_int_equal(value_dict_get(dict, "b")->integer, 3);
	assert_null(value_dict_get(dict, "c"));
	assert_int_equal(value_dict_remove(dict, "b"), 0);
	assert_int_equal(value_dict_remove(dict, "b"), -ENOENT);
	assert_int_equal(value_dict_get(dict, "a")->integer, 2);
	value_unref(dict);
}

static void a_large_dict_finds_every_key(void **state)
{
	struct value *dict = value_new_dict();
	char key[16];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(value_dict_set(dict, key, value_new_int(i)),
		                 0);
	}
	for (int i = 0; i < 20000; i += 3)
		assert_int_equal(
		    value_dict_add(dict, value_new_int(i), value_new_null()),
		    0);
	assert_int_equal(value_dict_remove(dict, "k100"), 0);
	assert_int_equal(value_dict_set(dict, "again", value_new_null()), 0);
	for (int i = 0; i < 20000; i++) {
		const struct value *found;

		snprintf(key, sizeof(key), "k%d", i);
		found = value_dict_get(dict, key);
		if (i == 100)
			assert_null(found);
		else
			assert_int_equal(found->integer, i);
	}
	value_unref(dict);
}

static void keys_may_be_of_any_type(void **state)
{
	struct value *dict = value_new_dict();
	struct value *key = list(VALUE_TUPLE, 1, 2);

	(void)state;
	assert_int_equal(
	    value_dict_add(dict, list(VALUE_TUPLE, 1, 2), value_new_int(5)), 0);
	assert_int_equal(value_dict_add(dict, value_new_float((double)NAN),
	                                value_new_int(6)),
	                 0);
	assert_int_equal(value_dict_add(dict, value_new_float((double)NAN),
	                                value_new_int(7)),
	                 0);
	assert_int_equal(dict->dict.count, 2);
	assert_int_equal(value_dict_find(dict, key)->integer, 5);
	value_unref(key);
	value_unref(dict);
}

/* Gives both up. */
static void assert_same(struct value *a, struct value *b, bool same)
{
	assert_int_equal(value_equal(a, b), same);
	assert_int_equal(value_equal(b, a), same);
	value_unref(a);
	value_unref(b);
}

static void equal_means_the_same_data(void **state)
{
	struct value *one = value_new_dict();
	struct value *two = value_new_dict();

	(void)state;
	assert_same(value_new_float((double)NAN), value_new_float((double)NAN),
	            true);
	assert_same(value_new_float(0.0), value_new_float(-0.0), true);
	assert_same(value_new_int(1), value_new_bool(true), false);
	assert_same(text("a"), value_new_bytes("a", 1), false);
	assert_same(value_new_text("a\0b", 3), value_new_text("a\0c", 3),
	            false);
	assert_same(list(VALUE_LIST, 1, 2), list(VALUE_TUPLE, 1, 2), false);
	assert_same(list(VALUE_LIST, 1, 2), list(VALUE_LIST, 2, 1), false);
	assert_same(list(VALUE_SET, 1, 2), list(VALUE_SET, 2, 1), true);
	assert_same(list(VALUE_SET, 1, 2), list(VALUE_SET, 2, 3), false);
	assert_same(array(3), array(3), true);
	assert_same(array(3), array(4), false);
	assert_int_equal(value_dict_set(one, "a", value_new_int(1)), 0);
	assert_int_equal(value_dict_set(one, "b", value_new_int(2)), 0);
	assert_int_equal(value_dict_set(two, "b", value_new_int(2)), 0);
	assert_int_equal(value_dict_set(two, "a", value_new_int(1)), 0);
	assert_same(one, two, true);
}

static void a_copy_shares_nothing(void **state)
{
	struct value *value = list(VALUE_LIST, 1, 2);
	struct value *dict = value_new_dict();
	struct value *copy;

	(void)state;
	assert_int_equal(value_dict_set(dict, "x", array(9)), 0);
	assert_int_equal(value_list_append(value, dict), 0);
	assert_int_equal(value_list_append(value, text("t")), 0);
	copy = value_copy(value);
	assert_true(value_equal(copy, value));
	assert_ptr_not_equal(copy->list.items[2], value->list.items[2]);
	value_unref(value);
	assert_int_equal(value_dict_get(copy->list.items[2], "x")->type,
	                 VALUE_ARRAY);
	value_unref(copy);
}

static void unshare_leaves_the_other_holder_alone(void **state)
{
	struct value *mine = list(VALUE_LIST, 1, 2);
	struct value *other = value_ref(mine);

	(void)state;
	assert_int_equal(value_unshare(&mine), 0);
	assert_ptr_not_equal(mine, other);
	assert_ptr_equal(mine->list.items[0], other->list.items[0]);
	assert_int_equal(value_list_append(mine, value_new_null()), 0);
	assert_int_equal(other->list.count, 2);
	value_unref(other);
	other = mine;
	assert_int_equal(value_unshare(&mine), 0);
	assert_ptr_equal(mine, other);
	value_unref(mine);
}

static void numbers_convert_where_they_fit(void **state)
{
	struct value *half = value_new_float(0.5);
	struct value *huge = value_new_float(1e300);
	struct value *five = value_new_float(5);
	struct value *word = text("5");
	int64_t integer;
	double real;

	(void)state;
	assert_int_equal(value_to_int(half, &integer), -EINVAL);
	assert_int_equal(value_to_int(huge, &integer), -EINVAL);
	assert_int_equal(value_to_int(word, &integer), -EINVAL);
	assert_int_equal(value_to_double(word, &real), -EINVAL);
	assert_int_equal(value_to_int(five, &integer), 0);
	assert_int_equal(integer, 5);
	assert_int_equal(value_to_double(half, &real), 0);
	assert_true(real == 0.5);
	value_unref(half);
	value_unref(huge);
	value_unref(five);
	value_unref(word);
}

static void memory_that_was_short_is_passed_on(void **state)
{
	struct value *value = value_new_list(VALUE_LIST);
	struct value *dict = value_new_dict();

	(void)state;
	assert_int_equal(value_list_append(value, NULL), -ENOMEM);
	assert_int_equal(value_dict_set(dict, "a", NULL), -ENOMEM);
	assert_int_equal(value_dict_add(dict, NULL, value_new_null()), -ENOMEM);
	assert_int_equal(value->list.count + dict->dict.count, 0);
	value_unref(value);
	value_unref(dict);
	value_unref(NULL);
}

static void counting_stops_at_the_limit(void **state)
{
	struct value *value = list(VALUE_LIST, 1, 2);

	(void)state;
	assert_int_equal(value_count(value, 100), 3);
	for (int i = 0; i < 60; i++) {
		struct value *twice = value_new_list(VALUE_TUPLE);

		assert_int_equal(value_list_append(twice, value_ref(value)), 0);
		assert_int_equal(value_list_append(twice, value), 0);
		value = twice;
	}
	assert_int_equal(value_count(value, 1000), 1000);
	value_unref(value);
}

static void impossible_arrays_are_overflows(void **state)
{
	struct array_info info = { .ndim = 2, .shape = { UINT64_MAX / 2, 3 } };
	uint64_t count;

	(void)state;
	dtype_plain(&info.dtype, 'f', 8);
	assert_int_equal(array_info_count(&info, &count), -EOVERFLOW);
	info.shape[1] = 1;
	assert_int_equal(array_info_count(&info, &count), 0);
	assert_int_equal(array_info_measure(&info), -EOVERFLOW);
	info.shape[0] = 0;
	assert_int_equal(array_info_measure(&info), 0);
	assert_int_equal(info.nbytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers_take_the_form_that_fits),
		cmocka_unit_test(a_dict_keeps_order_and_replaces_in_place),
		cmocka_unit_test(a_large_dict_finds_every_key),
		cmocka_unit_test(keys_may_be_of_any_type),
		cmocka_unit_test(equal_means_the_same_data),
		cmocka_unit_test(a_copy_shares_nothing),
		cmocka_unit_test(unshare_leaves_the_other_holder_alone),
		cmocka_unit_test(numbers_convert_where_they_fit),
		cmocka_unit_test(memory_that_was_short_is_passed_on),
		cmocka_unit_test(counting_stops_at_the_limit),
		cmocka_unit_test(impossible_arrays_are_overflows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
