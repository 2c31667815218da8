/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_query.h"

#include <errno.h>

static const char *const operators[] = {
	[QUERY_EQUAL] = "=",
	[QUERY_AT_LEAST] = ">=",
	[QUERY_AT_MOST] = "<=",
	[QUERY_LIKE] = "LIKE",
};

/* The column of FIELD, or of the key; NULL where there is none. */
static const char *column(const struct collection *collection,
                          const char *field)
{
	const struct field_row *row;

	if (!field)
		return collection_is_numbered(collection)
		           ? "rowid"
		           : collection->key_field;
	row = collection_field(collection, field);
	return row ? row->place : NULL;
}

/* A pattern is looked for in the index of the column, which is much shorter
 * than the table. */
static int append_term(const struct collection *collection,
                       const struct query_term *term, size_t number,
                       struct blob *out)
{
	const char *name = column(collection, term->field);
	int rc;

	if (!name)
		return -EINVAL;
	rc = blob_append_text(out, number == 1 ? " WHERE " : " AND ");
	if (rc == 0 && term->test == QUERY_LIKE)
		rc = blob_printf(out,
		                 "rowid IN (SELECT rowid FROM \"%s\" WHERE ",
		                 collection->place);
	if (rc == 0)
		rc = blob_printf(out, "\"%s\" %s ?%zu", name,
		                 operators[term->test], number);
	if (rc == 0 && term->test == QUERY_LIKE)
		rc = blob_append_text(out, ")");
	return rc;
}

int sqlite_query_ask_sql(const struct collection *collection,
                         const struct query *query, struct blob *out)
{
	const char *rank =
	    query->order ? column(collection, query->order) : "rowid";
	int rc;

	if (!rank)
		return -EINVAL;
	rc = blob_printf(out, "SELECT \"%s\", \"%s\" FROM \"%s\"",
	                 column(collection, NULL), rank, collection->place);
	for (size_t i = 0; rc == 0 && i < query->term_count; i++)
		rc = append_term(collection, &query->terms[i], i + 1, out);
	if (rc == 0)
		rc = blob_printf(out, " ORDER BY \"%s\" DESC", rank);
	if (rc == 0 && query->order)
		rc = blob_append_text(out, ", rowid DESC");
	return rc ? rc : blob_printf(out, " LIMIT ?%zu", query->term_count + 1);
}

int sqlite_query_texts_sql(const struct collection *collection,
                           const char *field, struct blob *out)
{
	const char *name = column(collection, field);
	const char *table = collection->place;

	if (!name)
		return -EINVAL;
	return blob_printf(
	    out,
	    "WITH RECURSIVE found(text) AS ("
	    "SELECT min(\"%s\") FROM \"%s\" UNION ALL "
	    "SELECT (SELECT min(\"%s\") FROM \"%s\" WHERE \"%s\" > text) "
	    "FROM found WHERE text IS NOT NULL) "
	    "SELECT text FROM found WHERE text IS NOT NULL",
	    name, table, name, table, name);
}

int sqlite_query_summary_sql(const struct collection *collection,
                             const struct query_summary *summary,
                             struct blob *out)
{
	const char *group = column(collection, summary->group);
	const char *mean = column(collection, summary->mean);
	const char *field = column(collection, summary->field);

	if (!group || !mean || !field)
		return -EINVAL;
	return blob_printf(out,
	                   "SELECT \"%s\", avg(\"%s\"), count(*) FROM \"%s\" "
	                   "WHERE \"%s\" = ?1 GROUP BY \"%s\" "
	                   "ORDER BY 2 DESC, 1",
	                   group, mean, collection->place, field, group);
}
