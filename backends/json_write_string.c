/* SPDX-License-Identifier: MIT */
#include "backends/json_writer.h"

#include "backends/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int json_put(struct json_writer *writer, const char *text, size_t size)
{
	if (size > writer->limit - writer->size)
		return -EFBIG;
	writer->size += size;
	return writer->out ? blob_append(writer->out, text, size) : 0;
}

int json_put_text(struct json_writer *writer, const char *text)
{
	return json_put(writer, text, strlen(text));
}

static int put_escape(struct json_writer *writer, uint32_t character)
{
	char text[16];

	if (character > 0xffff) {
		int rc =
		    put_escape(writer, 0xd800 + ((character - 0x10000) >> 10));

		if (rc)
			return rc;
		character = 0xdc00 + (character & 0x3ff);
	}
	snprintf(text, sizeof(text), "\\u%04x", character);
	return json_put_text(writer, text);
}

static int put_character(struct json_writer *writer, const char *text,
                         size_t length, uint32_t character)
{
	static const char special[] = "\"\\\b\f\n\r\t";
	static const char *const escapes[] = { "\\\"", "\\\\", "\\b", "\\f",
		                               "\\n",  "\\r",  "\\t" };
	const char *known = memchr(special, (int)character,
	                           character < 0x80 ? sizeof(special) - 1 : 0);

	if (known)
		return json_put_text(writer, escapes[known - special]);
	if (character < 0x20 || character == 0x7f ||
	    utf8_is_surrogate(character) ||
	    (character > 0x7f && writer->style == JSON_STYLE_PYTHON))
		return put_escape(writer, character);
	return json_put(writer, text, length);
}

/* Bytes at the start of TEXT that are written as they are. */
static size_t plain_run(const char *text, size_t size)
{
	size_t i = 0;

	while (i < size && text[i] >= 0x20 && text[i] < 0x7f &&
	       text[i] != '"' && text[i] != '\\')
		i++;
	return i;
}

int json_put_string(struct json_writer *writer, const char *text, size_t size)
{
	int rc = json_put_text(writer, "\"");

	while (rc == 0 && size) {
		uint32_t character;
		size_t length = plain_run(text, size);

		if (length) {
			rc = json_put(writer, text, length);
		} else {
			length = utf8_decode(text, size, &character);
			rc = put_character(writer, text, length, character);
		}
		text += length;
		size -= length;
	}
	return rc ? rc : json_put_text(writer, "\"");
}
