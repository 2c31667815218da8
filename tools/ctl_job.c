/* SPDX-License-Identifier: MIT */
#include "tools/ctl.h"

#include "backends/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS 50000000
#define BAR 40 /* characters */
#define FILE_LIMIT ((size_t)16 << 20)

struct value *ctl_read_json(const char *path)
{
	FILE *file = fopen(path, "re");
	struct value *value = NULL;
	char *text = NULL;
	size_t capacity = 0;
	char why[WHY_SIZE];
	ssize_t size;

	if (!file)
		return NULL;
	size = getdelim(&text, &capacity, '\0', file);
	if (size > 0 &&
	    json_parse(text, (size_t)size, JSON_ARRAYS_REFUSE, &value, why))
		value = NULL;
	free(text);
	fclose(file);
	return value;
}

static const char *text_of(const struct value *dict, const char *name)
{
	const struct value *text = value_dict_get(dict, name);

	return text && text->type == VALUE_TEXT ? text->text.data : "";
}

static double number_of(const struct value *dict, const char *name)
{
	const struct value *item = value_dict_get(dict, name);
	double number = 0;

	return item && value_to_double(item, &number) == 0 ? number : 0;
}

/* The last line of errors.jsonl has the reason of a refusal. */
static void print_reason(const char *mount, int rc)
{
	char path[PATH_MAX];
	char why[WHY_SIZE];
	char *line = NULL;
	size_t capacity = 0;
	struct blob last = { 0 };
	struct value *event = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "%s/.engram/errors.jsonl", mount);
	file = rc == -EINVAL ? fopen(path, "re") : NULL;
	while (file && getline(&line, &capacity, file) > 0)
		blob_set(&last, line, strlen(line));
	if (file)
		fclose(file);
	if (last.size && json_parse(last.data, last.size, JSON_ARRAYS_REFUSE,
	                            &event, why) == 0)
		fprintf(stderr, "engramctl: %s\n", text_of(event, "reason"));
	else
		fprintf(stderr, "engramctl: %s\n", strerror(-rc));
	value_unref(event);
	blob_release(&last);
	free(line);
}

/* The answer comes from the same open file. */
static int send_line(const char *mount, const char *line, char *reply,
                     size_t size)
{
	char path[PATH_MAX];
	ssize_t n = 0;
	int rc = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/.engram/control", mount);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, line, strlen(line)) < 0 || fsync(fd) != 0)
		rc = -errno;
	if (rc == 0)
		n = pread(fd, reply, size - 1, 0);
	if (n < 0)
		rc = -errno;
	reply[n > 0 ? n : 0] = '\0';
	close(fd);
	return rc;
}

static void show_progress(const struct value *job)
{
	double progress = number_of(job, "progress");
	int full = (int)(progress * BAR);

	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%s [%.*s%*s] %3.0f%%", text_of(job, "command"), full,
	        "########################################", BAR - full, "",
	        progress * 100);
}

static bool has_ended(const struct value *job)
{
	const char *state = text_of(job, "state");

	return strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
}

/* The job once it has ended; NULL: it cannot be read any more. */
static struct value *wait_for(const char *mount, unsigned long long id)
{
	const struct timespec pause = { 0, POLL_NS };
	char path[PATH_MAX];
	struct value *job;

	snprintf(path, sizeof(path), "%s/.engram/jobs/%llu.json", mount, id);
	while ((job = ctl_read_json(path))) {
		show_progress(job);
		if (has_ended(job))
			break;
		value_unref(job);
		nanosleep(&pause, NULL);
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\n");
	return job;
}

static enum exit_code print_end(const struct value *job)
{
	const char *state = text_of(job, "state");
	const struct value *result = value_dict_get(job, "result");
	struct blob text = { 0 };
	bool done = strcmp(state, "done") == 0;

	if (result && json_append(result, JSON_STYLE_FILE, JSON_ARRAYS_REFUSE,
	                          FILE_LIMIT, &text) == 0)
		fwrite(text.data, 1, text.size, stdout);
	blob_release(&text);
	if (!done)
		fprintf(stderr, "engramctl: %s: %s\n", state,
		        text_of(job, "error"));
	return done && fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

enum exit_code ctl_run(const char *mount, const char *line)
{
	char reply[256] = "";
	unsigned long long id;
	enum exit_code code;
	struct value *job;
	int rc = send_line(mount, line, reply, sizeof(reply));

	if (rc) {
		print_reason(mount, rc);
		return EXIT_FAILED;
	}
	if (sscanf(reply, "{\"job\": %llu}", &id) != 1)
		return EXIT_OK;
	job = wait_for(mount, id);
	if (!job) {
		fprintf(stderr, "engramctl: the mount went away\n");
		return EXIT_FAILED;
	}
	code = print_end(job);
	value_unref(job);
	return code;
}

static int is_job(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
	long left = strtol((*a)->d_name, NULL, 10);
	long right = strtol((*b)->d_name, NULL, 10);

	return (left > right) - (left < right);
}

static void print_job(const char *directory, const char *name)
{
	char path[PATH_MAX + 256];
	struct value *job;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	job = ctl_read_json(path);
	if (job)
		printf("%4.0f  %-9s %3.0f%%  %s  %s\n", number_of(job, "id"),
		       text_of(job, "state"), 100 * number_of(job, "progress"),
		       text_of(job, "command"), text_of(job, "error"));
	value_unref(job);
}

enum exit_code ctl_list_jobs(const char *mount)
{
	char directory[PATH_MAX];
	struct dirent **names = NULL;
	int count;

	snprintf(directory, sizeof(directory), "%s/.engram/jobs", mount);
	count = scandir(directory, &names, is_job, by_number);
	if (count < 0) {
		fprintf(stderr, "engramctl: %s: %s\n", directory,
		        strerror(errno));
		return EXIT_FAILED;
	}
	for (int i = 0; i < count; i++) {
		print_job(directory, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return EXIT_OK;
}
