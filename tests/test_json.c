/* SPDX-License-Identifier: MIT */
#include "backends/json.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT ((size_t)1 << 24)

static struct value *parse(const char *text)
{
	struct value *value = NULL;
	char why[WHY_SIZE] = "";

	if (json_parse(text, strlen(text), JSON_ARRAYS_INLINE, &value, why))
		fail_msg("%s: %s", text, why);
	return value;
}

/* VALUE, which is given up, as text. */
static void assert_text(struct value *value, enum json_style style,
                        const char *expected)
{
	struct blob text = { 0 };

	assert_int_equal(
	    json_append(value, style, JSON_ARRAYS_INLINE, LIMIT, &text), 0);
	assert_string_equal(text.data, expected);
	blob_release(&text);
	value_unref(value);
}

static const struct {
	const char *text;
	const char *why;
} bad_texts[] = {
	{ "", "line 1, column 1" },
	{ "  ", "line 1, column 3" },
	{ "{\n \"a\": 1,\n \"b\" 2}", "line 3, column 6" },
	{ "[\"é\", x]", "line 1, column 7" },
	{ "[123456789012345678901, \"\\u0000\\udce9\", x]",
	  "line 1, column 41" },
	{ "1 2", "column 3" },
	{ "{} []", "column 4" },
	{ "[1,]", "column 4" },
	{ "{\"a\":1,}", "column 8" },
	{ "{'a': 1}", "column 2" },
	{ "{a: 1}", "column 2" },
	{ "[1, /* no */ 2]", "column 5" },
	{ "{1: 2}", "column 2" },
	{ "{12345678901234567890 : 2}", "a key" },
	{ "01", "zero" },
	{ "-01", "zero" },
	{ "1.", "point" },
	{ "1.e5", "point" },
	{ ".5", "column 1" },
	{ "+1", "column 1" },
	{ "[1e]", "column" },
	{ "-", "column" },
	{ "[1 2]", "column 4" },
	{ "nan", "column" },
	{ "-NaN", "column" },
	{ "TRUE", "column" },
	{ "truely", "column" },
	{ "\"a\nb\"", "line 1, column 3: control" },
	{ "\"abc", "unfinished" },
	{ "\"a\\", "column" },
	{ "\"\\x\"", "column" },
	{ "\"\\u12g4\"", "column" },
	{ "\"\xff\"", "UTF-8" },
	{ "\"\xc0\x80\"", "UTF-8" },
	{ "\"\xed\xa0\x80\"", "UTF-8" },
	{ "\"\xe6\x99\"", "UTF-8" },
	{ "\xef\xbb\xbf{}", "column 1" },
	{ "[1", "end of data" },
	{ "]", "column 1" },
	{ "{\"a\"}", "column 5" },
	{ "{\"a\": 1, \"b\": 2, \"a\": 3}", "column 18: the key \"a\"" },
	{ "[{\"x\": {\"k\": 1}},\n {\"k\": {\"k\": 1}, \"k\": 3}]",
	  "line 2, column 18: the key \"k\"" },
	{ "{\"a\": 1, \"\\u0061\": 2}", "key" },
};

static void bad_text_is_refused_with_line_and_column(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++) {
		struct value *value = NULL;
		char why[WHY_SIZE] = "";

		if (json_parse(bad_texts[i].text, strlen(bad_texts[i].text),
		               JSON_ARRAYS_INLINE, &value, why) != -EINVAL)
			fail_msg("taken: %s", bad_texts[i].text);
		assert_null(value);
		if (!strstr(why, bad_texts[i].why))
			fail_msg("%s: %s", bad_texts[i].text, why);
	}
}

static void a_nul_is_refused_outside_of_escapes(void **state)
{
	struct value *value;

	(void)state;
	assert_int_equal(json_parse("1\0", 2, JSON_ARRAYS_INLINE, &value, NULL),
	                 -EINVAL);
	assert_int_equal(
	    json_parse("[1,\0 2]", 7, JSON_ARRAYS_INLINE, &value, NULL),
	    -EINVAL);
	assert_int_equal(
	    json_parse("\"\0\"", 3, JSON_ARRAYS_INLINE, &value, NULL), -EINVAL);
}

static void depth_is_bounded_both_ways(void **state)
{
	struct blob text = { 0 };
	struct value *value = NULL;
	struct value *deeper;

	(void)state;
	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		assert_int_equal(blob_append_text(&text, "["), 0);
	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		assert_int_equal(blob_append_text(&text, "]"), 0);
	assert_int_equal(
	    json_parse(text.data, text.size, JSON_ARRAYS_INLINE, &value, NULL),
	    0);
	assert_int_equal(blob_resize(&text, 0), 0);
	assert_int_equal(json_append(value, JSON_STYLE_FILE, JSON_ARRAYS_INLINE,
	                             LIMIT, &text),
	                 0);
	deeper = value_new_list(VALUE_LIST);
	assert_int_equal(value_list_append(deeper, value), 0);
	assert_int_equal(json_append(deeper, JSON_STYLE_FILE,
	                             JSON_ARRAYS_INLINE, LIMIT, &text),
	                 -EINVAL);
	value_unref(deeper);
	assert_int_equal(blob_resize(&text, 0), 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(blob_append_text(&text, "{\"a\":["), 0);
	assert_int_equal(
	    json_parse(text.data, text.size, JSON_ARRAYS_INLINE, &value, NULL),
	    -EINVAL);
	blob_release(&text);
}

/* VALUE, which is given up, survives JSON; in PYTHON it reads as EXPECTED. */
static void assert_round_trip(struct value *value, const char *expected)
{
	static const enum json_style styles[] = { JSON_STYLE_FILE,
		                                  JSON_STYLE_PYTHON };

	for (size_t i = 0; i < 2; i++) {
		struct blob text = { 0 };
		struct value *again;

		assert_int_equal(json_append(value, styles[i],
		                             JSON_ARRAYS_INLINE, LIMIT, &text),
		                 0);
		again = parse(text.data);
		assert_true(value_equal(again, value));
		value_unref(again);
		blob_release(&text);
	}
	assert_text(value, JSON_STYLE_PYTHON, expected);
}

static struct value *tuple(int64_t a, int64_t b)
{
	struct value *value = value_new_list(VALUE_TUPLE);

	assert_int_equal(value_list_append(value, value_new_int(a)), 0);
	assert_int_equal(value_list_append(value, value_new_int(b)), 0);
	return value;
}

static struct value *dict_of(struct value *key, struct value *item)
{
	struct value *dict = value_new_dict();

	assert_int_equal(value_dict_add(dict, key, item), 0);
	return dict;
}

/* json-c alone takes some of them for lone surrogates. */
static void escaped_pairs_are_characters(void **state)
{
	static const char text[] = "\"\xf0\x9f\xa7\xa0\xf0\x9d\xa0\x80 "
				   "\xf0\xad\xb8\x9d\xf1\x8d\xb7\xb7\"";

	(void)state;
	assert_round_trip(parse(text), "\"\\ud83e\\udde0\\ud836\\udc00 "
	                               "\\ud877\\ude1d\\ud8f7\\uddf7\"");
}

static void what_json_lacks_has_forms(void **state)
{
	struct value *set = value_new_list(VALUE_SET);
	struct value *frozen = value_new_list(VALUE_FROZENSET);

	(void)state;
	assert_int_equal(value_list_append(set, tuple(1, 2)), 0);
	assert_int_equal(value_list_append(frozen, value_new_text("a", 1)), 0);
	assert_round_trip(value_new_bytes("\0\xff", 2),
	                  "{\"$bytes\": \"AP8=\"}");
	assert_round_trip(value_new_bytes("", 0), "{\"$bytes\": \"\"}");
	assert_round_trip(set, "{\"$set\": [[1, 2]]}");
	assert_round_trip(frozen, "{\"$frozenset\": [\"a\"]}");
	assert_round_trip(dict_of(tuple(1, 2), value_new_null()),
	                  "{\"$dict\": [[[1, 2], null]]}");
	assert_round_trip(dict_of(value_new_int(7), value_new_bool(true)),
	                  "{\"$dict\": [[7, true]]}");
	assert_round_trip(value_new_float(-(double)INFINITY), "-Infinity");
}

static void dicts_that_look_like_forms_stay_dicts(void **state)
{
	(void)state;
	assert_round_trip(
	    dict_of(value_new_text("$bytes", 6), value_new_text("AP8=", 4)),
	    "{\"$dict\": [[\"$bytes\", \"AP8=\"]]}");
	assert_round_trip(
	    dict_of(value_new_text("$dict", 5), value_new_list(VALUE_LIST)),
	    "{\"$dict\": [[\"$dict\", []]]}");
	assert_text(parse("{\"$bytes\": \"no base64\", \"x\": {\"$set\": {}}}"),
	            JSON_STYLE_PYTHON,
	            "{\"$bytes\": \"no base64\", \"x\": {\"$dict\": "
	            "[[\"$set\", {}]]}}");
}

static void a_text_that_is_not_utf8_becomes_bytes(void **state)
{
	(void)state;
	assert_text(value_new_text("a\xff", 2), JSON_STYLE_FILE,
	            "{\"$bytes\": \"Yf8=\"}\n");
	assert_text(dict_of(value_new_text("\xff", 1), value_new_int(1)),
	            JSON_STYLE_PYTHON,
	            "{\"$dict\": [[{\"$bytes\": \"/w==\"}, 1]]}");
}

static void arrays_go_inline_or_are_refused(void **state)
{
	struct array array = { 0 };
	struct value *value;
	struct value *again;
	struct blob text = { 0 };

	(void)state;
	dtype_plain(&array.info.dtype, 'i', 2);
	array.info.ndim = 1;
	array.info.shape[0] = 3;
	assert_int_equal(array_info_measure(&array.info), 0);
	assert_int_equal(blob_set(&array.owned, "\1\0\2\0\3\0", 6), 0);
	array.data = array.owned.data;
	value = value_new_array(&array);
	assert_int_equal(json_append(value, JSON_STYLE_FILE, JSON_ARRAYS_REFUSE,
	                             LIMIT, &text),
	                 -EINVAL);
	assert_int_equal(text.size, 0);
	assert_int_equal(json_append(value, JSON_STYLE_FILE, JSON_ARRAYS_INLINE,
	                             LIMIT, &text),
	                 0);
	again = parse(text.data);
	assert_true(value_equal(again, value));
	value_unref(again);
	assert_int_equal(
	    json_parse(text.data, text.size, JSON_ARRAYS_REFUSE, &again, NULL),
	    0);
	assert_int_equal(again->type, VALUE_DICT);
	value_unref(again);
	value_unref(value);
	blob_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_text_is_refused_with_line_and_column),
		cmocka_unit_test(a_nul_is_refused_outside_of_escapes),
		cmocka_unit_test(depth_is_bounded_both_ways),
		cmocka_unit_test(escaped_pairs_are_characters),
		cmocka_unit_test(what_json_lacks_has_forms),
		cmocka_unit_test(dicts_that_look_like_forms_stay_dicts),
		cmocka_unit_test(a_text_that_is_not_utf8_becomes_bytes),
		cmocka_unit_test(arrays_go_inline_or_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
