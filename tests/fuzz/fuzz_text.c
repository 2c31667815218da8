/* SPDX-License-Identifier: MIT */
/* The small readers of texts, chosen by the first byte: what one of them
 * takes, its writer writes in such a way that it is read as the same. */
#include "tests/fuzz/feed.h"

#include "backends/array.h"
#include "backends/base64.h"
#include "backends/literal.h"
#include "backends/redis_text.h"
#include "layout/question_parse.h"

typedef void reader_fn(const char *text, size_t size);

static void read_base64(const char *text, size_t size)
{
	struct blob bytes = { 0 };
	struct blob again = { 0 };

	if (base64_decode(text, size, &bytes) == 0) {
		feed_check(base64_encode(bytes.data, bytes.size, &again) == 0);
		feed_check(again.size == size &&
		           (!size || memcmp(again.data, text, size) == 0));
	}
	blob_release(&again);
	blob_release(&bytes);
}

static void read_literal(const char *text, size_t size)
{
	struct value *value;
	struct dtype dtype;
	char why[WHY_SIZE];

	if (literal_parse(text, size, &value, why))
		return;
	if (dtype_from_literal(value, &dtype, why) == 0)
		dtype_release(&dtype);
	value_unref(value);
}

/* By which function a dtype is written, and read. */
static void check_dtype(const struct dtype *dtype,
                        int (*append)(const struct dtype *dtype,
                                      struct blob *out),
                        int (*parse)(const char *text, size_t size,
                                     struct dtype *out, char why[WHY_SIZE]))
{
	struct blob text = { 0 };
	struct dtype again;
	char why[WHY_SIZE];

	feed_check(append(dtype, &text) == 0);
	feed_check(parse(text.data, text.size, &again, why) == 0);
	feed_check(dtype_equal(&again, dtype));
	dtype_release(&again);
	blob_release(&text);
}

static void read_dtype_name(const char *text, size_t size)
{
	struct dtype dtype;
	char why[WHY_SIZE];

	if (dtype_parse_name(text, size, &dtype, why))
		return;
	check_dtype(&dtype, dtype_append_name, dtype_parse_name);
	dtype_release(&dtype);
}

static void read_dtype_descr(const char *text, size_t size)
{
	struct dtype dtype;
	char why[WHY_SIZE];

	if (dtype_parse_descr(text, size, &dtype, why))
		return;
	check_dtype(&dtype, dtype_append_descr, dtype_parse_descr);
	dtype_release(&dtype);
}

static void read_shape(const char *text, size_t size)
{
	uint64_t shape[ARRAY_MAX_DIMS];
	uint64_t back[ARRAY_MAX_DIMS];
	struct blob again = { 0 };
	int ndim;
	int count;

	if (redis_shape_parse(text, size, &ndim, shape))
		return;
	feed_check(ndim >= 0 && ndim <= ARRAY_MAX_DIMS);
	feed_check(literal_append_shape(ndim, shape, &again) == 0);
	feed_check(redis_shape_parse(again.data, again.size, &count, back) ==
	               0 &&
	           count == ndim &&
	           memcmp(back, shape, (size_t)ndim * sizeof(*shape)) == 0);
	blob_release(&again);
}

static void read_number(const char *text, size_t size)
{
	char why[WHY_SIZE];
	double number;

	question_number(text, size, &number, why);
}

static reader_fn *const readers[] = {
	read_base64,      read_literal, read_dtype_name,
	read_dtype_descr, read_shape,   read_number,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = { data, size };
	size_t which = feed_byte(&feed) % (sizeof(readers) / sizeof(*readers));
	struct blob text = { 0 };

	if (blob_append(&text, feed.size ? (const void *)feed.data : "",
	                feed.size) == 0)
		readers[which](text.data ? text.data : "", text.size);
	blob_release(&text);
	return 0;
}
