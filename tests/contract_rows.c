/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

/* Shapes and rules that no row of the tree has yet. */

static const struct array_row no_arrays[] = { { 0 } };
static const struct field_row event_fields[] = {
	{ .name = "id",
	  .type = FIELD_INT,
	  .place = "id",
	  .rule = FIELD_NUMBER },
	{ .name = "task_type",
	  .type = FIELD_TEXT,
	  .place = "task_type",
	  .fallback = DEFAULT_ZERO },
	{ .name = "performance_delta",
	  .type = FIELD_FLOAT,
	  .place = "performance_delta",
	  .fallback = DEFAULT_ZERO },
	{ .name = "strategy_used",
	  .type = FIELD_TEXT,
	  .place = "strategy_used",
	  .fallback = DEFAULT_TEXT,
	  .text = "unknown" },
	{ .name = "timestamp",
	  .type = FIELD_FLOAT,
	  .place = "timestamp",
	  .fallback = DEFAULT_NOW },
	{ .name = "parameters",
	  .type = FIELD_DICT,
	  .place = "parameters",
	  .fallback = DEFAULT_ZERO },
	{ 0 },
};

static const struct array_row state_arrays[] = {
	{ .name = "", .place = "activation_patterns/reservoir_states/$" },
	{ 0 },
};
static const struct field_row state_fields[] = {
	{ .name = "timestamp",
	  .type = FIELD_FLOAT,
	  .place = "timestamp",
	  .fallback = DEFAULT_NOW },
	{ .name = "mean_activation",
	  .type = FIELD_FLOAT,
	  .place = "mean_activation",
	  .rule = FIELD_MEAN,
	  .array = "" },
	{ .name = "std_activation",
	  .type = FIELD_FLOAT,
	  .place = "std_activation",
	  .rule = FIELD_STD,
	  .array = "" },
	{ .name = "metadata",
	  .type = FIELD_DICT,
	  .place = "meta_",
	  .fallback = DEFAULT_ZERO },
	{ 0 },
};

static const struct array_row layer_arrays[] = {
	{ .place = "activation_patterns/layer_outputs/$/" },
	{ 0 },
};
static const struct field_row layer_fields[] = {
	{ .name = "timestamp",
	  .type = FIELD_FLOAT,
	  .place = "timestamp",
	  .fallback = DEFAULT_NOW },
	{ .name = "metadata",
	  .type = FIELD_DICT,
	  .place = "meta_",
	  .fallback = DEFAULT_ZERO },
	{ 0 },
};

const struct collection contract_collections[] = {
	{ .path = "learning_events",
	  .backend = "sqlite",
	  .shape = RECORD_FIELDS,
	  .place = "learning_events",
	  .key_field = "id",
	  .arrays = no_arrays,
	  .fields = event_fields,
	  .timestamp = "timestamp" },
	{ .path = "activations/reservoir_states",
	  .backend = "hdf5",
	  .shape = RECORD_PAIR,
	  .place = "activation_patterns/reservoir_states/$",
	  .arrays = state_arrays,
	  .fields = state_fields,
	  .timestamp = "timestamp" },
	{ .path = "activations/layer_outputs",
	  .backend = "mem",
	  .shape = RECORD_DIRECTORY,
	  .place = "activation_patterns/layer_outputs/$",
	  .arrays = layer_arrays,
	  .fields = layer_fields,
	  .timestamp = "timestamp" },
	{ 0 },
};
