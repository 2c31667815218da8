/* SPDX-License-Identifier: MIT */
#include "backends/utf8.h"

#include <errno.h>

/* By number of bytes: bits of the first one, and the least character. */
static const struct {
	unsigned char mask;
	unsigned char lead;
	uint32_t least;
} forms[] = {
	{ 0x80, 0x00, 0 },
	{ 0xe0, 0xc0, 0x80 },
	{ 0xf0, 0xe0, 0x800 },
	{ 0xf8, 0xf0, 0x10000 },
};

#define FORMS (sizeof(forms) / sizeof(forms[0]))

static size_t length_from_lead(unsigned char lead)
{
	for (size_t i = 0; i < FORMS; i++)
		if ((lead & forms[i].mask) == forms[i].lead)
			return i + 1;
	return 0;
}

size_t utf8_decode(const char *text, size_t size, uint32_t *out)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length = size ? length_from_lead(bytes[0]) : 0;
	uint32_t character;

	if (length == 0 || length > size)
		return 0;
	character = bytes[0] & (unsigned char)~forms[length - 1].mask;
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (bytes[i] & 0x3f);
	}
	if (character < forms[length - 1].least || character > 0x10ffff)
		return 0;
	*out = character;
	return length;
}

int utf8_append(uint32_t character, struct blob *out)
{
	char bytes[4];
	size_t length = 1;

	if (character > 0x10ffff)
		return -EINVAL;
	while (length < FORMS && character >= forms[length].least)
		length++;
	for (size_t i = length - 1; i > 0; i--) {
		bytes[i] = (char)(0x80 | (character & 0x3f));
		character >>= 6;
	}
	bytes[0] = (char)(forms[length - 1].lead | character);
	return blob_append(out, bytes, length);
}

bool utf8_is_valid(const char *text, size_t size)
{
	uint32_t character;

	while (size) {
		size_t length = utf8_decode(text, size, &character);

		if (length == 0)
			return false;
		text += length;
		size -= length;
	}
	return true;
}

int utf8_hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/* The categories Cc, Cf, Cs, Co, Zs (but for the space), Zl and Zp, and the
 * noncharacters; ascending. */
static const struct {
	uint32_t first;
	uint32_t last;
} unprintable[] = {
	{ 0x0, 0x1f },         { 0x7f, 0xa0 },       { 0xad, 0xad },
	{ 0x600, 0x605 },      { 0x61c, 0x61c },     { 0x6dd, 0x6dd },
	{ 0x70f, 0x70f },      { 0x890, 0x891 },     { 0x8e2, 0x8e2 },
	{ 0x1680, 0x1680 },    { 0x180e, 0x180e },   { 0x2000, 0x200f },
	{ 0x2028, 0x202f },    { 0x205f, 0x206f },   { 0x3000, 0x3000 },
	{ 0xd800, 0xf8ff },    { 0xfdd0, 0xfdef },   { 0xfeff, 0xfeff },
	{ 0xfff0, 0xfffb },    { 0xfffe, 0xffff },   { 0x110bd, 0x110bd },
	{ 0x110cd, 0x110cd },  { 0x13430, 0x13438 }, { 0x1bca0, 0x1bca3 },
	{ 0x1d173, 0x1d17a },  { 0x1fffe, 0x1ffff }, { 0x2fffe, 0x2ffff },
	{ 0x3fffe, 0x10ffff },
};

static bool is_assigned_above(uint32_t character)
{
	return character >= 0xe0100 && character <= 0xe01ef;
}

bool utf8_is_printable(uint32_t character)
{
	size_t count = sizeof(unprintable) / sizeof(unprintable[0]);

	for (size_t i = 0; i < count; i++)
		if (character >= unprintable[i].first &&
		    character <= unprintable[i].last)
			return is_assigned_above(character);
	return true;
}
