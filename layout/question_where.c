/* SPDX-License-Identifier: MIT */
#include "layout/question_parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct where_row;

/* One "KEY=VALUE"; VALUE has SIZE bytes. */
typedef int where_fn(const struct where_row *row, const char *value,
                     size_t size, struct question *out, char why[WHY_SIZE]);

struct where_row {
	const char *key;
	where_fn *apply;
	const char *field;
	enum query_test test;
};

static const struct order_row {
	const char *name;
	const char *field;
} orders[] = {
	{ "score", "performance_score" },
	{ "time", "timestamp" },
	{ "id", NULL },
};

static int where_text(const struct where_row *row, const char *value,
                      size_t size, struct question *out, char why[WHY_SIZE])
{
	int rc = question_decode(value, size, &out->text, why);

	if (rc == 0)
		query_add_text(&out->query, row->field, row->test,
		               (struct key){ out->text.data, out->text.size });
	return rc;
}

static int where_number(const struct where_row *row, const char *value,
                        size_t size, struct question *out, char why[WHY_SIZE])
{
	double number;
	int rc = question_number(value, size, &number, why);

	if (rc == 0)
		query_add_number(&out->query, row->field, row->test, number);
	return rc;
}

static int where_limit(const struct where_row *row, const char *value,
                       size_t size, struct question *out, char why[WHY_SIZE])
{
	size_t limit = 0;

	for (size_t i = 0; i < size && size < 10; i++) {
		if (value[i] < '0' || value[i] > '9') {
			limit = 0;
			break;
		}
		limit = 10 * limit + (size_t)(value[i] - '0');
	}
	if (limit == 0) {
		snprintf(why, WHY_SIZE, "%s: '%.*s' is not 1 to 999999999",
		         row->key, (int)size, value);
		return -EINVAL;
	}
	out->query.limit = limit;
	return 0;
}

static int where_order(const struct where_row *row, const char *value,
                       size_t size, struct question *out, char why[WHY_SIZE])
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (strlen(orders[i].name) == size &&
		    strncmp(orders[i].name, value, size) == 0) {
			out->query.order = orders[i].field;
			return 0;
		}
	snprintf(why, WHY_SIZE, "%s: '%.*s' is not score, time or id", row->key,
	         (int)size, value);
	return -EINVAL;
}

static const struct where_row where_rows[] = {
	{ "context_hash", where_text, "context_hash", QUERY_EQUAL },
	{ "min_score", where_number, "performance_score", QUERY_AT_LEAST },
	{ "max_score", where_number, "performance_score", QUERY_AT_MOST },
	{ "since", where_number, "timestamp", QUERY_AT_LEAST },
	{ "until", where_number, "timestamp", QUERY_AT_MOST },
	{ "limit", where_limit, NULL, QUERY_EQUAL },
	{ "order", where_order, NULL, QUERY_EQUAL },
};

#define WHERE_COUNT (sizeof(where_rows) / sizeof(where_rows[0]))

static int find_key(const char *pair, size_t size)
{
	for (size_t i = 0; i < WHERE_COUNT; i++)
		if (strlen(where_rows[i].key) == size &&
		    strncmp(where_rows[i].key, pair, size) == 0)
			return (int)i;
	return -1;
}

/* One of the pairs; SEEN has a bit for each key so far. */
static int parse_pair(const char *pair, size_t size, unsigned int *seen,
                      struct question *out, char why[WHY_SIZE])
{
	const char *equals = memchr(pair, '=', size);
	size_t key = equals ? (size_t)(equals - pair) : size;
	int row = find_key(pair, key);

	if (row < 0 || !equals) {
		snprintf(why, WHY_SIZE,
		         "'%.*s' is not KEY=VALUE with one of context_hash, "
		         "min_score, max_score, since, until, limit, order",
		         size < 100 ? (int)size : 100, pair);
		return -EINVAL;
	}
	if (*seen & 1U << row) {
		snprintf(why, WHY_SIZE, "%s is there twice",
		         where_rows[row].key);
		return -EINVAL;
	}
	*seen |= 1U << row;
	return where_rows[row].apply(&where_rows[row], equals + 1,
	                             size - key - 1, out, why);
}

int question_parse_where(const struct question_row *row, const char *name,
                         struct question *out, char why[WHY_SIZE])
{
	char ignored[WHY_SIZE];
	unsigned int seen = 0;
	int rc = 0;

	(void)row;
	while (rc == 0) {
		size_t size = strcspn(name, "&");

		rc = parse_pair(name, size, &seen, out, why ? why : ignored);
		if (name[size] == '\0')
			break;
		name += size + 1;
	}
	return rc;
}
