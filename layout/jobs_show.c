/* SPDX-License-Identifier: MIT */
#include "layout/jobs_internal.h"

#include "backends/json.h"

#include <errno.h>
#include <string.h>

#define JOB_LIMIT ((size_t)4 << 20) /* bytes of a job's file */

static const char *const state_names[] = { "queued", "running", "done",
	                                   "failed", "cancelled" };

static struct value *new_text(const char *text)
{
	return value_new_text(text, strlen(text));
}

/* 0 stands for not yet. */
static struct value *new_time(double time)
{
	return time > 0 ? value_new_float(time) : value_new_null();
}

static int describe(const struct job *job, struct value *out)
{
	int rc = value_dict_set(out, "id", value_new_int((int64_t)job->id));

	if (rc == 0)
		rc = value_dict_set(out, "command", new_text(job->command));
	if (rc == 0)
		rc = value_dict_set(out, "state",
		                    new_text(state_names[job->state]));
	if (rc == 0)
		rc = value_dict_set(out, "progress",
		                    value_new_float(job->progress));
	if (rc == 0)
		rc = value_dict_set(out, "started", new_time(job->started));
	if (rc == 0)
		rc = value_dict_set(out, "ended", new_time(job->ended));
	if (rc == 0 && job->result)
		rc = value_dict_set(out, "result", value_copy(job->result));
	if (rc == 0 && job->state == JOB_FAILED)
		rc = value_dict_set(out, "error", new_text(job->why));
	return rc;
}

int jobs_render(struct jobs *jobs, uint64_t id, struct blob *out)
{
	struct value *dict = value_new_dict();
	const struct job *job;
	int rc = -ENOMEM;

	if (!dict)
		return rc;
	pthread_mutex_lock(&jobs->lock);
	job = jobs_find(jobs, id);
	rc = job ? describe(job, dict) : -ENOENT;
	pthread_mutex_unlock(&jobs->lock);
	if (rc == 0)
		rc = json_append(dict, JSON_STYLE_FILE, JSON_ARRAYS_REFUSE,
		                 JOB_LIMIT, out);
	value_unref(dict);
	return rc;
}

int jobs_visit(struct jobs *jobs, int (*visit)(uint64_t id, void *arg),
               void *arg)
{
	int rc = 0;

	pthread_mutex_lock(&jobs->lock);
	for (struct job *job = jobs->first; rc == 0 && job; job = job->next)
		rc = visit(job->id, arg);
	pthread_mutex_unlock(&jobs->lock);
	return rc;
}

bool jobs_has(struct jobs *jobs, const char *command)
{
	struct job *job;

	pthread_mutex_lock(&jobs->lock);
	job = jobs->first;
	while (job &&
	       (job->state >= JOB_DONE || strcmp(job->command, command) != 0))
		job = job->next;
	pthread_mutex_unlock(&jobs->lock);
	return job != NULL;
}

static struct value *describe_running(const struct job *job)
{
	struct value *dict = value_new_dict();

	if (!dict ||
	    value_dict_set(dict, "id", value_new_int((int64_t)job->id)) ||
	    value_dict_set(dict, "command", new_text(job->command)) ||
	    value_dict_set(dict, "progress", value_new_float(job->progress))) {
		value_unref(dict);
		return NULL;
	}
	return dict;
}

struct value *jobs_running(struct jobs *jobs)
{
	struct value *running;
	struct job *job;

	pthread_mutex_lock(&jobs->lock);
	job = jobs->first;
	while (job && job->state != JOB_RUNNING)
		job = job->next;
	running = job ? describe_running(job) : value_new_null();
	pthread_mutex_unlock(&jobs->lock);
	return running;
}
