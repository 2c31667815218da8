/* SPDX-License-Identifier: MIT */
#include "tests/sqlite_lab.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/json.h"
#include "layout/tree.h"

#define MAX_ARGUMENTS 16

int lab_set_up(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));
	const char *parent = getenv("TMPDIR");

	if (!lab)
		return -1;
	snprintf(lab->directory, sizeof(lab->directory), "%.40s/lab-XXXXXX",
	         parent ? parent : "/tmp");
	if (!mkdtemp(lab->directory) || settings_init(&lab->settings) != 0)
		return -1;
	snprintf(lab->database, sizeof(lab->database), "%s/godly_ai.db",
	         lab->directory);
	*state = lab;
	return 0;
}

static int remove_one(const char *path, const struct stat *stat, int type,
                      struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

int lab_tear_down(void **state)
{
	struct lab *lab = *state;
	int rc;

	lab_close(lab);
	settings_release(&lab->settings);
	rc = nftw(lab->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(lab);
	return rc;
}

void lab_use_legacy(struct lab *lab)
{
	FILE *from = fopen(LEGACY, "rb");
	FILE *to = fopen(lab->database, "wb");
	char buffer[4096];
	size_t size;

	assert_non_null(from);
	assert_non_null(to);
	while ((size = fread(buffer, 1, sizeof(buffer), from)) > 0)
		assert_int_equal(fwrite(buffer, 1, size, to), size);
	fclose(from);
	assert_int_equal(fclose(to), 0);
}

int lab_open(struct lab *lab)
{
	lab->why[0] = '\0';
	return sqlite_backend.open(lab->directory, &lab->settings, &lab->store,
	                           lab->why);
}

void lab_close(struct lab *lab)
{
	sqlite_backend.close(lab->store);
	lab->store = NULL;
}

static const struct collection *find(const char *path)
{
	const struct collection *row = tree_collections;

	while (row->path && strcmp(row->path, path) != 0)
		row++;
	assert_non_null(row->path);
	return row;
}

const struct collection *lab_episodes(void)
{
	return find("episodes");
}

const struct collection *lab_concepts(void)
{
	return find("concepts");
}

struct key text_key(const char *text)
{
	return (struct key){ text, strlen(text) };
}

struct change no_change(void)
{
	return (struct change){ .fields_mtime = { .tv_nsec = UTIME_NOW },
		                .array_mtime = { .tv_nsec = UTIME_NOW },
		                .expires_ms = EXPIRES_KEEP };
}

int lab_put(struct lab *lab, const struct collection *collection,
            const char *key, struct change *change)
{
	int rc = sqlite_backend.put(lab->store, collection, text_key(key),
	                            change, NULL);

	memcpy(lab->why, change->why, WHY_SIZE);
	return rc;
}

static struct value *parse(const char *json)
{
	char *text = strdup(json);
	char why[WHY_SIZE];
	struct value *value;

	assert_non_null(text);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	assert_int_equal(
	    json_parse(text, strlen(text), JSON_ARRAYS_REFUSE, &value, why), 0);
	free(text);
	return value;
}

int lab_put_json(struct lab *lab, const struct collection *collection,
                 const char *key, const char *json)
{
	struct value *fields = parse(json);
	struct change change = no_change();
	int rc;

	change.fields_action = PART_SET;
	change.fields = fields;
	rc = lab_put(lab, collection, key, &change);
	value_unref(fields);
	return rc;
}

int lab_put_array(struct lab *lab, const struct collection *collection,
                  const char *key, const char *name, size_t last)
{
	double *numbers = calloc(last + 1, sizeof(*numbers));
	struct array array = { .data = numbers };
	struct change change = no_change();
	int rc;

	assert_non_null(numbers);
	for (size_t i = 0; i <= last; i++)
		numbers[i] = (double)i;
	dtype_plain(&array.info.dtype, 'f', sizeof(*numbers));
	array.info.ndim = 1;
	array.info.shape[0] = last + 1;
	assert_int_equal(array_info_measure(&array.info), 0);
	change.array_action = PART_SET;
	change.array_name = name;
	change.array = &array;
	rc = lab_put(lab, collection, key, &change);
	array_release(&array);
	free(numbers);
	return rc;
}

void lab_get(struct lab *lab, const struct collection *collection,
             const char *key, struct record *out)
{
	assert_int_equal(
	    sqlite_backend.get(lab->store, collection, text_key(key), out), 0);
}

bool lab_exists(struct lab *lab, const struct collection *collection,
                const char *key)
{
	struct record record = { 0 };
	int rc =
	    sqlite_backend.get(lab->store, collection, text_key(key), &record);

	record_release(&record);
	return rc == 0;
}

void lab_assert_field(struct lab *lab, const struct collection *collection,
                      const char *key, const char *field, const char *json)
{
	struct value *expected = parse(json);
	struct record record;
	const struct value *value;

	lab_get(lab, collection, key, &record);
	value = value_dict_get(record.fields, field);
	assert_non_null(value);
	assert_true(value_equal(value, expected));
	record_release(&record);
	value_unref(expected);
}

int lab_truth(struct lab *lab, const char *command, ...)
{
	static char python[] = "/usr/bin/python3";
	static char script[] = TESTS_DIRECTORY "/data/sqlite_truth.py";
	char *arguments[MAX_ARGUMENTS] = { python, script };
	size_t count = 2;
	int status = 0;
	va_list more;
	pid_t child;

	arguments[count++] = strdup(command);
	arguments[count++] = strdup(lab->database);
	va_start(more, command);
	for (const char *text; (text = va_arg(more, const char *));)
		arguments[count++] = strdup(text);
	va_end(more);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		unsetenv("LD_PRELOAD");
		execv(python, arguments);
		_exit(127);
	}
	while (count > 2)
		free(arguments[--count]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
