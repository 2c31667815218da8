/* SPDX-License-Identifier: MIT */
#include "backends/name.h"

#include "backends/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <xxhash.h>

static const char hex[] = "0123456789ABCDEF";

/* Where the dot of a final suffix of ours is, or SIZE. */
static size_t suffix_dot(const char *key, size_t size)
{
	static const char *const suffixes[] = { ".npy", ".json", ".pickle" };

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t length = strlen(suffixes[i]);

		if (size >= length &&
		    memcmp(key + size - length, suffixes[i], length) == 0)
			return size - length;
	}
	return size;
}

static bool is_encoded(const char *key, size_t at, size_t dot)
{
	unsigned char byte = (unsigned char)key[at];

	return byte < 0x20 || byte == 0x7f || byte == '/' || byte == '%' ||
	       at == dot || (byte == '.' && at == 0);
}

static int encode_all(const char *key, size_t size, struct blob *out)
{
	size_t dot = suffix_dot(key, size);
	int rc = size ? blob_reserve(out, size) : blob_append(out, "%", 1);

	for (size_t i = 0; rc == 0 && i < size; i++) {
		unsigned char byte = (unsigned char)key[i];
		char escape[] = { '%', hex[byte >> 4], hex[byte & 15] };

		rc = is_encoded(key, i, dot) ? blob_append(out, escape, 3)
		                             : blob_append(out, key + i, 1);
	}
	return rc;
}

/* The most bytes of NAME, up to LIMIT, that cut no character and no %XX. */
static size_t cut_point(const char *name, size_t size, size_t limit)
{
	size_t at = 0;

	for (;;) {
		uint32_t character;
		size_t length =
		    name[at] == '%'
			? 3
			: utf8_decode(name + at, size - at, &character);

		if (length == 0)
			length = 1;
		if (at + length > limit)
			return at;
		at += length;
	}
}

int name_encode(const char *key, size_t size, size_t limit, struct blob *out)
{
	struct blob name = { 0 };
	int rc = encode_all(key, size, &name);

	if (rc == 0 && name.size <= limit) {
		rc = blob_append(out, name.data, name.size);
	} else if (rc == 0) {
		size_t cut =
		    cut_point(name.data, name.size, limit - NAME_CUT_TAIL);

		rc = blob_append(out, name.data, cut);
		if (rc == 0)
			rc = blob_printf(out, "~%016" PRIx64,
			                 XXH3_64bits(key, size));
	}
	blob_release(&name);
	return rc;
}

static int capital_digit(char digit)
{
	return digit >= 'a' ? -1 : utf8_hex_digit(digit);
}

/* Undo %XX; digits of other forms are -EINVAL. */
static int decode_all(const char *name, size_t size, struct blob *out)
{
	int rc = blob_append(out, "", 0);

	for (size_t i = 0; rc == 0 && i < size; i++) {
		int high;
		int low;
		char byte = name[i];

		if (byte == '%') {
			if (size - i < 3)
				return -EINVAL;
			high = capital_digit(name[i + 1]);
			low = capital_digit(name[i + 2]);
			if (high < 0 || low < 0)
				return -EINVAL;
			byte = (char)(high << 4 | low);
			i += 2;
		}
		rc = blob_append(out, &byte, 1);
	}
	return rc;
}

int name_decode(const char *name, size_t size, size_t limit, struct blob *out)
{
	struct blob key = { 0 };
	struct blob again = { 0 };
	int rc = 0;

	if (size != 1 || name[0] != '%')
		rc = decode_all(name, size, &key);
	if (rc == 0)
		rc = name_encode(key.data, key.size, limit, &again);
	/* A key has one name: this one, or NAME is none. */
	if (rc == 0 &&
	    (again.size != size || memcmp(again.data, name, size) != 0))
		rc = -EINVAL;
	if (rc == 0)
		rc = blob_append(out, key.data, key.size);
	blob_release(&key);
	blob_release(&again);
	return rc;
}

bool name_is_cut(const char *name, size_t size, size_t limit)
{
	const char *tail;

	/* A character or %XX that did not fit leaves up to three bytes. */
	if (size <= NAME_CUT_TAIL || size > limit || size + 4 <= limit)
		return false;
	tail = name + size - NAME_CUT_TAIL;
	if (*tail != '~')
		return false;
	for (int i = 1; i < NAME_CUT_TAIL; i++)
		if (utf8_hex_digit(tail[i]) < 0 ||
		    (tail[i] >= 'A' && tail[i] <= 'F'))
			return false;
	return true;
}

int name_decode_cut(const char *name, size_t size, struct blob *out)
{
	size_t before = out->size;
	int rc = decode_all(name, size - NAME_CUT_TAIL, out);

	if (rc && out->data)
		blob_resize(out, before);
	return rc;
}
