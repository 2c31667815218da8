/* SPDX-License-Identifier: MIT */
#include "layout/upkeep.h"

#include "layout/backup.h"
#include "layout/tree.h"

#include <errno.h>
#include <string.h>

/* One piece of a job's work, done in each backend that can. */
struct piece {
	struct job *job;
	struct work work;
	struct value *result;   /* dict */
	struct value *problems; /* list; of verify alone */
	uint64_t count;
};

static const struct maintenance_ops *ops_of(const struct store *store)
{
	static const struct maintenance_ops none;

	return store->backend->maintenance ? store->backend->maintenance
	                                   : &none;
}

static int piece_init(struct piece *piece, struct job *job)
{
	*piece = (struct piece){ .job = job,
		                 .work = job_work(job, 0, 1),
		                 .result = value_new_dict(),
		                 .problems = value_new_list(VALUE_LIST) };
	return piece->result && piece->problems ? 0 : -ENOMEM;
}

/* The job's result is what the piece has found, done or not. */
static int piece_end(struct piece *piece, int rc)
{
	if (piece->result)
		job_result(piece->job, piece->result);
	value_unref(piece->problems);
	return rc;
}

typedef int store_fn(struct store *store, struct piece *piece);

static size_t count_slots(const struct tree *tree)
{
	size_t count = 0;

	while (count < STORES_MAX && tree->stores.slots[count].backend)
		count++;
	return count;
}

/* Call FN for each backend. */
static int each_store(struct tree *tree, struct piece *piece, store_fn *fn)
{
	size_t count = count_slots(tree);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct store *store = tree->stores.slots[i].store;

		piece->work = job_work(piece->job, (double)i / (double)count,
		                       (double)(i + 1) / (double)count);
		rc = job_step(piece->job, piece->work.from);
		if (rc == 0 && !store) {
			job_fail(piece->job, "%s: %s",
			         tree->stores.slots[i].backend->name,
			         tree->stores.slots[i].why);
			rc = -EIO;
		}
		if (rc == 0)
			rc = fn(store, piece);
		if (rc && rc != -ECANCELED)
			job_fail(piece->job, "%s: %s",
			         tree->stores.slots[i].backend->name,
			         strerror(-rc));
	}
	return rc;
}

/* FN's figures stand under the backend's name. */
static int add_part(struct piece *piece, const struct store *store,
                    struct value *part)
{
	return value_dict_set(piece->result, store->backend->name, part);
}

typedef int describe_fn(struct store *store, const struct work *work,
                        struct value *out);

/* FN may be NULL: the backend has nothing of that kind. */
static int describe(struct store *store, struct piece *piece, describe_fn *fn)
{
	struct value *part;
	int rc;

	if (!fn)
		return 0;
	part = value_new_dict();
	rc = part ? fn(store, &piece->work, part) : -ENOMEM;
	if (rc == 0)
		return add_part(piece, store, part);
	value_unref(part);
	return rc;
}

static int vacuum(struct store *store, struct piece *piece)
{
	return describe(store, piece, ops_of(store)->vacuum);
}

static int compact(struct store *store, struct piece *piece)
{
	return describe(store, piece, ops_of(store)->compact);
}

/* {"keys", "bytes"} for each collection whose backend can tell. */
static int add_usage(struct store *store, const struct work *work,
                     const struct collection *row, struct value *out)
{
	struct value *usage = value_new_dict();
	uint64_t keys = 0;
	uint64_t bytes = 0;
	int rc = usage ? ops_of(store)->usage(store, row, work, &keys, &bytes)
	               : -ENOMEM;

	if (rc == 0)
		rc =
		    value_dict_set(usage, "keys", value_new_int((int64_t)keys));
	if (rc == 0)
		rc = value_dict_set(usage, "bytes",
		                    value_new_int((int64_t)bytes));
	if (rc == 0)
		return value_dict_set(out, row->path, usage);
	value_unref(usage);
	return rc;
}

int upkeep_measure(struct store *store, const struct work *work,
                   struct value *out)
{
	int rc = ops_of(store)->statistics
	             ? ops_of(store)->statistics(store, out)
	             : 0;

	for (const struct collection *row = tree_collections;
	     rc == 0 && row->path; row++)
		if (ops_of(store)->usage &&
		    strcmp(row->backend, store->backend->name) == 0)
			rc = add_usage(store, work, row, out);
	return rc;
}

static int statistics(struct store *store, struct piece *piece)
{
	return describe(store, piece, upkeep_measure);
}

static int verify(struct store *store, struct piece *piece)
{
	struct value *part;
	int rc;

	if (!ops_of(store)->verify)
		return 0;
	part = value_new_dict();
	rc = part ? ops_of(store)->verify(store, &piece->work, part,
	                                  piece->problems)
	          : -ENOMEM;
	if (rc == 0)
		return add_part(piece, store, part);
	value_unref(part);
	return rc;
}

static int run(struct job *job, struct tree *tree, store_fn *fn)
{
	struct piece piece;
	int rc = piece_init(&piece, job);

	if (rc == 0)
		rc = each_store(tree, &piece, fn);
	return piece_end(&piece, rc);
}

/* What was found is in status.json from now on. */
int upkeep_statistics(struct job *job, struct tree *tree,
                      const struct value *arguments)
{
	struct piece piece;
	int rc = piece_init(&piece, job);

	(void)arguments;
	if (rc == 0)
		rc = each_store(tree, &piece, statistics);
	if (rc == 0)
		rc = jobs_publish(tree->jobs, piece.result);
	return piece_end(&piece, rc);
}

int upkeep_vacuum(struct job *job, struct tree *tree,
                  const struct value *arguments)
{
	(void)arguments;
	return run(job, tree, vacuum);
}

int upkeep_compact(struct job *job, struct tree *tree,
                   const struct value *arguments)
{
	(void)arguments;
	return run(job, tree, compact);
}

/* What is damaged fails the job, once everything was looked at. */
int upkeep_verify(struct job *job, struct tree *tree,
                  const struct value *arguments)
{
	struct piece piece;
	int rc = piece_init(&piece, job);

	(void)arguments;
	if (rc == 0)
		rc = each_store(tree, &piece, verify);
	piece.work = job_work(job, 1, 1);
	if (rc == 0)
		rc = backup_verify(tree, &piece.work, piece.problems,
		                   &piece.count);
	if (rc == 0)
		rc = value_dict_set(piece.result, "backups",
		                    value_new_int((int64_t)piece.count));
	if (rc == 0)
		rc = value_dict_set(piece.result, "problems",
		                    value_ref(piece.problems));
	if (rc == 0 && piece.problems->list.count) {
		job_fail(job, "%zu problems, see the result",
		         piece.problems->list.count);
		rc = -EUCLEAN;
	}
	return piece_end(&piece, rc);
}

typedef int collection_fn(struct store *store,
                          const struct collection *collection,
                          const struct work *work, uint64_t *count);

static int visit_collection(struct tree *tree, struct piece *piece,
                            const struct collection *row, bool flush)
{
	struct store *store = stores_get(&tree->stores, row);
	collection_fn *fn;
	int rc;

	if (!store) {
		if (strcmp(row->backend, "redis") != 0)
			return 0;
		job_fail(piece->job, "%s: the storage is away", row->backend);
		return -EIO;
	}
	fn = flush ? ops_of(store)->flush : ops_of(store)->clear_expired;
	if (!fn)
		return 0;
	rc = fn(store, row, &piece->work, &piece->count);
	if (rc && rc != -ECANCELED)
		job_fail(piece->job, "%s: %s", row->path, strerror(-rc));
	return rc;
}

static int each_collection(struct job *job, struct tree *tree, bool flush)
{
	struct piece piece;
	double total = 0;
	double done = 0;
	int rc = piece_init(&piece, job);

	for (const struct collection *row = tree_collections; row->path; row++)
		total++;
	for (const struct collection *row = tree_collections;
	     rc == 0 && row->path; row++, done++) {
		piece.work = job_work(job, done / total, (done + 1) / total);
		rc = visit_collection(tree, &piece, row, flush);
	}
	if (piece.result &&
	    value_dict_set(piece.result, "removed",
	                   value_new_int((int64_t)piece.count)) &&
	    rc == 0)
		rc = -ENOMEM;
	return piece_end(&piece, rc);
}

int upkeep_clear_expired(struct job *job, struct tree *tree,
                         const struct value *arguments)
{
	(void)arguments;
	return each_collection(job, tree, false);
}

int upkeep_flush(struct job *job, struct tree *tree,
                 const struct value *arguments)
{
	(void)arguments;
	return each_collection(job, tree, true);
}
