/* SPDX-License-Identifier: MIT */
/*
 * A table made of .engram/metrics.prom: for each kind of request and of call
 * how many there were, how many a second since the last table, and how long
 * they took.
 */
#include "tools/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ROWS 64
#define BUCKETS 32
#define NAME_SIZE 48
#define QUANTILE 0.99
#define CLEAR "\033[H\033[J"

/* A histogram, and how many of what it counts failed. */
struct row {
	char name[NAME_SIZE];
	uint64_t count;
	uint64_t errors;
	double sum;
	size_t bucket_count;
	double bounds[BUCKETS]; /* seconds */
	uint64_t buckets[BUCKETS];
};

struct sample {
	double time; /* of a clock that does not jump */
	size_t row_count;
	struct row rows[ROWS];
	size_t gauge_count;

	struct {
		char name[2 * NAME_SIZE];
		double value;
	} gauges[ROWS];
};

/* The value of the label NAME in LINE. */
static bool find_label(const char *line, const char *name, char out[NAME_SIZE])
{
	char pattern[NAME_SIZE];
	const char *at;
	size_t size;

	snprintf(pattern, sizeof(pattern), "%s=\"", name);
	at = strstr(line, pattern);
	if (!at)
		return false;
	at += strlen(pattern);
	size = strcspn(at, "\"");
	if (size >= NAME_SIZE)
		return false;
	memcpy(out, at, size);
	out[size] = '\0';
	return true;
}

static struct row *find_row(struct sample *sample, const char *name)
{
	size_t i = 0;

	while (i < sample->row_count && strcmp(sample->rows[i].name, name) != 0)
		i++;
	if (i == ROWS)
		return NULL;
	if (i == sample->row_count) {
		snprintf(sample->rows[i].name, NAME_SIZE, "%s", name);
		sample->row_count++;
	}
	return &sample->rows[i];
}

/* The row that LINE is about: an operation, or a call of a backend. */
static struct row *row_of(struct sample *sample, const char *line)
{
	char first[NAME_SIZE];
	char call[NAME_SIZE];
	char name[2 * NAME_SIZE];

	if (find_label(line, "operation", first))
		return find_row(sample, first);
	if (!find_label(line, "call", call) ||
	    !find_label(line, "backend", first))
		return NULL;
	snprintf(name, sizeof(name), "%s %s", first, call);
	name[NAME_SIZE - 1] = '\0';
	return find_row(sample, name);
}

static void take_figure(struct row *row, const char *line, const char *value)
{
	char bound[NAME_SIZE];
	size_t end = strcspn(line, "{");

	if (find_label(line, "le", bound) && row->bucket_count < BUCKETS) {
		row->bounds[row->bucket_count] = strtod(bound, NULL);
		row->buckets[row->bucket_count++] = strtoull(value, NULL, 10);
	} else if (end > 4 && strncmp(line + end - 4, "_sum", 4) == 0) {
		row->sum = strtod(value, NULL);
	} else if (end > 6 && strncmp(line + end - 6, "_count", 6) == 0) {
		row->count = strtoull(value, NULL, 10);
	} else {
		row->errors = strtoull(value, NULL, 10);
	}
}

static void take_line(struct sample *sample, char *line)
{
	char *value = strrchr(line, ' ');
	struct row *row;

	if (line[0] == '#' || !value)
		return;
	row = row_of(sample, line);
	if (row) {
		take_figure(row, line, value + 1);
	} else if (sample->gauge_count < ROWS) {
		*value = '\0';
		snprintf(sample->gauges[sample->gauge_count].name,
		         sizeof(sample->gauges[0].name), "%.95s",
		         line + strlen("engramfs_"));
		sample->gauges[sample->gauge_count++].value =
		    strtod(value + 1, NULL);
	}
}

static int take_sample(const char *mount, struct sample *sample)
{
	char path[PATH_MAX];
	struct timespec now;
	FILE *file;
	char *line = NULL;
	size_t size = 0;
	int rc = 0;

	memset(sample, 0, sizeof(*sample));
	snprintf(path, sizeof(path), "%s/.engram/metrics.prom", mount);
	file = fopen(path, "re");
	if (!file) {
		rc = -errno;
		fprintf(stderr, "engramctl: %s: %s\n", path, strerror(-rc));
		return rc;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	sample->time = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	while (getline(&line, &size, file) > 0)
		take_line(sample, line);
	free(line);
	fclose(file);
	return 0;
}

/* No more than this many seconds for QUANTILE of them. */
static double quantile(const struct row *row)
{
	size_t i = 0;

	while (i + 1 < row->bucket_count &&
	       (double)row->buckets[i] < QUANTILE * (double)row->count)
		i++;
	return i < row->bucket_count ? row->bounds[i] : 0;
}

static void print_row(const struct row *row, const struct row *before,
                      double seconds)
{
	printf("%-22s %10" PRIu64, row->name, row->count);
	if (before)
		printf(" %9.1f",
		       (double)(row->count - before->count) / seconds);
	else
		printf(" %9s", "-");
	printf(" %10.3f %10.3f %8" PRIu64 "\n",
	       1e3 * row->sum / (double)row->count, 1e3 * quantile(row),
	       row->errors);
}

static void print_table(const struct sample *sample, struct sample *before)
{
	double seconds = before ? sample->time - before->time : 0;

	for (size_t i = 0; i < sample->gauge_count; i++)
		printf("%-46s %.15g\n", sample->gauges[i].name,
		       sample->gauges[i].value);
	printf("\n%-22s %10s %9s %10s %10s %8s\n", "", "count", "per s",
	       "mean ms", "99% < ms", "failed");
	for (size_t i = 0; i < sample->row_count; i++) {
		const struct row *row = &sample->rows[i];

		if (row->count > 0)
			print_row(row,
			          before ? find_row(before, row->name) : NULL,
			          seconds);
	}
	fflush(stdout);
}

enum exit_code ctl_top(const char *mount, bool once)
{
	struct sample *samples = calloc(2, sizeof(*samples));
	struct sample *before = NULL;
	int rc = samples ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0; i = 1 - i) {
		rc = take_sample(mount, &samples[i]);
		if (rc)
			break;
		if (!once && isatty(STDOUT_FILENO))
			printf(CLEAR);
		print_table(&samples[i], before);
		if (once || ferror(stdout))
			break;
		before = &samples[i];
		sleep(1);
	}
	free(samples);
	return rc ? EXIT_FAILED : EXIT_OK;
}
