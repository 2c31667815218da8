/* SPDX-License-Identifier: MIT */
#include "backends/json_scan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int json_bad(const char *text, size_t position, const char *what,
             char why[WHY_SIZE])
{
	size_t line = 1;
	size_t column = 1;

	for (size_t i = 0; i < position; i++) {
		if (text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	if (why)
		snprintf(why, WHY_SIZE, "line %zu, column %zu: %s", line,
		         column, what);
	return -EINVAL;
}

/* Behind the string that begins at AT. */
static size_t skip_string(const char *text, size_t at)
{
	for (at++; text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;
	return at + 1;
}

/* The string at AT, with its quotes, is a key. */
static bool is_key(const char *text, size_t end)
{
	end += strspn(text + end, " \t\r\n");
	return text[end] == ':';
}

static int say_twice(const char *text, size_t at, size_t end, char *why)
{
	char what[128];

	snprintf(what, sizeof(what), "the key %.*s is there twice",
	         end - at < 80 ? (int)(end - at) : 80, text + at);
	return json_bad(text, at, what, why);
}

int json_bad_twice(const char *text, size_t start, char why[WHY_SIZE])
{
	struct value *keys = value_new_dict();
	size_t at = start + 1;
	int depth = 1;
	int rc = keys ? 0 : -ENOMEM;

	while (rc == 0 && depth) {
		size_t end = text[at] == '"' ? skip_string(text, at) : at + 1;

		depth += (text[at] == '{' || text[at] == '[') -
		         (text[at] == '}' || text[at] == ']');
		if (text[at] == '"' && depth == 1 && is_key(text, end)) {
			struct value *key = value_new_text(text + at, end - at);

			if (key && value_dict_find(keys, key))
				rc = say_twice(text, at, end, why);
			if (rc == 0)
				rc =
				    value_dict_add(keys, key, value_new_null());
			else
				value_unref(key);
		}
		at = end;
	}
	value_unref(keys);
	/* Written in two ways, one with escapes? */
	return rc ? rc : json_bad(text, start, "a key is there twice", why);
}
