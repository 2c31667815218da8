/* SPDX-License-Identifier: MIT */
#include "layout/metrics.h"

#include "layout/jobs.h"
#include "layout/node.h"
#include "layout/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const operation_names[METRIC_COUNT] = {
	"lookup",  "getattr", "setattr",  "readlink", "mkdir",
	"unlink",  "rmdir",   "symlink",  "rename",   "create",
	"open",    "read",    "write",    "flush",    "fsync",
	"opendir", "readdir", "getxattr", "setxattr", "commit",
};

static const char *const call_names[METRIC_CALL_COUNT] = { "get",    "list",
	                                                   "open",   "put",
	                                                   "remove", "rename" };

static int append_head(const char *name, const char *type, const char *help,
                       struct blob *out)
{
	return blob_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help,
	                   name, type);
}

static int append_operations(const struct metrics *metrics, struct blob *out)
{
	const char *name = "engramfs_operation_seconds";
	char label[64];
	int rc = append_head(name, "histogram",
	                     "Time that requests of the kernel took.", out);

	for (size_t i = 0; rc == 0 && i < METRIC_COUNT; i++) {
		snprintf(label, sizeof(label), "operation=\"%s\"",
		         operation_names[i]);
		rc = metrics_append_histogram(&metrics->operations[i], name,
		                              label, out);
	}
	return rc;
}

static int append_calls(const struct tree *tree, struct blob *out)
{
	const struct stores *stores = &tree->stores;
	const char *name = "engramfs_backend_call_seconds";
	char labels[128];
	int rc = append_head(name, "histogram",
	                     "Time that calls of a backend took.", out);

	for (size_t i = 0;
	     rc == 0 && i < STORES_MAX && stores->slots[i].backend; i++)
		for (size_t c = 0; rc == 0 && c < METRIC_CALL_COUNT; c++) {
			snprintf(labels, sizeof(labels),
			         "backend=\"%s\",call=\"%s\"",
			         stores->slots[i].backend->name, call_names[c]);
			rc = metrics_append_histogram(
			    &stores->metrics->backends[i].calls[c], name,
			    labels, out);
		}
	return rc;
}

static int append_errors(const struct tree *tree, struct blob *out)
{
	const struct stores *stores = &tree->stores;
	const char *name = "engramfs_backend_errors_total";
	int rc = append_head(name, "counter", "Calls of a backend that failed.",
	                     out);

	for (size_t i = 0;
	     rc == 0 && i < STORES_MAX && stores->slots[i].backend; i++)
		for (size_t c = 0; rc == 0 && c < METRIC_CALL_COUNT; c++)
			rc = blob_printf(
			    out,
			    "%s{backend=\"%s\",call=\"%s\"} %" PRIuFAST64 "\n",
			    name, stores->slots[i].backend->name, call_names[c],
			    atomic_load_explicit(
				&stores->metrics->backends[i].errors[c],
				memory_order_relaxed));
	return rc;
}

static struct backend_status status_of(const struct stores *stores, size_t slot)
{
	struct backend_status status = { 0 };

	if (stores->slots[slot].store)
		stores->slots[slot].store->backend->status(
		    stores->slots[slot].store, &status);
	return status;
}

static int append_health(const struct tree *tree, struct blob *out)
{
	const struct stores *stores = &tree->stores;
	int rc = append_head("engramfs_backend_up", "gauge",
	                     "1: the backend answers.", out);

	for (size_t i = 0;
	     rc == 0 && i < STORES_MAX && stores->slots[i].backend; i++)
		rc =
		    blob_printf(out, "engramfs_backend_up{backend=\"%s\"} %d\n",
		                stores->slots[i].backend->name,
		                status_of(stores, i).healthy);
	if (rc == 0)
		rc = append_head("engramfs_backend_bytes", "gauge",
		                 "Size on disk, or in the server's memory.",
		                 out);
	for (size_t i = 0;
	     rc == 0 && i < STORES_MAX && stores->slots[i].backend; i++)
		rc = blob_printf(
		    out, "engramfs_backend_bytes{backend=\"%s\"} %" PRIu64 "\n",
		    stores->slots[i].backend->name,
		    status_of(stores, i).bytes_used);
	return rc;
}

static int append_spool(const struct tree *tree, struct blob *out)
{
	static const char *const places[] = { "spool/scratch", "rejected" };
	const char *store = tree->stores.directory;
	uint64_t files[2] = { 0 };
	uint64_t bytes[2] = { 0 };
	int rc = append_head("engramfs_spool_files", "gauge",
	                     "Files that are in no backend.", out);

	for (size_t i = 0; rc == 0 && i < 2; i++) {
		rc = spool_measure(store, places[i], &files[i], &bytes[i]);
		if (rc == 0)
			rc = blob_printf(
			    out,
			    "engramfs_spool_files{place=\"%s\"} %" PRIu64 "\n",
			    places[i], files[i]);
	}
	if (rc == 0)
		rc = append_head("engramfs_spool_bytes", "gauge", "Their size.",
		                 out);
	for (size_t i = 0; rc == 0 && i < 2; i++)
		rc = blob_printf(
		    out, "engramfs_spool_bytes{place=\"%s\"} %" PRIu64 "\n",
		    places[i], bytes[i]);
	return rc;
}

/* The records of ROW when they were last counted; negative: they were not. */
static int64_t count_of(const struct value *figures,
                        const struct collection *row)
{
	const struct value *part = value_dict_get(figures, row->backend);
	const struct value *usage;
	char name[64];
	int64_t count = -1;

	if (!part || part->type != VALUE_DICT)
		return -1;
	usage = value_dict_get(part, row->path);
	if (usage && usage->type == VALUE_DICT)
		usage = value_dict_get(usage, "keys");
	snprintf(name, sizeof(name), "%s_count", row->path);
	if (!usage)
		usage = value_dict_get(part, name);
	return usage && value_to_int(usage, &count) == 0 ? count : -1;
}

static int append_records(const struct tree *tree, struct blob *out)
{
	const char *name = "engramfs_records";
	struct value *figures =
	    tree->jobs ? jobs_published(tree->jobs) : value_new_null();
	int rc = figures ? append_head(name, "gauge",
	                               "Records at the last stats.", out)
	                 : -ENOMEM;

	for (const struct collection *row = tree_collections;
	     rc == 0 && figures->type == VALUE_DICT && row->path; row++) {
		int64_t count = count_of(figures, row);

		if (count >= 0)
			rc = blob_printf(out,
			                 "%s{collection=\"%s\"} %" PRId64 "\n",
			                 name, row->path, count);
	}
	value_unref(figures);
	return rc;
}

static int append_rest(const struct tree *tree, struct blob *out)
{
	int rc = append_head("engramfs_open_handles", "gauge",
	                     "Files that are open.", out);

	if (rc == 0)
		rc = blob_printf(
		    out, "engramfs_open_handles %" PRIdFAST64 "\n",
		    atomic_load_explicit(&tree->stores.metrics->handles,
		                         memory_order_relaxed));
	if (rc == 0)
		rc = append_head("engramfs_start_time_seconds", "gauge",
		                 "When it was mounted.", out);
	if (rc == 0)
		rc = blob_printf(out, "engramfs_start_time_seconds %lld\n",
		                 (long long)tree->since.tv_sec);
	return rc;
}

int metrics_render(const struct tree *tree, const struct node *node,
                   struct blob *out)
{
	int rc = tree->stores.metrics
	             ? append_operations(tree->stores.metrics, out)
	             : -ENOENT;

	(void)node;
	if (rc == 0)
		rc = append_calls(tree, out);
	if (rc == 0)
		rc = append_errors(tree, out);
	if (rc == 0)
		rc = append_health(tree, out);
	if (rc == 0)
		rc = append_spool(tree, out);
	if (rc == 0)
		rc = append_records(tree, out);
	return rc ? rc : append_rest(tree, out);
}
