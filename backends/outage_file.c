/* SPDX-License-Identifier: MIT */
#include "backends/outage_file.h"

#include "backends/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_DIGITS 20
#define TEMPORARY "new"
#define FILE_LIMIT ((off_t)1 << 33)

static void name_file(uint64_t number, char name[NAME_DIGITS + 8])
{
	snprintf(name, NAME_DIGITS + 8, "%0*" PRIu64, NAME_DIGITS, number);
}

static int write_temporary(int directory, const struct blob *bytes)
{
	int fd =
	    openat(directory, TEMPORARY,
	           O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = file_write_all(fd, bytes->data, bytes->size);
	if (rc == 0 && fdatasync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

int outage_file_write(int fd, uint64_t number, const struct blob *bytes)
{
	char name[NAME_DIGITS + 8];
	int rc = write_temporary(fd, bytes);

	name_file(number, name);
	if (rc == 0 && renameat2(fd, TEMPORARY, fd, name, RENAME_NOREPLACE) < 0)
		rc = -errno;
	if (rc) {
		unlinkat(fd, TEMPORARY, 0);
		return rc;
	}
	if (fsync(fd) < 0) {
		rc = -errno;
		unlinkat(fd, name, 0);
	}
	return rc;
}

static int read_all(int fd, struct blob *out)
{
	struct stat status;
	size_t done = 0;
	int rc = fstat(fd, &status) < 0 ? -errno : 0;

	if (rc == 0 && status.st_size > FILE_LIMIT)
		rc = -EFBIG;
	if (rc == 0)
		rc = blob_resize(out, (size_t)status.st_size);
	while (rc == 0 && done < out->size) {
		ssize_t n = read(fd, out->data + done, out->size - done);

		if (n == 0)
			rc = -EBADMSG;
		else if (n < 0 && errno != EINTR)
			rc = -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return rc;
}

int outage_file_read(int fd, uint64_t number, struct blob *out)
{
	char name[NAME_DIGITS + 8];
	struct blob bytes = { 0 };
	int file;
	int rc;

	name_file(number, name);
	file = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0)
		return -errno;
	rc = read_all(file, &bytes);
	close(file);
	if (rc) {
		blob_release(&bytes);
		return rc;
	}
	blob_move(out, &bytes);
	return 0;
}

int outage_file_remove(int fd, uint64_t number)
{
	char name[NAME_DIGITS + 8];

	name_file(number, name);
	return unlinkat(fd, name, 0) < 0 ? -errno : 0;
}

int outage_file_set_aside(int fd, uint64_t number)
{
	char name[NAME_DIGITS + 8];
	char aside[NAME_DIGITS + 8];

	name_file(number, name);
	snprintf(aside, sizeof(aside), "%0*" PRIu64 ".bad", NAME_DIGITS,
	         number);
	return renameat(fd, name, fd, aside) < 0 ? -errno : 0;
}

static int compare_numbers(const void *left, const void *right)
{
	const uint64_t *a = left;
	const uint64_t *b = right;

	return (*a > *b) - (*a < *b);
}

static bool is_number(const char *name)
{
	return strlen(name) == NAME_DIGITS &&
	       strspn(name, "0123456789") == NAME_DIGITS;
}

static int list_numbers(DIR *stream, uint64_t **out, size_t *count)
{
	const struct dirent *found;
	uint64_t *numbers = NULL;
	size_t used = 0;

	while ((found = readdir(stream))) {
		uint64_t *more;

		if (!is_number(found->d_name))
			continue;
		more = reallocarray(numbers, used + 1, sizeof(*numbers));
		if (!more) {
			free(numbers);
			return -ENOMEM;
		}
		numbers = more;
		numbers[used++] = strtoull(found->d_name, NULL, 10);
	}
	if (used)
		qsort(numbers, used, sizeof(*numbers), compare_numbers);
	*out = numbers;
	*count = used;
	return 0;
}

int outage_file_list(int fd, uint64_t **out, size_t *count)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy < 0 ? NULL : fdopendir(copy);
	int rc;

	if (!stream) {
		rc = -errno;
		if (copy >= 0)
			close(copy);
		return rc;
	}
	unlinkat(fd, TEMPORARY, 0);
	rc = list_numbers(stream, out, count);
	closedir(stream);
	return rc;
}
