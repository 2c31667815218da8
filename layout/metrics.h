/* SPDX-License-Identifier: MIT */
/*
 * metrics.h - how often, how long: the figures of .engram/metrics.prom
 *
 * Counting takes no lock and waits for nothing: a handful of atomic additions.
 * The text is Prometheus' exposition format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/): a line
 * `name{label="value"} number` for each figure, `# HELP` and `# TYPE` before
 * the first of a name.  Histograms are cumulative.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    any.  Every function accepts NULL for METRICS.
 */
#ifndef ENGRAMFS_LAYOUT_METRICS_H
#define ENGRAMFS_LAYOUT_METRICS_H

#include "backends/blob.h"
#include "layout/stores.h"

#include <stdatomic.h>
#include <stdint.h>

struct node;
struct tree;

/* Requests of the kernel, and what else takes time. */
enum metric {
	METRIC_LOOKUP,
	METRIC_GETATTR,
	METRIC_SETATTR,
	METRIC_READLINK,
	METRIC_MKDIR,
	METRIC_UNLINK,
	METRIC_RMDIR,
	METRIC_SYMLINK,
	METRIC_RENAME,
	METRIC_CREATE,
	METRIC_OPEN,
	METRIC_READ,
	METRIC_WRITE,
	METRIC_FLUSH,
	METRIC_FSYNC,
	METRIC_OPENDIR,
	METRIC_READDIR,
	METRIC_GETXATTR,
	METRIC_SETXATTR,
	METRIC_COMMIT, /* a part of a record, be it at flush, fsync or rename */
	METRIC_COUNT,
};

/* What a backend is asked. */
enum metric_call {
	METRIC_CALL_GET,
	METRIC_CALL_LIST,
	METRIC_CALL_OPEN, /* an array */
	METRIC_CALL_PUT,
	METRIC_CALL_REMOVE,
	METRIC_CALL_RENAME,
	METRIC_CALL_COUNT,
};

/* Upper bounds of the buckets, in nanoseconds, are in metrics.c. */
#define METRIC_BUCKETS 13

struct histogram {
	/* Not cumulative; the last one is for what is longer than all. */
	atomic_uint_fast64_t buckets[METRIC_BUCKETS + 1];
	atomic_uint_fast64_t nanoseconds;
};

struct metrics {
	struct histogram operations[METRIC_COUNT];

	struct {
		struct histogram calls[METRIC_CALL_COUNT];
		atomic_uint_fast64_t errors[METRIC_CALL_COUNT];
	} backends[STORES_MAX]; /* as the slots of struct stores */

	atomic_int_fast64_t handles;
};

/* Nanoseconds of a clock that does not jump. */
uint64_t metrics_now(void);

/* It began at STARTED and is done. */
void metrics_done(struct metrics *metrics, enum metric metric,
                  uint64_t started);

/* The same of a call of the backend in SLOT. */
void metrics_call(struct metrics *metrics, size_t slot, enum metric_call call,
                  uint64_t started, bool failed);

/* A file was opened (1) or closed (-1). */
void metrics_handle(struct metrics *metrics, int change);

/* The histogram H as lines of NAME; LABELS is what stands in their braces. */
int metrics_append_histogram(const struct histogram *h, const char *name,
                             const char *labels, struct blob *out);

/* metrics_render.c: metrics.prom, from memory; no backend is asked. */
int metrics_render(const struct tree *tree, const struct node *node,
                   struct blob *out);

#endif
