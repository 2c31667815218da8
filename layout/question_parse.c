/* SPDX-License-Identifier: MIT */
#include "layout/question_parse.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NUMBER_CHARACTERS "0123456789.eE+-"
#define MAX_NUMBER 64

static int say(char why[WHY_SIZE], const char *what, const char *text,
               size_t size)
{
	if (why)
		snprintf(why, WHY_SIZE, "'%.*s' %s",
		         size < 100 ? (int)size : 100, text, what);
	return -EINVAL;
}

static int hex(char digit)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *found = digit ? strchr(digits, digit) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* The byte of an escape at TEXT, which ends with a NUL; -1: there is none. */
static int unescape(const char *text)
{
	int high = text[0] == '%' ? hex(text[1]) : -1;
	int low = high < 0 ? -1 : hex(text[2]);

	return low < 0 ? -1 : high << 4 | low;
}

int question_decode(const char *text, size_t size, struct blob *out,
                    char why[WHY_SIZE])
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < size; i++) {
		int byte = size - i > 2 ? unescape(text + i) : -1;
		char c = text[i];

		if (c == '%' && byte < 0)
			return say(why,
			           "has a % without two upper-case hex digits",
			           text, size);
		if (byte >= 0) {
			c = (char)byte;
			i += 2;
		}
		rc = blob_append(out, &c, 1);
	}
	return rc;
}

int question_number(const char *text, size_t size, double *out,
                    char why[WHY_SIZE])
{
	char copy[MAX_NUMBER];
	char *end;
	double number;

	if (size == 0 || size >= sizeof(copy) ||
	    strspn(text, NUMBER_CHARACTERS) < size)
		return say(why, "is not a number", text, size);
	memcpy(copy, text, size);
	copy[size] = '\0';
	number = strtod(copy, &end);
	if (end != copy + size || !isfinite(number))
		return say(why, "is not a number", text, size);
	*out = number;
	return 0;
}

static const char *timestamp(const struct question_row *row)
{
	return question_collection(row)->timestamp;
}

int question_parse_text(const struct question_row *row, const char *name,
                        struct question *out, char why[WHY_SIZE])
{
	int rc = 0;

	if (strcmp(name, "%") != 0)
		rc = question_decode(name, strlen(name), &out->text, why);
	if (rc)
		return rc;
	query_add_text(&out->query, row->field, QUERY_EQUAL,
	               (struct key){ out->text.data, out->text.size });
	return 0;
}

int question_parse_age(const struct question_row *row, const char *name,
                       struct question *out, char why[WHY_SIZE])
{
	struct timespec now;
	double age;
	int rc = question_number(name, strlen(name), &age, why);

	if (rc)
		return rc;
	if (age < 0)
		return say(why, "is not a number of seconds", name,
		           strlen(name));
	clock_gettime(CLOCK_REALTIME, &now);
	query_add_number(&out->query, timestamp(row), QUERY_AT_LEAST,
	                 (double)now.tv_sec + (double)now.tv_nsec / 1e9 - age);
	return 0;
}

int question_parse_range(const struct question_row *row, const char *name,
                         struct question *out, char why[WHY_SIZE])
{
	const char *comma = strchr(name, ',');
	double from = -INFINITY;
	double to = INFINITY;
	int rc = 0;

	if (!comma)
		return say(why, "is not FROM,TO", name, strlen(name));
	if (comma > name)
		rc = question_number(name, (size_t)(comma - name), &from, why);
	if (rc == 0 && comma[1])
		rc = question_number(comma + 1, strlen(comma + 1), &to, why);
	if (rc)
		return rc;
	if (from > to)
		return say(why, "ends before it begins", name, strlen(name));
	query_add_number(&out->query, timestamp(row), QUERY_AT_LEAST, from);
	query_add_number(&out->query, timestamp(row), QUERY_AT_MOST, to);
	return 0;
}

/* Append NAME, in which a % that begins no escape stands for itself. */
static int append_pattern(const char *name, struct blob *out)
{
	int rc = 0;

	for (; rc == 0 && *name; name++) {
		int byte = unescape(name);
		char c = *name;

		if (byte >= 0) {
			c = (char)byte;
			name += 2;
		}
		rc = blob_append(out, &c, 1);
	}
	return rc;
}

static int wrap(struct blob *text)
{
	struct blob wrapped = { 0 };
	int rc = blob_append_text(&wrapped, "%");

	if (rc == 0)
		rc = blob_append(&wrapped, text->data, text->size);
	if (rc == 0)
		rc = blob_append_text(&wrapped, "%");
	if (rc == 0)
		blob_move(text, &wrapped);
	blob_release(&wrapped);
	return rc;
}

int question_parse_pattern(const struct question_row *row, const char *name,
                           struct question *out, char why[WHY_SIZE])
{
	int rc = append_pattern(name, &out->text);

	if (rc)
		return rc;
	if (memchr(out->text.data, '\0', out->text.size))
		return say(why, "has a NUL in it", name, strlen(name));
	if (!memchr(out->text.data, '%', out->text.size))
		rc = wrap(&out->text);
	query_add_text(&out->query, row->field, QUERY_LIKE,
	               (struct key){ out->text.data, out->text.size });
	return rc;
}
