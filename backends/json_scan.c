/* SPDX-License-Identifier: MIT */
#include "backends/json_scan.h"

#include "backends/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scanner {
	const char *start;
	const char *at;
	const char *end;
	struct json_scan *out;
	size_t open[JSON_MAX_DEPTH]; /* position in objects; arrays: ARRAY */
	int depth;
	char *why;
};

#define ARRAY SIZE_MAX

static int bad(const struct scanner *scanner, const char *what)
{
	return json_bad(scanner->start, (size_t)(scanner->at - scanner->start),
	                what, scanner->why);
}

/* Copy the next SIZE bytes. */
static int copy(struct scanner *scanner, size_t size)
{
	int rc = blob_append(&scanner->out->text, scanner->at, size);

	scanner->at += size;
	return rc;
}

static size_t left(const struct scanner *scanner)
{
	return (size_t)(scanner->end - scanner->at);
}

/* The character of the \uXXXX at AT. */
static bool peek_unicode(const char *at, size_t size, uint32_t *out)
{
	uint32_t character = 0;

	if (size < 6 || at[0] != '\\' || at[1] != 'u')
		return false;
	for (int i = 2; i < 6; i++) {
		int digit = utf8_hex_digit(at[i]);

		if (digit < 0)
			return false;
		character = character << 4 | (uint32_t)digit;
	}
	*out = character;
	return true;
}

/* The character that a pair of surrogates stands for. */
static bool peek_pair(const struct scanner *scanner, uint32_t *out)
{
	uint32_t first;
	uint32_t second;

	if (left(scanner) < 12 || !peek_unicode(scanner->at, 6, &first) ||
	    !peek_unicode(scanner->at + 6, 6, &second))
		return false;
	*out = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
	return first >= 0xd800 && first <= 0xdbff && second >= 0xdc00 &&
	       second <= 0xdfff;
}

static int scan_escape(struct scanner *scanner)
{
	struct blob *text = &scanner->out->text;
	uint32_t first;
	uint32_t both;

	if (!peek_unicode(scanner->at, left(scanner), &first))
		return copy(scanner, left(scanner) > 1 ? 2 : 1);
	if (first == 0) {
		scanner->at += 6;
		return blob_append(text, (char[]){ JSON_MARK_NUL }, 1);
	}
	if (!utf8_is_surrogate(first))
		return copy(scanner, 6);
	if (peek_pair(scanner, &both)) {
		scanner->at += 12;
		return utf8_append(both, text);
	}
	scanner->at += 6;
	return utf8_append(first, text);
}

/* Bytes of a string that need no look: plain ASCII. */
static size_t plain_run(const struct scanner *scanner)
{
	const char *at = scanner->at;

	while (at < scanner->end && (unsigned char)*at >= 0x20 &&
	       (unsigned char)*at < 0x80 && *at != '"' && *at != '\\')
		at++;
	return (size_t)(at - scanner->at);
}

static int scan_string(struct scanner *scanner)
{
	int rc = copy(scanner, 1);

	while (rc == 0) {
		uint32_t character;
		size_t length = plain_run(scanner);

		if (length) {
			rc = copy(scanner, length);
			continue;
		}
		if (scanner->at == scanner->end)
			return bad(scanner, "unfinished text");
		if (*scanner->at == '"')
			return copy(scanner, 1);
		if (*scanner->at == '\\') {
			rc = scan_escape(scanner);
			continue;
		}
		if ((unsigned char)*scanner->at < 0x20)
			return bad(scanner, "control character in a text");
		length = utf8_decode(scanner->at, left(scanner), &character);
		if (length == 0 || utf8_is_surrogate(character))
			return bad(scanner, "not UTF-8");
		rc = copy(scanner, length);
	}
	return rc;
}

static size_t count_digits(const char *at, const char *end)
{
	const char *start = at;

	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return (size_t)(at - start);
}

/* The end of the fraction and exponent at AT, as far as there are any. */
static const char *skip_fraction(const char *at, const char *end)
{
	if (at < end && *at == '.')
		at += 1 + count_digits(at + 1, end);
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < end && (*at == '+' || *at == '-'))
			at++;
		at += count_digits(at, end);
	}
	return at;
}

static bool is_before_colon(const char *at, const char *end)
{
	while (at < end &&
	       (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at < end && *at == ':';
}

/* json-c judges most of a number; here: -01 and 1. */
static int scan_number(struct scanner *scanner)
{
	struct blob *text = &scanner->out->text;
	const char *start = scanner->at;
	const char *digits = start + (*start == '-');
	size_t count = count_digits(digits, scanner->end);
	const char *whole = digits + count;
	const char *end = skip_fraction(whole, scanner->end);
	int rc;

	if (count > 1 && *digits == '0')
		return bad(scanner, "number with a leading zero");
	if (whole < end && *whole == '.' && count_digits(whole + 1, end) == 0)
		return bad(scanner, "number without digits behind the point");
	if (whole < end || count < JSON_LONG_INTEGER)
		return copy(scanner, (size_t)(end - start));
	if (is_before_colon(end, scanner->end))
		return bad(scanner, "a key must be a text");
	rc = blob_append(text, (char[]){ '"', JSON_MARK_INTEGER }, 2);
	if (rc == 0)
		rc = copy(scanner, (size_t)(end - start));
	return rc ? rc : blob_append(text, "\"", 1);
}

static int add_object(struct scanner *scanner)
{
	struct json_scan *out = scanner->out;

	if (out->count == out->capacity) {
		size_t capacity = out->capacity ? 2 * out->capacity : 16;
		struct json_object_span *objects =
		    reallocarray(out->objects, capacity, sizeof(*objects));

		if (!objects)
			return -ENOMEM;
		out->objects = objects;
		out->capacity = capacity;
	}
	out->objects[out->count++] = (struct json_object_span){
		.start = (size_t)(scanner->at - scanner->start)
	};
	return 0;
}

static int scan_open(struct scanner *scanner)
{
	int rc;

	if (scanner->depth == JSON_MAX_DEPTH)
		return bad(scanner, "nested too deeply");
	scanner->open[scanner->depth] = ARRAY;
	if (*scanner->at == '{') {
		rc = add_object(scanner);
		if (rc)
			return rc;
		scanner->open[scanner->depth] = scanner->out->count - 1;
	}
	scanner->depth++;
	if (scanner->out->depth < scanner->depth)
		scanner->out->depth = scanner->depth;
	return copy(scanner, 1);
}

static int scan_close(struct scanner *scanner)
{
	if (scanner->depth)
		scanner->depth--;
	return copy(scanner, 1);
}

static int scan_colon(struct scanner *scanner)
{
	size_t object =
	    scanner->depth ? scanner->open[scanner->depth - 1] : ARRAY;

	if (object != ARRAY)
		scanner->out->objects[object].members++;
	return copy(scanner, 1);
}

static int scan_other(struct scanner *scanner)
{
	unsigned char c = (unsigned char)*scanner->at;

	if (c >= 0x20 && c < 0x7f && c != '\'')
		return copy(scanner, 1);
	if (c == '\t' || c == '\n' || c == '\r')
		return copy(scanner, 1);
	return bad(scanner, "unexpected character");
}

static int scan_next(struct scanner *scanner)
{
	static const struct {
		const char *first;
		int (*scan)(struct scanner *scanner);
	} rows[] = {
		{ "\"", scan_string }, { "-0123456789", scan_number },
		{ "{[", scan_open },   { "}]", scan_close },
		{ ":", scan_colon },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (*scanner->at && strchr(rows[i].first, *scanner->at))
			return rows[i].scan(scanner);
	return scan_other(scanner);
}

int json_scan(const char *text, size_t size, struct json_scan *out,
              char why[WHY_SIZE])
{
	struct json_scan scan = { 0 };
	struct scanner scanner = {
		.start = text, .at = text, .end = text + size, .out = &scan
	};
	int rc = blob_reserve(&scan.text, size);

	scanner.why = why;
	while (rc == 0 && scanner.at < scanner.end)
		rc = scan_next(&scanner);
	if (rc) {
		json_scan_release(&scan);
		return rc;
	}
	*out = scan;
	return 0;
}

size_t json_scan_origin(const char *text, size_t size, size_t position)
{
	struct json_scan scan = { 0 };
	struct scanner scanner = {
		.start = text, .at = text, .end = text + size, .out = &scan
	};
	size_t origin = 0;

	/* Scan again, up to the token that gave the byte at POSITION. */
	while (scan.text.size <= position && scanner.at < scanner.end) {
		size_t before = scan.text.size;

		origin = (size_t)(scanner.at - text);
		if (scan_next(&scanner))
			break;
		/* Within a token that was copied as it is? */
		if (scan.text.size - before ==
		    (size_t)(scanner.at - text) - origin)
			origin += position - before;
	}
	json_scan_release(&scan);
	return origin < size ? origin : size;
}

void json_scan_release(struct json_scan *scan)
{
	blob_release(&scan->text);
	free(scan->objects);
	*scan = (struct json_scan){ 0 };
}
