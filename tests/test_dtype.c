/* SPDX-License-Identifier: MIT */
#include "backends/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* numpy's own names and descrs are checked in test_npy.c, for many types. */
static const struct {
	const char *text; /* any spelling */
	const char *descr;
	const char *name;
	uint64_t itemsize;
} rows[] = {
	{ "float64", "'<f8'", "float64", 8 },
	{ "<f8", "'<f8'", "float64", 8 },
	{ "f8", "'<f8'", "float64", 8 },
	{ "=f8", "'<f8'", "float64", 8 },
	{ ">f8", "'>f8'", ">f8", 8 },
	{ ">i1", "'|i1'", "int8", 1 },
	{ "?", "'|b1'", "bool", 1 },
	{ "|b1", "'|b1'", "bool", 1 },
	{ "bool", "'|b1'", "bool", 1 },
	{ "float16", "'<f2'", "float16", 2 },
	{ "float128", "'<f16'", "float128", 16 },
	{ "complex64", "'<c8'", "complex64", 8 },
	{ "S5", "'|S5'", "|S5", 5 },
	{ "S", "'|S0'", "|S0", 0 },
	{ "<U3", "'<U3'", "<U3", 12 },
	{ ">U3", "'>U3'", ">U3", 12 },
	{ "|V3", "'|V3'", "|V3", 3 },
	{ "datetime64[ns]", "'<M8[ns]'", "datetime64[ns]", 8 },
	{ "datetime64", "'<M8'", "datetime64", 8 },
	{ "<M8[1us]", "'<M8[us]'", "datetime64[us]", 8 },
	{ ">m8[25us]", "'>m8[25us]'", ">m8[25us]", 8 },
	{ "timedelta64[25us]", "'<m8[25us]'", "timedelta64[25us]", 8 },
	{ "[('a', 'i1'), ('', 'V3'), ('b', '>i4', (2,))]",
	  "[('a', '|i1'), ('', '|V3'), ('b', '>i4', (2,))]",
	  "[('a', 'i1'), ('', 'V3'), ('b', '>i4', (2,))]", 12 },
	{ "[('a', ('f4', 3), (2,))]", "[('a', '<f4', (2, 3))]",
	  "[('a', '<f4', (2, 3))]", 24 },
	{ "[]", "[]", "[]", 0 },
};

static void every_spelling_is_read_and_written_as_numpy_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct blob text = { 0 };
		struct dtype dtype;
		struct dtype again;
		char why[WHY_SIZE] = "";

		if (dtype_parse_name(rows[i].text, strlen(rows[i].text), &dtype,
		                     why))
			fail_msg("%s: %s", rows[i].text, why);
		assert_int_equal(dtype.itemsize, rows[i].itemsize);
		assert_int_equal(dtype_append_name(&dtype, &text), 0);
		assert_string_equal(text.data, rows[i].name);
		assert_int_equal(blob_resize(&text, 0), 0);
		assert_int_equal(dtype_append_descr(&dtype, &text), 0);
		assert_string_equal(text.data, rows[i].descr);
		assert_int_equal(
		    dtype_parse_descr(text.data, text.size, &again, why), 0);
		assert_true(dtype_equal(&again, &dtype));
		dtype_release(&again);
		dtype_release(&dtype);
		blob_release(&text);
	}
}

static void unknown_names_are_refused(void **state)
{
	static const char *const names[] = {
		"",
		"float",
		"float65",
		"float24",
		"int128",
		"f3",
		"x4",
		"<<f8",
		"f8 ",
		"float64[ns]",
		"M8[",
		"M8[]",
		"M8[5]",
		"M8[0s]",
		"M8[nss]",
		"M4",
		"O",
		"object",
		"f8[ns]",
		"U536870912",
		"S-1",
		"[('a')]",
		"['f8']",
		"[('a', )]",
		"datetime64[ns",
		"datetime65",
		"int8x",
		"bool8",
		"S2147483648",
		"[1]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct dtype dtype;
		char why[WHY_SIZE] = "";

		if (dtype_parse_name(names[i], strlen(names[i]), &dtype, why) !=
		    -EINVAL)
			fail_msg("taken: %s", names[i]);
		assert_true(*why);
	}
}

static void fields_have_offsets_and_shapes(void **state)
{
	static const char text[] = "[('a', 'i1'), (('t', 'b'), 'f8', (2, 3)),"
				   " ('c', [('d', 'U2')])]";
	struct dtype dtype;
	struct dtype copy;

	(void)state;
	assert_int_equal(dtype_parse_descr(text, strlen(text), &dtype, NULL),
	                 0);
	assert_int_equal(dtype.itemsize, 1 + 48 + 8);
	assert_int_equal(dtype.field_count, 3);
	assert_int_equal(dtype.fields[1].offset, 1);
	assert_string_equal(dtype.fields[1].title, "t");
	assert_int_equal(dtype.fields[1].ndim, 2);
	assert_int_equal(dtype.fields[1].shape[1], 3);
	assert_int_equal(dtype.fields[2].type->fields[0].type->itemsize, 8);

	assert_int_equal(dtype_copy(&copy, &dtype), 0);
	assert_true(dtype_equal(&copy, &dtype));
	copy.fields[1].shape[1] = 4;
	assert_false(dtype_equal(&copy, &dtype));
	dtype_release(&copy);
	dtype_release(&dtype);
}

static void nesting_is_bounded(void **state)
{
	struct blob text = { 0 };
	struct dtype dtype;

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(blob_append_text(&text, "[('a', "), 0);
	assert_int_equal(blob_append_text(&text, "'f8'"), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(blob_append_text(&text, ")]"), 0);
	assert_int_equal(dtype_parse_descr(text.data, text.size, &dtype, NULL),
	                 -EINVAL);
	blob_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_spelling_is_read_and_written_as_numpy_does),
		cmocka_unit_test(unknown_names_are_refused),
		cmocka_unit_test(fields_have_offsets_and_shapes),
		cmocka_unit_test(nesting_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
