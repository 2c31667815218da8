/* SPDX-License-Identifier: MIT */
/* Whatever is read comes back byte for byte, and its dtype has a name that
 * means it. */
#include "backends/npy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_dtype(const struct dtype *dtype)
{
	struct blob text = { 0 };
	struct dtype again;
	char why[WHY_SIZE];

	if (dtype_append_name(dtype, &text) ||
	    dtype_parse_name(text.data, text.size, &again, why) ||
	    !dtype_equal(&again, dtype))
		abort();
	dtype_release(&again);
	blob_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct blob out = { 0 };
	struct array array;
	char why[WHY_SIZE];

	if (npy_parse(data, size, &array, why))
		return 0;
	if (npy_append(&array, &out) || out.size != size ||
	    memcmp(out.data, data, size) != 0)
		abort();
	check_dtype(&array.info.dtype);
	array_release(&array);
	blob_release(&out);
	return 0;
}
