/* SPDX-License-Identifier: MIT */
#include "backends/outage_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/file.h"
#include "backends/log.h"
#include "backends/mem.h"

static const struct outage_ops outage_ops;

struct outage_store *outage_store(struct store *store)
{
	return (struct outage_store *)store;
}

bool outage_is_away(struct outage_store *outage)
{
	bool away;

	pthread_mutex_lock(&outage->lock);
	away = outage->away;
	pthread_mutex_unlock(&outage->lock);
	return away;
}

bool outage_takes_unknown(struct store *store)
{
	struct outage_figures figures;

	if (!store || !store->backend->outage)
		return false;
	store->backend->outage->figures(store, &figures);
	return figures.away;
}

int outage_tell(struct outage_store *outage, const struct outage_event *event)
{
	struct outage_event told = *event;

	told.backend = outage->backend.name;
	return outage->options.event
	           ? outage->options.event(&told, outage->options.arg)
	           : 0;
}

/* It is away, or held; the first that finds out tells the user. */
static void begin(struct outage_store *outage, bool away, const char *why)
{
	const struct outage_event event = { .news = OUTAGE_BEGAN,
		                            .cause = away ? -EIO : -EROFS,
		                            .why = why };
	bool begins;

	pthread_mutex_lock(&outage->lock);
	begins = !outage->told_begin;
	outage->told_begin = true;
	outage->away |= away;
	outage->held |= !away;
	pthread_cond_signal(&outage->wake);
	pthread_mutex_unlock(&outage->lock);
	if (begins)
		(void)outage_tell(outage, &event);
}

bool outage_notice(struct outage_store *outage, int rc)
{
	struct store *inner = outage->base.under;
	struct backend_status status;

	if (rc != -EIO)
		return false;
	inner->backend->status(inner, &status);
	if (status.away)
		begin(outage, true, status.detail);
	return status.away;
}

void outage_notice_held(struct outage_store *outage)
{
	begin(outage, false,
	      "it can be read, but not written: changes are spooled");
}

const struct collection *outage_row(const struct outage_store *outage,
                                    const struct collection *collection)
{
	const struct collection *row = outage->options.rows;

	while (row->path && !outage_same_collection(row, collection))
		row++;
	return row->path ? row : NULL;
}

static int outage_sync(struct store *store)
{
	struct outage_store *outage = outage_store(store);
	struct store *inner = outage->base.under;
	int rc = -EIO;

	if (!outage_is_away(outage))
		rc = inner->backend->sync(inner);
	/* The changes that wait are on stable storage. */
	return rc && (outage_notice(outage, rc) || outage_is_away(outage)) ? 0
	                                                                   : rc;
}

static void outage_status(struct store *store, struct backend_status *out)
{
	struct outage_store *outage = outage_store(store);
	struct store *inner = outage->base.under;

	inner->backend->status(inner, out);
	pthread_mutex_lock(&outage->lock);
	if (outage->away)
		out->healthy = false;
	pthread_mutex_unlock(&outage->lock);
}

static void outage_figures(struct store *store, struct outage_figures *out)
{
	struct outage_store *outage = outage_store(store);

	pthread_mutex_lock(&outage->lock);
	*out = (struct outage_figures){ .away = outage->away,
		                        .changes = outage->waiting,
		                        .bytes = outage->bytes };
	pthread_mutex_unlock(&outage->lock);
}

static void stop_thread(struct outage_store *outage)
{
	if (!outage->has_thread)
		return;
	pthread_mutex_lock(&outage->lock);
	outage->stopping = true;
	pthread_cond_signal(&outage->wake);
	pthread_mutex_unlock(&outage->lock);
	pthread_join(outage->thread, NULL);
}

/* The inner store stays. */
static void free_store(struct outage_store *outage)
{
	stop_thread(outage);
	if (outage->overlay)
		outage->overlay->backend->close(outage->overlay);
	outage_queue_free(outage);
	outage_shadows_free(outage);
	if (outage->fd >= 0)
		close(outage->fd);
	pthread_cond_destroy(&outage->wake);
	pthread_mutex_destroy(&outage->lock);
	pthread_mutex_destroy(&outage->spooling);
	free(outage->directory);
	free(outage);
}

static void outage_close(struct store *store)
{
	struct outage_store *outage = outage_store(store);
	struct store *inner;

	if (!outage)
		return;
	inner = outage->base.under;
	free_store(outage);
	inner->backend->close(inner);
}

static int make_directories(const char *directory, const char *name,
                            struct blob *out)
{
	static const char *const parts[] = { "/spool", "/outage", "/" };
	int rc = blob_append_text(out, directory);

	for (size_t i = 0; rc == 0 && i < 3; i++) {
		rc = blob_append_text(out, parts[i]);
		if (rc == 0 && i == 2)
			rc = blob_append_text(out, name);
		if (rc == 0 && mkdir(out->data, 0700) < 0 && errno != EEXIST)
			rc = -errno;
	}
	return rc;
}

static int open_directory(struct outage_store *outage)
{
	struct blob path = { 0 };
	int rc = make_directories(outage->options.directory,
	                          outage->backend.name, &path);

	if (rc == 0) {
		outage->fd =
		    open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = outage->fd < 0 ? -errno : 0;
	}
	blob_release(&path);
	return rc;
}

#define OWNER_DIGITS 32

/* Tickets are this store's: the name is made once and stays. */
static int make_owner(struct outage_store *outage)
{
	uint64_t parts[2];
	int fd;
	int rc;

	if (getrandom(parts, sizeof(parts), 0) != (ssize_t)sizeof(parts))
		return -EIO;
	snprintf(outage->owner, sizeof(outage->owner),
	         "%016" PRIx64 "%016" PRIx64, parts[0], parts[1]);
	fd = openat(outage->fd, "owner",
	            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = file_write_all(fd, outage->owner, OWNER_DIGITS);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	close(fd);
	if (rc)
		unlinkat(outage->fd, "owner", 0);
	return rc;
}

static int read_owner(struct outage_store *outage)
{
	int fd = openat(outage->fd, "owner", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t size;

	if (fd < 0)
		return errno == ENOENT ? make_owner(outage) : -errno;
	size = file_read_at(fd, outage->owner, sizeof(outage->owner) - 1, 0);
	close(fd);
	if (size < 0)
		return (int)size;
	if (size == OWNER_DIGITS)
		return 0;
	unlinkat(outage->fd, "owner", 0); /* a crash left it half written */
	return make_owner(outage);
}

static void init_backend(struct outage_store *outage)
{
	struct backend *backend = &outage->backend;

	*backend = *outage->base.under->backend;
	outage->base.backend = backend;
	backend->close = outage_close;
	backend->get = outage_get;
	backend->list = outage_list;
	backend->find = outage_find;
	backend->open_array = outage_open_array;
	if (backend->open_opaque)
		backend->open_opaque = outage_open_opaque;
	backend->put = outage_put;
	backend->remove = outage_remove;
	backend->rename = outage_rename;
	backend->sync = outage_sync;
	backend->status = outage_status;
	if (backend->glimpse)
		backend->glimpse = &outage_glimpse_ops;
	backend->outage = &outage_ops;
}

static void init_locks(struct outage_store *outage)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&outage->spooling, NULL);
	pthread_mutex_init(&outage->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&outage->wake, &attributes);
	pthread_condattr_destroy(&attributes);
}

static int start(struct outage_store *outage)
{
	struct backend_status status;
	char why[WHY_SIZE];
	struct store *inner = outage->base.under;
	int rc;

	outage->directory = strdup(outage->options.directory);
	if (!outage->directory)
		return -ENOMEM;
	outage->options.directory = outage->directory;
	rc = mem_backend.open(outage->directory, NULL, &outage->overlay, why);
	if (rc == 0)
		rc = open_directory(outage);
	if (rc == 0)
		rc = read_owner(outage);
	if (rc == 0)
		rc = outage_queue_load(outage);
	inner->backend->status(inner, &status);
	if (status.away)
		outage_notice(outage, -EIO);
	if (rc == 0)
		rc = -pthread_create(&outage->thread, NULL, outage_deliver,
		                     outage);
	outage->has_thread = rc == 0;
	return rc;
}

int outage_open(const struct outage_options *options, struct store *inner,
                struct store **out)
{
	struct outage_store *outage = calloc(1, sizeof(*outage));
	int rc;

	if (!outage)
		return -ENOMEM;
	outage->options = *options;
	outage->base.under = inner;
	outage->fd = -1;
	outage->last = &outage->first;
	init_backend(outage);
	init_locks(outage);
	rc = start(outage);
	if (rc) {
		free_store(outage);
		return rc;
	}
	*out = &outage->base;
	return 0;
}

static const struct outage_ops outage_ops = { .figures = outage_figures };
