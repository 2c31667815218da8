/* SPDX-License-Identifier: MIT */
#include "backends/literal.h"

#include "backends/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static int append_escaped(uint32_t character, struct blob *out)
{
	if (character <= 0xff)
		return blob_printf(out, "\\x%02x", character);
	if (character <= 0xffff)
		return blob_printf(out, "\\u%04x", character);
	return blob_printf(out, "\\U%08x", character);
}

static int append_character(const char *text, size_t length, uint32_t character,
                            char quote, struct blob *out)
{
	static const char special[] = "\n\r\t\\";
	static const char *const escapes[] = { "\\n", "\\r", "\\t", "\\\\" };
	const char *known = character && character < 0x80
	                        ? strchr(special, (int)character)
	                        : NULL;

	if (known)
		return blob_append_text(out, escapes[known - special]);
	if (character == (unsigned char)quote)
		return blob_printf(out, "\\%c", quote);
	if (!utf8_is_printable(character))
		return append_escaped(character, out);
	return blob_append(out, text, length);
}

int literal_append_text(const char *text, size_t size, struct blob *out)
{
	bool single = size && memchr(text, '\'', size);
	bool both = single && memchr(text, '"', size);
	char quote = single && !both ? '"' : '\'';
	int rc = blob_append(out, &quote, 1);

	while (rc == 0 && size) {
		uint32_t character;
		size_t length = utf8_decode(text, size, &character);

		if (length == 0)
			return -EINVAL;
		rc = append_character(text, length, character, quote, out);
		text += length;
		size -= length;
	}
	return rc ? rc : blob_append(out, &quote, 1);
}

int literal_append_shape(int ndim, const uint64_t *shape, struct blob *out)
{
	int rc = blob_append_text(out, "(");

	for (int i = 0; rc == 0 && i < ndim; i++)
		rc = blob_printf(out, i ? ", %" PRIu64 : "%" PRIu64, shape[i]);
	if (rc)
		return rc;
	return blob_append_text(out, ndim == 1 ? ",)" : ")");
}
