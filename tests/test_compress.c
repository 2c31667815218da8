/* SPDX-License-Identifier: MIT */
#include "backends/compress.h"

#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	int (*pack)(const void *bytes, size_t size, struct blob *out);
	int (*unpack)(const void *bytes, size_t size, size_t limit,
	              struct blob *out);
	int (*unpack_start)(const void *bytes, size_t size, size_t limit,
	                    struct blob *out, bool *ended);
} packings[] = {
	{ compress_zlib, decompress_zlib, decompress_zlib_start },
	{ compress_zstd, decompress_zstd, decompress_zstd_start },
};

#define PACKINGS (sizeof(packings) / sizeof(packings[0]))

/* SIZE bytes that pack to about a half. */
static void fill(struct blob *out, size_t size)
{
	uint32_t seed = 1;

	assert_int_equal(blob_resize(out, size), 0);
	for (size_t i = 0; i < size; i++) {
		seed = seed * 1664525 + 1013904223;
		out->data[i] = (char)(seed >> 28);
	}
}

static void what_is_packed_is_unpacked(void **state)
{
	static const size_t sizes[] = { 0, 1, 1000, 65536, 3000000 };

	(void)state;
	for (size_t i = 0; i < PACKINGS * 5; i++) {
		size_t size = sizes[i / PACKINGS];
		struct blob plain = { 0 };
		struct blob packed = { 0 };
		struct blob out = { 0 };

		fill(&plain, size);
		assert_int_equal(blob_append_text(&packed, "ab"), 0);
		assert_int_equal(
		    packings[i % PACKINGS].pack(plain.data, size, &packed), 0);
		assert_memory_equal(packed.data, "ab", 2);
		assert_int_equal(blob_append_text(&out, "xyz"), 0);
		assert_int_equal(packings[i % PACKINGS].unpack(packed.data + 2,
		                                               packed.size - 2,
		                                               size, &out),
		                 0);
		assert_int_equal(out.size, size + 3);
		assert_memory_equal(out.data, "xyz", 3);
		assert_memory_equal(out.data + 3, plain.data, size);
		assert_int_equal(out.data[out.size], 0);
		blob_release(&plain);
		blob_release(&packed);
		blob_release(&out);
	}
}

static void more_than_the_limit_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < PACKINGS; i++) {
		struct blob plain = { 0 };
		struct blob packed = { 0 };
		struct blob out = { 0 };

		assert_int_equal(blob_resize(&plain, 64 << 20), 0);
		packings[i].pack(plain.data, plain.size, &packed);
		assert_true(packed.size < 100000);
		assert_int_equal(
		    packings[i].unpack(packed.data, packed.size, 100000, &out),
		    -EFBIG);
		assert_int_equal(out.size, 0);
		assert_true(out.capacity < 300000);
		blob_release(&plain);
		blob_release(&packed);
		blob_release(&out);
	}
}

static void damaged_bytes_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < PACKINGS; i++) {
		struct blob plain = { 0 };
		struct blob packed = { 0 };
		struct blob out = { 0 };

		fill(&plain, 5000);
		packings[i].pack(plain.data, plain.size, &packed);
		for (size_t size = 0; size < packed.size; size++)
			assert_int_equal(
			    packings[i].unpack(packed.data, size, 10000, &out),
			    -EINVAL);
		blob_append(&packed, "x", 1);
		assert_int_equal(
		    packings[i].unpack(packed.data, packed.size, 10000, &out),
		    -EINVAL);
		packed.data[packed.size / 2] ^= 1;
		assert_int_equal(packings[i].unpack(
				     packed.data, packed.size - 1, 10000, &out),
		                 -EINVAL);
		assert_int_equal(out.size, 0);

		/* And they leave nothing behind. */
		packed.data[packed.size / 2] ^= 1;
		assert_int_equal(packings[i].unpack(
				     packed.data, packed.size - 1, 10000, &out),
		                 0);
		assert_true(blob_equal(&out, &plain));
		blob_release(&plain);
		blob_release(&packed);
		blob_release(&out);
	}
}

static void a_start_unpacks_to_a_start(void **state)
{
	(void)state;
	for (size_t i = 0; i < PACKINGS; i++) {
		struct blob plain = { 0 };
		struct blob packed = { 0 };
		struct blob out = { 0 };
		bool ended = true;

		fill(&plain, 1000000);
		packings[i].pack(plain.data, plain.size, &packed);
		assert_int_equal(packings[i].unpack_start(packed.data,
		                                          packed.size, 4096,
		                                          &out, &ended),
		                 0);
		assert_int_equal(out.size, 4096);
		assert_false(ended);
		assert_memory_equal(out.data, plain.data, out.size);

		blob_release(&out);
		assert_int_equal(
		    packings[i].unpack_start(packed.data, packed.size / 2,
		                             SIZE_MAX, &out, &ended),
		    0);
		assert_in_range(out.size, 200000, 800000);
		assert_false(ended);
		assert_memory_equal(out.data, plain.data, out.size);

		blob_release(&out);
		assert_int_equal(packings[i].unpack_start(packed.data,
		                                          packed.size, SIZE_MAX,
		                                          &out, &ended),
		                 0);
		assert_true(ended);
		assert_true(blob_equal(&out, &plain));
		blob_release(&plain);
		blob_release(&packed);
		blob_release(&out);
	}
}

static void zlib_bytes_are_those_of_python(void **state)
{
	struct scratch scratch;
	struct blob plain = { 0 };
	struct blob packed = { 0 };
	struct blob expected = { 0 };

	(void)state;
	scratch_init(&scratch);
	fill(&plain, 300000);
	scratch_write(&scratch, "plain", plain.data, plain.size);
	scratch_python(&scratch,
	               "import zlib\n"
	               "data = open('plain', 'rb').read()\n"
	               "open('packed', 'wb').write(zlib.compress(data))\n");
	assert_true(scratch_read(&scratch, "packed", &expected));
	assert_int_equal(compress_zlib(plain.data, plain.size, &packed), 0);
	assert_true(blob_equal(&packed, &expected));
	blob_release(&plain);
	blob_release(&packed);
	blob_release(&expected);
	scratch_release(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_is_unpacked),
		cmocka_unit_test(more_than_the_limit_is_refused),
		cmocka_unit_test(damaged_bytes_are_refused),
		cmocka_unit_test(a_start_unpacks_to_a_start),
		cmocka_unit_test(zlib_bytes_are_those_of_python),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
