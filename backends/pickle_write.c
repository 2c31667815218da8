/* SPDX-License-Identifier: MIT */
#include "backends/pickle.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "backends/pickle_internal.h"
#include "backends/pickle_write.h"
#include "backends/utf8.h"

static void put_value(struct pickler *pickler, const struct value *value,
                      int depth);

void pickler_put(struct pickler *pickler, const void *bytes, size_t size)
{
	if (pickler->rc == 0)
		pickler->rc = blob_append(pickler->out, bytes, size);
}

void pickler_fail(struct pickler *pickler, int rc)
{
	if (pickler->rc == 0)
		pickler->rc = rc;
}

/* CODE and the WIDTH low bytes of NUMBER, least significant first. */
static void put_number(struct pickler *pickler, unsigned char code,
                       uint64_t number, size_t width)
{
	unsigned char bytes[9] = { code };

	for (size_t i = 1; i <= width; i++, number >>= 8)
		bytes[i] = (unsigned char)number;
	pickler_put(pickler, bytes, width + 1);
}

void pickler_int(struct pickler *pickler, int64_t number)
{
	if (number >= 0 && number <= UINT8_MAX) {
		put_number(pickler, 'K', (uint64_t)number, 1);
	} else if (number >= INT32_MIN && number <= INT32_MAX) {
		put_number(pickler, 'J', (uint64_t)number, 4);
	} else {
		PICKLER_CODES(pickler, "\x8a");
		put_number(pickler, 8, (uint64_t)number, 8);
	}
}

/* One of three opcodes, by the length, and the bytes. */
static void put_span(struct pickler *pickler, const unsigned char codes[3],
                     const void *bytes, size_t size)
{
	if (size <= UINT8_MAX)
		put_number(pickler, codes[0], size, 1);
	else if (size <= UINT32_MAX)
		put_number(pickler, codes[1], size, 4);
	else
		put_number(pickler, codes[2], size, 8);
	pickler_put(pickler, bytes, size);
}

void pickler_bytes(struct pickler *pickler, const void *bytes, size_t size)
{
	put_span(pickler, (const unsigned char *)"CB\x8e", bytes, size);
}

/* What is not UTF-8 cannot be a str; json.h says bytes to it, too. */
void pickler_text(struct pickler *pickler, const char *text, size_t size)
{
	if (utf8_is_valid(text, size))
		put_span(pickler, (const unsigned char *)"\x8cX\x8d", text,
		         size);
	else
		pickler_bytes(pickler, text, size);
}

static void put_null(struct pickler *pickler, const struct value *value,
                     int depth)
{
	(void)value;
	(void)depth;
	PICKLER_CODES(pickler, "N");
}

static void put_bool(struct pickler *pickler, const struct value *value,
                     int depth)
{
	(void)depth;
	pickler_put(pickler, value->boolean ? "\x88" : "\x89", 1);
}

static void put_int(struct pickler *pickler, const struct value *value,
                    int depth)
{
	(void)depth;
	pickler_int(pickler, value->integer);
}

/* LIMBS, least significant first, become LIMBS * FACTOR + ADDEND. */
static void multiply(uint32_t *limbs, size_t *count, uint32_t factor,
                     uint32_t addend)
{
	uint64_t carry = addend;

	for (size_t i = 0; i < *count; i++) {
		carry += (uint64_t)limbs[i] * factor;
		limbs[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry)
		limbs[(*count)++] = (uint32_t)carry;
}

/* LIMBS, in two's complement. */
static void put_limbs(struct pickler *pickler, const uint32_t *limbs,
                      size_t count, bool negative)
{
	unsigned char bytes[PICKLE_MAX_INTEGER];
	size_t size = 4 * count + 1;
	unsigned carry = negative;

	for (size_t i = 0; i < size; i++) {
		unsigned byte =
		    i / 4 < count ? limbs[i / 4] >> 8 * (i % 4) & 0xff : 0;

		if (negative) {
			byte = (byte ^ 0xff) + carry;
			carry = byte >> 8;
		}
		bytes[i] = (unsigned char)byte;
	}
	put_span(pickler, (const unsigned char *)"\x8a\x8b\x8b", bytes, size);
}

static void put_bigint(struct pickler *pickler, const struct value *value,
                       int depth)
{
	uint32_t limbs[PICKLE_MAX_INTEGER / 4] = { 0 };
	const char *digits = value->text.data;
	const char *end = digits + value->text.size;
	bool negative = *digits == '-';
	size_t count = 0;

	(void)depth;
	digits += negative || *digits == '+';
	if (end - digits > PICKLE_MAX_DIGITS) {
		pickler_fail(pickler, -EFBIG);
		return;
	}
	for (; digits < end; digits++)
		multiply(limbs, &count, 10, (uint32_t)(*digits - '0'));
	put_limbs(pickler, limbs, count, negative);
}

static void put_float(struct pickler *pickler, const struct value *value,
                      int depth)
{
	uint64_t bits;

	(void)depth;
	memcpy(&bits, &value->real, sizeof(bits));
	put_number(pickler, 'G', __builtin_bswap64(bits), 8);
}

static void put_text(struct pickler *pickler, const struct value *value,
                     int depth)
{
	(void)depth;
	pickler_text(pickler, value->text.data, value->text.size);
}

static void put_bytes(struct pickler *pickler, const struct value *value,
                      int depth)
{
	(void)depth;
	pickler_bytes(pickler, value->text.data, value->text.size);
}

static void put_list(struct pickler *pickler, const struct value *value,
                     int depth)
{
	static const struct {
		const char *start;
		const char *end;
	} codes[] = {
		[0] = { "](", "e" },
		[VALUE_TUPLE - VALUE_LIST] = { "(", "t" },
		[VALUE_SET - VALUE_LIST] = { "\x8f(", "\x90" },
		[VALUE_FROZENSET - VALUE_LIST] = { "(", "\x91" },
	};

	const char *start = codes[value->type - VALUE_LIST].start;

	pickler_put(pickler, start, strlen(start));
	for (size_t i = 0; i < value->list.count; i++)
		put_value(pickler, value->list.items[i], depth - 1);
	pickler_put(pickler, codes[value->type - VALUE_LIST].end, 1);
}

static void put_dict(struct pickler *pickler, const struct value *value,
                     int depth)
{
	PICKLER_CODES(pickler, "}(");
	for (size_t i = 0; i < value->dict.count; i++) {
		put_value(pickler, value->dict.pairs[i].key, depth - 1);
		put_value(pickler, value->dict.pairs[i].item, depth - 1);
	}
	PICKLER_CODES(pickler, "u");
}

static void put_array(struct pickler *pickler, const struct value *value,
                      int depth)
{
	(void)depth;
	pickler_array(pickler, &value->array);
}

static void (*const writers[])(struct pickler *pickler,
                               const struct value *value, int depth) = {
	[VALUE_NULL] = put_null,      [VALUE_BOOL] = put_bool,
	[VALUE_INT] = put_int,        [VALUE_BIGINT] = put_bigint,
	[VALUE_FLOAT] = put_float,    [VALUE_TEXT] = put_text,
	[VALUE_BYTES] = put_bytes,    [VALUE_LIST] = put_list,
	[VALUE_TUPLE] = put_list,     [VALUE_SET] = put_list,
	[VALUE_FROZENSET] = put_list, [VALUE_DICT] = put_dict,
	[VALUE_ARRAY] = put_array,
};

static void put_value(struct pickler *pickler, const struct value *value,
                      int depth)
{
	if (depth < 0)
		pickler_fail(pickler, -EINVAL);
	if (pickler->rc == 0)
		writers[value->type](pickler, value, depth);
}

/* End the pickle, or leave OUT as it was. */
static int finish(struct pickler *pickler, size_t start)
{
	PICKLER_CODES(pickler, ".");
	if (pickler->rc)
		pickler->out->size = start;
	return pickler->rc;
}

int pickle_append(const struct value *value, struct blob *out)
{
	struct pickler pickler = { .out = out };
	size_t start = out->size;

	PICKLER_CODES(&pickler, "\x80\x04");
	put_value(&pickler, value, PICKLE_MAX_DEPTH);
	return finish(&pickler, start);
}

int pickle_append_array(const struct array *array, struct blob *out)
{
	struct pickler pickler = { .out = out };
	size_t start = out->size;

	PICKLER_CODES(&pickler, "\x80\x04");
	pickler_array(&pickler, array);
	return finish(&pickler, start);
}
