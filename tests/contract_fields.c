/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "backends/change.h"

/* Fields are given, or fall back. */

static double now_seconds(void)
{
	return (double)change_now_ms() / 1000;
}

static double number_of(const struct value *value)
{
	double number = 0;

	assert_non_null(value);
	assert_int_equal(value_to_double(value, &number), 0);
	return number;
}

static void assert_zero(const struct field_row *row, const struct value *value)
{
	assert_non_null(value);
	if (row->type == FIELD_FLOAT || row->type == FIELD_INT) {
		assert_true(number_of(value) == 0);
	} else if (row->type == FIELD_TEXT) {
		assert_int_equal(value->type, VALUE_TEXT);
		assert_int_equal(value->text.size, 0);
	} else if (row->type == FIELD_DICT || row->type == FIELD_VALUES) {
		assert_int_equal(value->type, VALUE_DICT);
		assert_int_equal(value->dict.count, 0);
	} else {
		assert_int_equal(value->type, VALUE_NULL);
	}
}

static void assert_text(const struct field_row *row, const struct value *value)
{
	struct value *meant;

	assert_non_null(value);
	if (row->type != FIELD_JSON) {
		assert_string_equal(value->text.data, row->text);
		return;
	}
	meant = json_value("%s", row->text);
	assert_true(value_equal(value, meant));
	value_unref(meant);
}

static void assert_fallback(const struct field_row *row,
                            const struct value *value)
{
	const double seconds = 10;
	double day;

	switch (row->fallback) {
	case DEFAULT_ABSENT:
		assert_null(value);
		break;
	case DEFAULT_ZERO:
		assert_zero(row, value);
		break;
	case DEFAULT_NOW:
		assert_true(fabs(number_of(value) - now_seconds()) < seconds);
		break;
	case DEFAULT_JULIAN:
		day = now_seconds() / 86400 + 2440587.5;
		assert_true(fabs(number_of(value) - day) < seconds / 86400);
		break;
	case DEFAULT_TEXT:
		assert_text(row, value);
		break;
	}
}

static bool is_free(const struct field_row *row)
{
	return row->rule == FIELD_GIVEN && row->type != FIELD_NEST;
}

static void assert_all_fallbacks(struct contract *c, struct key key)
{
	const struct field_row *row = c->collection.fields;
	struct record record;

	get(c, key, &record);
	for (; row->name; row++)
		if (is_free(row))
			assert_fallback(
			    row, value_dict_get(record.fields, row->name));
	record_release(&record);
}

static void a_record_without_fields_gets_the_fallbacks(struct contract *c)
{
	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 3, 0),
	                 0);
	assert_all_fallbacks(c, nth_key(c, 0));
}

static void fields_left_out_get_their_fallbacks(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(put_fields(c, nth_key(c, 0), json_value("{}")), 0);
	assert_all_fallbacks(c, nth_key(c, 0));
}

static void an_unknown_field_is_refused_by_name(struct contract *c)
{
	struct value *fields = json_value("{'no_such_field': 1}");
	struct change change = no_change();

	put_whole(c, nth_key(c, 0), 10);
	change.fields_action = PART_SET;
	change.fields = fields;
	assert_int_equal(put(c, nth_key(c, 0), &change), -EINVAL);
	assert_non_null(strstr(change.why, "no_such_field"));
	assert_whole(c, nth_key(c, 0), 10);
	assert_int_equal(put(c, nth_key(c, 1), &change), -EINVAL);
	assert_false(exists(c, nth_key(c, 1)));
	value_unref(fields);
}

static void refuses(struct contract *c, const char *name, const char *json)
{
	struct value *fields = json_value("{'%s': %s}", name, json);
	struct change change = no_change();

	change.fields_action = PART_SET;
	change.fields = fields;
	assert_int_equal(put(c, nth_key(c, 0), &change), -EINVAL);
	assert_non_null(strstr(change.why, name));
	value_unref(fields);
}

static void a_field_of_another_type_is_refused_by_name(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	refuses(c, c->collection.timestamp, "'yesterday'");
	refuses(c, c->collection.timestamp, "[1.0]");
	if (dict_field(c)) {
		refuses(c, dict_field(c), "[1, 2]");
		refuses(c, dict_field(c), "'text'");
	}
	assert_whole(c, nth_key(c, 0), 10);
}

static void an_integer_will_do_for_a_float(struct contract *c)
{
	struct record record;

	assert_int_equal(
	    put_fields(c, nth_key(c, 0),
	               json_value("{'%s': 7}", c->collection.timestamp)),
	    0);
	get(c, nth_key(c, 0), &record);
	assert_int_equal(
	    value_dict_get(record.fields, c->collection.timestamp)->type,
	    VALUE_FLOAT);
	record_release(&record);
	assert_field(c, nth_key(c, 0), c->collection.timestamp, "7.0");
}

static void a_float_keeps_every_bit(struct contract *c)
{
	static const char *const floats[] = { "1700000000.1234567", "0.1",
		                              "-0.0", "5e-324",
		                              "1.7976931348623157e+308" };

	for (size_t i = 0; i < sizeof(floats) / sizeof(*floats); i++) {
		struct value *fields = json_value(
		    "{'%s': %s}", c->collection.timestamp, floats[i]);

		assert_int_equal(put_fields(c, nth_key(c, 0), fields), 0);
		assert_field(c, nth_key(c, 0), c->collection.timestamp,
		             floats[i]);
	}
}

/* What JSON can say, and what a backend might mistake for something else. */
static const char *const any_json[] = {
	"{}",
	"{'a': 1}",
	"{'a': null, 'b': true, 'c': false}",
	"{'int': 1, 'float': 1.0, 'text': '1', 'exp': 1e-05}",
	"{'large': 9223372036854775807, 'small': -9223372036854775808}",
	"{'huge': 123456789012345678901234567890}",
	"{'unsigned': 18446744073709551615}",
	"{'nan': NaN, 'inf': Infinity, 'minus': -Infinity}",
	"{'list': [1, 2.5, 'x', null, [], {}]}",
	"{'numbers': [1, 2, 3], 'floats': [0.5, 1.5], 'texts': ['a', 'b']}",
	"{'nested': {'a': {'b': {'c': [1, {'d': 2}]}}}}",
	"{'empty': '', 'space': ' ', 'newline': 'a\\nb', 'quote': '\\u0022'}",
	"{'json as text': '{}', 'list as text': '[1, 2]', 'null': 'null'}",
	"{'true as text': 'true', 'number as text': '12', 'nan': 'NaN'}",
	"{'unicode': '\\u00e9\\u4e2d\\ud83d\\ude00', 'ключ': 'значение'}",
	"{'a/b': 1, 'a.b': 2, '%%': 3, ' ': 4, '..': 5, 'meta_': 6}",
	"{'z': 1, 'y': 2, 'a': 3, 'b': 4}",
	"{'': 'the empty name'}",
};

static void a_dict_keeps_whatever_json_can_say(struct contract *c)
{
	for (size_t i = 0; i < sizeof(any_json) / sizeof(*any_json); i++) {
		const char *json = any_json[i];
		struct value *fields =
		    json_value("{'%s': %s}", dict_field(c), json);

		assert_int_equal(put_fields(c, nth_key(c, 0), fields), 0);
		assert_field(c, nth_key(c, 0), dict_field(c), json);
	}
}

static void a_dict_keeps_the_order_of_its_entries(struct contract *c)
{
	const struct value *dict;
	struct record record;

	assert_int_equal(put_fields(c, nth_key(c, 0),
	                            json_value("{'%s': {'z': 1, 'a': 2, "
	                                       "'m': 3}}",
	                                       dict_field(c))),
	                 0);
	get(c, nth_key(c, 0), &record);
	dict = value_dict_get(record.fields, dict_field(c));
	assert_int_equal(dict->dict.count, 3);
	assert_string_equal(dict->dict.pairs[0].key->text.data, "z");
	assert_string_equal(dict->dict.pairs[1].key->text.data, "a");
	assert_string_equal(dict->dict.pairs[2].key->text.data, "m");
	record_release(&record);
}

static struct value *long_dict(const struct contract *c, size_t size)
{
	struct blob text = { 0 };
	struct value *fields;

	assert_int_equal(blob_resize(&text, size), 0);
	memset(text.data, 'x', size);
	fields = json_value("{'%s': {'long': '%s'}}", dict_field(c), text.data);
	blob_release(&text);
	return fields;
}

static void a_dict_may_be_long(struct contract *c)
{
	const size_t size = 200000;
	const struct value *value;
	struct record record;

	assert_int_equal(put_fields(c, nth_key(c, 0), long_dict(c, size)), 0);
	get(c, nth_key(c, 0), &record);
	value = value_dict_get(record.fields, dict_field(c));
	assert_int_equal(value_dict_get(value, "long")->text.size, size);
	record_release(&record);
}

/* NUL inside of texts: kept or refused, never cut. */
static void a_text_with_a_nul_is_kept_or_refused(struct contract *c)
{
	const char *json = "{'text': 'a\\u0000b'}";
	int rc = put_fields(c, nth_key(c, 0),
	                    json_value("{'%s': %s}", dict_field(c), json));

	if (rc)
		assert_int_equal(rc, -EINVAL);
	else
		assert_field(c, nth_key(c, 0), dict_field(c), json);
}

static void every_optional_field_can_be_given(struct contract *c)
{
	static const char *const samples[] = {
		[FIELD_FLOAT] = "0.25",    [FIELD_INT] = "12",
		[FIELD_TEXT] = "'naïve'",  [FIELD_JSON] = "[3, 'x']",
		[FIELD_DICT] = "{'k': 2}", [FIELD_VALUES] = "{'accuracy': 0.5}",
	};
	const struct field_row *row = c->collection.fields;

	for (; row->name; row++) {
		struct value *fields;

		if (!is_free(row))
			continue;
		fields =
		    json_value("{'%s': %s}", row->name, samples[row->type]);
		assert_int_equal(put_fields(c, nth_key(c, 0), fields), 0);
		assert_field(c, nth_key(c, 0), row->name, samples[row->type]);
	}
}

static void writing_back_what_was_read_changes_nothing(struct contract *c)
{
	struct record before;
	struct record after;

	put_whole(c, nth_key(c, 0), 10);
	get(c, nth_key(c, 0), &before);
	assert_int_equal(put_fields(c, nth_key(c, 0), value_ref(before.fields)),
	                 0);
	get(c, nth_key(c, 0), &after);
	assert_true(value_equal(before.fields, after.fields));
	assert_int_equal(before.array_count, after.array_count);
	assert_int_equal(before.expires_ms, after.expires_ms);
	record_release(&before);
	record_release(&after);
	if (c->collection.arrays[0].place)
		assert_doubles(c, nth_key(c, 0), first_array(c), 3, 10);
}

const struct contract_test contract_field_tests[] = {
	CONTRACT_TEST(ARRAYS, a_record_without_fields_gets_the_fallbacks),
	CONTRACT_TEST(ALL, fields_left_out_get_their_fallbacks),
	CONTRACT_TEST(ALL, an_unknown_field_is_refused_by_name),
	CONTRACT_TEST(ALL, a_field_of_another_type_is_refused_by_name),
	CONTRACT_TEST(ALL, an_integer_will_do_for_a_float),
	CONTRACT_TEST(ALL, a_float_keeps_every_bit),
	CONTRACT_TEST(ALL | NOTED, a_dict_keeps_whatever_json_can_say),
	CONTRACT_TEST(ALL | NOTED, a_dict_keeps_the_order_of_its_entries),
	CONTRACT_TEST(ALL | NOTED, a_dict_may_be_long),
	CONTRACT_TEST(ALL | NOTED, a_text_with_a_nul_is_kept_or_refused),
	CONTRACT_TEST(ALL, every_optional_field_can_be_given),
	CONTRACT_TEST(ALL, writing_back_what_was_read_changes_nothing),
	{ 0 },
};
