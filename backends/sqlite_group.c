/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_group.h"

#include <errno.h>

#include "backends/sqlite_put.h"

void sqlite_group_init(struct sqlite_group *group)
{
	pthread_mutex_init(&group->lock, NULL);
	pthread_cond_init(&group->ended, NULL);
}

void sqlite_group_release(struct sqlite_group *group)
{
	pthread_cond_destroy(&group->ended);
	pthread_mutex_destroy(&group->lock);
}

static void add_locked(struct sqlite_group *group,
                       struct sqlite_putting *putting)
{
	if (group->first)
		group->last->next = putting;
	else
		group->first = putting;
	group->last = putting;
}

/* All that wait, behind those in *BATCH. */
static void take(struct sqlite_group *group, struct sqlite_putting **batch)
{
	while (*batch)
		batch = &(*batch)->next;
	pthread_mutex_lock(&group->lock);
	*batch = group->first;
	group->first = NULL;
	pthread_mutex_unlock(&group->lock);
}

/* End the transaction, in which RC was the last result. */
static int end(struct sqlite_store *store, int rc)
{
	if (rc == 0)
		rc = sqlite_db_commit(store->writer);
	if (rc)
		sqlite_db_rollback(store->writer);
	return rc;
}

/* A lost time is no reason to call a change failed that was made; a file that
 * shows again after it was removed is one. */
static void answer(struct sqlite_putting *putting, int noted)
{
	if (putting->rc == 0 && putting->result.fields_dropped)
		putting->rc = noted;
}

static void run_alone(struct sqlite_store *store,
                      struct sqlite_putting *putting)
{
	sqlite_side_begin(store->side);
	putting->rc = end(store, sqlite_put_write(putting));
	answer(putting, sqlite_side_end(store->side, putting->rc == 0));
}

/* Non-zero where the transaction cannot go on; putting->rc tells of the change
 * alone. */
static int run_one(struct sqlite_db *db, struct sqlite_putting *putting)
{
	int rc = sqlite_db_savepoint(db);

	if (rc)
		return rc;
	putting->rc = sqlite_put_write(putting);
	if (putting->rc && !sqlite_db_in_transaction(db))
		return putting->rc;
	return sqlite_db_release(db, putting->rc == 0);
}

static int run_together(struct sqlite_store *store,
                        struct sqlite_putting *batch)
{
	struct sqlite_putting *putting;
	int noted;
	int rc = 0;

	sqlite_side_begin(store->side);
	for (putting = batch; putting && rc == 0; putting = putting->next)
		rc = run_one(store->writer, putting);
	if (rc == 0 && sqlite_side_failed(store->side))
		rc = -EIO;
	rc = end(store, rc);
	noted = sqlite_side_end(store->side, rc == 0);
	for (putting = batch; putting && rc == 0; putting = putting->next)
		answer(putting, noted);
	return rc;
}

static void run_each(struct sqlite_store *store, struct sqlite_putting *batch)
{
	for (; batch; batch = batch->next) {
		sqlite_put_reset(batch);
		batch->rc = sqlite_db_begin(store->writer);
		if (batch->rc == 0)
			run_alone(store, batch);
	}
}

static void fail(struct sqlite_putting *batch, int rc)
{
	for (; batch; batch = batch->next)
		batch->rc = rc;
}

/* In a transaction that has begun.  Others who have the database locked are
 * waited for once. */
static void run(struct sqlite_store *store, struct sqlite_putting *batch)
{
	int rc;

	if (!batch->next) {
		run_alone(store, batch);
		return;
	}
	rc = run_together(store, batch);
	if (rc == -EBUSY)
		fail(batch, rc);
	else if (rc)
		run_each(store, batch);
}

/* Make what waits, and what comes until the database is ours. */
static struct sqlite_putting *lead(struct sqlite_store *store)
{
	struct sqlite_putting *batch = NULL;
	int rc;

	pthread_mutex_lock(&store->write_lock);
	take(&store->group, &batch);
	rc = sqlite_db_begin(store->writer);
	if (rc) {
		fail(batch, rc);
	} else {
		take(&store->group, &batch);
		run(store, batch);
	}
	pthread_mutex_unlock(&store->write_lock);
	return batch;
}

/* Whose change is done may be gone in a moment. */
static void tell_locked(struct sqlite_group *group,
                        struct sqlite_putting *batch)
{
	while (batch) {
		struct sqlite_putting *next = batch->next;

		batch->is_done = true;
		batch = next;
	}
	group->is_led = false;
	pthread_cond_broadcast(&group->ended);
}

int sqlite_group_put(struct sqlite_putting *putting)
{
	struct sqlite_group *group = &putting->store->group;
	struct sqlite_putting *batch;

	pthread_mutex_lock(&group->lock);
	add_locked(group, putting);
	while (group->is_led && !putting->is_done)
		pthread_cond_wait(&group->ended, &group->lock);
	if (!putting->is_done) {
		group->is_led = true;
		pthread_mutex_unlock(&group->lock);
		batch = lead(putting->store);
		pthread_mutex_lock(&group->lock);
		tell_locked(group, batch);
	}
	pthread_mutex_unlock(&group->lock);
	return putting->rc;
}
