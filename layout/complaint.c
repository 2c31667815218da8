/* SPDX-License-Identifier: MIT */
#include "layout/complaint.h"

#include "backends/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REASON_FILE_MAX ((size_t)1 << 16)

struct complaints {
	pthread_mutex_t lock;

	struct {
		char *path;
		char *reason;
	} rows[COMPLAINTS_MAX];

	size_t next; /* the oldest, which makes room */
};

struct complaints *complaints_new(void)
{
	struct complaints *complaints = calloc(1, sizeof(*complaints));

	if (complaints)
		pthread_mutex_init(&complaints->lock, NULL);
	return complaints;
}

static void clear(struct complaints *complaints, size_t i)
{
	free(complaints->rows[i].path);
	free(complaints->rows[i].reason);
	complaints->rows[i].path = NULL;
	complaints->rows[i].reason = NULL;
}

void complaints_free(struct complaints *complaints)
{
	if (!complaints)
		return;
	for (size_t i = 0; i < COMPLAINTS_MAX; i++)
		clear(complaints, i);
	pthread_mutex_destroy(&complaints->lock);
	free(complaints);
}

/* The place of PATH, or COMPLAINTS_MAX; with the lock held. */
static size_t find(const struct complaints *complaints, const char *path)
{
	size_t i = 0;

	while (i < COMPLAINTS_MAX &&
	       (!complaints->rows[i].path ||
	        strcmp(complaints->rows[i].path, path) != 0))
		i++;
	return i;
}

static void drop_locked(struct complaints *complaints, const char *path)
{
	size_t i = find(complaints, path);

	if (i < COMPLAINTS_MAX)
		clear(complaints, i);
}

void complaints_add(struct complaints *complaints, const char *path,
                    const char *reason)
{
	size_t i;

	if (!complaints)
		return;
	pthread_mutex_lock(&complaints->lock);
	drop_locked(complaints, path);
	i = complaints->next;
	clear(complaints, i);
	complaints->rows[i].path = strdup(path);
	complaints->rows[i].reason = strdup(reason);
	if (!complaints->rows[i].path || !complaints->rows[i].reason)
		clear(complaints, i);
	complaints->next = (i + 1) % COMPLAINTS_MAX;
	pthread_mutex_unlock(&complaints->lock);
}

void complaints_drop(struct complaints *complaints, const char *path)
{
	if (!complaints)
		return;
	pthread_mutex_lock(&complaints->lock);
	drop_locked(complaints, path);
	pthread_mutex_unlock(&complaints->lock);
}

static int get_by_path(struct complaints *complaints, const char *path,
                       struct blob *out)
{
	int rc = -ENODATA;
	size_t i;

	if (!complaints)
		return rc;
	pthread_mutex_lock(&complaints->lock);
	i = find(complaints, path);
	if (i < COMPLAINTS_MAX)
		rc = blob_append_text(out, complaints->rows[i].reason);
	pthread_mutex_unlock(&complaints->lock);
	return rc;
}

/* The "reason" of a file that spool_reject wrote. */
static int get_from_file(int directory, const char *name, struct blob *out)
{
	struct blob text = { 0 };
	struct value *event = NULL;
	const struct value *reason;
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char why[WHY_SIZE];
	ssize_t size = -1;
	int rc = fd < 0 ? -ENODATA : blob_resize(&text, REASON_FILE_MAX);

	if (rc == 0)
		size = read(fd, text.data, text.size);
	if (rc == 0)
		rc = size < 0 ? -errno : 0;
	if (rc == 0)
		rc = json_parse(text.data, (size_t)size, JSON_ARRAYS_REFUSE,
		                &event, why);
	reason = rc == 0 ? value_dict_get(event, "reason") : NULL;
	if (rc == 0)
		rc =
		    reason && reason->type == VALUE_TEXT
			? blob_append(out, reason->text.data, reason->text.size)
			: -ENODATA;
	if (fd >= 0)
		close(fd);
	value_unref(event);
	blob_release(&text);
	return rc;
}

int complaint_get(const struct tree *tree, const struct node *node,
                  struct blob *out)
{
	char beside[256 + sizeof(".reason.json")];

	if (node->kind != NODE_REJECTED)
		return get_by_path(tree->complaints, node->path, out);
	snprintf(beside, sizeof(beside), "%.255s.reason.json",
	         strrchr(node->path, '/') + 1);
	return get_from_file(tree->spool.rejected_fd, beside, out);
}
