/* SPDX-License-Identifier: MIT */
/* Whatever is read is written as a pickle that reads as the same value, and
 * takes no more memory than it may. */
#include "backends/pickle.h"

#include <stdint.h>
#include <stdlib.h>

#define LIMIT ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What pickle_array_info says of it is what it turns out to be. */
static void check_info(const uint8_t *data, size_t size,
                       const struct value *value)
{
	struct array_info info;
	char why[WHY_SIZE];

	if (pickle_array_info(data, size, size, LIMIT, &info, why))
		return;
	if (!value || value->type != VALUE_ARRAY ||
	    !array_info_equal(&info, &value->array.info))
		abort();
	array_info_release(&info);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct value *value;
	struct value *again;
	struct blob out = { 0 };
	char why[WHY_SIZE];

	if (pickle_decode(data, size, LIMIT, &value, why))
		return 0;
	check_info(data, size, value);
	if (pickle_append(value, &out) ||
	    pickle_decode(out.data, out.size, 8 * LIMIT, &again, why) ||
	    !value_equal(again, value))
		abort();
	value_unref(again);
	value_unref(value);
	blob_release(&out);
	return 0;
}
