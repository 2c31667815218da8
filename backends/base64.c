/* SPDX-License-Identifier: MIT */
#include "backends/base64.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(const void *bytes, size_t size, struct blob *out)
{
	const unsigned char *at = bytes;
	int rc = blob_reserve(out, out->size + size / 3 * 4 + 4);

	for (size_t i = 0; rc == 0 && i < size; i += 3) {
		size_t count = size - i < 3 ? size - i : 3;
		uint32_t group = 0;
		char quad[4] = { '=', '=', '=', '=' };

		for (size_t j = 0; j < 3; j++)
			group = group << 8 | (j < count ? at[i + j] : 0);
		for (size_t j = 0; j <= count; j++)
			quad[j] = digits[group >> (18 - 6 * j) & 63];
		rc = blob_append(out, quad, 4);
	}
	return rc;
}

/* The digits before the padding of one group of four, or 0. */
static size_t count_digits(const char *quad, uint32_t *group)
{
	size_t count = 0;

	*group = 0;
	while (count < 4 && quad[count] != '=') {
		const char *digit = strchr(digits, quad[count]);

		if (!digit || !*digit)
			return 0;
		*group = *group << 6 | (uint32_t)(digit - digits);
		count++;
	}
	for (size_t i = count; i < 4; i++) {
		if (quad[i] != '=')
			return 0;
		*group <<= 6;
	}
	return count;
}

int base64_decode(const char *text, size_t size, struct blob *out)
{
	int rc = blob_reserve(out, out->size + size / 4 * 3);

	if (size % 4)
		return -EINVAL;
	for (size_t i = 0; rc == 0 && i < size; i += 4) {
		uint32_t group;
		size_t count = count_digits(text + i, &group);
		char bytes[3];

		if (count < 2 || (count < 4 && i + 4 < size))
			return -EINVAL;
		for (size_t j = 0; j < 3; j++)
			bytes[j] = (char)(group >> (16 - 8 * j));
		/* Bits that stand for nothing must be zero. */
		if (count < 4 &&
		    (group & (0xffffffu >> 8 * (count - 1)) & 0xffffffu))
			return -EINVAL;
		rc = blob_append(out, bytes, count - 1);
	}
	return rc;
}
