/* SPDX-License-Identifier: MIT */
#include "backends/json.h"

#include "tests/scratch.h"

#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

static const char dump_values[] =
    "import json, random\n"
    "random.seed(3)\n"
    "many = [None, True, False, 0, -1, 2**53, -2**63, 2**63 - 1, 2**63,\n"
    "  -2**63 - 1, 2**64, 10**18, -10**18, 10**19, 10**100, -10**100,\n"
    "  [10**30, {'a': -10**25}], 1.0, -0.0, 0.1, 1e16, 1e15, 1e-5, 1e-4,\n"
    "  1.5e300, 5e-324, 1e22, 123456789.125, '', 'abc', 'caf\\xe9 \\u6642',\n"
    "  '\\U0001f600', '\\x00\\x01\\x1f\\x7f\\n\\r\\t\\b\\f\\\\\"/', [], {},\n"
    "  '\\udce9', 'a\\ud800b', '\\udc00\\ud800', [[], [1], [[2]]],\n"
    "  {'': 1, 'b': {'a': [1, 2, {'z': None}]}, 'a\\x00b': 3},\n"
    "  float('nan'), [float('inf'), -float('inf')], {'$other': 1},\n"
    "  {'$set': 5}, {'$bytes': 'AA=='  , 'x': 1}, {'k%d' % i: i\n"
    "   for i in range(1000)}, [list(range(9)) for i in range(9)],\n"
    "  {'metadata': {'lab': 'A', 'rate': 30000.0, 'ok': True}}]\n"
    "del many[many.index({'$set': 5})]\n"
    "deep = 1\n"
    "for i in range(200): deep = [deep]\n"
    "many.append(deep)\n"
    "for i, v in enumerate(many):\n"
    "    open('%d.json' % i, 'w').write(json.dumps(v))\n";

static void python_style_is_what_json_dumps_writes(void **state)
{
	struct scratch scratch;
	struct blob file = { 0 };
	char name[32];
	int count = 0;

	(void)state;
	scratch_init(&scratch);
	scratch_python(&scratch, dump_values);
	for (;; count++) {
		snprintf(name, sizeof(name), "%d.json", count);
		if (!scratch_read(&scratch, name, &file))
			break;
		assert_text(parse(file.data), JSON_STYLE_PYTHON, file.data);
	}
	assert_true(count > 40);
	blob_release(&file);
	scratch_release(&scratch);
}

static void file_style_means_the_same_to_python(void **state)
{
	struct scratch scratch;
	struct blob file = { 0 };
	char name[32];
	int count = 0;

	(void)state;
	scratch_init(&scratch);
	scratch_python(&scratch, dump_values);
	for (;; count++) {
		struct blob text = { 0 };
		struct value *value;

		snprintf(name, sizeof(name), "%d.json", count);
		if (!scratch_read(&scratch, name, &file))
			break;
		value = parse(file.data);
		assert_int_equal(json_append(value, JSON_STYLE_FILE,
		                             JSON_ARRAYS_REFUSE, LIMIT, &text),
		                 0);
		snprintf(name, sizeof(name), "%d.file", count);
		scratch_write(&scratch, name, text.data, text.size);
		blob_release(&text);
		value_unref(value);
	}
	scratch_python(
	    &scratch, "import json, os\n"
		      "def strict(name): raise ValueError(name)\n"
		      "def plain(o):\n"
		      "    return float(o['$float']) if '$float' in o else o\n"
		      "for i in range(len(os.listdir('.')) // 2):\n"
		      "    want = json.load(open('%d.json' % i))\n"
		      "    text = open('%d.file' % i, encoding='utf8').read()\n"
		      "    have = json.loads(text, parse_constant=strict,\n"
		      "                      object_hook=plain)\n"
		      "    assert repr(have) == repr(want), (have, want)\n"
		      "    assert text.endswith('\\n') and not "
		      "text.endswith('\\n\\n')\n");
	blob_release(&file);
	scratch_release(&scratch);
}

static void doubles_are_written_as_repr_does(void **state)
{
	struct scratch scratch;
	struct blob bytes = { 0 };
	struct blob lines = { 0 };
	struct blob text = { 0 };
	size_t count;
	const char *line;

	(void)state;
	scratch_init(&scratch);
	scratch_python(
	    &scratch,
	    "import random, struct\n"
	    "random.seed(7)\n"
	    "d = [2.0**k for k in range(-1074, 1024)]\n"
	    "d += [10.0**k for k in range(-323, 309)]\n"
	    "d += [random.uniform(-1, 1) for i in range(5000)]\n"
	    "d += [round(random.uniform(0, 1e4), 3) for i in range(5000)]\n"
	    "r = [struct.unpack('<d', random.randbytes(8))[0]\n"
	    "     for i in range(20000)]\n"
	    "d += [x for x in r if x == x]\n"
	    "d += [9.5, 1e15, 1e16, 9999999999999998.0, 1e17, 0.0, -0.0,\n"
	    "      1e15 + 0.5, 5e-324, 2.2250738585072014e-308,\n"
	    "      1.7976931348623157e308, 9007199254740993.0, 1e21, 1e-7]\n"
	    "open('bytes', 'wb').write(struct.pack('<%dd' % len(d), *d))\n"
	    "open('lines', 'w').write(''.join(repr(x) + '\\n' for x in d))\n");
	assert_true(scratch_read(&scratch, "bytes", &bytes));
	assert_true(scratch_read(&scratch, "lines", &lines));
	count = bytes.size / sizeof(double);
	line = lines.data;
	for (size_t i = 0; i < count; i++) {
		size_t size = strcspn(line, "\n");
		double real;

		memcpy(&real, bytes.data + i * sizeof(real), sizeof(real));
		assert_int_equal(blob_resize(&text, 0), 0);
		assert_int_equal(json_append_double(real, &text), 0);
		if (text.size != size || memcmp(text.data, line, size))
			fail_msg("%s, Python: %.*s", text.data, (int)size,
			         line);
		line += size + 1;
	}
	blob_release(&bytes);
	blob_release(&lines);
	blob_release(&text);
	scratch_release(&scratch);
}

static void numbers_do_not_depend_on_the_locale(void **state)
{
	struct scratch scratch;
	bool comma;

	(void)state;
	scratch_init(&scratch);
	scratch_python(
	    &scratch, "import subprocess\n"
		      "try: subprocess.run(['localedef', '-i', 'de_DE', '-f',\n"
		      "                     'UTF-8', './de_DE.UTF-8'])\n"
		      "except FileNotFoundError: pass\n");
	setenv("LOCPATH", scratch.path, 1);
	comma = setlocale(LC_NUMERIC, "de_DE.UTF-8");
	unsetenv("LOCPATH");
	scratch_release(&scratch);
	if (!comma)
		skip();
	assert_text(parse("[0.5, 1e-07, 123456.789]"), JSON_STYLE_PYTHON,
	            "[0.5, 1e-07, 123456.789]");
	setlocale(LC_NUMERIC, "C");
}

static void file_style_has_one_item_a_line(void **state)
{
	static const char expected[] = "{\n"
				       "  \"shape\": [100, 2],\n"
				       "  \"empty\": [],\n"
				       "  \"none\": {},\n"
				       "  \"rows\": [\n"
				       "    [1, 2.5],\n"
				       "    [{\"$float\": \"NaN\"}]\n"
				       "  ],\n"
				       "  \"mixed\": [\n"
				       "    1,\n"
				       "    \"a\"\n"
				       "  ],\n"
				       "  \"é\": {\n"
				       "    \"deep\": null\n"
				       "  }\n"
				       "}\n";

	(void)state;
	assert_text(parse("{\"shape\":[100,2],\"empty\":[],\"none\":{},"
	                  "\"rows\":[[1,2.5],[NaN]],\"mixed\":[1,\"a\"],"
	                  "\"\\u00e9\":{\"deep\":null}}"),
	            JSON_STYLE_FILE, expected);
}

static void shared_parts_cannot_exceed_the_limit(void **state)
{
	struct value *value = value_new_list(VALUE_LIST);
	struct blob text = { 0 };

	(void)state;
	for (int i = 0; i < 60; i++) {
		struct value *twice = value_new_list(VALUE_LIST);

		assert_int_equal(value_list_append(twice, value_ref(value)), 0);
		assert_int_equal(value_list_append(twice, value), 0);
		value = twice;
	}
	assert_int_equal(blob_set(&text, "kept", 4), 0);
	assert_int_equal(json_append(value, JSON_STYLE_PYTHON,
	                             JSON_ARRAYS_REFUSE, 10000, &text),
	                 -EFBIG);
	assert_string_equal(text.data, "kept");
	blob_release(&text);
	value_unref(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(python_style_is_what_json_dumps_writes),
		cmocka_unit_test(file_style_means_the_same_to_python),
		cmocka_unit_test(doubles_are_written_as_repr_does),
		cmocka_unit_test(numbers_do_not_depend_on_the_locale),
		cmocka_unit_test(file_style_has_one_item_a_line),
		cmocka_unit_test(shared_parts_cannot_exceed_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
