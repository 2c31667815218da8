/* SPDX-License-Identifier: MIT */
#include "fs/herald_job.h"

#include <stdlib.h>
#include <string.h>

struct herald_job *herald_job_new(const struct collection *collection,
                                  struct key key)
{
	struct herald_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->collection = collection;
	if (blob_set(&job->key, key.data, key.size)) {
		free(job);
		return NULL;
	}
	record_names_fill(collection, key, &job->names);
	return job;
}

struct herald_job *herald_job_name(char *path)
{
	struct herald_job *job = path ? calloc(1, sizeof(*job)) : NULL;

	if (!job) {
		free(path);
		return NULL;
	}
	job->names.paths[0] = path;
	job->known[0] = true;
	return job;
}

void herald_job_free(struct herald_job *job)
{
	if (!job)
		return;
	blob_release(&job->key);
	record_names_release(&job->names);
	free(job);
}

void herald_job_drop(struct herald_job *job, const char *path)
{
	for (size_t i = 0; job && i < RECORD_NAMES; i++)
		if (job->names.paths[i] &&
		    strcmp(job->names.paths[i], path) == 0) {
			job->known[i] = false;
			job->overtaken[i] = true;
		}
}
