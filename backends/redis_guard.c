/* SPDX-License-Identifier: MIT */
#include "backends/redis_guard.h"

#include <stddef.h>

#if HIREDIS_MAJOR >= 1
typedef size_t items_type;
#else
typedef int items_type;
#endif

static void *create_array(const redisReadTask *task, items_type items)
{
	const struct redis_guard *guard = task->privdata;

	return items > REDIS_REPLY_ITEMS
	           ? NULL
	           : guard->stock->createArray(task, items);
}

/* The other functions of hiredis do not look at privdata. */
void redis_guard_reader(redisReader *reader, struct redis_guard *out)
{
	out->stock = reader->fn;
	out->functions = *reader->fn;
	out->functions.createArray = create_array;
	reader->fn = &out->functions;
	reader->privdata = out;
}
