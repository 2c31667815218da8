/* SPDX-License-Identifier: MIT */
#include "backends/worker_internal.h"

#include "backends/version.h"
#include "backends/worker_watch.h"

#include <errno.h>
#include <string.h>

static void forget_results(struct worker_call *call)
{
	worker_call_release(call);
	call->key_out = (struct blob){ 0 };
	call->record = (struct record){ 0 };
	call->list = (struct record_list){ 0 };
	call->next = (struct cursor){ 0 };
	call->opened = (struct worker_opened){ 0 };
	call->value = NULL;
	call->problems = NULL;
	call->bytes = (struct blob){ 0 };
	call->in_slot = 0;
}

static void set_patience(struct worker_line *line,
                         const struct worker_call *call)
{
	line->since_ms = worker_now_ms();
	line->hurries = call->patience_ms > 0;
	line->patience_ms = line->hurries ? call->patience_ms
	                                  : (int64_t)worker_patience_s() * 1000;
}

/* One attempt.  0: CALL->rc tells; -ECONNABORTED: the worker has ended;
 * -ENOTCONN: it had ended before.  KEPT: NULL, or where the line goes that a good
 * call has used. */
static int attempt(struct worker_store *store, struct worker_call *call,
                   uint64_t *life, struct worker_line **kept)
{
	struct worker_line *line;
	int rc = worker_take_line(store, &line);

	if (rc)
		return rc == -EPIPE ? -ENOTCONN : rc;
	*life = line->life->number;
	if (call->life && call->life != *life) {
		worker_give_line(store, line, false);
		return -ECONNABORTED;
	}
	set_patience(line, call);
	rc = worker_exchange(&line->channel, call);
	if (rc == 0 && kept && call->rc == 0) {
		line->store = store;
		*kept = line;
		return 0;
	}
	if (rc)
		forget_results(call);
	if (rc && rc != -ENOMEM && !line->hurries)
		worker_lose(store, line->life, rc);
	worker_give_line(store, line, rc != 0);
	if (rc && call->patience_ms)
		return -EIO;
	return rc == 0 || rc == -ENOMEM || rc == -ENOTCONN ? rc : -ECONNABORTED;
}

void worker_give_back(void *arg)
{
	struct worker_line *line = arg;

	worker_give_line(line->store, line, false);
}

static uint64_t subject(const struct worker_call *call)
{
	uint64_t hash = (uint64_t)call->operation + 1;

	if (call->collection)
		hash = version_of(call->collection->path,
		                  strlen(call->collection->path), hash);
	hash = version_of(call->key.data, call->key.size, hash);
	if (call->name)
		hash = version_of(call->name, strlen(call->name), hash);
	return hash;
}

void worker_blame(struct worker_store *store, const struct worker_call *call)
{
	pthread_mutex_lock(&store->lock);
	store->bad[store->bad_next++ % WORKER_BAD] =
	    (struct worker_bad){ subject(call),
		                 worker_now_ms() + 1000 * worker_rest_s() };
	pthread_mutex_unlock(&store->lock);
}

/* With the lock. */
static bool is_blamed(const struct worker_store *store,
                      const struct worker_call *call)
{
	uint64_t what = subject(call);
	int64_t now = worker_now_ms();

	for (size_t i = 0; i < WORKER_BAD; i++)
		if (store->bad[i].what == what && now < store->bad[i].until_ms)
			return true;
	return false;
}

static bool is_bad(struct worker_store *store, const struct worker_call *call)
{
	bool bad;

	pthread_mutex_lock(&store->lock);
	bad = store->bad_next && is_blamed(store, call);
	pthread_mutex_unlock(&store->lock);
	return bad;
}

int worker_borrow(struct worker_store *store, struct worker_call *call,
                  uint64_t *life, struct worker_line **line)
{
	bool repeats = worker_operations[call->operation].repeats;
	int rc;

	if (is_bad(store, call))
		return -EIO;
	rc = attempt(store, call, life, line);
	if (rc == -ENOTCONN || (rc == -ECONNABORTED && repeats))
		rc = attempt(store, call, life, line);
	if (rc == -ENOTCONN)
		rc = -ECONNABORTED;
	if (rc == 0)
		rc = (int)call->rc;
	if (rc == -ETIME || (rc == -ECONNABORTED && repeats)) {
		worker_blame(store, call);
		rc = -EIO;
	}
	return rc;
}

int worker_make(struct worker_store *store, struct worker_call *call,
                uint64_t *life)
{
	return worker_borrow(store, call, life, NULL);
}

int worker_do(struct worker_store *store, struct worker_call *call)
{
	uint64_t life;
	int rc = worker_make(store, call, &life);

	return rc == -ECONNABORTED ? -EIO : rc;
}
