/* SPDX-License-Identifier: MIT */
#include "backends/derive.h"

#include "backends/json.h"
#include "backends/npy.h"
#include "tests/scratch.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* <n>.npy, and in <n>.json what numpy computes of it. */
static const char make_files[] =
    "import numpy as np, json, warnings\n"
    "warnings.simplefilter('ignore')\n"
    "r = np.random.default_rng(5)\n"
    "a = [r.integers(0, 100, 500).astype(t) for t in\n"
    "     'i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 f16 ? >i2 >u4 >i8 >f2 >f4 >f8'\n"
    "     ' >f16'.split()]\n"
    "a += [r.normal(size=(20, 30)).astype(t) for t in\n"
    "      'f2 f4 f8 f16 >f2 >f8 >f16'.split()]\n"
    "odd = [0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1.0, 1.0]\n"
    "a += [np.array(odd, t) for t in 'f2 f4 f8 f16 >f2 >f4 >f8'.split()]\n"
    "a += [np.array(odd, 'f4') + 1j, np.array(odd) * 2j + 1,\n"
    "      np.array(odd, '>c16'), np.array(odd, 'c32')]\n"
    "a += [np.array([6e-8, 6e-5, 65504, -1e-7], 'f2'), np.zeros(0),\n"
    "      np.zeros((0, 3), 'i4'), np.array(5), np.array(2.5, '>f4'),\n"
    "      np.array([2**63, 2**64 - 1, 2**63], 'u8'), np.array(['a', 'bb',\n"
    "      'a', '']), np.array([b'x', b'x']), np.zeros((3, 4), 'S0'),\n"
    "      np.array(['2020', '2021', '2020'], 'M8[ns]'),\n"
    "      np.zeros(3, [('a', 'i4')]), np.arange(300000) % 70000]\n"
    "for t in 'f4', 'f8':\n"
    "    x = [r.normal(size=n).astype(t) for n in (7, 8, 127, 129, 1001,"
    " 99999)]\n"
    "    a += x + [np.asfortranarray(x[-2][:960].reshape(32, 30))]\n"
    "exact = [np.dtype(t) for t in ('<f4', '>f4', '<f8', '>f8')]\n"
    "def text(a):\n"
    "    n = a.dtype.kind in 'biuf'\n"
    "    d = a.astype('f16') if n and a.dtype not in exact else a\n"
    "    with np.errstate(all='ignore'):\n"
    "        return dict(shape=list(a.shape), dtype=str(a.dtype),\n"
    "            count=a.size, length=len(a) if a.ndim else 1,\n"
    "            unique=len(np.unique(a)),\n"
    "            mean=float(d.mean()) if n else None,\n"
    "            std=float(d.std()) if n else None,\n"
    "            sum=float(d.sum()) if n else None)\n"
    "import warnings; warnings.simplefilter('ignore')\n"
    "for i, x in enumerate(a):\n"
    "    np.save('%d.npy' % i, x)\n"
    "    json.dump(text(x), open('%d.json' % i, 'w'))\n";

static const struct {
	const char *name;
	enum field_rule rule;
} rules[] = {
	{ "shape", FIELD_SHAPE },   { "dtype", FIELD_DTYPE },
	{ "count", FIELD_COUNT },   { "length", FIELD_LENGTH },
	{ "unique", FIELD_UNIQUE }, { "mean", FIELD_MEAN },
	{ "std", FIELD_STD },       { "sum", FIELD_SUM },
};

/* Equal, for numpy's own types; else equal to what a wider type gives. */
static bool close_enough(const struct array *array, const struct value *have,
                         const struct value *want)
{
	const struct dtype *dtype = &array->info.dtype;
	double difference;

	if (value_equal(have, want))
		return true;
	if (have->type != VALUE_FLOAT || want->type != VALUE_FLOAT ||
	    (dtype->kind == 'f' &&
	     (dtype->itemsize == 4 || dtype->itemsize == 8)))
		return false;
	difference = fabs(have->real - want->real);
	return difference <= 1e-12 * fabs(want->real) + 1e-15;
}

static void check_rule(size_t rule, const struct array *array,
                       const struct value *want, const char *file)
{
	struct value *have = NULL;
	int rc = derive_field(rules[rule].rule, array, &have);

	if (want->type == VALUE_NULL)
		assert_int_equal(rc, -ENODATA);
	else if (rc || !close_enough(array, have, want))
		fail_msg("%s: %s: %d", file, rules[rule].name, rc);
	value_unref(have);
}

static void fields_are_what_numpy_computes(void **state)
{
	struct scratch scratch;
	struct blob npy = { 0 };
	struct blob json = { 0 };
	char name[32];
	int count = 0;

	(void)state;
	scratch_init(&scratch);
	scratch_python(&scratch, make_files);
	for (;; count++) {
		struct array array;
		struct value *want;

		snprintf(name, sizeof(name), "%d.json", count);
		if (!scratch_read(&scratch, name, &json))
			break;
		snprintf(name, sizeof(name), "%d.npy", count);
		assert_true(scratch_read(&scratch, name, &npy));
		assert_int_equal(npy_parse(npy.data, npy.size, &array, NULL),
		                 0);
		assert_int_equal(json_parse(json.data, json.size,
		                            JSON_ARRAYS_REFUSE, &want, NULL),
		                 0);
		for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
			check_rule(i, &array,
			           value_dict_get(want, rules[i].name), name);
		value_unref(want);
		array_release(&array);
	}
	assert_true(count > 45);
	blob_release(&npy);
	blob_release(&json);
	scratch_release(&scratch);
}

static const struct field_row rows[] = {
	{ .name = "id", .type = FIELD_INT, .rule = FIELD_NUMBER },
	{ .name = "timestamp", .type = FIELD_FLOAT, .fallback = DEFAULT_NOW },
	{ .name = "created_at",
	  .type = FIELD_FLOAT,
	  .fallback = DEFAULT_JULIAN },
	{ .name = "name", .type = FIELD_TEXT, .fallback = DEFAULT_ZERO },
	{ .name = "state",
	  .type = FIELD_TEXT,
	  .fallback = DEFAULT_TEXT,
	  .text = "new" },
	{ .name = "metadata", .type = FIELD_DICT, .fallback = DEFAULT_ZERO },
	{ .name = "score", .type = FIELD_FLOAT, .fallback = DEFAULT_ZERO },
	{ .name = "count", .type = FIELD_INT, .fallback = DEFAULT_ZERO },
	{ .name = "value", .type = FIELD_NEST, .fallback = DEFAULT_ZERO },
	{ .name = "metrics", .type = FIELD_VALUES, .fallback = DEFAULT_ZERO },
	{ .name = "num_spikes", .type = FIELD_INT, .rule = FIELD_LENGTH },
	{ .name = "shape", .type = FIELD_JSON, .rule = FIELD_SHAPE },
	{ .name = "mean", .type = FIELD_FLOAT, .rule = FIELD_MEAN },
	{ .name = "num_layers", .type = FIELD_INT, .rule = FIELD_ARRAYS },
	{ .name = "ids",
	  .type = FIELD_JSON,
	  .fallback = DEFAULT_TEXT,
	  .text = "[1, {}]" },
	{ 0 },
};
static const struct collection things = { .path = "things", .fields = rows };

static const char stored_text[] =
    "{\"num_spikes\": 5000, \"shape\": [2, 3], \"mean\": 2.0, "
    "\"num_layers\": 3, \"score\": \"dirty\"}";

static struct value *parse(const char *json)
{
	struct value *value;

	assert_int_equal(
	    json_parse(json, strlen(json), JSON_ARRAYS_REFUSE, &value, NULL),
	    0);
	return value;
}

static void good_fields_are_taken(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"score\": 1, \"timestamp\": 2.5, \"count\": 3}",
		"{\"score\": {\"$float\": \"NaN\"}}",
		"{\"score\": \"dirty\"}",
		"{\"num_spikes\": 5000, \"shape\": [2, 3], \"mean\": 2}",
		"{\"id\": 7, \"value\": [1, null], \"metadata\": {}}",
		"{\"metrics\": {\"a\": 1, \"b\": 0.5}, \"name\": \"\"}",
		"{\"mean\": 2.0000000000000004, \"num_layers\": 3}",
		"{\"mean\": 1.9999999, \"num_layers\": 4}",
	};
	struct value *stored = parse(stored_text);
	struct value *anew = parse("{\"num_spikes\": 1, \"shape\": [9]}");

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct value *fields = parse(texts[i]);
		char why[WHY_SIZE] = "";

		if (derive_check(&things, fields, stored, why))
			fail_msg("%s: %s", texts[i], why);
		value_unref(fields);
	}
	assert_int_equal(derive_check(&things, anew, NULL, NULL), 0);
	value_unref(anew);
	value_unref(stored);
}

static void bad_fields_are_named(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} bad[] = {
		{ "{\"x\": 1}", "unknown field \"x\"" },
		{ "{\"count\\u0000\": 1}", "unknown field \"count\"" },
		{ "{\"$dict\": [[1, 2]]}",
		  "the name of a field must be a text" },
		{ "[]", "the fields must be an object" },
		{ "{\"score\": \"0.5\"}", "score: must be a number" },
		{ "{\"score\": true}", "score: must be a number" },
		{ "{\"timestamp\": null}", "timestamp: must be a number" },
		{ "{\"count\": 1.5}",
		  "count: must be an integer of at most 64 bits" },
		{ "{\"count\": 99999999999999999999}",
		  "count: must be an integer of at most 64 bits" },
		{ "{\"id\": \"7\"}",
		  "id: must be an integer of at most 64 bits" },
		{ "{\"name\": 5}", "name: must be a text" },
		{ "{\"metadata\": []}", "metadata: must be an object" },
		{ "{\"metrics\": {\"a\": \"b\"}}",
		  "metrics: must be an object of numbers" },
		{ "{\"num_spikes\": 4999}",
		  "num_spikes: is 5000, decided by the data" },
		{ "{\"mean\": 2.00001}", "mean: is 2.0, decided by the data" },
		{ "{\"num_layers\": 2}",
		  "num_layers: is 3, decided by the data" },
		{ "{\"num_layers\": 3.5}",
		  "num_layers: is 3, decided by the data" },
		{ "{\"shape\": [3, 2]}",
		  "shape: is [2, 3], decided by the data" },
	};
	struct value *stored = parse(stored_text);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct value *fields = parse(bad[i].text);
		char why[WHY_SIZE] = "";

		assert_int_equal(derive_check(&things, fields, stored, why),
		                 -EINVAL);
		assert_string_equal(why, bad[i].why);
		value_unref(fields);
	}
	value_unref(stored);
}

static void assert_fallback(const char *name, const char *expected)
{
	struct blob json = { 0 };
	struct value *value;

	assert_int_equal(
	    derive_fallback(collection_field(&things, name), &value), 0);
	assert_int_equal(json_append(value, JSON_STYLE_PYTHON,
	                             JSON_ARRAYS_REFUSE, 100, &json),
	                 0);
	assert_string_equal(json.data, expected);
	blob_release(&json);
	value_unref(value);
}

static void fallbacks_follow_the_row(void **state)
{
	struct value *value = NULL;
	double unix_time = (double)time(NULL);

	(void)state;
	assert_fallback("name", "\"\"");
	assert_fallback("state", "\"new\"");
	assert_fallback("metadata", "{}");
	assert_fallback("score", "0.0");
	assert_fallback("count", "0");
	assert_fallback("value", "null");
	assert_fallback("ids", "[1, {}]");
	assert_int_equal(
	    derive_fallback(collection_field(&things, "shape"), &value), 0);
	assert_null(value);
	assert_int_equal(
	    derive_fallback(collection_field(&things, "timestamp"), &value), 0);
	assert_true(fabs(value->real - unix_time) < 5);
	value_unref(value);
	assert_int_equal(
	    derive_fallback(collection_field(&things, "created_at"), &value),
	    0);
	/* 2000-01-01 12:00 UTC is the julian day 2451545. */
	assert_true(fabs(value->real - 2451545 -
	                 (unix_time - 946728000) / 86400) < 1e-3);
	value_unref(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_what_numpy_computes),
		cmocka_unit_test(good_fields_are_taken),
		cmocka_unit_test(bad_fields_are_named),
		cmocka_unit_test(fallbacks_follow_the_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
