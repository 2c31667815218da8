/* SPDX-License-Identifier: MIT */
#include "layout/tree.h"

/* The name of the one array of a pair. */
#define PAIR(where)                                                            \
	{                                                                      \
		.name = "", .place = (where)                                   \
	}
#define TIMESTAMP(where)                                                       \
	{                                                                      \
		.name = (where), .type = FIELD_FLOAT, .place = (where),        \
		.fallback = DEFAULT_NOW                                        \
	}
#define METADATA                                                               \
	{                                                                      \
		.name = "metadata", .type = FIELD_DICT, .place = "metadata",   \
		.fallback = DEFAULT_ZERO                                       \
	}
/* How often an array was opened for reading, and when it last was. */
#define ACCESS_COUNT(otherwise)                                                \
	{                                                                      \
		.name = "access_count", .type = FIELD_INT,                     \
		.place = "access_count", .fallback = (otherwise)               \
	}
#define LAST_ACCESSED(otherwise)                                               \
	{                                                                      \
		.name = "last_accessed", .type = FIELD_FLOAT,                  \
		.place = "last_accessed", .fallback = (otherwise)              \
	}
#define COUNTED .access_count = "access_count", .last_access = "last_accessed"
#define DERIVED(field, kind, how, from)                                        \
	{                                                                      \
		.name = (field), .type = (kind), .place = (field),             \
		.rule = (how), .array = (from)                                 \
	}
#define GIVEN(field, kind)                                                     \
	{                                                                      \
		.name = (field), .type = (kind), .place = (field),             \
		.fallback = DEFAULT_ZERO                                       \
	}
#define GIVEN_OR(field, kind, otherwise)                                       \
	{                                                                      \
		.name = (field), .type = (kind), .place = (field),             \
		.fallback = DEFAULT_TEXT, .text = (otherwise)                  \
	}
#define NUMBER                                                                 \
	{                                                                      \
		.name = "id", .type = FIELD_INT, .place = "id",                \
		.rule = FIELD_NUMBER                                           \
	}

static const struct array_row wm_arrays[] = { PAIR("pattern"), { 0 } };
static const struct field_row wm_fields[] = {
	TIMESTAMP("timestamp"),
	ACCESS_COUNT(DEFAULT_ABSENT),
	LAST_ACCESSED(DEFAULT_ABSENT),
	METADATA,
	DERIVED("shape", FIELD_JSON, FIELD_SHAPE, ""),
	DERIVED("dtype", FIELD_TEXT, FIELD_DTYPE, ""),
	{ 0 },
};

static const struct array_row attention_arrays[] = { PAIR("weights"), { 0 } };
static const struct field_row attention_fields[] = {
	TIMESTAMP("timestamp"),
	DERIVED("shape", FIELD_JSON, FIELD_SHAPE, ""),
	DERIVED("sum", FIELD_FLOAT, FIELD_SUM, ""),
	{ 0 },
};

/* The key is the timestamp, as Python writes it. */
static const struct array_row spike_cache_arrays[] = { PAIR("spikes"), { 0 } };
static const struct field_row spike_cache_fields[] = {
	TIMESTAMP("cached_at"),
	GIVEN_OR("neuron_ids", FIELD_JSON, "[]"),
	DERIVED("shape", FIELD_JSON, FIELD_SHAPE, ""),
	DERIVED("dtype", FIELD_TEXT, FIELD_DTYPE, ""),
	{ 0 },
};

static const struct field_row episode_fields[] = {
	NUMBER,
	TIMESTAMP("timestamp"),
	{ .name = "performance_score",
	  .type = FIELD_FLOAT,
	  .place = "performance_score",
	  .fallback = DEFAULT_ZERO },
	{ .name = "context_hash",
	  .type = FIELD_TEXT,
	  .place = "context_hash",
	  .fallback = DEFAULT_ZERO },
	METADATA,
	{ .name = "created_at",
	  .type = FIELD_FLOAT,
	  .place = "created_at",
	  .fallback = DEFAULT_JULIAN },
	{ .name = "experience_data",
	  .type = FIELD_NEST,
	  .place = "experience_data",
	  .fallback = DEFAULT_ZERO },
	{ 0 },
};
static const struct array_row episode_arrays[] = {
	{ .place = "experience_data" },
	{ 0 },
};

static const struct array_row no_arrays[] = { { 0 } };

static const struct field_row event_fields[] = {
	NUMBER,
	GIVEN("task_type", FIELD_TEXT),
	GIVEN("performance_delta", FIELD_FLOAT),
	GIVEN("strategy_used", FIELD_TEXT),
	TIMESTAMP("timestamp"),
	GIVEN("parameters", FIELD_DICT),
	{ 0 },
};

static const struct array_row concept_arrays[] = { PAIR("embedding"), { 0 } };
static const struct field_row concept_fields[] = {
	NUMBER,
	{ .name = "creation_time",
	  .type = FIELD_FLOAT,
	  .place = "creation_time",
	  .fallback = DEFAULT_NOW },
	ACCESS_COUNT(DEFAULT_ZERO),
	LAST_ACCESSED(DEFAULT_ZERO),
	METADATA,
	{ 0 },
};

#define META                                                                   \
	{                                                                      \
		.name = "metadata", .type = FIELD_DICT, .place = "meta_",      \
		.fallback = DEFAULT_ZERO                                       \
	}

static const struct array_row snapshot_arrays[] = {
	{ .name = "adjacency",
	  .place = "network_states/topology/$/adjacency",
	  .stamped = "network_states/topology/$" },
	{ .name = "weights",
	  .place = "network_states/weights/$/weights",
	  .stamped = "network_states/weights/$" },
	{ .name = "states",
	  .place = "network_states/neuron_states/$/states",
	  .stamped = "network_states/neuron_states/$" },
	{ 0 },
};
static const struct field_row snapshot_fields[] = {
	TIMESTAMP("timestamp"),
	META,
	{ 0 },
};

static const struct array_row train_arrays[] = {
	{ .name = "spike_times",
	  .place = "spike_trains/raw_data/$/spike_times" },
	{ .name = "neuron_ids", .place = "spike_trains/raw_data/$/neuron_ids" },
	{ .name = "spike_amplitudes",
	  .place = "spike_trains/raw_data/$/spike_amplitudes" },
	{ 0 },
};
static const struct field_row train_fields[] = {
	TIMESTAMP("timestamp"),
	DERIVED("num_spikes", FIELD_INT, FIELD_LENGTH, "spike_times"),
	DERIVED("num_neurons", FIELD_INT, FIELD_UNIQUE, "neuron_ids"),
	META,
	{ 0 },
};

static const struct array_row packed_train_arrays[] = {
	PAIR("spike_trains/compressed/$"),
	{ 0 },
};
static const struct field_row packed_train_fields[] = {
	TIMESTAMP("timestamp"),
	{ .name = "original_shape",
	  .type = FIELD_JSON,
	  .place = "original_shape",
	  .fallback = DEFAULT_ABSENT },
	{ .name = "compression_ratio",
	  .type = FIELD_FLOAT,
	  .place = "compression_ratio",
	  .fallback = DEFAULT_ABSENT },
	{ .name = "compression_params",
	  .type = FIELD_DICT,
	  .place = "param_",
	  .fallback = DEFAULT_ZERO },
	{ 0 },
};

static const struct array_row reservoir_arrays[] = {
	PAIR("activations/reservoir_states/$"),
	{ 0 },
};
static const struct field_row reservoir_fields[] = {
	TIMESTAMP("timestamp"),
	GIVEN_OR("reservoir_id", FIELD_TEXT, "default"),
	DERIVED("shape", FIELD_JSON, FIELD_SHAPE, ""),
	{ 0 },
};

static const struct array_row layer_arrays[] = {
	{ .place = "activations/layer_outputs/$/" },
	{ 0 },
};
static const struct field_row layer_fields[] = {
	TIMESTAMP("timestamp"),
	{ .name = "num_layers",
	  .type = FIELD_INT,
	  .place = "num_layers",
	  .rule = FIELD_ARRAYS },
	{ 0 },
};

static const struct array_row attention_map_arrays[] = {
	PAIR("activations/attention_maps/$"),
	{ 0 },
};
static const struct field_row attention_map_fields[] = {
	TIMESTAMP("timestamp"),
	DERIVED("shape", FIELD_JSON, FIELD_SHAPE, ""),
	{ 0 },
};

static const struct array_row plasticity_arrays[] = {
	PAIR("learning_traces/plasticity/$"),
	{ 0 },
};
static const struct field_row plasticity_fields[] = {
	TIMESTAMP("timestamp"),
	GIVEN_OR("plasticity_type", FIELD_TEXT, "stdp"),
	DERIVED("mean_change", FIELD_FLOAT, FIELD_MEAN, ""),
	DERIVED("std_change", FIELD_FLOAT, FIELD_STD, ""),
	DERIVED("num_synapses", FIELD_INT, FIELD_COUNT, ""),
	{ 0 },
};

static const struct array_row homeostatic_arrays[] = {
	PAIR("learning_traces/homeostatic/$"),
	{ 0 },
};
static const struct field_row homeostatic_fields[] = {
	TIMESTAMP("timestamp"),
	GIVEN_OR("mechanism", FIELD_TEXT, "intrinsic_plasticity"),
	DERIVED("num_neurons", FIELD_INT, FIELD_LENGTH, ""),
	{ 0 },
};

static const struct field_row performance_fields[] = {
	TIMESTAMP("timestamp"),
	GIVEN_OR("task_type", FIELD_TEXT, "general"),
	{ .name = "metrics",
	  .type = FIELD_VALUES,
	  .place = "metric_names",
	  .fallback = DEFAULT_ZERO },
	{ 0 },
};

const struct collection tree_collections[] = {
	{ .path = "wm",
	  .backend = "redis",
	  .shape = RECORD_PAIR,
	  .place = "wm:",
	  .ttl = 3600,
	  .arrays = wm_arrays,
	  .fields = wm_fields,
	  .timestamp = "timestamp",
	  COUNTED },
	{ .path = "attention",
	  .backend = "redis",
	  .shape = RECORD_PAIR,
	  .place = "attention:",
	  .ttl = 600,
	  .arrays = attention_arrays,
	  .fields = attention_fields,
	  .timestamp = "timestamp" },
	{ .path = "spike_cache",
	  .backend = "redis",
	  .shape = RECORD_PAIR,
	  .place = "spikes:",
	  .ttl = 300,
	  .arrays = spike_cache_arrays,
	  .fields = spike_cache_fields,
	  .timestamp = "cached_at" },
	{ .path = "episodes",
	  .backend = "sqlite",
	  .shape = RECORD_NEST,
	  .place = "episodes",
	  .key_field = "id",
	  .arrays = episode_arrays,
	  .fields = episode_fields,
	  .timestamp = "timestamp" },
	{ .path = "concepts",
	  .backend = "sqlite",
	  .shape = RECORD_PAIR,
	  .place = "concepts",
	  .key_field = "name",
	  .arrays = concept_arrays,
	  .fields = concept_fields,
	  .timestamp = "creation_time",
	  COUNTED,
	  .relations = "concept_relationships" },
	{ .path = "learning_events",
	  .backend = "sqlite",
	  .shape = RECORD_FIELDS,
	  .place = "learning_events",
	  .key_field = "id",
	  .arrays = no_arrays,
	  .fields = event_fields,
	  .timestamp = "timestamp" },
	{ .path = "network_states",
	  .backend = "hdf5",
	  .shape = RECORD_DIRECTORY,
	  .place = "network_states/topology/$",
	  .arrays = snapshot_arrays,
	  .fields = snapshot_fields,
	  .timestamp = "timestamp" },
	{ .path = "spike_trains",
	  .backend = "hdf5",
	  .shape = RECORD_DIRECTORY,
	  .place = "spike_trains/raw_data/$",
	  .arrays = train_arrays,
	  .fields = train_fields,
	  .timestamp = "timestamp" },
	{ .path = "spike_trains",
	  .backend = "hdf5",
	  .shape = RECORD_PAIR,
	  .place = "spike_trains/compressed/$",
	  .arrays = packed_train_arrays,
	  .fields = packed_train_fields,
	  .timestamp = "timestamp" },
	{ .path = "activations/reservoir_states",
	  .backend = "hdf5",
	  .shape = RECORD_PAIR,
	  .place = "activations/reservoir_states/$",
	  .arrays = reservoir_arrays,
	  .fields = reservoir_fields,
	  .timestamp = "timestamp" },
	{ .path = "activations/layer_outputs",
	  .backend = "hdf5",
	  .shape = RECORD_DIRECTORY,
	  .place = "activations/layer_outputs/$",
	  .arrays = layer_arrays,
	  .fields = layer_fields,
	  .timestamp = "timestamp" },
	{ .path = "activations/attention_maps",
	  .backend = "hdf5",
	  .shape = RECORD_PAIR,
	  .place = "activations/attention_maps/$",
	  .arrays = attention_map_arrays,
	  .fields = attention_map_fields,
	  .timestamp = "timestamp" },
	{ .path = "learning_traces/plasticity",
	  .backend = "hdf5",
	  .shape = RECORD_PAIR,
	  .place = "learning_traces/plasticity/$",
	  .arrays = plasticity_arrays,
	  .fields = plasticity_fields,
	  .timestamp = "timestamp" },
	{ .path = "learning_traces/homeostatic",
	  .backend = "hdf5",
	  .shape = RECORD_PAIR,
	  .place = "learning_traces/homeostatic/$",
	  .arrays = homeostatic_arrays,
	  .fields = homeostatic_fields,
	  .timestamp = "timestamp" },
	{ .path = "learning_traces/performance",
	  .backend = "hdf5",
	  .shape = RECORD_FIELDS,
	  .place = "learning_traces/performance/$",
	  .arrays = no_arrays,
	  .fields = performance_fields,
	  .timestamp = "timestamp" },
	{ 0 },
};
