/* SPDX-License-Identifier: MIT */
#include "backends/worker_internal.h"

#include "backends/log.h"
#include "backends/worker_run.h"
#include "backends/worker_watch.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 250
#define ENDLESS_TIMES 3

static void free_line(struct worker_line *line)
{
	worker_channel_close(&line->channel);
	free(line);
}

static void close_idle(struct worker_life *life)
{
	struct worker_line *line;

	while ((line = SLIST_FIRST(&life->idle))) {
		SLIST_REMOVE_HEAD(&life->idle, link);
		free_line(line);
	}
}

/* With the lock. */
static void leave(struct worker_life *life)
{
	if (--life->uses > 0)
		return;
	close_idle(life);
	worker_process_free(life->process);
	free(life);
}

static bool is_patient(void *arg)
{
	const struct worker_line *line = arg;
	int64_t silence = worker_process_silence_ms(line->life->process);
	int64_t waited = worker_now_ms() - line->since_ms;

	return line->hurries
	           ? waited < line->patience_ms
	           : waited < line->patience_ms || silence < line->patience_ms;
}

/* A line of its own for a new call; LIFE is in use already. */
static int connect_line(struct worker_life *life, struct worker_line **out)
{
	struct worker_line *line = calloc(1, sizeof(*line));
	int rc = line ? 0 : -ENOMEM;

	if (rc == 0)
		rc = worker_process_connect(life->process, &line->channel);
	if (rc) {
		free(line);
		return rc;
	}
	line->life = life;
	line->patience_ms = (int64_t)worker_patience_s() * 1000;
	line->channel.patient = is_patient;
	line->channel.arg = line;
	rc = worker_channel_set_timeout(&line->channel, TICK_MS);
	if (rc)
		free_line(line);
	else
		*out = line;
	return rc;
}

/* With the lock: nobody else starts or ends a worker. */
static void begin_change(struct worker_store *store)
{
	while (store->changing)
		pthread_cond_wait(&store->settled, &store->lock);
	store->changing = true;
}

static void end_change(struct worker_store *store)
{
	store->changing = false;
	pthread_cond_broadcast(&store->settled);
}

/* With the lock.  All calls are -EIO for a while. */
static void rest(struct worker_store *store, const char *why)
{
	bool known = store->rest_ms != 0;

	store->rest_ms = worker_now_ms() + 1000 * worker_rest_s();
	snprintf(store->why, sizeof(store->why), "%.200s", why);
	if (!known)
		log_error("%s: its collections answer EIO, and it is tried "
		          "again every %d s: %s",
		          store->inner->name, worker_rest_s(), why);
}

/* With the lock.  One that computed for long counts for several. */
static void count_end(struct worker_store *store, struct worker_life *life)
{
	int64_t now = worker_now_ms();
	int times =
	    worker_process_was_endless(life->process) ? ENDLESS_TIMES : 1;
	bool often = false;

	store->ends++;
	for (int i = 0; i < times; i++) {
		int64_t *slot =
		    &store->ended_ms[store->ended++ % (WORKER_ENDS - 1)];

		often |= *slot && now - *slot < 1000 * worker_rest_s();
		*slot = now;
	}
	if (often)
		rest(store, "its worker ends again and again: a damaged file");
}

/* The worker is of no use, for the error RC of its channel. */
static void kill_process(struct worker_life *life, int rc)
{
	worker_process_kill(life->process,
	                    rc == -ETIMEDOUT ? "it does not answer"
	                    : rc == -EPROTO  ? "it answers nonsense"
	                                     : NULL);
}

/* With the lock.  LIFE is of no use any more.  When this returns its process is
 * gone. */
static void lose_locked(struct worker_store *store, struct worker_life *life,
                        int rc)
{
	begin_change(store);
	if (store->life == life) {
		store->life = NULL;
		pthread_mutex_unlock(&store->lock);
		kill_process(life, rc);
		pthread_mutex_lock(&store->lock);
		count_end(store, life);
		close_idle(life);
		leave(life);
	}
	end_change(store);
}

void worker_lose(struct worker_store *store, struct worker_life *life, int rc)
{
	pthread_mutex_lock(&store->lock);
	lose_locked(store, life, rc);
	pthread_mutex_unlock(&store->lock);
}

/* The first call of a worker. */
static int open_inner(struct worker_store *store, struct worker_life *life,
                      char why[WHY_SIZE])
{
	struct worker_call call = { .operation = WORKER_OPEN,
		                    .name = store->inner->name,
		                    .path = store->directory,
		                    .number = WORKER_PROTOCOL,
		                    .offset = log_get_level(),
		                    .settings = &store->settings };
	struct worker_line *line = NULL;
	int rc = connect_line(life, &line);

	if (rc == 0) {
		line->since_ms = worker_now_ms();
		rc = worker_exchange(&line->channel, &call);
		free_line(line);
	} else if (rc != -EPIPE) {
		return rc;
	}
	if (rc) {
		kill_process(life, rc);
		snprintf(why, WHY_SIZE, "its worker ended while it opened it");
		return -EIO;
	}
	snprintf(why, WHY_SIZE, "%s", call.why);
	/* Sizes in a damaged file are as large as can be. */
	return call.rc == -ENOMEM ? -EIO : (int)call.rc;
}

static int start_life(struct worker_store *store, struct worker_life **out,
                      char why[WHY_SIZE])
{
	struct worker_life *life = calloc(1, sizeof(*life));
	int rc;

	if (!life)
		return -ENOMEM;
	SLIST_INIT(&life->idle);
	life->uses = 1;
	rc = worker_process_start(store->program, store->inner->name,
	                          store->directory, &life->process);
	if (rc == 0)
		rc = open_inner(store, life, why);
	if (rc == 0) {
		*out = life;
		return 0;
	}
	if (life->process)
		worker_process_end(life->process);
	worker_process_free(life->process);
	free(life);
	return rc;
}

/* With the lock, and a change begun.  What cannot be opened now may be mended
 * later. */
static int start(struct worker_store *store, char why[WHY_SIZE])
{
	struct worker_life *life = NULL;
	int rc;

	pthread_mutex_unlock(&store->lock);
	rc = start_life(store, &life, why);
	pthread_mutex_lock(&store->lock);
	if (rc == 0) {
		life->number = ++store->lives;
		store->life = life;
		store->rest_ms = 0;
	} else if (rc == -EIO || store->lives) {
		rest(store, why[0] ? why : strerror(-rc));
	}
	return rc;
}

int worker_start(struct worker_store *store, char why[WHY_SIZE])
{
	int rc;

	pthread_mutex_lock(&store->lock);
	begin_change(store);
	rc = start(store, why);
	end_change(store);
	pthread_mutex_unlock(&store->lock);
	return rc;
}

void worker_stop(struct worker_store *store)
{
	struct worker_call call = { .operation = WORKER_CLOSE };
	struct worker_life *life = store->life;

	if (!life)
		return;
	if (!worker_process_has_ended(life->process))
		worker_do(store, &call);
	life = store->life; /* NULL, or another: it did not end in peace */
	if (!life)
		return;
	close_idle(life);
	worker_process_end(life->process);
	leave(life);
	store->life = NULL;
}

/* With the lock.  The worker of now, in use, or NULL with the reason in RC. */
static struct worker_life *enter(struct worker_store *store, int *rc)
{
	char why[WHY_SIZE] = "";

	while (store->changing)
		pthread_cond_wait(&store->settled, &store->lock);
	if (store->life && worker_process_has_ended(store->life->process))
		lose_locked(store, store->life, 0);
	*rc = 0;
	if (!store->life && worker_now_ms() < store->rest_ms)
		*rc = -EIO;
	else if (!store->life) {
		begin_change(store);
		*rc = start(store, why);
		end_change(store);
		*rc = *rc == -ENOMEM ? *rc : *rc ? -EIO : 0;
	}
	if (*rc)
		return NULL;
	store->life->uses++;
	return store->life;
}

int worker_take_line(struct worker_store *store, struct worker_line **out)
{
	struct worker_life *life;
	struct worker_line *line = NULL;
	int rc;

	pthread_mutex_lock(&store->lock);
	life = enter(store, &rc);
	if (life) {
		line = SLIST_FIRST(&life->idle);
		if (line)
			SLIST_REMOVE_HEAD(&life->idle, link);
	}
	pthread_mutex_unlock(&store->lock);
	if (rc == 0 && !line)
		rc = connect_line(life, &line);
	if (rc == 0) {
		*out = line;
		return 0;
	}
	if (!life)
		return rc;
	if (rc == -EPIPE || rc == -ETIMEDOUT) {
		worker_lose(store, life, rc);
		rc = -EPIPE;
	}
	pthread_mutex_lock(&store->lock);
	leave(life);
	pthread_mutex_unlock(&store->lock);
	return rc;
}

void worker_give_line(struct worker_store *store, struct worker_line *line,
                      bool broken)
{
	struct worker_life *life = line->life;

	pthread_mutex_lock(&store->lock);
	if (broken || store->life != life)
		free_line(line);
	else
		SLIST_INSERT_HEAD(&life->idle, line, link);
	leave(life);
	pthread_mutex_unlock(&store->lock);
}
