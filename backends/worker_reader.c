/* SPDX-License-Identifier: MIT */
#include "backends/worker_internal.h"

#include "backends/loan.h"
#include "backends/version.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct worker_reader {
	struct reader base;
	LIST_ENTRY(worker_reader) link;
	struct worker_store *store;
	struct collection collection;
	struct blob key;
	char *name; /* NULL: opaque bytes */
	bool is_whole;
	struct blob whole;

	pthread_mutex_t lock;
	uint64_t handle; /* in the worker number LIFE */
	uint64_t life;
	atomic_bool
	    expired; /* what another worker would open is something else */
	char why[WHY_SIZE];
};

static struct worker_call open_call(const struct worker_reader *reader)
{
	return (struct worker_call){
		.operation =
		    reader->name ? WORKER_OPEN_ARRAY : WORKER_OPEN_OPAQUE,
		.collection = &reader->collection,
		.key = { reader->key.data, reader->key.size },
		.name = reader->name,
	};
}

/* An array is what its description says, and comes whole or not at all. */
static bool is_sound(const struct worker_reader *reader,
                     const struct worker_call *call)
{
	const struct worker_opened *opened = &call->opened;
	bool is_array = opened->info.dtype.kind != '\0';

	if (is_array != (reader->name != NULL) ||
	    (is_array && opened->size != opened->info.nbytes))
		return false;
	return opened->handle || opened->size == call->bytes.size;
}

/* As open_array of the contract, into CALL. */
static int open_in_worker(struct worker_reader *reader,
                          struct worker_call *call, uint64_t *life)
{
	int rc;

	*call = open_call(reader);
	rc = worker_make(reader->store, call, life);
	if (rc == 0 && !is_sound(reader, call))
		rc = -EIO;
	if (rc)
		worker_call_release(call);
	return rc;
}

/* The number of the worker of now; 0: there is none. */
static uint64_t current_life(struct worker_store *store)
{
	uint64_t number;

	pthread_mutex_lock(&store->lock);
	number = store->life ? store->life->number : 0;
	pthread_mutex_unlock(&store->lock);
	return number;
}

static void close_in_worker(struct worker_reader *reader)
{
	struct worker_call call = { .operation = WORKER_CLOSE_READER,
		                    .number = reader->handle,
		                    .life = reader->life };

	if (reader->handle && reader->life == current_life(reader->store))
		worker_do(reader->store, &call);
}

/* The reader's worker has ended: the next one shall have it. */
static int reopen(struct worker_reader *reader)
{
	struct worker_call call;
	uint64_t life;
	int rc =
	    reader->expired ? -ESTALE : open_in_worker(reader, &call, &life);

	if (rc)
		return rc == -ENOENT ? -ESTALE : rc;
	reader->handle = call.opened.handle;
	reader->life = life;
	if (call.opened.size != reader->base.size ||
	    !array_info_equal(&call.opened.info, &reader->base.info) ||
	    call.opened.handle == 0) {
		close_in_worker(reader);
		reader->expired = true;
		reader->life = 0;
		rc = -ESTALE;
	}
	worker_call_release(&call);
	return rc;
}

/* The handle, valid in the worker of now. */
static int find_handle(struct worker_reader *reader, uint64_t *handle,
                       uint64_t *life)
{
	uint64_t now = current_life(reader->store);
	int rc = 0;

	pthread_mutex_lock(&reader->lock);
	if (reader->life != now || now == 0)
		rc = reopen(reader);
	*handle = reader->handle;
	*life = reader->life;
	pthread_mutex_unlock(&reader->lock);
	return rc;
}

/* As much as a slot holds: into BUFFER, or left on LINE. */
static ssize_t read_part(struct worker_reader *reader, uint64_t offset,
                         void *buffer, size_t size, struct worker_line **line)
{
	struct worker_call call = open_call(reader);
	uint64_t made;
	int rc;

	call.operation = WORKER_READ;
	call.offset = offset;
	call.size = size < WORKER_SLOT ? size : WORKER_SLOT;
	call.buffer = buffer;
	call.borrows = line != NULL;
	for (int i = 0;; i++) {
		rc = find_handle(reader, &call.number, &call.life);
		if (rc)
			return rc;
		rc = worker_borrow(reader->store, &call, &made, line);
		if (rc != -ECONNABORTED || i == 1)
			break;
	}
	if (rc == -ECONNABORTED) {
		worker_blame(reader->store, &call);
		return -EIO;
	}
	if (rc < 0 && call.why[0]) {
		pthread_mutex_lock(&reader->lock);
		memcpy(reader->why, call.why, sizeof(reader->why));
		pthread_mutex_unlock(&reader->lock);
	}
	return rc < 0 ? rc : (ssize_t)call.in_slot;
}

static ssize_t reader_lend(struct reader *base, uint64_t offset, size_t size,
                           struct loan *loan)
{
	struct worker_reader *reader = (struct worker_reader *)base;
	struct worker_line *line;
	ssize_t n;

	if (reader->is_whole)
		return reader_show(base, reader->whole.data, offset, size,
		                   loan);
	if (size > WORKER_SLOT || loan->count == LOAN_SPANS)
		return -ENOTSUP;
	n = read_part(reader, offset, NULL, size, &line);
	if (n < 0)
		return n;
	loan_append(loan, line->channel.slot, (size_t)n);
	loan->token = line;
	loan->take_back = worker_give_back;
	return n;
}

static ssize_t reader_read(struct reader *base, uint64_t offset, void *buffer,
                           size_t size)
{
	struct worker_reader *reader = (struct worker_reader *)base;
	size_t done = 0;

	if (reader->is_whole)
		return reader_copy(base, reader->whole.data, offset, buffer,
		                   size);
	while (done < size) {
		ssize_t got =
		    read_part(reader, offset + done, (char *)buffer + done,
		              size - done, NULL);

		if (got < 0)
			return got;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

static void reader_why(struct reader *base, char why[WHY_SIZE])
{
	struct worker_reader *reader = (struct worker_reader *)base;

	pthread_mutex_lock(&reader->lock);
	memcpy(why, reader->why, WHY_SIZE);
	reader->why[0] = '\0';
	pthread_mutex_unlock(&reader->lock);
}

static void join_readers(struct worker_reader *reader)
{
	pthread_mutex_lock(&reader->store->lock);
	LIST_INSERT_HEAD(&reader->store->readers, reader, link);
	pthread_mutex_unlock(&reader->store->lock);
}

static void leave_readers(struct worker_reader *reader)
{
	pthread_mutex_lock(&reader->store->lock);
	LIST_REMOVE(reader, link);
	pthread_mutex_unlock(&reader->store->lock);
}

static void free_reader(struct worker_reader *reader)
{
	array_info_release(&reader->base.info);
	blob_release(&reader->key);
	blob_release(&reader->whole);
	free(reader->name);
	pthread_mutex_destroy(&reader->lock);
	free(reader);
}

static void reader_close(struct reader *base)
{
	struct worker_reader *reader = (struct worker_reader *)base;

	if (!reader)
		return;
	leave_readers(reader);
	close_in_worker(reader);
	free_reader(reader);
}

static const struct reader_ops reader_ops = {
	.read = reader_read,
	.lend = reader_lend,
	.why = reader_why,
	.close = reader_close,
};

/* What was opened is READER's. */
static void fill(struct worker_reader *reader, struct worker_call *call,
                 uint64_t life)
{
	const uint64_t version[] = { call->opened.version, life };

	reader->handle = call->opened.handle;
	reader->life = life;
	reader->is_whole = reader->handle == 0;
	blob_move(&reader->whole, &call->bytes);
	reader->base.ops = &reader_ops;
	reader->base.info = call->opened.info;
	reader->base.size = call->opened.size;
	call->opened.info = (struct array_info){ 0 };
	/* Another worker's number of something else may be the same. */
	if (version[0])
		reader->base.version =
		    reader->is_whole ? version[0]
				     : version_of(version, sizeof(version), 0);
}

static int new_reader(struct worker_store *store,
                      const struct collection *collection, struct key key,
                      const char *name, struct worker_reader **out)
{
	struct worker_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	reader->store = store;
	reader->collection = *collection;
	reader->name = name ? strdup(name) : NULL;
	pthread_mutex_init(&reader->lock, NULL);
	if ((name && !reader->name) ||
	    blob_set(&reader->key, key.data, key.size)) {
		free_reader(reader);
		return -ENOMEM;
	}
	*out = reader;
	return 0;
}

/* A change that comes while it is being opened expires it. */
static int open_reader(struct store *base, const struct collection *collection,
                       struct key key, const char *name, struct reader **out)
{
	struct worker_reader *reader;
	struct worker_call call;
	uint64_t life;
	int rc = new_reader(worker_store(base), collection, key, name, &reader);

	if (rc)
		return rc;
	join_readers(reader);
	rc = open_in_worker(reader, &call, &life);
	if (rc) {
		leave_readers(reader);
		free_reader(reader);
		return rc;
	}
	fill(reader, &call, life);
	worker_call_release(&call);
	*out = &reader->base;
	return 0;
}

int worker_open_array(struct store *base, const struct collection *collection,
                      struct key key, const char *name, struct reader **out)
{
	return open_reader(base, collection, key, name, out);
}

int worker_open_opaque(struct store *base, const struct collection *collection,
                       struct key key, struct reader **out)
{
	return open_reader(base, collection, key, NULL, out);
}

void worker_readers_expire(struct worker_store *store,
                           const struct collection *collection, struct key key)
{
	struct worker_reader *reader;

	pthread_mutex_lock(&store->lock);
	LIST_FOREACH(reader, &store->readers, link)
	if (strcmp(reader->collection.path, collection->path) == 0 &&
	    reader->key.size == key.size &&
	    (key.size == 0 ||
	     memcmp(reader->key.data, key.data, key.size) == 0))
		reader->expired = true;
	pthread_mutex_unlock(&store->lock);
}
