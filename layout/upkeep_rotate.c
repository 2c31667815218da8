/* SPDX-License-Identifier: MIT */
#include "layout/upkeep.h"

#include "backends/log.h"

#include <errno.h>
#include <string.h>

#define CHECK "check-size"

/* The figures of each backend that has files to rotate stand under its name. */
static int rotate(struct store *store, uint64_t if_larger, struct value *result)
{
	struct value *part = value_new_dict();
	int rc =
	    part ? store->backend->maintenance->rotate(store, if_larger, part)
		 : -ENOMEM;

	if (rc == 0)
		return value_dict_set(result, store->backend->name, part);
	value_unref(part);
	return rc;
}

static int rotate_all(struct job *job, struct tree *tree, uint64_t if_larger)
{
	struct value *result = value_new_dict();
	int rc = result ? 0 : -ENOMEM;

	for (size_t i = 0;
	     rc == 0 && i < STORES_MAX && tree->stores.slots[i].backend; i++) {
		const struct backend *backend = tree->stores.slots[i].backend;
		struct store *store = tree->stores.slots[i].store;

		if (!backend->maintenance || !backend->maintenance->rotate)
			continue;
		rc = store ? rotate(store, if_larger, result) : -EIO;
		if (rc)
			job_fail(job, "%s: %s", backend->name,
			         store ? strerror(-rc)
			               : tree->stores.slots[i].why);
	}
	if (result)
		job_result(job, result);
	return rc;
}

int upkeep_rotate(struct job *job, struct tree *tree,
                  const struct value *arguments)
{
	const struct value *given = value_dict_get(arguments, "if_larger");
	double bytes = 0;

	if (given && value_to_double(given, &bytes))
		return -EINVAL;
	if (bytes >= (double)INT64_MAX)
		bytes = (double)(INT64_MAX / 2);
	return rotate_all(job, tree, (uint64_t)bytes);
}

int upkeep_check_size(struct job *job, struct tree *tree,
                      const struct value *arguments)
{
	(void)arguments;
	return rotate_all(job, tree, MAINTENANCE_SIZE_LIMIT);
}

void upkeep_after_change(struct tree *tree, struct store *store)
{
	const struct maintenance_ops *ops = store->backend->maintenance;
	const struct job_task task = { .command = CHECK,
		                       .tree = tree,
		                       .run = upkeep_check_size };
	uint64_t id;
	int rc;

	if (!tree->jobs || !ops || !ops->is_full || !ops->is_full(store) ||
	    jobs_has(tree->jobs, CHECK))
		return;
	rc = jobs_add(tree->jobs, &task, &id);
	if (rc)
		log_warn("%s: the file is larger than its limit: %s",
		         store->backend->name, strerror(-rc));
}
