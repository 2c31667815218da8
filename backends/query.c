/* SPDX-License-Identifier: MIT */
#include "backends/query.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_RECORDS 256

static struct query_term *add_term(struct query *query, const char *field,
                                   enum query_test test)
{
	struct query_term *term = &query->terms[query->term_count++];

	assert(query->term_count <= QUERY_MAX_TERMS);
	*term = (struct query_term){ .field = field, .test = test };
	return term;
}

void query_add_number(struct query *query, const char *field,
                      enum query_test test, double number)
{
	add_term(query, field, test)->number = number;
}

void query_add_text(struct query *query, const char *field,
                    enum query_test test, struct key text)
{
	add_term(query, field, test)->text = text;
}

int match_list_append(struct match_list *list, struct blob *key, double rank)
{
	struct match *match;

	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 32;
		struct match *items =
		    reallocarray(list->items, capacity, sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->capacity = capacity;
	}
	match = &list->items[list->count++];
	*match = (struct match){ .key = *key, .rank = rank };
	*key = (struct blob){ 0 };
	return 0;
}

void match_list_cut(struct match_list *list, size_t count)
{
	while (list->count > count)
		blob_release(&list->items[--list->count].key);
}

void match_list_release(struct match_list *list)
{
	match_list_cut(list, 0);
	free(list->items);
	*list = (struct match_list){ 0 };
}

static int compare_keys(const struct blob *a, const struct blob *b)
{
	size_t size = a->size < b->size ? a->size : b->size;
	int order = size ? memcmp(a->data, b->data, size) : 0;

	return order ? order : (a->size > b->size) - (a->size < b->size);
}

static int compare_matches(const void *a, const void *b)
{
	const struct match *left = a;
	const struct match *right = b;
	int order = (left->rank < right->rank) - (left->rank > right->rank);

	return order ? order : compare_keys(&right->key, &left->key);
}

void match_list_sort(struct match_list *list)
{
	if (list->count > 1)
		qsort(list->items, list->count, sizeof(*list->items),
		      compare_matches);
}

/* ---- looking at every record ---- */

static bool number_of(const struct record *record, const char *field,
                      double *out)
{
	const struct value *value = value_dict_get(record->fields, field);

	return value && value_to_double(value, out) == 0;
}

static bool text_is(const struct record *record, const struct query_term *term)
{
	const struct value *value = value_dict_get(record->fields, term->field);

	return value && value->type == VALUE_TEXT &&
	       value->text.size == term->text.size &&
	       memcmp(value->text.data, term->text.data, term->text.size) == 0;
}

static bool term_holds(const struct record *record,
                       const struct query_term *term)
{
	double number;

	if (term->test == QUERY_EQUAL)
		return text_is(record, term);
	if (!number_of(record, term->field, &number))
		return false;
	return term->test == QUERY_AT_LEAST ? number >= term->number
	                                    : number <= term->number;
}

static int add_if_matching(const struct query *query, struct record *record,
                           struct match_list *out)
{
	double rank = 0;

	for (size_t i = 0; i < query->term_count; i++)
		if (!term_holds(record, &query->terms[i]))
			return 0;
	if (query->order && !number_of(record, query->order, &rank))
		return 0;
	return match_list_append(out, &record->key, rank);
}

static int scan(struct store *store, const struct collection *collection,
                const struct query *query, struct match_list *out)
{
	struct cursor cursor = { 0 };
	int rc = 0;

	while (rc == 0 && !cursor.end) {
		struct record_list page = { 0 };

		rc = store->backend->list(store, collection, &cursor,
		                          PAGE_RECORDS, &page);
		for (size_t i = 0; rc == 0 && i < page.count; i++)
			rc = add_if_matching(query, &page.items[i], out);
		record_list_release(&page);
	}
	cursor_release(&cursor);
	return rc;
}

static bool can_scan(const struct query *query)
{
	for (size_t i = 0; i < query->term_count; i++)
		if (query->terms[i].test == QUERY_LIKE ||
		    !query->terms[i].field)
			return false;
	return true;
}

int query_ask(struct store *store, const struct collection *collection,
              const struct query *query, struct match_list *out)
{
	const struct query_ops *ops = store->backend->query;
	struct match_list found = { 0 };
	int rc;

	if (ops)
		return ops->ask(store, collection, query, out);
	if (!can_scan(query))
		return -EOPNOTSUPP;
	rc = scan(store, collection, query, &found);
	match_list_sort(&found);
	if (query->limit)
		match_list_cut(&found, query->limit);
	for (size_t i = 0; rc == 0 && i < found.count; i++)
		rc = match_list_append(out, &found.items[i].key,
		                       found.items[i].rank);
	match_list_release(&found);
	return rc;
}
