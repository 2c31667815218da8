/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#define HEAD_SIZE 256 /* bytes that tell the form of a blob */

static bool sniff(const struct blob *head, enum encoding *out)
{
	struct codec_form form;

	if (head->size == 0 || codec_sniff(head->data, head->size, &form) != 0)
		return false;
	*out = form.encoding;
	return true;
}

static struct sqlite_habit *find_habit(struct sqlite_store *store,
                                       const struct collection *collection)
{
	for (size_t i = 0; i < store->habit_count; i++)
		if (store->habits[i].collection == collection)
			return &store->habits[i];
	return NULL;
}

static void remember(struct sqlite_store *store,
                     const struct collection *collection,
                     enum encoding encoding)
{
	if (store->habit_count < SQLITE_MAX_HABITS)
		store->habits[store->habit_count++] =
		    (struct sqlite_habit){ collection, encoding };
}

/* The newest record's blob is what its table is used to. */
static int look(struct sqlite_store *store, const struct collection *collection,
                struct blob *head)
{
	struct sqlite_db *db = store->writer;
	uint64_t total;
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, sqlite_sql_newest, collection, 0, &stmt);

	if (rc)
		return rc;
	rc = sqlite_db_step(db, stmt);
	if (rc == 1)
		rc = sqlite_db_read_blob(db, collection,
		                         sqlite3_column_int64(stmt, 0),
		                         HEAD_SIZE, head, &total);
	sqlite_db_done(stmt);
	return rc;
}

static int follow_table(struct sqlite_store *store,
                        const struct collection *collection, enum encoding *out)
{
	const struct sqlite_habit *habit = find_habit(store, collection);
	struct blob head = { 0 };
	int rc;

	*out = ENCODING_NPY;
	if (habit) {
		*out = habit->encoding;
		return 0;
	}
	rc = look(store, collection, &head);
	if (rc == 0 && sniff(&head, out))
		remember(store, collection, *out);
	blob_release(&head);
	return rc;
}

int sqlite_habit_encoding(struct sqlite_store *store,
                          const struct collection *collection,
                          const struct blob *own, enum encoding *out)
{
	if (store->encoding == ENCODE_NPY)
		*out = ENCODING_NPY;
	else if (store->encoding == ENCODE_PICKLE)
		*out = ENCODING_PICKLE;
	else if (!sniff(own, out))
		return follow_table(store, collection, out);
	return 0;
}
