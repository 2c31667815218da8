/* SPDX-License-Identifier: MIT */
#include "fs/handle.h"

#include "backends/file.h"
#include "layout/commit.h"
#include "layout/complaint.h"
#include "layout/control.h"
#include "layout/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The mtime that was set for the next commit. */
static struct timespec next_mtime(struct handle *handle)
{
	struct timespec mtime;

	pthread_mutex_lock(&handle->shown_lock);
	mtime = handle->mtime;
	pthread_mutex_unlock(&handle->shown_lock);
	return mtime;
}

/* Keep the draft in the spool under the file's own name. */
static int write_begun(struct handle *handle, const char *bytes, size_t size)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, next_mtime(handle) };

	return spool_replace(&handle->tree->spool, handle->node.path, bytes,
	                     size, times);
}

static int save_begun(struct handle *handle, const char *bytes, size_t size)
{
	int rc = link_expect(handle->tree, &handle->node);

	if (rc == 0)
		rc = write_begun(handle, bytes, size);
	if (rc)
		return rc;
	/* Once: somebody may have made the record when this is closed. */
	handle->waits = true;
	handle->dirty = false;
	link_settle(handle->tree, &handle->node);
	return 0;
}

/* A whole file of a relationship that waits. */
static int save_awaited(struct handle *handle, const char *bytes, size_t size)
{
	int rc = save_begun(handle, bytes, size);

	if (rc == 0)
		handle->is_new = false;
	return rc;
}

/* Somebody else has stored the record meanwhile. */
static bool is_stored(const struct handle *handle)
{
	struct node_info info;

	return node_stat_stored(handle->tree, &handle->node, &info) == 0 &&
	       !info.unknown;
}

static void forget_begun(struct handle *handle, const char *path)
{
	int rc = spool_unlink(&handle->tree->spool, path);

	if (rc && rc != -ENOENT)
		spool_error(&handle->tree->spool, path, "write", rc,
		            "cannot remove the file that was begun");
}

static void settle(struct handle *handle, const char *old_path)
{
	handle->dirty = false;
	handle->is_new = false;
	complaints_drop(handle->tree->complaints, old_path);
	if (handle->rejected.size)
		spool_unreject(&handle->tree->spool, handle->rejected.data);
	blob_release(&handle->rejected);
	if (strcmp(old_path, handle->node.path) == 0)
		forget_begun(handle, old_path);
	else
		handle->retarget = true;
}

/* Bytes that cannot be stored are kept, with the reason. */
static void reject(struct handle *handle, const void *bytes, size_t size,
                   int rc, const char *why)
{
	const struct refusal refusal = {
		.path = handle->node.path,
		.bytes = bytes,
		.size = size,
		.cause = rc,
		.reason = why[0] ? why : strerror(-rc),
	};

	handle->tried = true;
	handle->failure = rc;
	if (handle->rejected.size)
		spool_unreject(&handle->tree->spool, handle->rejected.data);
	blob_release(&handle->rejected);
	spool_reject(&handle->tree->spool, &refusal, &handle->rejected);
	complaints_add(handle->tree->complaints, refusal.path, refusal.reason);
}

/* The mtime that was set for this commit; the next one is its own. */
static struct timespec take_mtime(struct handle *handle)
{
	struct timespec mtime;

	pthread_mutex_lock(&handle->shown_lock);
	mtime = handle->mtime;
	handle->mtime = (struct timespec){ 0, UTIME_NOW };
	pthread_mutex_unlock(&handle->shown_lock);
	return mtime;
}

static int store(struct handle *handle, const void *bytes)
{
	struct part part = {
		.bytes = bytes,
		.size = (size_t)handle->draft.size,
		.fd = handle->draft.fd,
	};
	struct packed packed;
	char why[WHY_SIZE] = "";
	char *old_path = strdup(handle->node.path);
	int rc = -ENOMEM;

	if (old_path) {
		part.mtime = take_mtime(handle);
		if (packing_finish(&handle->packing, &handle->draft, &packed))
			part.packed = &packed;
		rc = commit_part(handle->tree, &handle->node, &part, why);
	}

	if (rc == 0)
		settle(handle, old_path);
	else
		reject(handle, bytes, part.size, rc, why);
	free(old_path);
	return rc;
}

/* An empty file over a record is how shells begin; the record stays until
 * there is something to take its place. */
static int commit_empty(struct handle *handle, bool last)
{
	/* Once: the record may be gone again when this is closed. */
	handle->is_new = handle->is_new && !is_stored(handle);
	if (handle->is_new)
		return save_begun(handle, "", 0);
	if (last && handle->dirty)
		spool_error(&handle->tree->spool, handle->node.path, "write",
		            -EINVAL,
		            "an empty file is no record; the old one stays");
	return 0;
}

static int run_command(struct handle *handle, struct blob *reply)
{
	const void *bytes;
	char why[WHY_SIZE] = "";
	int rc = draft_map(&handle->draft, &bytes);

	if (rc)
		return rc;
	rc = handle->node.control->write(
	    handle->tree, bytes, (size_t)handle->draft.size, reply, why);
	draft_unmap(&handle->draft, bytes);
	handle->tried = rc != 0;
	handle->failure = rc;
	handle->dirty = rc != 0;
	if (rc)
		spool_error(&handle->tree->spool, handle->node.path, "control",
		            rc, why[0] ? why : strerror(-rc));
	return rc;
}

/* The answer takes the place of what was written. */
static int commit_control(struct handle *handle)
{
	struct blob reply = { 0 };
	int rc;

	if (!handle->dirty || handle->draft.size == 0)
		return 0;
	rc = run_command(handle, &reply);
	if (rc == 0)
		rc = draft_resize(&handle->draft, 0);
	if (rc == 0)
		rc = draft_write(&handle->draft, 0, reply.data, reply.size);
	blob_release(&reply);
	return rc;
}

/* What was renamed to the name of no record while it was written. */
static int save_scratch(struct handle *handle, const char *bytes, size_t size)
{
	int rc = write_begun(handle, bytes, size);

	if (rc)
		reject(handle, bytes, size, rc, "");
	else
		handle->dirty = handle->is_new = false;
	return rc;
}

static int commit_bytes(struct handle *handle, const void *bytes, size_t size)
{
	bool begun = commit_is_begun(&handle->node, bytes, size);
	int awaited;

	/* Who failed to write the rest may have written the header again. */
	if (handle->spoiled || (begun && handle->failed_write)) {
		reject(handle, bytes, size, handle->failed_write,
		       "a part of it could not be written");
		return handle->failed_write;
	}
	if (begun)
		return save_begun(handle, bytes, size);
	if (!node_is_part(&handle->node))
		return save_scratch(handle, bytes, size);
	awaited = link_is_awaited(handle->tree, &handle->node, bytes, size);
	if (awaited > 0)
		return save_awaited(handle, bytes, size);
	if (awaited == 0)
		return store(handle, bytes);
	reject(handle, bytes, size, awaited, "");
	return awaited;
}

static int commit_locked(struct handle *handle, bool last)
{
	const void *bytes;
	int rc;

	if (!handle->has_draft)
		return 0;
	if (handle->tried) /* whoever closes a duplicate hears of it too */
		return last ? 0 : handle->failure;
	if (handle->node.kind == NODE_CONTROL)
		return commit_control(handle);
	if (handle->waits && !handle->dirty)
		return 0;
	if (handle->draft.size == 0)
		return commit_empty(handle, last);
	if (!handle->dirty)
		return 0;
	rc = draft_map(&handle->draft, &bytes);
	if (rc)
		return rc;
	rc = commit_bytes(handle, bytes, (size_t)handle->draft.size);
	draft_unmap(&handle->draft, bytes);
	return rc;
}

bool handle_drop(struct handle *handle)
{
	bool uncommitted;

	pthread_mutex_lock(&handle->shown_lock);
	uncommitted = handle->uncommitted;
	handle->dropped = true;
	pthread_mutex_unlock(&handle->shown_lock);
	return uncommitted;
}

static bool is_dropped(struct handle *handle)
{
	bool dropped;

	pthread_mutex_lock(&handle->shown_lock);
	dropped = handle->dropped;
	pthread_mutex_unlock(&handle->shown_lock);
	return dropped;
}

int handle_commit(struct handle *handle, bool last)
{
	int rc;

	if (handle->fd >= 0 || is_dropped(handle))
		return 0;
	pthread_mutex_lock(&handle->lock);
	rc = commit_locked(handle, last);
	handle_publish(handle);
	pthread_mutex_unlock(&handle->lock);
	return rc;
}

bool handle_is_dirty(struct handle *handle)
{
	bool dirty;

	pthread_mutex_lock(&handle->lock);
	dirty = handle->dirty;
	pthread_mutex_unlock(&handle->lock);
	return dirty;
}

bool handle_waits(struct handle *handle)
{
	bool waits;

	pthread_mutex_lock(&handle->lock);
	waits = handle->waits && !handle->dirty;
	pthread_mutex_unlock(&handle->lock);
	return waits;
}

int handle_node(struct handle *handle, struct node *out)
{
	int rc;

	pthread_mutex_lock(&handle->lock);
	rc = node_copy(out, &handle->node);
	pthread_mutex_unlock(&handle->lock);
	return rc;
}

int handle_take_target(struct handle *handle, char **path)
{
	int rc = 0;

	pthread_mutex_lock(&handle->lock);
	*path = handle->retarget ? strdup(handle->node.path) : NULL;
	if (handle->retarget && !*path)
		rc = -ENOMEM;
	handle->retarget = false;
	pthread_mutex_unlock(&handle->lock);
	return rc;
}

static int follow_locked(struct handle *handle, const char *path)
{
	struct node node;
	int rc;

	if (handle->fd >= 0 || strcmp(handle->node.path, path) == 0)
		return 0;
	rc = node_find(handle->tree, path, &node);
	if (rc)
		return rc;
	node_release(&handle->node);
	handle->node = node;
	return 0;
}

int handle_follow(struct handle *handle, const char *path)
{
	int rc;

	pthread_mutex_lock(&handle->lock);
	rc = follow_locked(handle, path);
	pthread_mutex_unlock(&handle->lock);
	return rc;
}

bool handle_touch_uncommitted(struct handle *handle, struct timespec mtime)
{
	bool taken;

	pthread_mutex_lock(&handle->shown_lock);
	taken = handle->uncommitted;
	if (taken)
		handle->mtime = mtime;
	pthread_mutex_unlock(&handle->shown_lock);
	return taken;
}

bool handle_is_uncommitted(struct handle *handle)
{
	bool uncommitted;

	pthread_mutex_lock(&handle->shown_lock);
	uncommitted = handle->uncommitted;
	pthread_mutex_unlock(&handle->shown_lock);
	return uncommitted;
}
