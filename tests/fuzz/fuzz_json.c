/* SPDX-License-Identifier: MIT */
/* Whatever is read can be written, and reads back as the same value. */
#include "backends/json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct value *value, enum json_style style)
{
	struct blob text = { 0 };
	struct value *again;
	char why[WHY_SIZE];
	int rc = json_append(value, style, JSON_ARRAYS_INLINE, (size_t)1 << 24,
	                     &text);

	/* A dict in the $dict form takes more brackets than it was read from. */
	if (rc == 0) {
		if (json_parse(text.data, text.size, JSON_ARRAYS_INLINE, &again,
		               why))
			abort();
		if (!value_equal(again, value))
			abort();
		value_unref(again);
	}
	blob_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct value *value;
	char why[WHY_SIZE];

	if (json_parse((const char *)data, size, JSON_ARRAYS_INLINE, &value,
	               why))
		return 0;
	check(value, JSON_STYLE_FILE);
	check(value, JSON_STYLE_PYTHON);
	value_unref(value);
	return 0;
}
