/* SPDX-License-Identifier: MIT */
#include "backends/worker_run.h"

#include "backends/log.h"
#include "backends/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct backend *backend_of(const struct worker_running *running)
{
	return running->store->backend;
}

static struct store *get_store(struct worker_server *server)
{
	struct store *store;

	pthread_mutex_lock(&server->lock);
	store = server->store;
	pthread_mutex_unlock(&server->lock);
	return store;
}

static void set_store(struct worker_server *server, struct store *store)
{
	pthread_mutex_lock(&server->lock);
	server->store = store;
	pthread_mutex_unlock(&server->lock);
}

/* Ask the caller back.  Its answer, or an error. */
static int64_t ask(struct worker_running *running,
                   struct worker_question *question)
{
	struct worker_channel *channel = running->channel;
	const struct worker_frame frame = { .kind = WORKER_QUESTION };
	struct worker_frame answer;
	struct blob nothing = { 0 };
	struct wire wire;
	int rc;

	channel->out.size = 0;
	wire_write_to(&wire, &channel->out);
	worker_wire_question(&wire, question);
	rc = wire_end(&wire);
	if (rc == 0)
		rc = worker_channel_send(channel, frame, NULL);
	if (rc == 0)
		rc = worker_channel_receive(channel, &answer, &nothing, NULL);
	if (rc == 0 && answer.kind != WORKER_ANSWER)
		rc = -EPROTO;
	blob_release(&nothing);
	if (rc)
		running->broken = rc;
	return rc ? rc : (int64_t)answer.value;
}

int worker_ask_step(void *arg, double progress)
{
	struct worker_running *running = arg;
	struct worker_question question = { .is_step = true,
		                            .progress = progress };
	int64_t rc =
	    running->broken ? running->broken : ask(running, &question);

	worker_watch_renew(running->server->watch, &running->watched);
	return rc < 0 ? (int)rc : 0;
}

static bool match(struct key key, void *arg)
{
	struct worker_running *running = arg;
	struct worker_question question = { .key = key };

	return !running->broken && ask(running, &question) > 0;
}

static int64_t run_open(struct worker_running *running,
                        struct worker_call *call)
{
	const struct backend *backend = backend_find(call->name);
	struct store *store;
	int rc;

	if (call->number != WORKER_PROTOCOL || !backend) {
		snprintf(call->why, sizeof(call->why),
		         "the worker is not of this version");
		return -EINVAL;
	}
	log_set_level((enum log_level)call->offset);
	worker_limit_memory(call->settings->hdf5.cache_size);
	rc = backend->open(call->path, call->settings, &store, call->why);
	if (rc == 0)
		set_store(running->server, store);
	return rc;
}

static int64_t run_close(struct worker_running *running,
                         struct worker_call *call)
{
	(void)call;
	set_store(running->server, NULL);
	running->store->backend->close(running->store);
	return 0;
}

static int64_t run_get(struct worker_running *running, struct worker_call *call)
{
	return backend_of(running)->get(running->store, call->collection,
	                                call->key, &call->record);
}

static int64_t run_list(struct worker_running *running,
                        struct worker_call *call)
{
	int rc =
	    backend_of(running)->list(running->store, call->collection,
	                              &call->cursor, call->number, &call->list);

	call->next = call->cursor;
	call->cursor = (struct cursor){ 0 };
	if (rc == 0 && call->next.state)
		rc = -ENOTSUP;
	return rc;
}

static int64_t run_find(struct worker_running *running,
                        struct worker_call *call)
{
	return backend_of(running)->find(running->store, call->collection,
	                                 call->key, match, running,
	                                 &call->key_out);
}

/* An array that fits into the slot comes with its opening. */
static void read_whole(struct worker_running *running, struct worker_call *call,
                       struct reader *reader)
{
	ssize_t size;

	if (reader->size > WORKER_SLOT)
		return;
	size = reader->ops->read(reader, 0, running->channel->slot,
	                         (size_t)reader->size);
	if (size < 0 || (uint64_t)size != reader->size)
		return;
	call->in_slot = reader->size;
	call->opened.handle = 0;
	reader->ops->close(reader);
}

/* A reader that was opened, or RC. */
static int64_t opened(struct worker_running *running, struct worker_call *call,
                      struct reader *reader, int rc)
{
	if (rc == 0)
		rc = array_info_copy(&call->opened.info, &reader->info);
	if (rc) {
		if (reader)
			reader->ops->close(reader);
		return rc;
	}
	call->opened.handle = (uint64_t)(uintptr_t)reader;
	call->opened.size = reader->size;
	call->opened.version = reader->version;
	read_whole(running, call, reader);
	return 0;
}

static int64_t run_open_array(struct worker_running *running,
                              struct worker_call *call)
{
	struct reader *reader = NULL;
	int rc = backend_of(running)->open_array(
	    running->store, call->collection, call->key, call->name, &reader);

	return opened(running, call, reader, rc);
}

static int64_t run_open_opaque(struct worker_running *running,
                               struct worker_call *call)
{
	struct reader *reader = NULL;
	int rc = backend_of(running)->open_opaque(
	    running->store, call->collection, call->key, &reader);

	return opened(running, call, reader, rc);
}

static int64_t run_read(struct worker_running *running,
                        struct worker_call *call)
{
	struct reader *reader = (struct reader *)(uintptr_t)call->number;
	size_t size = call->size < WORKER_SLOT ? call->size : WORKER_SLOT;
	ssize_t got = reader->ops->read(reader, call->offset,
	                                running->channel->slot, size);

	call->in_slot = got > 0 ? (uint64_t)got : 0;
	if (got < 0 && reader->ops->why)
		reader->ops->why(reader, call->why);
	return got < 0 ? got : 0;
}

static int64_t run_close_reader(struct worker_running *running,
                                struct worker_call *call)
{
	struct reader *reader = (struct reader *)(uintptr_t)call->number;

	(void)running;
	reader->ops->close(reader);
	return 0;
}

static int64_t run_plan(struct worker_running *running,
                        struct worker_call *call)
{
	const struct packed_ops *ops = backend_of(running)->packed;

	return ops->plan(running->store, call->collection, call->info,
	                 call->elements.bytes, call->elements.size,
	                 &call->plan);
}

static int64_t run_put(struct worker_running *running, struct worker_call *call)
{
	int rc =
	    backend_of(running)->put(running->store, call->collection,
	                             call->key, call->change, &call->key_out);

	if (rc == -EINVAL)
		snprintf(call->why, sizeof(call->why), "%s", call->change->why);
	return rc;
}

static int64_t run_remove(struct worker_running *running,
                          struct worker_call *call)
{
	return backend_of(running)->remove(running->store, call->collection,
	                                   call->key);
}

static int64_t run_rename(struct worker_running *running,
                          struct worker_call *call)
{
	return backend_of(running)->rename(running->store, call->collection,
	                                   call->key, call->second,
	                                   (enum rename_mode)call->number);
}

static int64_t run_sync(struct worker_running *running,
                        struct worker_call *call)
{
	(void)call;
	return backend_of(running)->sync(running->store);
}

static int64_t run_status(struct worker_running *running,
                          struct worker_call *call)
{
	backend_of(running)->status(running->store, &call->status);
	return 0;
}

static worker_run_fn *const functions[WORKER_OPERATIONS] = {
	[WORKER_OPEN] = run_open,
	[WORKER_CLOSE] = run_close,
	[WORKER_GET] = run_get,
	[WORKER_LIST] = run_list,
	[WORKER_FIND] = run_find,
	[WORKER_OPEN_ARRAY] = run_open_array,
	[WORKER_OPEN_OPAQUE] = run_open_opaque,
	[WORKER_READ] = run_read,
	[WORKER_CLOSE_READER] = run_close_reader,
	[WORKER_PLAN] = run_plan,
	[WORKER_PUT] = run_put,
	[WORKER_REMOVE] = run_remove,
	[WORKER_RENAME] = run_rename,
	[WORKER_SYNC] = run_sync,
	[WORKER_STATUS] = run_status,
};

/* By the watch: the thread of the call will never reply. */
static void give_up(void *arg)
{
	struct worker_running *running = arg;
	struct worker_channel channel = { .fd = running->channel->fd };
	struct worker_call call = { .operation = running->operation,
		                    .rc = -ETIME };

	worker_send_reply(&channel, &call);
	blob_release(&channel.out);
}

void worker_run(struct worker_running *running, struct worker_call *call)
{
	bool opens = call->operation == WORKER_OPEN;
	struct worker_server *server = running->server;
	worker_run_fn *run = functions[call->operation];

	if (!run)
		run = worker_upkeep[call->operation];
	running->store = get_store(server);
	if ((running->store != NULL) == opens) {
		call->rc = -EPROTO;
		return;
	}
	running->operation = call->operation;
	running->watched.give_up = give_up;
	running->watched.arg = running;
	worker_watch_begin(server->watch, &running->watched,
	                   call->elements.size);
	call->rc = run(running, call);
	worker_watch_end(server->watch, &running->watched);
}
