/* SPDX-License-Identifier: MIT */
#include "fs/herald.h"

#include "backends/log.h"
#include "backends/watch.h"
#include "fs/fs.h"
#include "fs/herald_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A record is not gone at the end of its time, but just after it. */
#define SLACK_MS 2
/* One that is still there by another clock is looked at again. */
#define AGAIN_MS 500

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Wait for work, or until the next name expires. */
static void wait_for_work(struct herald *herald)
{
	struct timespec until;
	int64_t ms;

	if (!expiry_next(&herald->expiry, &ms)) {
		pthread_cond_wait(&herald->wake, &herald->lock);
		return;
	}
	ms += SLACK_MS;
	until.tv_sec = ms / 1000;
	until.tv_nsec = ms % 1000 * 1000000;
	pthread_cond_timedwait(&herald->wake, &herald->lock, &until);
}

static struct herald_job *take_job(struct herald *herald)
{
	struct herald_job *job = herald->first;

	if (!job)
		return NULL;
	herald->first = job->next;
	if (!herald->first)
		herald->last = NULL;
	herald->queued--;
	return job;
}

/* The next job becomes the current one; false: there are no more. */
static bool next(struct herald *herald)
{
	struct herald_job *done = herald->current;
	struct herald_job *job = NULL;

	pthread_mutex_lock(&herald->lock);
	herald->current = NULL;
	while (!herald->stop && !job) {
		job = herald_job_name(
		    expiry_take(&herald->expiry, now_ms() - SLACK_MS));
		if (!job)
			job = take_job(herald);
		if (!job)
			wait_for_work(herald);
	}
	herald->current = job;
	if (job)
		memset(job->overtaken, 0, sizeof(job->overtaken));
	pthread_mutex_unlock(&herald->lock);
	herald_job_free(done);
	return job;
}

static bool is_gone(struct fs *fs, const char *path, int64_t *expires_ms)
{
	struct found found;
	int rc = fs_find(fs, path, &found);

	*expires_ms = 0;
	if (rc == 0) {
		*expires_ms = found.info.expires_ms;
	} else if (rc == -ENOENT) {
		rc = fs_find_unborn(fs, path, &found);
		if (rc == -ENOENT)
			return true;
	}
	if (rc == 0)
		node_release(&found.node);
	return false;
}

/* The name INDEX of the current job, if it is to be removed. */
static const char *begin_removal(struct herald *herald, size_t index)
{
	const char *path;

	pthread_mutex_lock(&herald->lock);
	path = herald->current->known[index]
	           ? herald->current->names.paths[index]
	           : NULL;
	herald->removed = path;
	pthread_mutex_unlock(&herald->lock);
	return path;
}

static void end_removal(struct herald *herald)
{
	pthread_mutex_lock(&herald->lock);
	herald->removed = NULL;
	pthread_mutex_unlock(&herald->lock);
}

/* Without the process nobody is told, but the kernel asks again. */
static void remove_name(struct herald *herald, size_t index)
{
	const char *path = begin_removal(herald, index);
	int rc = -ENOTCONN;

	if (!path)
		return;
	if (!herald->mute)
		rc = herald_process_remove(&herald->process, path);
	end_removal(herald);
	if (rc == -ENOTCONN && !herald->mute) {
		herald->mute = true;
		if (!atomic_load(&herald->fs->ended))
			log_warn("watchers are no longer told of what expires");
	}
	if (rc && rc != -ENOENT)
		notify_attributes(herald->fs, path);
}

/* With the lock held. */
static int note(struct herald *herald, const char *path, int64_t expires_ms)
{
	int64_t first;
	int rc = expiry_note(&herald->expiry, path, expires_ms);

	if (expiry_next(&herald->expiry, &first) && first == expires_ms)
		pthread_cond_signal(&herald->wake);
	return rc;
}

/* The name INDEX of the current job is there.  What should have expired and has
 * not, by the backend's clock, is looked at again. */
static void note_again(struct herald *herald, size_t index, int64_t expires_ms)
{
	const struct herald_job *job = herald->current;
	int64_t now = now_ms();

	if (!expires_ms)
		return;
	pthread_mutex_lock(&herald->lock);
	if (!job->overtaken[index])
		note(herald, job->names.paths[index],
		     expires_ms < now ? now + AGAIN_MS : expires_ms);
	pthread_mutex_unlock(&herald->lock);
}

static bool is_known(struct herald *herald, size_t index)
{
	bool known;

	pthread_mutex_lock(&herald->lock);
	known = herald->current->known[index];
	pthread_mutex_unlock(&herald->lock);
	return known;
}

static void look_at_name(struct herald *herald, size_t index)
{
	const char *path = herald->current->names.paths[index];
	int64_t expires_ms;

	if (!path || !is_known(herald, index))
		return;
	if (is_gone(herald->fs, path, &expires_ms))
		remove_name(herald, index);
	else
		note_again(herald, index, expires_ms);
}

/* One question for all names; those that the record has not are looked at one
 * by one. */
static void look_at_record(struct herald *herald)
{
	const struct herald_job *job = herald->current;
	struct store *store =
	    store_bottom(stores_get(&herald->fs->tree.stores, job->collection));
	struct key key = { job->key.data, job->key.size };
	struct record record = { 0 };
	struct node_info info;
	int rc =
	    store->backend->watch->look(store, job->collection, key, &record);

	if (rc && rc != -ENOENT)
		return;
	for (size_t i = 0; i < RECORD_NAMES; i++) {
		if (!job->names.paths[i])
			continue;
		if (rc == 0 &&
		    record_names_has(job->collection, i, &record, &info))
			note_again(herald, i, info.expires_ms);
		else
			look_at_name(herald, i);
	}
	record_release(&record);
}

static void *run(void *arg)
{
	struct herald *herald = arg;

	while (next(herald)) {
		if (herald->current->collection)
			look_at_record(herald);
		else
			look_at_name(herald, 0);
	}
	return NULL;
}

int herald_start(struct herald *herald, struct fs *fs)
{
	int rc = expiry_init(&herald->expiry);

	if (rc)
		return rc;
	herald->fs = fs;
	herald->mute = herald->process.pid == 0;
	pthread_mutex_init(&herald->lock, NULL);
	pthread_cond_init(&herald->wake, NULL);
	rc = pthread_create(&herald->thread, NULL, run, herald);
	herald->running = rc == 0;
	if (rc == 0)
		return 0;
	pthread_cond_destroy(&herald->wake);
	pthread_mutex_destroy(&herald->lock);
	expiry_release(&herald->expiry);
	return -rc;
}

void herald_stop(struct herald *herald)
{
	if (herald->running) {
		pthread_mutex_lock(&herald->lock);
		herald->stop = true;
		pthread_cond_signal(&herald->wake);
		pthread_mutex_unlock(&herald->lock);
		herald_process_end(&herald->process);
		pthread_join(herald->thread, NULL);
		while (herald->first)
			herald_job_free(take_job(herald));
		expiry_release(&herald->expiry);
		pthread_cond_destroy(&herald->wake);
		pthread_mutex_destroy(&herald->lock);
		herald->running = false;
	}
	herald_process_wait(&herald->process);
}

bool herald_note(struct herald *herald, const char *path, int64_t expires_ms)
{
	int rc;

	if (!herald->running || !expires_ms)
		return true;
	pthread_mutex_lock(&herald->lock);
	rc = note(herald, path, expires_ms);
	pthread_mutex_unlock(&herald->lock);
	return rc == 0;
}

/* Takes JOB over, which may be NULL.  With the lock held. */
static void append(struct herald *herald, struct herald_job *job)
{
	if (!job || herald->queued == HERALD_QUEUE) {
		herald_job_free(job);
		return;
	}
	if (herald->last)
		herald->last->next = job;
	else
		herald->first = job;
	herald->last = job;
	herald->queued++;
	pthread_cond_signal(&herald->wake);
}

void herald_check(struct herald *herald, const char *path)
{
	struct herald_job *job = herald_job_name(strdup(path));

	pthread_mutex_lock(&herald->lock);
	append(herald, job);
	pthread_mutex_unlock(&herald->lock);
}

void herald_check_record(struct herald *herald,
                         const struct collection *collection, struct key key)
{
	struct herald_job *job = herald_job_new(collection, key);

	pthread_mutex_lock(&herald->lock);
	for (size_t i = 0; job && i < RECORD_NAMES; i++) {
		const char *path = job->names.paths[i];

		job->known[i] =
		    path && (expiry_has(&herald->expiry, path) ||
		             inodes_known(&herald->fs->inodes, path));
	}
	append(herald, job);
	pthread_mutex_unlock(&herald->lock);
}

void herald_drop(struct herald *herald, const char *path)
{
	if (!herald->running)
		return;
	pthread_mutex_lock(&herald->lock);
	expiry_drop(&herald->expiry, path);
	for (struct herald_job *job = herald->first; job; job = job->next)
		herald_job_drop(job, path);
	herald_job_drop(herald->current, path);
	if (herald->removed && strcmp(herald->removed, path) == 0)
		herald->removed = NULL;
	pthread_mutex_unlock(&herald->lock);
}

bool herald_is(const struct herald *herald, pid_t pid)
{
	return herald->process.pid && herald->process.pid == pid;
}

bool herald_removes(struct herald *herald, const char *path)
{
	int64_t expires_ms;
	bool current;

	pthread_mutex_lock(&herald->lock);
	current = herald->removed && strcmp(herald->removed, path) == 0;
	pthread_mutex_unlock(&herald->lock);
	return current && is_gone(herald->fs, path, &expires_ms);
}
