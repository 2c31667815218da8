/* SPDX-License-Identifier: MIT */
#include "layout/control.h"

#include "backends/json.h"
#include "backends/worker.h"
#include "layout/backups.h"
#include "layout/command.h"
#include "layout/jobs.h"
#include "layout/metrics.h"
#include "layout/outages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_LIMIT ((size_t)16 << 20) /* bytes of one control file */

static int add(struct value *dict, const char *name, struct value *item)
{
	return item ? value_dict_set(dict, name, item) : -ENOMEM;
}

static struct value *text(const char *string)
{
	return value_new_text(string, strlen(string));
}

/* {"pid": of the process that has a storage open, or null, "ends": ...} */
static struct value *describe_worker(const struct worker_figures *figures)
{
	struct value *dict = value_new_dict();

	if (!dict ||
	    add(dict, "pid",
	        figures->pid ? value_new_int(figures->pid)
	                     : value_new_null()) ||
	    add(dict, "ends", value_new_int((int64_t)figures->ends))) {
		value_unref(dict);
		return NULL;
	}
	return dict;
}

/* {"state": "healthy", "detail": ..., "bytes_used": ..., "spooled": {...}} */
static struct value *describe_backend(const struct stores *stores, size_t slot)
{
	struct backend_status status = { 0 };
	struct worker_figures worker;
	struct store *store = stores->slots[slot].store;
	struct value *dict = value_new_dict();
	const char *detail = stores->slots[slot].why;

	if (store) {
		store->backend->status(store, &status);
		detail = status.detail;
	}
	if (!dict ||
	    add(dict, "state",
	        text(status.healthy ? "healthy" : "unavailable")) ||
	    add(dict, "detail", text(detail)) ||
	    add(dict, "bytes_used",
	        value_new_int((int64_t)status.bytes_used)) ||
	    (worker_describe(store, &worker) &&
	     add(dict, "worker", describe_worker(&worker))) ||
	    (store && store->backend->outage &&
	     add(dict, "spooled", outages_describe(store)))) {
		value_unref(dict);
		return NULL;
	}
	return dict;
}

/* {"files", "bytes"} of what is below STORE/NAME. */
static struct value *describe_spool(const struct tree *tree, const char *name)
{
	struct value *dict = value_new_dict();
	uint64_t files;
	uint64_t bytes;

	if (!dict ||
	    spool_measure(tree->stores.directory, name, &files, &bytes) ||
	    add(dict, "files", value_new_int((int64_t)files)) ||
	    add(dict, "bytes", value_new_int((int64_t)bytes))) {
		value_unref(dict);
		return NULL;
	}
	return dict;
}

/* What is not in a backend, what runs, and the last figures. */
static int add_work(const struct tree *tree, struct value *status)
{
	int rc = add(status, "spool", describe_spool(tree, "spool/scratch"));

	if (rc == 0)
		rc = add(status, "rejected", describe_spool(tree, "rejected"));
	if (rc == 0 && tree->backups)
		rc = add(status, "backup",
		         backups_describe(tree->backups, tree->history));
	if (rc == 0 && tree->jobs)
		rc = add(status, "job", jobs_running(tree->jobs));
	if (rc == 0 && tree->jobs)
		rc = add(status, "statistics", jobs_published(tree->jobs));
	return rc;
}

/* What the daemon has given up. */
static struct value *describe_sandbox(const struct sandbox *sandbox)
{
	struct value *dict = value_new_dict();

	if (!dict ||
	    add(dict, "no_core_dumps",
	        value_new_bool(sandbox->no_core_dumps)) ||
	    add(dict, "no_new_privileges",
	        value_new_bool(sandbox->no_new_privileges)) ||
	    add(dict, "landlock", value_new_int(sandbox->landlock)) ||
	    add(dict, "seccomp", value_new_bool(sandbox->seccomp))) {
		value_unref(dict);
		return NULL;
	}
	return dict;
}

static int render_status(const struct tree *tree, const struct node *node,
                         struct blob *out)
{
	const struct stores *stores = &tree->stores;
	struct value *status = value_new_dict();
	struct value *list = value_new_dict();
	int rc = status && list ? 0 : -ENOMEM;

	(void)node;

	for (size_t i = 0;
	     rc == 0 && i < STORES_MAX && stores->slots[i].backend; i++)
		rc = add(list, stores->slots[i].backend->name,
		         describe_backend(stores, i));
	if (rc == 0)
		rc = add(status, "store", text(stores->directory));
	if (rc == 0)
		rc = add(status, "pid", value_new_int(getpid()));
	if (rc == 0)
		rc = add(status, "mounted_at",
		         value_new_float((double)tree->since.tv_sec));
	if (rc == 0)
		rc = add(status, "backends", value_ref(list));
	if (rc == 0)
		rc = add_work(tree, status);
	if (rc == 0)
		rc = add(status, "sandbox", describe_sandbox(&tree->sandbox));
	if (rc == 0)
		rc = json_append(status, JSON_STYLE_FILE, JSON_ARRAYS_REFUSE,
		                 CONTROL_LIMIT, out);
	value_unref(list);
	value_unref(status);
	return rc;
}

static int render_config(const struct tree *tree, const struct node *node,
                         struct blob *out)
{
	(void)node;
	return blob_append(out, tree->settings_text.data,
	                   tree->settings_text.size);
}

static int render_errors(const struct tree *tree, const struct node *node,
                         struct blob *out)
{
	char buffer[65536];
	int fd = openat(tree->spool.fd, "errors.jsonl",
	                O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int rc = 0;
	ssize_t n = 1;

	(void)node;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while (rc == 0 && n > 0 && out->size < CONTROL_LIMIT) {
		n = read(fd, buffer, sizeof(buffer));
		if (n < 0)
			rc = -errno;
		else
			rc = blob_append(out, buffer, (size_t)n);
	}
	close(fd);
	return rc;
}

static int render_control(const struct tree *tree, const struct node *node,
                          struct blob *out)
{
	(void)tree;
	(void)node;
	return command_list(out);
}

static int render_job(const struct tree *tree, const struct node *node,
                      struct blob *out)
{
	uint64_t id = strtoull(strrchr(node->path, '/') + 1, NULL, 10);

	return tree->jobs ? jobs_render(tree->jobs, id, out) : -ENOENT;
}

const struct control_row control_rows[] = {
	{ "config.json", render_config, NULL },
	{ "control", render_control, command_write },
	{ "errors.jsonl", render_errors, NULL },
	{ "metrics.prom", metrics_render, NULL },
	{ "status.json", render_status, NULL },
	{ 0 },
};

static const struct control_row job_row = { "", render_job, NULL };

struct job_visit {
	int (*visit)(const char *name, void *arg);
	void *arg;
};

static int visit_job(uint64_t id, void *arg)
{
	const struct job_visit *visit = arg;
	char name[32];

	snprintf(name, sizeof(name), "%" PRIu64 ".json", id);
	return visit->visit(name, visit->arg);
}

int control_visit_jobs(const struct tree *tree,
                       int (*visit)(const char *name, void *arg), void *arg)
{
	struct job_visit job = { visit, arg };

	return tree->jobs ? jobs_visit(tree->jobs, visit_job, &job) : 0;
}

/* NAME is "<number>.json". */
static bool is_job_name(const char *name)
{
	size_t digits = strspn(name, "0123456789");

	return digits > 0 && digits < 19 && name[0] != '0' &&
	       strcmp(name + digits, ".json") == 0;
}

void control_find(const char *rest, struct node *node)
{
	node->kind = NODE_OTHER;
	if (rest[0] == '\0' || strcmp(rest, "rejected") == 0 ||
	    strcmp(rest, "jobs") == 0)
		node->kind = NODE_CONTROL_DIR;
	if (strncmp(rest, "rejected/", 9) == 0 && !strchr(rest + 9, '/'))
		node->kind = NODE_REJECTED;
	if (strncmp(rest, "jobs/", 5) == 0 && is_job_name(rest + 5)) {
		node->kind = NODE_CONTROL;
		node->control = &job_row;
	}
	for (const struct control_row *row = control_rows; row->name; row++) {
		if (strcmp(rest, row->name) != 0)
			continue;
		node->kind = NODE_CONTROL;
		node->control = row;
	}
}
