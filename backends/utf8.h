/* SPDX-License-Identifier: MIT */
/*
 * utf8.h - texts as Unicode characters
 *
 * UTF-8 here includes the three-byte forms of lone surrogates (U+D800 to
 * U+DFFF): Python's strings may hold them, and pickles store them that way.
 */
#ifndef ENGRAMFS_BACKENDS_UTF8_H
#define ENGRAMFS_BACKENDS_UTF8_H

#include "backends/blob.h"

#include <stdbool.h>
#include <stdint.h>

/* The character at the start of the SIZE bytes of TEXT.  Returns its length in
 * bytes, or 0 where there is none: SIZE is 0, or the bytes are not UTF-8. */
size_t utf8_decode(const char *text, size_t size, uint32_t *out);

/* Append one character.  -EINVAL past U+10FFFF. */
int utf8_append(uint32_t character, struct blob *out);

/* The whole of TEXT is UTF-8. */
bool utf8_is_valid(const char *text, size_t size);

static inline bool utf8_is_surrogate(uint32_t character)
{
	return character >= 0xd800 && character <= 0xdfff;
}

/* The value of a hex digit of either case, or -1. */
int utf8_hex_digit(char digit);

/* As Python's str.isprintable, but that unassigned characters count. */
bool utf8_is_printable(uint32_t character);

#endif
