/* SPDX-License-Identifier: MIT */
#include "layout/question_parse.h"

#include "layout/tree.h"

#include <errno.h>
#include <string.h>

static const struct query_summary best_strategies = {
	.field = "task_type",
	.group = "strategy_used",
	.mean = "performance_delta",
};

#define RECENT(where)                                                          \
	{                                                                      \
		.path = where "/recent", .collection = (where),                \
		.parse = question_parse_age                                    \
	}
#define BETWEEN(where)                                                         \
	{                                                                      \
		.path = where "/between", .collection = (where),               \
		.parse = question_parse_range                                  \
	}

const struct question_row question_rows[] = {
	{ .path = "episodes/by_context",
	  .collection = "episodes",
	  .parse = question_parse_text,
	  .field = "context_hash",
	  .lists = true },
	RECENT("episodes"),
	{ .path = "episodes/where",
	  .collection = "episodes",
	  .parse = question_parse_where },
	{ .path = "concepts/search",
	  .collection = "concepts",
	  .parse = question_parse_pattern,
	  .order = "access_count" },
	{ .path = "concepts/near", .collection = "concepts", .near = true },
	{ .path = "learning_events/by_task",
	  .collection = "learning_events",
	  .parse = question_parse_text,
	  .field = "task_type",
	  .lists = true },
	{ .path = "learning_events/best_strategies",
	  .collection = "learning_events",
	  .parse = question_parse_text,
	  .field = "task_type",
	  .report = &best_strategies },
	RECENT("spike_cache"),
	BETWEEN("network_states"),
	BETWEEN("spike_trains"),
	BETWEEN("activations/reservoir_states"),
	BETWEEN("activations/layer_outputs"),
	BETWEEN("activations/attention_maps"),
	BETWEEN("learning_traces/plasticity"),
	BETWEEN("learning_traces/homeostatic"),
	BETWEEN("learning_traces/performance"),
	{ 0 },
};

const struct collection *question_collection(const struct question_row *row)
{
	const struct collection *found = tree_collections;

	while (found->path && strcmp(found->path, row->collection) != 0)
		found++;
	return found->path ? found : NULL;
}
