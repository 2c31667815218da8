/* SPDX-License-Identifier: MIT */
#include "layout/spool.h"

#include "backends/file.h"
#include "backends/json.h"
#include "backends/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int write_file(int directory, const char *name, const void *bytes,
                      size_t size, bool lasting)
{
	int fd =
	    openat(directory, name,
	           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = file_write_all(fd, bytes, size);
	if (rc == 0 && lasting && fdatasync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc)
		unlinkat(directory, name, 0);
	return rc;
}

static int add(struct value *dict, const char *name, struct value *item)
{
	return item ? value_dict_set(dict, name, item) : -ENOMEM;
}

static int add_text(struct value *dict, const char *name, const char *text)
{
	return add(dict, name, value_new_text(text, strlen(text)));
}

static int add_now(struct value *dict)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return add(
	    dict, "time",
	    value_new_float((double)now.tv_sec + (double)now.tv_nsec / 1e9));
}

/* One event as a JSON object on one line. */
static int describe(const char *path, const char *operation, int rc,
                    const char *reason, struct blob *out)
{
	struct value *event = value_new_dict();
	char shown[4200];
	int result = event ? add_now(event) : -ENOMEM;

	snprintf(shown, sizeof(shown), "/%s", path);
	if (result == 0)
		result = add_text(event, "path", shown);
	if (result == 0)
		result = add_text(event, "operation", operation);
	if (result == 0)
		result = add(event, "errno", value_new_int(-(int64_t)rc));
	if (result == 0)
		result = add_text(event, "error", strerrorname_np(-rc));
	if (result == 0)
		result = add_text(event, "reason", reason);
	if (result == 0)
		result = json_append(event, JSON_STYLE_PYTHON,
		                     JSON_ARRAYS_REFUSE, 65536, out);
	if (result == 0)
		result = blob_append(out, "\n", 1);
	value_unref(event);
	return result;
}

/* Keep errors.jsonl from growing for ever: the newer half stays. */
static void halve(int fd, off_t size)
{
	char *half;
	char *line;
	struct blob kept = { 0 };
	ssize_t n;

	if (blob_resize(&kept, (size_t)(size / 2)))
		return;
	half = kept.data;
	n = pread(fd, half, kept.size, size - (off_t)kept.size);
	line = n > 0 ? memchr(half, '\n', (size_t)n) : NULL;
	if (line && ftruncate(fd, 0) == 0) {
		size_t rest = (size_t)(half + n - line - 1);

		if (pwrite(fd, line + 1, rest, 0) != (ssize_t)rest)
			log_warn("spool: errors.jsonl: %s", strerror(errno));
	}
	blob_release(&kept);
}

static void append_line(struct spool *spool, const struct blob *line)
{
	int fd =
	    openat(spool->fd, "errors.jsonl",
	           O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat stat;

	if (fd < 0 || write(fd, line->data, line->size) != (ssize_t)line->size)
		log_error("spool: errors.jsonl: %s", strerror(errno));
	if (fd >= 0 && fstat(fd, &stat) == 0 && stat.st_size > SPOOL_ERRORS_MAX)
		halve(fd, stat.st_size);
	if (fd >= 0)
		close(fd);
}

void spool_error(struct spool *spool, const char *path, const char *operation,
                 int rc, const char *reason)
{
	struct blob line = { 0 };

	if (describe(path, operation, rc, reason, &line) == 0) {
		pthread_mutex_lock(&spool->lock);
		append_line(spool, &line);
		pthread_mutex_unlock(&spool->lock);
	}
	blob_release(&line);
}

/* As much of PATH as a name has room for, whole characters. */
static int fitting(const char *path)
{
	size_t size = strnlen(path, 150);

	while (size && ((unsigned char)path[size] & 0xc0) == 0x80)
		size--;
	return (int)size;
}

/* "wm/a b.npy" -> "20261120T101500-3-wm_a b.npy", short enough for a name. */
static void choose_name(struct spool *spool, const char *path, char name[200])
{
	time_t now = time(NULL);
	struct tm utc;
	size_t used;

	gmtime_r(&now, &utc);
	used = strftime(name, 200, "%Y%m%dT%H%M%S", &utc);
	pthread_mutex_lock(&spool->lock);
	snprintf(name + used, 200 - used, "-%lu-%.*s", ++spool->sequence,
	         fitting(path), path);
	pthread_mutex_unlock(&spool->lock);
	for (char *c = name; *c; c++)
		if (*c == '/')
			*c = '_';
}

/* The mount before this one may have used a name in the same second. */
static int keep_bytes(struct spool *spool, const struct refusal *refusal,
                      char name[200])
{
	int rc;

	do {
		choose_name(spool, refusal->path, name);
		rc = write_file(spool->rejected_fd, name, refusal->bytes,
		                refusal->size, refusal->lasting);
	} while (rc == -EEXIST);
	return rc;
}

int spool_reject(struct spool *spool, const struct refusal *refusal,
                 struct blob *name)
{
	char chosen[200];
	char beside[220];
	struct blob line = { 0 };
	int rc = describe(refusal->path, "write", refusal->cause,
	                  refusal->reason, &line);

	if (rc == 0)
		rc = keep_bytes(spool, refusal, chosen);
	if (rc == 0) {
		snprintf(beside, sizeof(beside), "%s.reason.json", chosen);
		rc = write_file(spool->rejected_fd, beside, line.data,
		                line.size, refusal->lasting);
	}
	if (rc == 0 && refusal->lasting && fsync(spool->rejected_fd) < 0)
		rc = -errno;
	if (rc)
		log_error("spool: refused bytes of %s are lost: %s",
		          refusal->path, strerror(-rc));
	else if (name)
		rc = blob_set(name, chosen, strlen(chosen));
	blob_release(&line);
	spool_error(spool, refusal->path, "write", refusal->cause,
	            refusal->reason);
	return rc;
}

void spool_unreject(struct spool *spool, const char *name)
{
	char beside[220];

	snprintf(beside, sizeof(beside), "%s.reason.json", name);
	unlinkat(spool->rejected_fd, name, 0);
	unlinkat(spool->rejected_fd, beside, 0);
}
