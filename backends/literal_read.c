/* SPDX-License-Identifier: MIT */
#include "backends/literal.h"

#include "backends/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct reader {
	const char *start;
	const char *at;
	const char *end;
	int depth;
	char *why;
};

static int parse_any(struct reader *reader, struct value **out);

static int bad(const struct reader *reader, const char *what)
{
	if (reader->why)
		snprintf(reader->why, WHY_SIZE, "header: %s at character %td",
		         what, reader->at - reader->start + 1);
	return -EINVAL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
}

static void skip_space(struct reader *reader)
{
	while (reader->at < reader->end && is_space(*reader->at))
		reader->at++;
}

/* Skip white space; take CHARACTER if it comes next. */
static bool take(struct reader *reader, char character)
{
	skip_space(reader);
	if (reader->at == reader->end || *reader->at != character)
		return false;
	reader->at++;
	return true;
}

static int hand_out(struct value *value, struct value **out)
{
	if (!value)
		return -ENOMEM;
	*out = value;
	return 0;
}

/* COUNT hex digits of an escape. */
static int take_hex(struct reader *reader, int count, uint32_t *out)
{
	uint32_t character = 0;

	for (; count > 0; count--, reader->at++) {
		int digit =
		    reader->at < reader->end ? utf8_hex_digit(*reader->at) : -1;

		if (digit < 0)
			return bad(reader, "bad escape");
		character = character << 4 | (uint32_t)digit;
	}
	*out = character;
	return 0;
}

/* Behind the backslash. */
static int parse_escape(struct reader *reader, struct blob *text)
{
	static const char plain[] = "\\'\"abfnrtv";
	static const char meant[] = "\\'\"\a\b\f\n\r\t\v";
	static const char sized[] = "xuU";
	static const int digits[] = { 2, 4, 8 };
	const char *known;
	uint32_t character;
	int rc;

	if (reader->at == reader->end)
		return bad(reader, "unfinished string");
	known = memchr(plain, *reader->at, sizeof(plain) - 1);
	if (known) {
		reader->at++;
		return blob_append(text, &meant[known - plain], 1);
	}
	known = memchr(sized, *reader->at, sizeof(sized) - 1);
	if (!known)
		return bad(reader, "bad escape");
	reader->at++;
	rc = take_hex(reader, digits[known - sized], &character);
	if (rc)
		return rc;
	rc = utf8_append(character, text);
	return rc == -EINVAL ? bad(reader, "bad escape") : rc;
}

/* Behind the opening quote. */
static int parse_text(struct reader *reader, char quote, struct value **out)
{
	struct blob text = { 0 };
	int rc = 0;

	while (rc == 0) {
		char c;

		if (reader->at == reader->end || *reader->at == '\n') {
			rc = bad(reader, "unfinished string");
			break;
		}
		c = *reader->at++;
		if (c == quote)
			break;
		rc = c == '\\' ? parse_escape(reader, &text)
		               : blob_append(&text, &c, 1);
	}
	if (rc == 0)
		rc = hand_out(value_new_text(text.data, text.size), out);
	blob_release(&text);
	return rc;
}

static bool is_digit(const struct reader *reader)
{
	return reader->at < reader->end && *reader->at >= '0' &&
	       *reader->at <= '9';
}

static int parse_integer(struct reader *reader, struct value **out)
{
	const char *start = reader->at;
	int rc;

	if (*reader->at == '-' || *reader->at == '+')
		reader->at++;
	if (!is_digit(reader))
		return bad(reader, "unexpected character");
	while (is_digit(reader))
		reader->at++;
	rc = hand_out(
	    value_new_integer_text(start, (size_t)(reader->at - start)), out);
	if (rc == 0 && reader->at < reader->end && *reader->at == 'L')
		reader->at++;
	return rc;
}

static int parse_word(struct reader *reader, struct value **out)
{
	size_t left = (size_t)(reader->end - reader->at);

	if (left >= 4 && memcmp(reader->at, "True", 4) == 0) {
		reader->at += 4;
		return hand_out(value_new_bool(true), out);
	}
	if (left >= 5 && memcmp(reader->at, "False", 5) == 0) {
		reader->at += 5;
		return hand_out(value_new_bool(false), out);
	}
	if (left >= 4 && memcmp(reader->at, "None", 4) == 0) {
		reader->at += 4;
		return hand_out(value_new_null(), out);
	}
	return parse_integer(reader, out);
}

/* Items up to CLOSE; COMMA says whether the last one had one behind it. */
static int parse_items(struct reader *reader, char close, struct value *list,
                       bool *comma)
{
	*comma = true;
	while (!take(reader, close)) {
		struct value *item;
		int rc;

		if (!*comma)
			return bad(reader, "missing comma or bracket");
		rc = parse_any(reader, &item);
		if (rc == 0)
			rc = value_list_append(list, item);
		if (rc)
			return rc;
		*comma = take(reader, ',');
	}
	return 0;
}

static int parse_list(struct reader *reader, enum value_type type,
                      struct value **out)
{
	struct value *list = value_new_list(type);
	bool comma;
	int rc = list ? parse_items(reader, type == VALUE_LIST ? ']' : ')',
	                            list, &comma)
	              : -ENOMEM;

	if (rc) {
		value_unref(list);
		return rc;
	}
	if (type == VALUE_TUPLE && list->list.count == 1 && !comma) {
		/* Parentheses around one thing are that thing. */
		*out = value_ref(list->list.items[0]);
		value_unref(list);
		return 0;
	}
	*out = list;
	return 0;
}

static int parse_pair(struct reader *reader, struct value *dict)
{
	struct value *key;
	struct value *item;
	int rc = parse_any(reader, &key);

	if (rc)
		return rc;
	if (key->type != VALUE_TEXT || !take(reader, ':'))
		rc = bad(reader, "missing key or colon");
	else
		rc = parse_any(reader, &item);
	if (rc) {
		value_unref(key);
		return rc;
	}
	return value_dict_add(dict, key, item);
}

static int parse_pairs(struct reader *reader, struct value *dict)
{
	bool comma = true;

	while (!take(reader, '}')) {
		int rc = comma ? parse_pair(reader, dict)
		               : bad(reader, "missing comma or bracket");

		if (rc)
			return rc;
		comma = take(reader, ',');
	}
	return 0;
}

static int parse_dict(struct reader *reader, struct value **out)
{
	struct value *dict = value_new_dict();
	int rc = dict ? parse_pairs(reader, dict) : -ENOMEM;

	if (rc) {
		value_unref(dict);
		return rc;
	}
	*out = dict;
	return 0;
}

static int parse_nested(struct reader *reader, struct value **out)
{
	if (take(reader, '('))
		return parse_list(reader, VALUE_TUPLE, out);
	if (take(reader, '['))
		return parse_list(reader, VALUE_LIST, out);
	if (take(reader, '{'))
		return parse_dict(reader, out);
	if (reader->at == reader->end)
		return bad(reader, "unexpected end");
	/* u'...' is how Python 2 wrote names. */
	if (*reader->at == 'u' && reader->end - reader->at > 1)
		reader->at++;
	if (take(reader, '\''))
		return parse_text(reader, '\'', out);
	if (take(reader, '"'))
		return parse_text(reader, '"', out);
	return parse_word(reader, out);
}

static int parse_any(struct reader *reader, struct value **out)
{
	int rc;

	if (reader->depth == LITERAL_MAX_DEPTH)
		return bad(reader, "nested too deeply");
	reader->depth++;
	rc = parse_nested(reader, out);
	reader->depth--;
	return rc;
}

int literal_parse(const char *text, size_t size, struct value **out,
                  char why[WHY_SIZE])
{
	struct reader reader = { .start = text,
		                 .at = text,
		                 .end = text + size };
	struct value *value = NULL;
	int rc;

	reader.why = why;
	if (!utf8_is_valid(text, size))
		return bad(&reader, "not UTF-8");
	rc = parse_any(&reader, &value);
	if (rc)
		return rc;
	skip_space(&reader);
	if (reader.at != reader.end) {
		value_unref(value);
		return bad(&reader, "more text than one literal");
	}
	*out = value;
	return 0;
}
