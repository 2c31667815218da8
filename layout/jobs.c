/* SPDX-License-Identifier: MIT */
#include "layout/jobs_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void job_free(struct job *job)
{
	value_unref(job->arguments);
	value_unref(job->result);
	free(job->command);
	free(job);
}

int jobs_new(struct jobs **out)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));
	pthread_condattr_t clock;

	if (!jobs)
		return -ENOMEM;
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&jobs->wake, &clock);
	pthread_condattr_destroy(&clock);
	*out = jobs;
	return 0;
}

static struct job *first_queued(const struct jobs *jobs)
{
	struct job *job = jobs->first;

	while (job && job->state != JOB_QUEUED)
		job = job->next;
	return job;
}

static void forget_oldest(struct jobs *jobs)
{
	struct job **link = &jobs->first;

	while (*link && (*link)->state < JOB_DONE)
		link = &(*link)->next;
	if (*link) {
		struct job *job = *link;

		*link = job->next;
		jobs->ended_count--;
		job_free(job);
	}
}

static void end_job(struct jobs *jobs, struct job *job, int rc)
{
	job->state = rc == 0            ? JOB_DONE
	             : rc == -ECANCELED ? JOB_CANCELLED
	                                : JOB_FAILED;
	if (job->state == JOB_FAILED && job->why[0] == '\0')
		snprintf(job->why, sizeof(job->why), "%s", strerror(-rc));
	if (job->state == JOB_DONE)
		job->progress = 1;
	job->ended = now();
	jobs->ended_count++;
	if (jobs->ended_count > JOBS_KEPT)
		forget_oldest(jobs);
}

static void run_job(struct jobs *jobs, struct job *job)
{
	int rc;

	job->state = JOB_RUNNING;
	job->started = now();
	jobs->queued_count--;
	pthread_mutex_unlock(&jobs->lock);
	rc = job->run(job, job->tree, job->arguments);
	pthread_mutex_lock(&jobs->lock);
	end_job(jobs, job, rc);
}

static void stop_worker(struct jobs *jobs)
{
	if (!jobs->has_worker)
		return;
	pthread_mutex_lock(&jobs->lock);
	jobs->ending = true;
	pthread_cond_signal(&jobs->wake);
	pthread_mutex_unlock(&jobs->lock);
	pthread_join(jobs->worker, NULL);
}

void jobs_free(struct jobs *jobs)
{
	if (!jobs)
		return;
	stop_worker(jobs);
	while (jobs->first) {
		struct job *next = jobs->first->next;

		job_free(jobs->first);
		jobs->first = next;
	}
	value_unref(jobs->figures);
	pthread_cond_destroy(&jobs->wake);
	pthread_mutex_destroy(&jobs->lock);
	free(jobs);
}

static struct job *new_job(const struct job_task *task)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->tree = task->tree;
	job->run = task->run;
	job->command = strdup(task->command);
	if (task->arguments)
		job->arguments = value_copy(task->arguments);
	if (job->command && (job->arguments || !task->arguments))
		return job;
	job_free(job);
	return NULL;
}

static int append(struct jobs *jobs, struct job *job)
{
	struct job **link = &jobs->first;

	if (jobs->queued_count >= JOBS_QUEUED_MAX)
		return -EAGAIN;
	while (*link)
		link = &(*link)->next;
	*link = job;
	job->jobs = jobs;
	job->id = ++jobs->last_id;
	jobs->queued_count++;
	pthread_cond_signal(&jobs->wake);
	return 0;
}

int jobs_add_locked(struct jobs *jobs, const struct job_task *task,
                    uint64_t *id)
{
	struct job *job = new_job(task);
	int rc = job ? append(jobs, job) : -ENOMEM;

	if (rc == 0 && id)
		*id = job->id;
	if (rc && job)
		job_free(job);
	return rc;
}

static void *serve(void *arg)
{
	struct jobs *jobs = arg;

	pthread_mutex_lock(&jobs->lock);
	while (!jobs->ending) {
		struct job *job;

		jobs_add_due(jobs);
		job = first_queued(jobs);
		if (job)
			run_job(jobs, job);
		else if (!jobs->ending)
			jobs_wait(jobs);
	}
	pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

int jobs_start(struct jobs *jobs)
{
	int error = pthread_create(&jobs->worker, NULL, serve, jobs);

	jobs->has_worker = error == 0;
	return -error;
}

int jobs_add(struct jobs *jobs, const struct job_task *task, uint64_t *id)
{
	int rc;

	pthread_mutex_lock(&jobs->lock);
	rc = jobs_add_locked(jobs, task, id);
	pthread_mutex_unlock(&jobs->lock);
	return rc;
}

struct job *jobs_find(const struct jobs *jobs, uint64_t id)
{
	struct job *job = jobs->first;

	while (job && job->id != id)
		job = job->next;
	return job;
}

static int cancel_locked(struct jobs *jobs, struct job *job)
{
	if (!job)
		return -ENOENT;
	if (job->state >= JOB_DONE)
		return -EALREADY;
	job->stop = true;
	if (job->state == JOB_QUEUED) {
		jobs->queued_count--;
		end_job(jobs, job, -ECANCELED);
	}
	return 0;
}

int jobs_cancel(struct jobs *jobs, uint64_t id)
{
	int rc;

	pthread_mutex_lock(&jobs->lock);
	rc = cancel_locked(jobs, jobs_find(jobs, id));
	pthread_mutex_unlock(&jobs->lock);
	return rc;
}

int jobs_publish(struct jobs *jobs, const struct value *figures)
{
	struct value *copy = value_copy(figures);
	struct value *old;

	if (!copy)
		return -ENOMEM;
	pthread_mutex_lock(&jobs->lock);
	old = jobs->figures;
	jobs->figures = copy;
	pthread_mutex_unlock(&jobs->lock);
	value_unref(old);
	return 0;
}

struct value *jobs_published(struct jobs *jobs)
{
	struct value *figures;

	pthread_mutex_lock(&jobs->lock);
	figures = jobs->figures ? value_ref(jobs->figures) : value_new_null();
	pthread_mutex_unlock(&jobs->lock);
	return figures;
}

int job_step(struct job *job, double progress)
{
	bool stop;

	pthread_mutex_lock(&job->jobs->lock);
	if (progress > job->progress)
		job->progress = progress < 1 ? progress : 1;
	stop = job->stop || job->jobs->ending;
	pthread_mutex_unlock(&job->jobs->lock);
	return stop ? -ECANCELED : 0;
}

static int step_work(void *arg, double progress)
{
	return job_step(arg, progress);
}

struct work job_work(struct job *job, double from, double to)
{
	return (struct work){
		.step = step_work, .arg = job, .from = from, .to = to
	};
}

void job_result(struct job *job, struct value *result)
{
	struct value *old;

	pthread_mutex_lock(&job->jobs->lock);
	old = job->result;
	job->result = result;
	pthread_mutex_unlock(&job->jobs->lock);
	value_unref(old);
}

void job_fail(struct job *job, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	pthread_mutex_lock(&job->jobs->lock);
	if (job->why[0] == '\0')
		vsnprintf(job->why, sizeof(job->why), format, args);
	pthread_mutex_unlock(&job->jobs->lock);
	va_end(args);
}
