/* SPDX-License-Identifier: MIT */
#include "backends/history_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "backends/file.h"
#include "backends/log.h"

#define NAME_SIZE 64
#define AHEAD_NS INT64_C(60000000000) /* that much a clock may be set back */

struct history {
	char *directory;
	pthread_mutex_t lock; /* of what follows */
	int fd;               /* of the segment; -1: there is none */
	int64_t begin;
	int64_t last; /* time of the last entry: they differ and grow */
	uint64_t size;
};

static int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void name_open(int64_t begin, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%" PRId64 ".log", begin);
}

/* Give the segment that began at BEGIN its end. */
static int complete(const char *directory, int64_t begin, int64_t end)
{
	struct blob from = { 0 };
	struct blob to = { 0 };
	int rc = blob_printf(&from, "%s/%" PRId64 ".log", directory, begin);

	if (rc == 0)
		rc = blob_printf(&to, "%s/%" PRId64 "-%" PRId64 ".log",
		                 directory, begin, end);
	if (rc == 0 && rename(from.data, to.data) != 0)
		rc = -errno;
	blob_release(&from);
	blob_release(&to);
	return rc;
}

static int64_t next_time(struct history *history)
{
	int64_t now = clock_now();

	history->last = now > history->last ? now : history->last + 1;
	return history->last;
}

/* With the lock held. */
static void break_locked(struct history *history, int64_t end, const char *why)
{
	int rc;

	if (history->fd < 0)
		return;
	close(history->fd);
	history->fd = -1;
	rc = complete(history->directory, history->begin, end);
	log_error("history: changes are not kept until the next backup: %s",
	          why);
	if (rc)
		log_error("history: %s: cannot end the segment: %s",
		          history->directory, strerror(-rc));
}

static int begin_segment(struct history *history, int64_t begin)
{
	char name[NAME_SIZE];
	struct blob path = { 0 };
	int fd = -1;
	int rc;

	name_open(begin, name);
	rc = blob_printf(&path, "%s/%s", history->directory, name);
	if (rc == 0) {
		fd = open(path.data,
		          O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC,
		          0600);
		rc = fd < 0 ? -errno : 0;
	}
	if (rc == 0)
		rc = history_write_begin(fd);
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	if (rc == 0)
		rc = file_sync(history->directory);
	if (rc && fd >= 0) {
		close(fd);
		unlink(path.data);
	} else if (rc == 0) {
		history->fd = fd;
		history->begin = history->last = begin;
		history->size = HISTORY_FIRST_SIZE;
	}
	blob_release(&path);
	return rc;
}

static int note_time(enum history_kind kind, int64_t time, const void *bytes,
                     size_t size, void *arg)
{
	(void)kind;
	(void)bytes;
	(void)size;
	*(int64_t *)arg = time;
	return 0;
}

/* The end of a segment without one. */
struct tail {
	struct blob path; /* of the segment */
	int64_t last;     /* time of its last entry, or its begin */
	uint64_t size;    /* up to there */
};

/* Cut off what a crash left half written.  OUT is set on error, too; the caller
 * releases it. */
static int find_tail(const char *directory, int64_t begin, struct tail *out)
{
	int rc;

	*out = (struct tail){ .last = begin };
	rc = blob_printf(&out->path, "%s/%" PRId64 ".log", directory, begin);
	if (rc == 0)
		rc = history_read(out->path.data, HISTORY_OPEN, note_time,
		                  &out->last, &out->size);
	if (rc == 0 && truncate(out->path.data, (off_t)out->size) != 0)
		rc = -errno;
	return rc;
}

/* -EBADMSG: it is damaged, or was written by a clock that was ahead: changes of
 * the present would be given times of its future. */
static int continue_segment(struct history *history, int64_t begin)
{
	struct tail tail;
	int rc = find_tail(history->directory, begin, &tail);

	if (rc == 0 && tail.last > clock_now() + AHEAD_NS)
		rc = -EBADMSG;
	if (rc == 0) {
		history->fd =
		    open(tail.path.data, O_WRONLY | O_APPEND | O_CLOEXEC);
		rc = history->fd < 0 ? -errno : 0;
	}
	history->begin = begin;
	history->last = tail.last;
	history->size = tail.size;
	blob_release(&tail.path);
	return rc;
}

/* The latest segment without an end, or 0.  The one before it ended when that
 * began, and a crash came in between. */
static int find_open(const char *directory, int64_t *out)
{
	DIR *stream = opendir(directory);
	const struct dirent *entry;
	int64_t begin;
	int64_t end;
	int rc = 0;

	*out = 0;
	if (!stream)
		return errno == ENOENT ? 0 : -errno;
	while (rc == 0 && (entry = readdir(stream))) {
		if (!history_parse_name(entry->d_name, &begin, &end) ||
		    end != HISTORY_OPEN || begin == *out)
			continue;
		if (*out)
			rc = complete(directory, begin < *out ? begin : *out,
			              begin < *out ? *out : begin);
		*out = begin > *out ? begin : *out;
	}
	closedir(stream);
	return rc;
}

static int open_last(struct history *history)
{
	int64_t begin;
	int rc = find_open(history->directory, &begin);

	if (rc)
		return rc;
	rc = begin ? continue_segment(history, begin) : 0;
	if (rc == -EBADMSG) {
		log_error("history: %s/%" PRId64 ".log is damaged, or of a "
		          "clock that was ahead; changes are kept anew",
		          history->directory, begin);
		rc = complete(history->directory, begin, history->last);
		history->last = begin = 0;
	}
	return rc || begin ? rc : begin_segment(history, next_time(history));
}

int history_open(const char *store, struct history **out)
{
	struct history *history = calloc(1, sizeof(*history));
	struct blob path = { 0 };
	int rc;

	if (!history)
		return -ENOMEM;
	history->fd = -1;
	pthread_mutex_init(&history->lock, NULL);
	rc = blob_printf(&path, "%s/" HISTORY_PLACE, store);
	history->directory = path.data;
	if (rc == 0 && mkdir(path.data, 0700) != 0 && errno != EEXIST)
		rc = -errno;
	if (rc == 0)
		rc = open_last(history);
	if (rc)
		history_close(history);
	else
		*out = history;
	return rc;
}

void history_close(struct history *history)
{
	if (!history)
		return;
	(void)history_sync(history);
	if (history->fd >= 0)
		close(history->fd);
	pthread_mutex_destroy(&history->lock);
	free(history->directory);
	free(history);
}

/* Nothing is missing until now, but what is damaged says nothing of the time
 * behind it. */
static int end_segment(const char *directory, int64_t begin)
{
	int64_t now = clock_now();
	struct tail tail;
	int rc = find_tail(directory, begin, &tail);

	rc = complete(directory, begin,
	              rc == 0 && now > tail.last ? now : tail.last);
	blob_release(&tail.path);
	return rc;
}

int history_end(const char *store)
{
	struct blob directory = { 0 };
	int64_t begin = 0;
	int rc = blob_printf(&directory, "%s/" HISTORY_PLACE, store);

	if (rc == 0)
		rc = find_open(directory.data, &begin);
	if (rc == 0 && begin)
		rc = end_segment(directory.data, begin);
	blob_release(&directory);
	return rc;
}

int history_write_begin(int fd)
{
	return file_write_all(fd, HISTORY_FIRST_LINE, HISTORY_FIRST_SIZE);
}

/* What is left of an entry once DONE bytes of it are written. */
static int write_rest(int fd, const struct history_head *head,
                      const void *bytes, size_t done)
{
	int rc = 0;

	if (done < sizeof(*head)) {
		rc = file_write_all(fd, (const char *)head + done,
		                    sizeof(*head) - done);
		done = sizeof(*head);
	}
	done -= sizeof(*head);
	return rc ? rc
	          : file_write_all(fd, (const char *)bytes + done,
	                           (size_t)head->size - done);
}

int history_write(int fd, enum history_kind kind, int64_t time,
                  const void *bytes, size_t size)
{
	struct history_head head = { .magic = HISTORY_MAGIC,
		                     .kind = (uint32_t)kind,
		                     .time = time,
		                     .size = size };

	union {
		const void *constant;
		void *base;
	} body = { .constant = bytes };
	const struct iovec parts[] = { { &head, sizeof(head) },
		                       { body.base, size } };
	ssize_t n;

	head.xxh3 = history_checksum(&head, bytes);
	do
		n = writev(fd, parts, 2);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : write_rest(fd, &head, bytes, (size_t)n);
}

/* Nothing of it, or all. */
static int write_entry(struct history *history, enum history_kind kind,
                       int64_t time, const void *bytes, size_t size)
{
	int rc = history_write(history->fd, kind, time, bytes, size);

	if (rc == 0)
		history->size += sizeof(struct history_head) + size;
	else if (ftruncate(history->fd, (off_t)history->size) != 0)
		log_error("history: a half entry stays: %s", strerror(errno));
	return rc;
}

void history_add(struct history *history, enum history_kind kind,
                 const void *bytes, size_t size, int64_t *time)
{
	int64_t now;
	int rc = 0;

	pthread_mutex_lock(&history->lock);
	now = next_time(history);
	if (history->fd >= 0)
		rc = write_entry(history, kind, now, bytes, size);
	if (rc)
		break_locked(history, now, strerror(-rc));
	pthread_mutex_unlock(&history->lock);
	if (time)
		*time = now;
}

void history_break(struct history *history, int64_t time, const char *why)
{
	pthread_mutex_lock(&history->lock);
	break_locked(history, time ? time : next_time(history), why);
	pthread_mutex_unlock(&history->lock);
}

static int rotate_locked(struct history *history, int64_t *begin)
{
	int64_t now = next_time(history);
	int fd = history->fd;
	int64_t old = history->begin;
	int rc = fd >= 0 && fdatasync(fd) != 0 ? -errno : 0;

	if (rc == 0)
		rc = begin_segment(history, now);
	if (rc)
		return rc;
	*begin = now;
	if (fd < 0)
		return 0;
	close(fd);
	return complete(history->directory, old, now);
}

int history_rotate(struct history *history, int64_t *begin)
{
	int rc;

	pthread_mutex_lock(&history->lock);
	rc = rotate_locked(history, begin);
	pthread_mutex_unlock(&history->lock);
	return rc;
}

int64_t history_time(struct history *history)
{
	int64_t time;

	pthread_mutex_lock(&history->lock);
	time = next_time(history);
	pthread_mutex_unlock(&history->lock);
	return time;
}

int history_sync(struct history *history)
{
	int rc = 0;

	if (!history)
		return 0;
	pthread_mutex_lock(&history->lock);
	if (history->fd >= 0 && fdatasync(history->fd) != 0)
		rc = -errno;
	pthread_mutex_unlock(&history->lock);
	return rc;
}

void history_figures(struct history *history, struct history_figures *out)
{
	pthread_mutex_lock(&history->lock);
	*out = (struct history_figures){
		.begin = history->fd >= 0 ? history->begin : 0,
		.bytes = history->fd >= 0 ? history->size : 0,
	};
	pthread_mutex_unlock(&history->lock);
}
