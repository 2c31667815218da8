/* SPDX-License-Identifier: MIT */
#include "backends/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#define STEP ((size_t)1 << 20)

/* A file that is read from beginning to end. */
struct reading {
	int fd;
	uint64_t size; /* when it was opened */
	uint64_t done;
	char *buffer;
	file_step_fn *step;
	void *arg;
};

static int reading_open(struct reading *reading, const char *path)
{
	struct stat status;

	reading->buffer = malloc(STEP);
	if (!reading->buffer)
		return -ENOMEM;
	reading->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (reading->fd < 0 || fstat(reading->fd, &status) != 0)
		return -errno;
	reading->size = (uint64_t)status.st_size;
	return 0;
}

static void reading_close(struct reading *reading)
{
	if (reading->fd >= 0)
		close(reading->fd);
	free(reading->buffer);
}

/* Bytes in the buffer; 0 at the end. */
static ssize_t read_step(struct reading *reading)
{
	double done =
	    reading->size ? (double)reading->done / (double)reading->size : 1;
	int rc = reading->step ? reading->step(reading->arg, done) : 0;
	ssize_t n;

	if (rc)
		return rc;
	do
		n = read(reading->fd, reading->buffer, STEP);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		reading->done += (uint64_t)n;
	return n < 0 ? -errno : n;
}

int file_write_all(int fd, const void *bytes, size_t size)
{
	const char *next = bytes;

	while (size > 0) {
		ssize_t n = write(fd, next, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			next += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

int file_write_at(int fd, const void *bytes, size_t size, off_t offset)
{
	const char *next = bytes;

	while (size > 0) {
		ssize_t n = pwrite(fd, next, size, offset);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			next += n;
			size -= (size_t)n;
			offset += n;
		}
	}
	return 0;
}

ssize_t file_read_at(int fd, void *bytes, size_t size, off_t offset)
{
	char *next = bytes;
	size_t done = 0;

	while (done < size) {
		ssize_t n =
		    pread(fd, next + done, size - done, offset + (off_t)done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)done;
}

static int copy_to(struct reading *reading, int to)
{
	ssize_t n;
	int rc = 0;

	while (rc == 0 && (n = read_step(reading)) != 0)
		rc = n < 0 ? (int)n
		           : file_write_all(to, reading->buffer, (size_t)n);
	if (rc == 0 && fsync(to) != 0)
		rc = -errno;
	return rc;
}

int file_copy(const char *from, const char *to, file_step_fn *step, void *arg)
{
	struct reading reading = { .fd = -1, .step = step, .arg = arg };
	int rc = reading_open(&reading, from);
	int fd = -1;

	if (rc == 0) {
		fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		rc = fd < 0 ? -errno : copy_to(&reading, fd);
	}
	if (fd >= 0 && close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc && fd >= 0)
		unlink(to);
	reading_close(&reading);
	return rc;
}

int file_checksum(const char *path, char out[FILE_CHECKSUM_SIZE],
                  uint64_t *size, file_step_fn *step, void *arg)
{
	struct reading reading = { .fd = -1, .step = step, .arg = arg };
	XXH3_state_t *state = XXH3_createState();
	int rc = state ? reading_open(&reading, path) : -ENOMEM;
	ssize_t n;

	if (rc == 0)
		XXH3_64bits_reset(state);
	while (rc == 0 && (n = read_step(&reading)) != 0) {
		if (n < 0)
			rc = (int)n;
		else
			XXH3_64bits_update(state, reading.buffer, (size_t)n);
	}
	if (rc == 0) {
		snprintf(out, FILE_CHECKSUM_SIZE, "%016" PRIx64,
		         (uint64_t)XXH3_64bits_digest(state));
		*size = reading.done;
	}
	reading_close(&reading);
	XXH3_freeState(state);
	return rc;
}

int file_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) != 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

bool file_is_rotated(const char *name, const char *current, uint64_t *number)
{
	const char *dot = strrchr(current, '.');
	size_t stem = dot ? (size_t)(dot - current) : strlen(current);
	size_t digits;

	if (strncmp(name, current, stem) != 0 || name[stem] != '_')
		return false;
	digits = strspn(name + stem + 1, "0123456789");
	if (digits == 0 ||
	    strcmp(name + stem + 1 + digits, current + stem) != 0)
		return false;
	*number = strtoull(name + stem + 1, NULL, 10);
	return true;
}
