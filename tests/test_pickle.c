/* SPDX-License-Identifier: MIT */
/*
 * tests/pickle/cases.py writes pickles and, by Python's and numpy's own
 * account, what is in them; here they are decoded and described in the same
 * words.  Then they are written again, and Python compares.
 */
#include "backends/pickle.h"

#include "tests/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT ((size_t)1 << 30)

static void describe(const struct value *value, struct blob *out);

static void append_hex(const void *bytes, size_t size, struct blob *out)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < size; i++)
		assert_int_equal(blob_printf(out, "%02x", at[i]), 0);
}

static void describe_array(const struct array *array, struct blob *out)
{
	assert_int_equal(blob_append_text(out, "A"), 0);
	assert_int_equal(dtype_append_descr(&array->info.dtype, out), 0);
	for (int i = 0; i < array->info.ndim; i++)
		blob_printf(out, "%c%" PRIu64, i ? 'x' : ' ',
		            array->info.shape[i]);
	blob_printf(out, "%s %c ", array->info.ndim ? "" : " ",
	            array->info.fortran ? 'F' : 'C');
	append_hex(array->data, (size_t)array->info.nbytes, out);
}

static void describe_items(const struct value *value, const char *brackets,
                           struct blob *out)
{
	blob_append(out, &brackets[0], 1);
	for (size_t i = 0; i < value->list.count; i++) {
		describe(value->list.items[i], out);
		blob_append_text(out, ";");
	}
	blob_append(out, &brackets[1], 1);
}

static void describe_dict(const struct value *value, struct blob *out)
{
	blob_append_text(out, "{");
	for (size_t i = 0; i < value->dict.count; i++) {
		describe(value->dict.pairs[i].key, out);
		blob_append_text(out, ":");
		describe(value->dict.pairs[i].item, out);
		blob_append_text(out, ";");
	}
	blob_append_text(out, "}");
}

static void describe_spelled(const struct value *value, struct blob *out)
{
	blob_append_text(out, value->type == VALUE_TEXT ? "t" : "b");
	append_hex(value->text.data, value->text.size, out);
}

static void describe_float(const struct value *value, struct blob *out)
{
	blob_append_text(out, "f");
	append_hex(&value->real, sizeof(value->real), out);
}

static void describe(const struct value *value, struct blob *out)
{
	static const char *const brackets[] = {
		[VALUE_LIST] = "[]",
		[VALUE_TUPLE] = "()",
		[VALUE_SET] = "{}",
		[VALUE_FROZENSET] = "<>",
	};

	switch (value->type) {
	case VALUE_NULL:
		blob_append_text(out, "None");
		break;
	case VALUE_BOOL:
		blob_append_text(out, value->boolean ? "True" : "False");
		break;
	case VALUE_INT:
		blob_printf(out, "%" PRId64, value->integer);
		break;
	case VALUE_BIGINT:
		blob_append(out, value->text.data, value->text.size);
		break;
	case VALUE_FLOAT:
		describe_float(value, out);
		break;
	case VALUE_TEXT:
	case VALUE_BYTES:
		describe_spelled(value, out);
		break;
	case VALUE_DICT:
		describe_dict(value, out);
		break;
	case VALUE_ARRAY:
		describe_array(&value->array, out);
		break;
	default:
		describe_items(value, brackets[value->type], out);
	}
}

/* Runs tests/pickle/cases.py; ARGUMENTS are Python texts. */
static void cases(struct scratch *scratch, const char *arguments)
{
	struct blob script = { 0 };

	blob_printf(&script,
	            "import runpy, sys\n"
	            "sys.argv = ['cases.py', %s]\n"
	            "runpy.run_path('" SOURCE_DIR "/tests/pickle/cases.py',"
	            " run_name='__main__')\n",
	            arguments);
	scratch_python(scratch, script.data);
	blob_release(&script);
}

/* What stands before the first dot. */
static size_t stem(const char *name)
{
	return strcspn(name, ".");
}

static void check_value(struct scratch *scratch, const char *name,
                        const struct value *value)
{
	struct blob described = { 0 };
	struct blob expected = { 0 };
	char file[256];

	snprintf(file, sizeof(file), "%.*s.txt", (int)stem(name), name);
	assert_true(scratch_read(scratch, file, &expected));
	describe(value, &described);
	if (!blob_equal(&described, &expected))
		fail_msg("%s is read as %.200s instead of %.200s", name,
		         described.data, expected.data);
	blob_release(&described);
	blob_release(&expected);
}

static void check_pickle(struct scratch *scratch, const char *name)
{
	struct blob bytes = { 0 };
	struct blob written = { 0 };
	struct value *value;
	char why[WHY_SIZE] = "";
	char file[256];

	assert_true(scratch_read(scratch, name, &bytes));
	if (pickle_decode(bytes.data, bytes.size, LIMIT, &value, why))
		fail_msg("%s is not read: %s", name, why);
	check_value(scratch, name, value);
	assert_int_equal(pickle_append(value, &written), 0);
	snprintf(file, sizeof(file), "%s.out", name);
	scratch_write(scratch, file, written.data, written.size);
	value_unref(value);
	blob_release(&bytes);
	blob_release(&written);
}

static int is_pickle(const struct dirent *entry)
{
	size_t size = strlen(entry->d_name);

	return size > 7 && strcmp(entry->d_name + size - 7, ".pickle") == 0;
}

/* Number of pickles, all of which were right. */
static int check_pickles(struct scratch *scratch)
{
	struct dirent **entries;
	int count = scandir(scratch->path, &entries, is_pickle, alphasort);

	assert_true(count >= 0);
	for (int i = 0; i < count; i++) {
		check_pickle(scratch, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return count;
}

static void what_python_pickles_is_read_and_written_back(void **state)
{
	struct scratch *scratch = *state;

	cases(scratch, "'make', '.'");
	assert_true(check_pickles(scratch) > 1000);
	cases(scratch, "'check', '.'");
}

static void what_the_python_classes_stored_is_read(void **state)
{
	struct scratch *scratch = *state;

	cases(scratch,
	      "'legacy', '" SOURCE_DIR "/tests/data/legacy/godly_ai.db', '.'");
	assert_int_equal(check_pickles(scratch), 13);
	cases(scratch, "'check', '.'");
}

static int new_scratch(void **state)
{
	struct scratch *scratch = malloc(sizeof(*scratch));

	assert_non_null(scratch);
	scratch_init(scratch);
	*state = scratch;
	return 0;
}

static int free_scratch(void **state)
{
	scratch_release(*state);
	free(*state);
	return 0;
}

static struct value *decode(const char *bytes, size_t size)
{
	struct value *value = NULL;
	char why[WHY_SIZE] = "";

	if (pickle_decode(bytes, size, LIMIT, &value, why))
		fail_msg("%s", why);
	return value;
}

static void what_is_shared_stays_shared(void **state)
{
	/* a = []; [a, a] */
	static const char bytes[] = "\x80\x02]q\0(]q\1h\1e.";
	struct value *value = decode(bytes, sizeof(bytes) - 1);

	(void)state;
	assert_int_equal(value->list.count, 2);
	assert_ptr_equal(value->list.items[0], value->list.items[1]);
	value_unref(value);
}

static void later_items_replace_earlier_ones(void **state)
{
	static const char bytes[] = "}(K\1K\2K\1K\3u.";
	struct value *value = decode(bytes, sizeof(bytes) - 1);

	(void)state;
	assert_int_equal(value->dict.count, 1);
	assert_int_equal(value->dict.pairs[0].item->integer, 3);
	value_unref(value);
}

static void writing_appends_or_changes_nothing(void **state)
{
	struct blob out = { 0 };
	struct value *deep = value_new_list(VALUE_LIST);

	(void)state;
	assert_int_equal(blob_append_text(&out, "abc"), 0);
	for (int i = 0; i < PICKLE_MAX_DEPTH + 1; i++) {
		struct value *outer = value_new_list(VALUE_LIST);

		assert_int_equal(value_list_append(outer, deep), 0);
		deep = outer;
	}
	assert_int_equal(pickle_append(deep, &out), -EINVAL);
	assert_int_equal(out.size, 3);
	assert_int_equal(
	    pickle_append(deep->list.items[0]->list.items[0], &out), 0);
	assert_memory_equal(out.data, "abc\x80\x04", 5);
	value_unref(deep);
	blob_release(&out);
}

static void a_text_that_is_not_utf8_is_written_as_bytes(void **state)
{
	struct value *text = value_new_text("\xff", 1);
	struct blob out = { 0 };

	(void)state;
	assert_int_equal(pickle_append(text, &out), 0);
	assert_int_equal(out.size, 6);
	assert_memory_equal(out.data, "\x80\4C\1\xff.", 6);
	value_unref(text);
	blob_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_python_pickles_is_read_and_written_back, new_scratch,
		    free_scratch),
		cmocka_unit_test_setup_teardown(
		    what_the_python_classes_stored_is_read, new_scratch,
		    free_scratch),
		cmocka_unit_test(what_is_shared_stays_shared),
		cmocka_unit_test(later_items_replace_earlier_ones),
		cmocka_unit_test(writing_appends_or_changes_nothing),
		cmocka_unit_test(a_text_that_is_not_utf8_is_written_as_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
