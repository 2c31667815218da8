/* SPDX-License-Identifier: MIT */
#include "backends/npy.h"

#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* <n>.npy is what numpy saves, <n>.name is str(dtype). */
static const char make_files[] =
    "import numpy as np, warnings\n"
    "warnings.simplefilter('ignore')\n"
    "plain = '? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 f16 c8 c16 c32'.split()\n"
    "plain += ['>' + t for t in plain[2:5] + plain[6:]]\n"
    "plain += 'S S1 S5 U U1 U7 >U3 V V1 V9'.split()\n"
    "plain += ['M8[%s]' % u for u in 'Y M W D h m s ms us ns ps fs as'\n"
    "          .split()] + ['m8', 'M8', 'm8[25us]', '>M8[ns]', '>m8[3h]']\n"
    "dtypes = [np.dtype(t) for t in plain]\n"
    "struct = [\n"
    "  [('a', '<i4'), ('b', '>f8', (2, 3))],\n"
    "  [('x', '?'), ('y', 'S3'), ('z', 'U2'), ('w', 'V4'), ('v', 'i1')],\n"
    "  [('o', [('i', '<f4'), ('j', [('k', 'M8[ns]')])], (2,))],\n"
    "  [(('a title', 'n'), 'f4'), ('m', 'c16', 3)],\n"
    "  [('sample_index', '<i8'), ('unit_index', '<i8')],\n"
    "  [('caf\\xe9', 'i4')], [('\\u6642\\u9593', 'i4'), ('b', 'f8')],\n"
    "  [(\"it's\", 'i4'), ('\"', 'i4'), ('\\'\"', 'i4'), ('a\\\\b', 'i4')],\n"
    "  [('tab\\t', 'i4'), ('\\x01', 'i4'), ('\\xad', 'i4'),\n"
    "   ('\\u200b', 'i4'), ('\\U0001f600', 'i4'), ('\\udce9', 'i4')],\n"
    "  [], [('f%d' % i, 'f8') for i in range(2500)],\n"
    "  [('long' * 4500 + str(i), 'f8') for i in range(4)],\n"
    "  [('\\xe9' * 20000 + str(i), 'f8') for i in range(4)],\n"
    "  [('\\u6642' * 9000, 'f8')]]\n"
    "dtypes += [np.dtype(s) for s in struct]\n"
    "dtypes += [np.dtype([('a', 'i1'), ('b', 'f8'), ('c', 'i2')], align=1),\n"
    "           np.dtype({'names': ['a', 'b'], 'formats': ['i2', 'f4'],\n"
    "                     'offsets': [3, 9], 'itemsize': 20})]\n"
    "arrays = [np.zeros((2, 3), d) for d in dtypes]\n"
    "f8 = np.dtype('f8')\n"
    "shapes = [(), (1,), (0,), (3, 0, 2), (1,) * 32, (2,) * 10, (100000,),\n"
    "          (1, 7), (7, 1)]\n"
    "arrays += [np.ones(s, f8) for s in shapes]\n"
    "arrays += [np.asfortranarray(np.arange(24.).reshape(s))\n"
    "           for s in [(2, 12), (2, 3, 4), (4, 6), (24, 1)]]\n"
    "arrays += [np.arange(20.)[::2], np.arange(12).reshape(3, 4).T[1:],\n"
    "           np.ones((123456, 1), 'u1', order='F'), np.zeros((5, 0),\n"
    "           order='F'), np.array(3), np.array('abc'), np.array(b'')]\n"
    "# names of every length, so that some header just fits and some not\n"
    "for k in range(1, 65):\n"
    "    d = np.dtype([('n' * k, 'i1')])\n"
    "    arrays += [np.zeros((3, 1000), d), np.zeros((3, 1000), d, 'F')]\n"
    "for i, a in enumerate(arrays):\n"
    "    np.save('%d.npy' % i, a)\n"
    "    packed = '{' not in str(a.dtype)\n"
    "    open('%d.name' % i, 'wb').write(str(a.dtype).encode('utf8',\n"
    "        'surrogatepass') if packed else b'')\n";

static void check_saved(const struct blob *file, const struct blob *name)
{
	struct array array;
	struct blob again = { 0 };
	struct dtype dtype;
	char why[WHY_SIZE] = "";
	uint64_t size;

	assert_int_equal(npy_parse(file->data, file->size, &array, why), 0);
	assert_string_equal(why, "");

	/* Not kept, but made anew: so ours is numpy's, byte for byte. */
	assert_int_equal(array.info.header.size, 0);
	assert_int_equal(npy_append(&array, &again), 0);
	assert_true(blob_equal(&again, file));
	assert_int_equal(npy_file_size(&array.info, &size), 0);
	assert_int_equal(size, file->size);

	assert_int_equal(blob_resize(&again, 0), 0);
	assert_int_equal(dtype_append_name(&array.info.dtype, &again), 0);
	if (name->size)
		assert_true(blob_equal(&again, name));
	assert_int_equal(dtype_parse_name(again.data, again.size, &dtype, why),
	                 0);
	assert_true(dtype_equal(&dtype, &array.info.dtype));
	dtype_release(&dtype);
	blob_release(&again);
	array_release(&array);
}

static void what_numpy_saves_comes_back_byte_for_byte(void **state)
{
	struct scratch scratch;
	struct blob file = { 0 };
	struct blob name = { 0 };
	char path[32];
	int count = 0;

	(void)state;
	scratch_init(&scratch);
	scratch_python(&scratch, make_files);
	for (;; count++) {
		snprintf(path, sizeof(path), "%d.npy", count);
		if (!scratch_read(&scratch, path, &file))
			break;
		snprintf(path, sizeof(path), "%d.name", count);
		assert_true(scratch_read(&scratch, path, &name));
		check_saved(&file, &name);
	}
	assert_true(count > 200);
	blob_release(&file);
	blob_release(&name);
	scratch_release(&scratch);
}

static void info_is_what_numpy_says(void **state)
{
	struct scratch scratch;
	struct blob file = { 0 };
	struct array array;

	(void)state;
	scratch_init(&scratch);
	scratch_python(&scratch,
	               "import numpy as np\n"
	               "a = np.arange(24, dtype='>i2').reshape(2, 3, 4)\n"
	               "np.save('a.npy', np.asfortranarray(a))\n");
	assert_true(scratch_read(&scratch, "a.npy", &file));
	assert_int_equal(npy_parse(file.data, file.size, &array, NULL), 0);
	assert_int_equal(array.info.ndim, 3);
	assert_int_equal(array.info.shape[0], 2);
	assert_int_equal(array.info.shape[2], 4);
	assert_true(array.info.fortran);
	assert_int_equal(array.info.dtype.kind, 'i');
	assert_int_equal(array.info.dtype.order, '>');
	assert_int_equal(array.info.nbytes, 48);
	/* The second element in Fortran order is a[1, 0, 0] = 12. */
	assert_memory_equal((const char *)array.data + 2, "\0\x0c", 2);
	array_release(&array);
	blob_release(&file);
	scratch_release(&scratch);
}

/* A file with HEADER as its text, as version MAJOR, and SIZE zero bytes. */
static void make(struct blob *out, char major, const char *header, size_t size)
{
	size_t length = strlen(header);
	char prefix[] = { major, 0, (char)length, (char)(length >> 8), 0, 0 };

	assert_int_equal(blob_set(out, NPY_MAGIC, NPY_MAGIC_SIZE), 0);
	assert_int_equal(blob_append(out, prefix, major == 1 ? 4 : 6), 0);
	assert_int_equal(blob_append_text(out, header), 0);
	assert_int_equal(blob_resize(out, out->size + size), 0);
}

static void foreign_headers_are_kept_as_they_are(void **state)
{
	static const char *const headers[] = {
		"{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}",
		"{\"shape\":(2,),\"fortran_order\":False,\"descr\":\"f8\"}\n",
		"{'descr':'float64','fortran_order':False,'shape':(2L,),}  \n",
		("{'descr': [(u'a', '<i4'), (u'b', '<i4')],"
		 " 'fortran_order': True, 'shape': (2L,), }"),
		"{'descr': ('<f8'), 'fortran_order': True, 'shape': (2,), }",
	};
	struct blob file = { 0 };
	struct blob again = { 0 };
	struct array array;
	char why[WHY_SIZE] = "";

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		make(&file, (char)(1 + i % 3), headers[i], 16);
		assert_int_equal(npy_parse(file.data, file.size, &array, why),
		                 0);
		assert_int_equal(array.info.nbytes, 16);
		assert_int_equal(blob_resize(&again, 0), 0);
		assert_int_equal(npy_append(&array, &again), 0);
		assert_true(blob_equal(&again, &file));
		array_release(&array);
	}
	blob_release(&file);
	blob_release(&again);
}

#define HEAD(descr, order, shape)                                              \
	"{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape     \
	", }\n"

static const struct {
	const char *header;
	const char *why;
} bad_headers[] = {
	{ HEAD("'|O'", "False", "(2,)"), "objects" },
	{ HEAD("[('a', 'O')]", "False", "(2,)"), "objects" },
	{ HEAD("'<f9'", "False", "(2,)"), "unknown type" },
	{ HEAD("'<f'", "False", "(2,)"), "unknown type" },
	{ HEAD("'<M8[xy]'", "False", "(2,)"), "unknown type" },
	{ HEAD("'<f8[ns]'", "False", "(2,)"), "unknown type" },
	{ HEAD("''", "False", "(2,)"), "unknown type" },
	{ HEAD("'|S99999999999999999999'", "False", "(1,)"), "unknown type" },
	{ HEAD("'<U1000000000'", "False", "(1,)"), "unknown type" },
	{ HEAD("3", "False", "(2,)"), "neither" },
	{ HEAD("[('a',)]", "False", "(2,)"), "field" },
	{ HEAD("[('a', 'f8', (2,), 3)]", "False", "(2,)"), "field" },
	{ HEAD("[(1, 'f8')]", "False", "(2,)"), "name" },
	{ HEAD("[('a\\x00', 'f8')]", "False", "(2,)"), "name" },
	{ HEAD("[('a', 'f8'), ('a', 'f8')]", "False", "(2,)"), "two fields" },
	{ HEAD("[('a', 'f8', (65536, 65536))]", "False", "(1,)"), "too large" },
	{ HEAD("[('a', 'f8', (-1,))]", "False", "(1,)"), "shape" },
	{ HEAD("('f8', (2,))", "False", "(1,)"), "sub-array" },
	{ HEAD("'<f8'", "0", "(2,)"), "fortran_order" },
	{ HEAD("'<f8'", "False", "2"), "shape" },
	{ HEAD("'<f8'", "False", "(2)"), "shape" },
	{ HEAD("'<f8'", "False", "[2]"), "shape" },
	{ HEAD("'<f8'", "False", "(-2,)"), "shape" },
	{ HEAD("'<f8'", "False", "(2.0,)"), "header" },
	{ HEAD("'<f8'", "False", "(True,)"), "shape" },
	{ HEAD("'<f8'", "False", "(99999999999999999999,)"), "shape" },
	{ HEAD("'<f8'", "False", "(4611686018427387904,)"), "large" },
	{ HEAD("'<f8'", "False", "(4294967296, 4294967296)"), "large" },
	{ HEAD("'|V0'", "False", "(4294967296, 4294967296, 0)"), "large" },
	{ HEAD("'<f8'", "False",
	       "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
	       "1,1,1,1,1,1,1)"),
	  "32" },
	{ HEAD("'<f8'", "False", "(2,), 'more': 1"), "dict" },
	{ "{'descr': '<f8', 'shape': (2,)}", "dict" },
	{ "[]", "dict" },
	{ "", "header" },
	{ "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)", "header" },
	{ "{'descr': '<f8', 'fortran_order': False, 'shape': (2,)} 1",
	  "one literal" },
	{ "{'descr': __import__('os').system('true')}", "header" },
	{ "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("
	  "(",
	  "deep" },
};

static void bad_headers_are_refused_with_a_reason(void **state)
{
	struct blob file = { 0 };
	struct array array;

	(void)state;
	for (size_t i = 0; i < sizeof(bad_headers) / sizeof(bad_headers[0]);
	     i++) {
		char why[WHY_SIZE] = "";

		make(&file, 1, bad_headers[i].header, 16);
		assert_int_equal(npy_parse(file.data, file.size, &array, why),
		                 -EINVAL);
		if (!strstr(why, bad_headers[i].why))
			fail_msg("%s: %s", bad_headers[i].header, why);
	}
	blob_release(&file);
}

static void wrong_sizes_are_refused(void **state)
{
	static const char header[] = HEAD("'<f8'", "False", "(2,)");
	struct blob file = { 0 };
	struct array array;
	char why[WHY_SIZE];

	(void)state;
	make(&file, 1, header, 15);
	assert_int_equal(npy_parse(file.data, file.size, &array, why), -EINVAL);
	assert_non_null(strstr(why, "promises 16"));
	make(&file, 1, header, 17);
	assert_int_equal(npy_parse(file.data, file.size, &array, why), -EINVAL);
	make(&file, 4, header, 16);
	assert_int_equal(npy_parse(file.data, file.size, &array, why), -EINVAL);
	make(&file, 2, header, 16);
	assert_int_equal(npy_parse(file.data, file.size, &array, why), 0);
	array_release(&array);
	blob_release(&file);
}

static void a_header_in_part_asks_for_more(void **state)
{
	struct blob file = { 0 };
	struct array_info info;
	struct array array;
	char why[WHY_SIZE];
	size_t header;

	(void)state;
	make(&file, 1, HEAD("'<f8'", "False", "(2,)"), 16);
	for (size_t size = 0; size < file.size - 16; size++) {
		assert_int_equal(
		    npy_parse_header(file.data, size, &info, &header, why),
		    -EAGAIN);
		assert_int_equal(npy_parse(file.data, size, &array, why),
		                 -EINVAL);
	}
	assert_int_equal(
	    npy_parse_header(file.data, file.size - 16, &info, &header, why),
	    0);
	assert_int_equal(header, file.size - 16);
	array_info_release(&info);
	assert_int_equal(npy_parse_header("\x93NUMPX", 6, &info, &header, why),
	                 -EINVAL);
	blob_release(&file);
}

static void numpy_loads_what_is_made_here(void **state)
{
	struct scratch scratch;
	struct blob file = { 0 };
	double elements[6] = { 0, 1, 2, 3, 4, 5 };
	struct array array = { .data = elements };

	(void)state;
	dtype_plain(&array.info.dtype, 'f', 8);
	array.info.ndim = 2;
	array.info.shape[0] = 2;
	array.info.shape[1] = 3;
	array.info.fortran = true;
	assert_int_equal(array_info_measure(&array.info), 0);
	assert_int_equal(npy_append(&array, &file), 0);
	scratch_init(&scratch);
	scratch_write(&scratch, "a.npy", file.data, file.size);
	scratch_python(&scratch,
	               "import numpy as np\n"
	               "a = np.load('a.npy')\n"
	               "assert a.dtype == 'f8' and a.shape == (2, 3)\n"
	               "assert a.tolist() == [[0, 2, 4], [1, 3, 5]]\n");
	scratch_release(&scratch);
	blob_release(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_numpy_saves_comes_back_byte_for_byte),
		cmocka_unit_test(info_is_what_numpy_says),
		cmocka_unit_test(foreign_headers_are_kept_as_they_are),
		cmocka_unit_test(bad_headers_are_refused_with_a_reason),
		cmocka_unit_test(wrong_sizes_are_refused),
		cmocka_unit_test(a_header_in_part_asks_for_more),
		cmocka_unit_test(numpy_loads_what_is_made_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
