/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_near.h"

#include "backends/sqlite_query.h"

#include <assert.h>
#include <errno.h>

struct question {
	const struct sqlite_vector *vector;
	struct sqlite_best *best;
};

static int compare(int64_t id, const struct sqlite_vector *vector, void *arg)
{
	struct question *question = arg;

	if (sqlite_vector_is_like(vector, question->vector))
		sqlite_best_offer(
		    question->best, id,
		    sqlite_vector_cosine(vector, question->vector));
	return 0;
}

static int search(struct sqlite_store *store, struct sqlite_db *db,
                  const struct collection *collection,
                  struct question *question)
{
	struct sqlite_near *near;
	int rc;

	pthread_mutex_lock(&store->near_lock);
	rc = sqlite_near_get(store, collection, &near);
	if (rc == 0)
		rc = sqlite_near_refresh(store, db, near);
	if (rc == 0)
		rc = near->streams
		         ? sqlite_near_visit(db, collection, compare, question)
		         : sqlite_vectors_search(&near->vectors,
		                                 question->vector,
		                                 question->best);
	pthread_mutex_unlock(&store->near_lock);
	return rc;
}

/* The array of record KEY, and its number. */
static int read_target(struct sqlite_db *db,
                       const struct collection *collection, struct key key,
                       int64_t *id, struct sqlite_vector *out)
{
	sqlite3_stmt *stmt;
	int rc = sqlite_number_of(db, collection, key, id);

	if (rc == 0)
		rc = sqlite_db_prepare(db, sqlite_near_sql_one, collection, 0,
		                       &stmt);
	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, *id);
	rc = sqlite_db_step(db, stmt);
	if (rc == 1)
		rc = sqlite_near_read(stmt, out);
	else if (rc == 0)
		rc = -ENOENT;
	sqlite_db_done(stmt);
	return rc;
}

struct ranking {
	const struct collection *collection;
	const struct sqlite_vector *vector;
	struct match_list *out;
};

/* Append record ID by its stored array.  -ESTALE: it is not there, or is not
 * what was found. */
static int rank_one(struct sqlite_db *db, const struct ranking *ranking,
                    int64_t id)
{
	struct sqlite_vector vector = { 0 };
	struct blob key = { 0 };
	sqlite3_stmt *stmt;
	int rc = sqlite_db_prepare(db, sqlite_near_sql_one, ranking->collection,
	                           0, &stmt);

	if (rc)
		return rc;
	sqlite3_bind_int64(stmt, 1, id);
	rc = sqlite_db_step(db, stmt);
	if (rc == 1)
		rc = sqlite_near_read(stmt, &vector);
	else if (rc == 0)
		rc = -ESTALE;
	if (rc == -ENODATA ||
	    (rc == 0 && !sqlite_vector_is_like(&vector, ranking->vector)))
		rc = -ESTALE;
	if (rc == 0)
		rc = sqlite_column_key(stmt, SQLITE_NEAR_KEY, &key);
	if (rc == 0)
		rc = match_list_append(
		    ranking->out, &key,
		    sqlite_vector_cosine(&vector, ranking->vector));
	sqlite_db_done(stmt);
	sqlite_vector_release(&vector);
	blob_release(&key);
	return rc;
}

/* Twice as many as are wanted are compared by the stored numbers. */
static int find_near(struct sqlite_store *store, struct sqlite_db *db,
                     const struct ranking *ranking, int64_t self, size_t limit)
{
	struct sqlite_best best;
	struct question question = { ranking->vector, &best };
	int rc = sqlite_best_init(&best, 2 * limit + 1);

	if (rc)
		return rc;
	rc = search(store, db, ranking->collection, &question);
	for (size_t i = 0; rc == 0 && i < best.count; i++)
		if (best.items[i].id != self)
			rc = rank_one(db, ranking, best.items[i].id);
	sqlite_best_release(&best);
	match_list_sort(ranking->out);
	match_list_cut(ranking->out, rc ? 0 : limit);
	return rc;
}

static void forget_all(struct sqlite_store *store)
{
	pthread_mutex_lock(&store->near_lock);
	store->near->valid = false;
	pthread_mutex_unlock(&store->near_lock);
}

int sqlite_near_ask(struct store *store, const struct collection *collection,
                    struct key key, size_t limit, struct match_list *out)
{
	struct sqlite_store *own = sqlite_store(store);
	struct sqlite_vector vector = { 0 };
	const struct ranking ranking = { collection, &vector, out };
	struct sqlite_db *db;
	int64_t self;
	int rc = sqlite_pool_take(own, &db);

	assert(out->count == 0);
	if (rc)
		return rc;
	rc = read_target(db, collection, key, &self, &vector);
	if (rc == 0)
		rc = find_near(own, db, &ranking, self, limit);
	if (rc == -ESTALE) {
		forget_all(own);
		rc = find_near(own, db, &ranking, self, limit);
	}
	sqlite_vector_release(&vector);
	sqlite_pool_give(own, db);
	/* Whoever keeps changing the table gets nothing rather than rubbish. */
	return rc == -ENODATA || rc == -ESTALE ? 0 : rc;
}
