/* SPDX-License-Identifier: MIT */
#include "tests/redis_help.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backends/json.h"
#include "layout/tree.h"

#define MAX_ARGUMENTS 16
#define START_TRIES 500

const struct collection *const help_wm = &tree_collections[0];

int64_t help_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void help_sleep_ms(long ms)
{
	struct timespec pause = { .tv_sec = ms / 1000,
		                  .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&pause, NULL);
}

static int remove_one(const char *path, const struct stat *stat, int type,
                      struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

int help_set_up(void **state)
{
	struct redis_help *help = calloc(1, sizeof(*help));
	const char *parent = getenv("TMPDIR");

	assert_non_null(help);
	snprintf(help->directory, sizeof(help->directory), "%s/redis-XXXXXX",
	         parent ? parent : "/tmp");
	assert_non_null(mkdtemp(help->directory));
	snprintf(help->socket, sizeof(help->socket), "%s/outside.sock",
	         help->directory);
	assert_int_equal(settings_init(&help->settings), 0);
	*state = help;
	return 0;
}

int help_tear_down(void **state)
{
	struct redis_help *help = *state;

	help_close(help);
	help_kill_server(help);
	settings_release(&help->settings);
	nftw(help->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(help);
	return 0;
}

/* The child's output goes to OUTPUT, unless that is negative. */
static pid_t start(char **arguments, int output)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (output >= 0)
		dup2(output, STDOUT_FILENO);
	execvp(arguments[0], arguments);
	_exit(127);
}

static bool answers(const struct redis_help *help)
{
	char command[256];

	snprintf(command, sizeof(command),
	         "redis-cli -s %s ping 2>/dev/null | grep -q .", help->socket);
	return system(command) == 0;
}

void help_start_server(struct redis_help *help, const char *options)
{
	char line[512];

	snprintf(line, sizeof(line),
	         "exec redis-server --port 0 --unixsocket %s --save '' "
	         "--dir %s --logfile /dev/null %s",
	         help->socket, help->directory, options);
	help->pid = start(
	    (char *[]){ (char[]){ "sh" }, (char[]){ "-c" }, line, NULL }, -1);
	for (int i = 0; i < START_TRIES && !answers(help); i++)
		help_sleep_ms(10);
	assert_true(answers(help));
}

void help_kill_server(struct redis_help *help)
{
	if (help->pid == 0)
		return;
	kill(help->pid, SIGKILL);
	waitpid(help->pid, NULL, 0);
	help->pid = 0;
}

static void open_store(struct redis_help *help, const char *directory)
{
	const struct backend *redis = backend_find("redis");
	char why[WHY_SIZE] = "";
	int rc = redis->open(directory, &help->settings, &help->store, why);

	if (rc)
		fail_msg("open: %s: %s", strerror(-rc), why);
}

void help_open_external(struct redis_help *help)
{
	if (!help->settings.redis.host)
		help->settings.redis.host = strdup(help->socket);
	open_store(help, help->directory);
}

void help_open_embedded(struct redis_help *help, const char *directory)
{
	open_store(help, directory);
}

void help_close(struct redis_help *help)
{
	if (help->store)
		help->store->backend->close(help->store);
	help->store = NULL;
}

static char *read_all(int fd)
{
	struct blob text = { 0 };
	char buffer[4096];
	ssize_t size;

	while ((size = read(fd, buffer, sizeof(buffer))) > 0)
		assert_int_equal(blob_append(&text, buffer, (size_t)size), 0);
	assert_int_equal(blob_append_text(&text, ""), 0);
	return text.data;
}

static char *run(char **arguments)
{
	int pipe[2];
	int status;
	char *text;
	pid_t pid;

	assert_int_equal(pipe2(pipe, O_CLOEXEC), 0);
	pid = start(arguments, pipe[1]);
	close(pipe[1]);
	text = read_all(pipe[0]);
	close(pipe[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("%s failed:\n%s", arguments[0], text);
	return text;
}

static void take_arguments(char **arguments, size_t count, va_list args)
{
	do {
		const char *text = va_arg(args, const char *);

		assert_true(count < MAX_ARGUMENTS);
		arguments[count] = text ? strdup(text) : NULL;
	} while (arguments[count++]);
}

static char *run_and_free(char **arguments)
{
	char *text = run(arguments);

	for (size_t i = 0; arguments[i]; i++)
		free(arguments[i]);
	return text;
}

char *help_run(const char *program, ...)
{
	char *arguments[MAX_ARGUMENTS] = { strdup(program) };
	va_list args;

	va_start(args, program);
	take_arguments(arguments, 1, args);
	va_end(args);
	return run_and_free(arguments);
}

char *help_cli(const struct redis_help *help, const char *command)
{
	char line[512];

	snprintf(line, sizeof(line), "redis-cli -s %s %s", help->socket,
	         command);
	return help_run("sh", "-c", line, NULL);
}

static bool works_in(const char *pid, const char *directory)
{
	char link[64];
	char place[512];
	char path[512];
	ssize_t size;

	snprintf(link, sizeof(link), "/proc/%.20s/cwd", pid);
	snprintf(place, sizeof(place), "%s/redis", directory);
	size = readlink(link, path, sizeof(path) - 1);
	if (size < 0)
		return false;
	path[size] = '\0';
	return strcmp(path, place) == 0;
}

pid_t help_find_server(const char *directory)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	assert_non_null(processes);
	while (!found && (entry = readdir(processes)))
		if (works_in(entry->d_name, directory))
			found = (pid_t)strtol(entry->d_name, NULL, 10);
	closedir(processes);
	return found;
}

struct key help_key(const char *text)
{
	return (struct key){ text, strlen(text) };
}

int help_get(struct redis_help *help, const char *key, struct record *out)
{
	return help->store->backend->get(help->store, help_wm, help_key(key),
	                                 out);
}

int help_try_get(struct redis_help *help, const char *key)
{
	struct record record = { 0 };
	int rc = help_get(help, key, &record);

	record_release(&record);
	return rc;
}

struct change help_change(void)
{
	return (struct change){
		.expires_ms = EXPIRES_KEEP,
		.fields_mtime = { .tv_nsec = UTIME_NOW },
		.array_mtime = { .tv_nsec = UTIME_NOW },
		.array_name = "",
	};
}

int help_put(struct redis_help *help, const char *key, struct change *change)
{
	return help->store->backend->put(help->store, help_wm, help_key(key),
	                                 change, NULL);
}

int help_put_doubles(struct redis_help *help, const char *key, size_t count,
                     double first)
{
	struct change change = help_change();
	struct array array = { .info = { .ndim = 1, .shape = { count } } };
	int rc;

	dtype_plain(&array.info.dtype, 'f', sizeof(double));
	assert_int_equal(array_info_measure(&array.info), 0);
	assert_int_equal(blob_resize(&array.owned, count * sizeof(double)), 0);
	array.data = array.owned.data;
	for (size_t i = 0; i < count; i++) {
		double element = first + (double)i;

		memcpy(array.owned.data + i * sizeof(element), &element,
		       sizeof(element));
	}
	change.array_action = PART_SET;
	change.array = &array;
	change.expires_ms = EXPIRES_ANEW;
	rc = help_put(help, key, &change);
	array_release(&array);
	return rc;
}

int help_put_fields(struct redis_help *help, const char *key, const char *json)
{
	struct change change = help_change();
	struct value *fields = NULL;
	char why[WHY_SIZE];
	int rc =
	    json_parse(json, strlen(json), JSON_ARRAYS_REFUSE, &fields, why);

	assert_int_equal(rc, 0);
	change.fields_action = PART_SET;
	change.fields = fields;
	rc = help_put(help, key, &change);
	value_unref(fields);
	return rc;
}

double help_first_double(struct redis_help *help, const char *key)
{
	struct reader *reader = NULL;
	double first = 0;
	int rc = help->store->backend->open_array(help->store, help_wm,
	                                          help_key(key), "", &reader);

	assert_int_equal(rc, 0);
	assert_int_equal(reader->ops->read(reader, 0, &first, sizeof(first)),
	                 sizeof(first));
	reader->ops->close(reader);
	return first;
}
