/* SPDX-License-Identifier: MIT */
/* The first two bytes say how much of the rest is a prefix; what is said of
 * the prefix must be true of the whole. */
#include "backends/codec.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_prefix(const uint8_t *data, size_t prefix, size_t size,
                         const struct array_info *whole)
{
	struct array_info info;
	char why[WHY_SIZE];
	int rc = codec_array_info(data, prefix, size, &info, why);

	if (rc == -EAGAIN && prefix == size)
		abort();
	if (rc)
		return;
	if (whole && !array_info_equal(&info, whole))
		abort();
	array_info_release(&info);
}

static void check_encoding(const struct value *value, enum encoding encoding)
{
	struct blob bytes = { 0 };
	struct codec_form form;
	struct value *again;
	char why[WHY_SIZE];

	if (codec_encode(value, encoding, 64, &bytes) == 0) {
		if (codec_sniff(bytes.data, bytes.size, &form) ||
		    form.encoding != encoding ||
		    codec_decode(bytes.data, bytes.size, &again, why))
			abort();
		value_unref(again);
	}
	blob_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct value *value = NULL;
	const struct array_info *whole = NULL;
	char why[WHY_SIZE];
	size_t prefix;

	if (size < 2)
		return 0;
	prefix = data[0] | (size_t)data[1] << 8;
	data += 2;
	size -= 2;
	if (codec_decode(data, size, &value, why) == 0 &&
	    value->type == VALUE_ARRAY)
		whole = &value->array.info;
	check_prefix(data, prefix < size ? prefix : size, size, whole);
	check_prefix(data, size, size, whole);
	if (value && size < 4096) {
		check_encoding(value, ENCODING_NPY);
		check_encoding(value, ENCODING_PICKLE);
	}
	value_unref(value);
	return 0;
}
