/* SPDX-License-Identifier: MIT */
#include "backends/worker_run.h"

#include "backends/maintenance.h"

#include <errno.h>

static const struct maintenance_ops *
upkeep_of(const struct worker_running *running)
{
	return running->store->backend->maintenance;
}

static struct work work_of(struct worker_running *running,
                           const struct worker_call *call)
{
	return (struct work){ .step = worker_ask_step,
		              .arg = running,
		              .from = call->work_from,
		              .to = call->work_to };
}

/* A dict, or a list, that a function is to fill. */
static bool make_value(struct value **out, struct value *value)
{
	*out = value;
	return value != NULL;
}

static int64_t run_statistics(struct worker_running *running,
                              struct worker_call *call)
{
	if (!make_value(&call->value, value_new_dict()))
		return -ENOMEM;
	return upkeep_of(running)->statistics(running->store, call->value);
}

static int64_t run_usage(struct worker_running *running,
                         struct worker_call *call)
{
	const struct work work = work_of(running, call);

	return upkeep_of(running)->usage(running->store, call->collection,
	                                 &work, &call->counts[0],
	                                 &call->counts[1]);
}

static int64_t run_vacuum(struct worker_running *running,
                          struct worker_call *call)
{
	const struct work work = work_of(running, call);

	if (!make_value(&call->value, value_new_dict()))
		return -ENOMEM;
	return upkeep_of(running)->vacuum(running->store, &work, call->value);
}

static int64_t run_compact(struct worker_running *running,
                           struct worker_call *call)
{
	const struct work work = work_of(running, call);

	if (!make_value(&call->value, value_new_dict()))
		return -ENOMEM;
	return upkeep_of(running)->compact(running->store, &work, call->value);
}

static int64_t run_rotate(struct worker_running *running,
                          struct worker_call *call)
{
	if (!make_value(&call->value, value_new_dict()))
		return -ENOMEM;
	return upkeep_of(running)->rotate(running->store, call->number,
	                                  call->value);
}

static int64_t run_is_full(struct worker_running *running,
                           struct worker_call *call)
{
	call->counts[0] = upkeep_of(running)->is_full(running->store);
	return 0;
}

static int64_t run_remove_before(struct worker_running *running,
                                 struct worker_call *call)
{
	return upkeep_of(running)->remove_before(
	    running->store, call->collection, call->key, call->real);
}

static int64_t run_clear_expired(struct worker_running *running,
                                 struct worker_call *call)
{
	const struct work work = work_of(running, call);

	return upkeep_of(running)->clear_expired(
	    running->store, call->collection, &work, &call->counts[0]);
}

static int64_t run_flush(struct worker_running *running,
                         struct worker_call *call)
{
	const struct work work = work_of(running, call);

	return upkeep_of(running)->flush(running->store, call->collection,
	                                 &work, &call->counts[0]);
}

static int64_t run_verify(struct worker_running *running,
                          struct worker_call *call)
{
	const struct work work = work_of(running, call);

	if (!make_value(&call->value, value_new_dict()) ||
	    !make_value(&call->problems, value_new_list(VALUE_LIST)))
		return -ENOMEM;
	return upkeep_of(running)->verify(running->store, &work, call->value,
	                                  call->problems);
}

static int64_t run_backup(struct worker_running *running,
                          struct worker_call *call)
{
	const struct work work = work_of(running, call);

	if (!make_value(&call->value, value_new_list(VALUE_LIST)))
		return -ENOMEM;
	return upkeep_of(running)->backup(running->store, call->rows,
	                                  call->path, &work, call->value);
}

static int64_t run_restore(struct worker_running *running,
                           struct worker_call *call)
{
	return upkeep_of(running)->restore(running->store, call->path);
}

worker_run_fn *const worker_upkeep[WORKER_OPERATIONS] = {
	[WORKER_STATISTICS] = run_statistics,
	[WORKER_USAGE] = run_usage,
	[WORKER_VACUUM] = run_vacuum,
	[WORKER_COMPACT] = run_compact,
	[WORKER_ROTATE] = run_rotate,
	[WORKER_IS_FULL] = run_is_full,
	[WORKER_REMOVE_BEFORE] = run_remove_before,
	[WORKER_CLEAR_EXPIRED] = run_clear_expired,
	[WORKER_FLUSH] = run_flush,
	[WORKER_VERIFY] = run_verify,
	[WORKER_BACKUP] = run_backup,
	[WORKER_RESTORE] = run_restore,
};
