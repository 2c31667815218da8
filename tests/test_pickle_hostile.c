/* SPDX-License-Identifier: MIT */
/* Pickles that mean no good: nothing runs, little memory is taken. */
#include "backends/pickle.h"

#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT ((size_t)1 << 30)

struct row {
	const char *bytes;
	size_t size;
	int rc;
	const char *why; /* a part of the reason */
};

#define ROW(bytes, rc, why)                                                    \
	{                                                                      \
		(bytes), sizeof(bytes) - 1, (rc), (why)                        \
	}

static int decode(const void *bytes, size_t size, size_t limit,
                  char why[WHY_SIZE])
{
	struct value *value = NULL;
	int rc = pickle_decode(bytes, size, limit, &value, why);

	value_unref(value);
	return rc;
}

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char why[WHY_SIZE] = "";
		int rc = decode(rows[i].bytes, rows[i].size, LIMIT, why);

		if (rc != rows[i].rc || !strstr(why, rows[i].why))
			fail_msg("row %zu: %d \"%s\"", i, rc, why);
	}
}

#define CHECK_ROWS(rows) check_rows((rows), sizeof(rows) / sizeof((rows)[0]))

/* numpy's names, and an array that waits for its state. */
#define RECONSTRUCT                                                            \
	"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\0tC\1btR"
#define DTYPE(code, order) "cnumpy\ndtype\n(U\2" code "\x89\x88tR(K\3U\1" order
#define PLAIN "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"

static void what_is_not_data_is_named(void **state)
{
	static const struct row rows[] = {
		ROW("cos\nsystem\n(S'true'\ntR.", -ENOTSUP, "os.system"),
		ROW("\x80\4\x8c\2os\x8c\6system\x93\x8c\4true\x85R.", -ENOTSUP,
		    "os.system"),
		ROW("(ios\nsystem\n.", -ENOTSUP, "os.system"),
		ROW("(S'x'\nibuiltins\neval\n.", -ENOTSUP, "builtins.eval"),
		ROW("(cbuiltins\neval\nS'x'\no.", -ENOTSUP, "builtins.eval"),
		ROW("\x80\2cm\nC\n)\x81}b.", -ENOTSUP, "m.C"),
		ROW("\x80\4cm\nC\n)}\x92.", -ENOTSUP, "m.C"),
		ROW("cm\nC\n)R(K\1K\2uK\3aN0.", -ENOTSUP, "m.C"),
		ROW("Psome id\n.", -ENOTSUP, "persistent id"),
		ROW("K\1Q.", -ENOTSUP, "persistent id"),
		ROW("\x80\2\x82\1.", -ENOTSUP, "extension code"),
		ROW("\x80\5\x97\x98.", -ENOTSUP, "kept elsewhere"),
		ROW("cnumpy\ndtype\n(U\2O8\x89\x88tR.", -ENOTSUP,
		    "Python objects"),
		ROW("cnumpy\ndtype\n(U\2f8\x89\x88tR.", -ENOTSUP, "not data"),
		ROW("c_codecs\nencode\n(U\1aU\5rot13tR.", -ENOTSUP, "encode"),
		ROW("cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nmatrix\n(K"
		    "\0tC\1btR.",
		    -ENOTSUP, "numpy.matrix"),
		ROW("cbad\x1b[31m\nname\n.", -ENOTSUP, "bad?[31m.name"),
		ROW("cnumpy\ndtype\n.", -ENOTSUP, "not data"),
		ROW("(lp0\ng0\na.", -ENOTSUP, "holds itself"),
		ROW("}q\0K\1h\0s.", -ENOTSUP, "holds itself"),
		ROW("]q\0h\0\x85q\1ah\1.", -EINVAL, "more than one"),
		ROW("}]K\1s.", -ENOTSUP, "hashed"),
		ROW("\x8f(]\x90.", -ENOTSUP, "hashed"),
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void what_is_no_pickle_is_refused(void **state)
{
	static const struct row rows[] = {
		ROW("", -EINVAL, "truncated"),
		ROW(".", -EINVAL, "object"),
		ROW("N", -EINVAL, "truncated"),
		ROW("NN.", -EINVAL, "more than one object"),
		ROW("(N.", -EINVAL, "more than one object"),
		ROW("N.N", -EINVAL, "after its end"),
		ROW("\xff", -EINVAL, "unknown opcode 0xff at byte 0"),
		ROW("\x80\6N.", -EINVAL, "protocol 6"),
		ROW("a.", -EINVAL, "stack"),
		ROW("K\1a.", -EINVAL, "stack"),
		ROW("(K\1e.", -EINVAL, "add to"),
		ROW("](K\1u.", -EINVAL, "without an item"),
		ROW("}(K\1u.", -EINVAL, "without an item"),
		ROW("(K\1d.", -EINVAL, "without an item"),
		ROW("K\1(K\1e.", -EINVAL, "something else"),
		ROW("e.", -EINVAL, "no mark"),
		ROW("1N.", -EINVAL, "no mark"),
		ROW("0N.", -EINVAL, "stack"),
		ROW("(2.", -EINVAL, "stack"),
		ROW("\x85.", -EINVAL, "stack"),
		ROW("h\0.", -EINVAL, "memo"),
		ROW("g5\n.", -EINVAL, "memo"),
		ROW("gx\n.", -EINVAL, "memo"),
		ROW("Nr\xff\xff\xff\x7f.", -EINVAL, "memo"),
		ROW("Np99999999999999999999\n.", -EINVAL, "memo"),
		ROW("Ix\n.", -EINVAL, "not an integer"),
		ROW("I\n.", -EINVAL, "not an integer"),
		ROW("F0x1\n.", -EINVAL, "not a float"),
		ROW("F\n.", -EINVAL, "not a float"),
		ROW("Sx\n.", -EINVAL, "quotes"),
		ROW("S'\n.", -EINVAL, "quotes"),
		ROW("S'\\x0'\n.", -EINVAL, "escape"),
		ROW("S'\\'\n.", -EINVAL, "escape"),
		ROW("V\\u12\n.", -EINVAL, "escape"),
		ROW("V\\U00110000\n.", -EINVAL, "escape"),
		ROW("X\1\0\0\0\xff.", -EINVAL, "UTF-8"),
		ROW("K\1)R.", -EINVAL, "no name"),
		ROW("NN\x93.", -EINVAL, "no text"),
		ROW("\x80\4\x95\xff\xff\xff\xff\0\0\0\0N.", -EINVAL, "frame"),
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void arrays_are_as_large_as_their_bytes(void **state)
{
	static const struct row rows[] = {
		ROW(RECONSTRUCT ".", -EINVAL, "without a state"),
		ROW(RECONSTRUCT "(K\1(K\2t" DTYPE("f8", "<") PLAIN "\x89"
		                                                   "C\1xtb.",
		    -EINVAL, "another size"),
		ROW(RECONSTRUCT "(K\1(\x8a\7\0\0\0\0\0\0\x40t" DTYPE("f8", "<")
		        PLAIN "\x89"
		              "C\0tb.",
		    -EINVAL, "another size"),
		ROW(RECONSTRUCT "(K\1(J\xff\xff\xff\xfft" DTYPE("f8", "<") PLAIN
		    "\x89"
		    "C\0tb.",
		    -ENOTSUP, "state"),
		ROW("cnumpy.core.multiarray\nscalar\n(" DTYPE("f8", "<") PLAIN
		    "C\1xtR.",
		    -EINVAL, "another size"),
		ROW("cnumpy.core.multiarray\nscalar\n(" DTYPE(
			"U1", "<") "NNNK\4K\4K\x08tbC\4\xff\xff\xff\xfftR.",
		    -EINVAL, "Unicode"),
	};

	(void)state;
	CHECK_ROWS(rows);
}

/* More than LIMIT is refused by what it claims, before it is there. */
static void claimed_sizes_are_not_believed(void **state)
{
	static const struct row rows[] = {
		ROW("\x80\4\x8e\0\0\0\0\0\0\0\x40xx.", -EINVAL, "truncated"),
		ROW("\x80\4\x8e\xff\xff\xff\xff\xff\xff\xff\xffxx.", -EINVAL,
		    "truncated"),
		ROW("\x80\5\x96\0\0\0\0\1\0\0\0xx.", -EINVAL, "truncated"),
		ROW("X\xff\xff\xff\xff.", -EINVAL, "truncated"),
		ROW("T\xff\xff\xff\xff.", -EINVAL, "truncated"),
		ROW("\x8b\xff\xff\xff\x7f.", -EINVAL, "truncated"),
		ROW("Nr\xff\xff\xff\x7f.", -EINVAL, "memo"),
		ROW("Np4000000000\n.", -EINVAL, "memo"),
		ROW("Np99999999999999999999\n.", -EINVAL, ""),
	};
	struct rlimit all;
	struct rlimit few;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_DATA, &all), 0);
	few = all;
	few.rlim_cur = (rlim_t)256 << 20;
	assert_int_equal(setrlimit(RLIMIT_DATA, &few), 0);
	CHECK_ROWS(rows);
	assert_int_equal(setrlimit(RLIMIT_DATA, &all), 0);
}

static void repeat(struct blob *out, const char *text, size_t size,
                   size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(blob_append(out, text, size), 0);
}

static void deep_nesting_is_refused(void **state)
{
	struct blob bytes = { 0 };
	char why[WHY_SIZE];

	(void)state;
	repeat(&bytes, "](", 2, 100000);
	repeat(&bytes, "e", 1, 100000);
	blob_append(&bytes, ".", 1);
	assert_int_equal(decode(bytes.data, bytes.size, LIMIT, why), -EINVAL);
	assert_non_null(strstr(why, "deep"));
	blob_release(&bytes);
}

/* Sharing must not hide depth: each list is first seen at the top. */
static void depth_behind_the_memo_is_refused(void **state)
{
	struct blob bytes = { 0 };
	char why[WHY_SIZE];

	(void)state;
	blob_append(&bytes, "(]q\0", 4);
	for (char i = 1; i < 100; i++) {
		const char step[] = { ']', 'h', (char)(i - 1), 'a', 'q', i };

		blob_append(&bytes, step, sizeof(step));
	}
	blob_append(&bytes, "l.", 2);
	assert_int_equal(decode(bytes.data, bytes.size, LIMIT, why), -EINVAL);
	assert_non_null(strstr(why, "deep"));
	blob_release(&bytes);
}

static void laughs_are_counted_each(void **state)
{
	struct blob bytes = { 0 };
	char why[WHY_SIZE];

	(void)state;
	blob_append(&bytes, "]q\0", 3);
	for (char i = 0; i < 60; i++) {
		const char step[] = { '0', ']', '(', 'h', i,   'h',
			              i,   'h', i,   'e', 'q', (char)(i + 1) };

		blob_append(&bytes, step, sizeof(step));
	}
	blob_append(&bytes, ".", 1);
	assert_int_equal(decode(bytes.data, bytes.size, LIMIT, why), -EFBIG);
	blob_release(&bytes);
}

static void marks_without_end_are_refused(void **state)
{
	struct blob bytes = { 0 };
	char why[WHY_SIZE];

	(void)state;
	repeat(&bytes, "(", 1, 4000000);
	blob_append(&bytes, ".", 1);
	assert_int_not_equal(decode(bytes.data, bytes.size, 1 << 20, why), 0);
	blob_release(&bytes);
}

static void memory_stays_under_the_limit(void **state)
{
	struct blob bytes = { 0 };
	char why[WHY_SIZE];

	(void)state;
	blob_append(&bytes, "(", 1);
	repeat(&bytes, "N", 1, 1000000);
	blob_append(&bytes, "l.", 2);
	assert_int_equal(decode(bytes.data, bytes.size, 1 << 20, why), -EFBIG);
	assert_int_equal(decode(bytes.data, bytes.size, LIMIT, why), 0);
	blob_release(&bytes);
}

static void long_integers_are_refused(void **state)
{
	struct blob bytes = { 0 };
	char why[WHY_SIZE];

	(void)state;
	blob_append(&bytes, "\x8b\0\0\1\0", 5);
	repeat(&bytes, "\1", 1, 65536);
	blob_append(&bytes, ".", 1);
	assert_int_equal(decode(bytes.data, bytes.size, LIMIT, why), -ENOTSUP);
	blob_release(&bytes);
}

/* Every start of a pickle is refused, and asks for no byte beyond. */
static void check_starts(const struct blob *bytes)
{
	for (size_t size = 0; size < bytes->size; size++) {
		char *copy = malloc(size + !size);
		char why[WHY_SIZE];

		assert_non_null(copy);
		memcpy(copy, bytes->data, size);
		assert_int_equal(decode(copy, size, LIMIT, why), -EINVAL);
		free(copy);
	}
}

/* Every byte changed in turn: any answer will do, but an answer. */
static void check_damage(struct blob *bytes)
{
	static const unsigned char flips[] = { 0x01, 0x80, 0xff, 0x2a };

	for (size_t i = 0; i < bytes->size; i++) {
		for (size_t j = 0; j < sizeof(flips); j++) {
			char why[WHY_SIZE];

			bytes->data[i] = (char)(bytes->data[i] ^ flips[j]);
			decode(bytes->data, bytes->size, 1 << 24, why);
			bytes->data[i] = (char)(bytes->data[i] ^ flips[j]);
		}
	}
}

static void truncated_and_damaged_pickles_are_survived(void **state)
{
	struct scratch scratch;
	struct blob bytes = { 0 };
	char name[16];

	(void)state;
	scratch_init(&scratch);
	scratch_python(
	    &scratch,
	    "import pickle, numpy as np\n"
	    "v = {'a': [1, 2.5, 'x', b'y', None, True, {1}, (2,)],\n"
	    "     'b': np.zeros(2, [('t', 'M8[s]'), ('u', 'U2', (2,))]),\n"
	    "     'c': np.float32(1), 'd': 2 ** 70}\n"
	    "for p in range(6):\n"
	    "    open('%d' % p, 'wb').write(pickle.dumps(v, p))\n");
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_true(scratch_read(&scratch, name, &bytes));
		check_starts(&bytes);
		check_damage(&bytes);
	}
	blob_release(&bytes);
	scratch_release(&scratch);
}

static void nothing_is_run(void **state)
{
	struct scratch scratch;
	struct blob bytes = { 0 };
	char why[WHY_SIZE];

	(void)state;
	scratch_init(&scratch);
	blob_printf(&bytes, "cos\nsystem\n(S'touch %s/ran'\ntR.", scratch.path);
	assert_int_equal(decode(bytes.data, bytes.size, LIMIT, why), -ENOTSUP);
	blob_set(&bytes, "", 0);
	assert_false(scratch_read(&scratch, "ran", &bytes));
	blob_release(&bytes);
	scratch_release(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_data_is_named),
		cmocka_unit_test(what_is_no_pickle_is_refused),
		cmocka_unit_test(arrays_are_as_large_as_their_bytes),
		cmocka_unit_test(claimed_sizes_are_not_believed),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(depth_behind_the_memo_is_refused),
		cmocka_unit_test(laughs_are_counted_each),
		cmocka_unit_test(marks_without_end_are_refused),
		cmocka_unit_test(memory_stays_under_the_limit),
		cmocka_unit_test(long_integers_are_refused),
		cmocka_unit_test(truncated_and_damaged_pickles_are_survived),
		cmocka_unit_test(nothing_is_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
