/* SPDX-License-Identifier: MIT */
#include "layout/metrics.h"

#include <inttypes.h>
#include <time.h>

#define RELAXED memory_order_relaxed
#define SECOND 1000000000.0

static const struct {
	uint64_t nanoseconds;
	const char *seconds;
} bounds[METRIC_BUCKETS] = {
	{ 10000, "1e-05" },    { 30000, "3e-05" },   { 100000, "0.0001" },
	{ 300000, "0.0003" },  { 1000000, "0.001" }, { 3000000, "0.003" },
	{ 10000000, "0.01" },  { 30000000, "0.03" }, { 100000000, "0.1" },
	{ 300000000, "0.3" },  { 1000000000, "1" },  { 3000000000, "3" },
	{ 10000000000, "10" },
};

uint64_t metrics_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void add(struct histogram *h, uint64_t nanoseconds)
{
	size_t i = 0;

	while (i < METRIC_BUCKETS && nanoseconds > bounds[i].nanoseconds)
		i++;
	atomic_fetch_add_explicit(&h->buckets[i], 1, RELAXED);
	atomic_fetch_add_explicit(&h->nanoseconds, nanoseconds, RELAXED);
}

void metrics_done(struct metrics *metrics, enum metric metric, uint64_t started)
{
	if (metrics)
		add(&metrics->operations[metric], metrics_now() - started);
}

void metrics_call(struct metrics *metrics, size_t slot, enum metric_call call,
                  uint64_t started, bool failed)
{
	if (!metrics)
		return;
	add(&metrics->backends[slot].calls[call], metrics_now() - started);
	if (failed)
		atomic_fetch_add_explicit(&metrics->backends[slot].errors[call],
		                          1, RELAXED);
}

void metrics_handle(struct metrics *metrics, int change)
{
	if (metrics)
		atomic_fetch_add_explicit(&metrics->handles, change, RELAXED);
}

/* The count is the sum of what was printed, so that they agree. */
int metrics_append_histogram(const struct histogram *h, const char *name,
                             const char *labels, struct blob *out)
{
	uint64_t total = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i <= METRIC_BUCKETS; i++) {
		total += atomic_load_explicit(&h->buckets[i], RELAXED);
		rc = blob_printf(
		    out, "%s_bucket{%s,le=\"%s\"} %" PRIu64 "\n", name, labels,
		    i < METRIC_BUCKETS ? bounds[i].seconds : "+Inf", total);
	}
	if (rc == 0)
		rc = blob_printf(
		    out, "%s_sum{%s} %.9f\n", name, labels,
		    (double)atomic_load_explicit(&h->nanoseconds, RELAXED) /
			SECOND);
	if (rc == 0)
		rc = blob_printf(out, "%s_count{%s} %" PRIu64 "\n", name,
		                 labels, total);
	return rc;
}
