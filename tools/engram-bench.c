/* SPDX-License-Identifier: MIT */
/*
 * engram-bench - time plain file operations
 *
 * The part of tools/bench that must cost nothing itself: it opens, reads,
 * writes and lists files, and prints the seconds that took.
 */
#include "bench_null.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)1 << 20)

static const char usage[] =
    "usage: engram-bench read PATTERN COUNT\n"
    "       engram-bench write PATTERN COUNT TEMPLATE\n"
    "       engram-bench list DIRECTORY\n"
    "       engram-bench null MOUNTPOINT COUNT\n"
    "\n"
    "PATTERN is a path; '#' in it is a number from 0 to COUNT - 1.\n"
    "Prints seconds.  null mounts COUNT files of 4 KiB that cost nothing, and\n"
    "serves them until it is unmounted.\n";

/* What a benchmark works on. */
struct work {
	const char *pattern;
	int count;
	char *buffer; /* BUFFER_SIZE bytes, or the template */
	size_t size;
};

static int path_of(const struct work *work, int number, char path[PATH_MAX])
{
	const char *mark = strchr(work->pattern, '#');
	int prefix = (int)strcspn(work->pattern, "#");
	int length = snprintf(path, PATH_MAX, "%.*s", prefix, work->pattern);

	if (mark)
		length = snprintf(path, PATH_MAX, "%.*s%d%s", prefix,
		                  work->pattern, number, mark + 1);
	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int read_one(const struct work *work, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;
	int rc;

	if (fd < 0)
		return -errno;
	do {
		got = read(fd, work->buffer, work->size);
	} while (got > 0);
	rc = got < 0 ? -errno : 0;
	if (close(fd) && rc == 0)
		rc = -errno;
	return rc;
}

static int write_whole(int fd, const char *data, size_t size)
{
	while (size > 0) {
		size_t part = size < BUFFER_SIZE ? size : BUFFER_SIZE;
		ssize_t put = write(fd, data, part);

		if (put < 0)
			return -errno;
		data += put;
		size -= (size_t)put;
	}
	return 0;
}

static int write_one(const struct work *work, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	rc = write_whole(fd, work->buffer, work->size);
	if (close(fd) && rc == 0)
		rc = -errno;
	return rc;
}

static int list_one(const struct work *work, const char *path)
{
	DIR *directory = opendir(path);

	(void)work;
	if (!directory)
		return -errno;
	errno = 0;
	while (readdir(directory))
		;
	closedir(directory);
	return -errno;
}

/* One benchmark. */
struct bench {
	const char *name;
	int arguments; /* behind the name */
	int (*run)(const struct work *work, const char *path);
};

static const struct bench benches[] = {
	{ "read", 2, read_one },
	{ "write", 3, write_one },
	{ "list", 1, list_one },
	{ 0 },
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int run(const struct bench *bench, const struct work *work)
{
	char path[PATH_MAX];
	double start = now();

	for (int i = 0; i < work->count; i++) {
		int rc = path_of(work, i, path);

		if (rc == 0)
			rc = bench->run(work, path);
		if (rc) {
			fprintf(stderr, "engram-bench: %s: %s\n", path,
			        strerror(-rc));
			return rc;
		}
	}
	printf("%.6f\n", now() - start);
	return 0;
}

/* Fill the buffer from the file PATH. */
static int load_template(struct work *work, const char *path)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t got = 1;

	if (fd < 0 || fstat(fd, &info) < 0)
		goto fail;
	work->buffer = malloc((size_t)info.st_size + 1);
	if (!work->buffer)
		goto fail;
	while (got > 0 && size < (size_t)info.st_size) {
		got =
		    read(fd, work->buffer + size, (size_t)info.st_size - size);
		size += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		goto fail;
	work->size = size;
	close(fd);
	return 0;
fail:
	fprintf(stderr, "engram-bench: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -EIO;
}

/* A positive decimal number; else 0. */
static int number_of(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	return *end || number < 1 || number > INT_MAX ? 0 : (int)number;
}

static int prepare(struct work *work, int argc, char **argv)
{
	work->pattern = argv[2];
	work->count = argc > 3 ? number_of(argv[3]) : 1;
	if (work->count < 1)
		return -EINVAL;
	if (argc > 4)
		return load_template(work, argv[4]);
	work->size = BUFFER_SIZE;
	work->buffer = malloc(work->size);
	return work->buffer ? 0 : -ENOMEM;
}

int main(int argc, char **argv)
{
	const struct bench *bench = benches;
	struct work work = { 0 };
	int rc;

	if (argc == 4 && strcmp(argv[1], "null") == 0 && number_of(argv[3]))
		return bench_null(argv[2], (unsigned long)number_of(argv[3]));
	while (bench->name && (argc < 2 || strcmp(bench->name, argv[1]) != 0))
		bench++;
	if (!bench->name || argc != bench->arguments + 2) {
		fputs(usage, stderr);
		return 2;
	}
	rc = prepare(&work, argc, argv);
	if (rc == -EINVAL)
		fputs(usage, stderr);
	if (rc == 0)
		rc = run(bench, &work);
	free(work.buffer);
	return rc == -EINVAL ? 2 : rc ? 1 : 0;
}
