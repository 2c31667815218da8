/* SPDX-License-Identifier: MIT */
#include "layout/command.h"

#include "backends/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_SIZE ((size_t)4096)

static const struct command_row *find_row(const char *name)
{
	for (const struct command_row *row = command_rows; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

/* The parameter that WORD gives; VALUE_OUT: where its value begins. */
static const struct command_parameter *
find_parameter(const struct command_row *row, const char *word,
               const char **value_out)
{
	const struct command_parameter *parameter = row->parameters;
	const char *equals = strchr(word, '=');
	size_t size = equals ? (size_t)(equals - word) : 0;

	for (size_t i = 0; i < COMMAND_PARAMETERS && parameter->name;
	     i++, parameter++) {
		if (equals ? strncmp(parameter->name, word, size) == 0 &&
		                 parameter->name[size] == '\0'
		           : parameter->bare) {
			*value_out = equals ? equals + 1 : word;
			return parameter;
		}
	}
	return NULL;
}

static struct value *read_value(const struct command_parameter *parameter,
                                const char *text, char why[WHY_SIZE])
{
	char *end;
	double number;

	if (!parameter->number)
		return value_new_text(text, strlen(text));
	number = strtod(text, &end);
	if (*text && *end == '\0' && isfinite(number) && number >= 0)
		return value_new_float(number);
	snprintf(why, WHY_SIZE, "%s must be a number that is not negative",
	         parameter->name);
	return NULL;
}

static int add_word(const struct command_row *row, const char *word,
                    struct value *arguments, char why[WHY_SIZE])
{
	const char *text;
	const struct command_parameter *parameter =
	    find_parameter(row, word, &text);
	struct value *value;

	if (!parameter) {
		snprintf(why, WHY_SIZE, "%s: unknown parameter %.60s",
		         row->name, word);
		return -EINVAL;
	}
	if (value_dict_get(arguments, parameter->name)) {
		snprintf(why, WHY_SIZE, "%s: %s is given twice", row->name,
		         parameter->name);
		return -EINVAL;
	}
	value = read_value(parameter, text, why);
	if (!value)
		return why[0] ? -EINVAL : -ENOMEM;
	return value_dict_set(arguments, parameter->name, value);
}

static int check_required(const struct command_row *row,
                          const struct value *arguments, char why[WHY_SIZE])
{
	for (size_t i = 0; i < COMMAND_PARAMETERS && row->parameters[i].name;
	     i++) {
		if (!row->parameters[i].required ||
		    value_dict_get(arguments, row->parameters[i].name))
			continue;
		snprintf(why, WHY_SIZE, "%s: %s is missing", row->name,
		         row->parameters[i].name);
		return -EINVAL;
	}
	return row->check ? row->check(arguments, why) : 0;
}

/* Cuts LINE up. */
static int parse(char *line, const struct command_row **row_out,
                 struct value *arguments, char why[WHY_SIZE])
{
	char *rest = NULL;
	char *word = strtok_r(line, " \t\n", &rest);
	const struct command_row *row = word ? find_row(word) : NULL;
	int rc = 0;

	if (!row) {
		snprintf(why, WHY_SIZE,
		         "unknown command %.60s (reading the file shows the "
		         "commands)",
		         word ? word : "");
		return -EINVAL;
	}
	while (rc == 0 && (word = strtok_r(NULL, " \t\n", &rest)))
		rc = add_word(row, word, arguments, why);
	if (rc == 0)
		rc = check_required(row, arguments, why);
	if (rc == 0)
		*row_out = row;
	return rc;
}

static int run(struct tree *tree, const struct command_row *row,
               const char *line, const struct value *arguments,
               struct blob *reply, char why[WHY_SIZE])
{
	const struct job_task task = { .command = line,
		                       .tree = tree,
		                       .arguments = arguments,
		                       .run = row->run };
	uint64_t id = 0;
	int rc;

	if (row->now) {
		rc = row->now(tree, arguments, why);
		return rc ? rc : blob_append_text(reply, "{}\n");
	}
	rc = jobs_add(tree->jobs, &task, &id);
	if (rc == -EAGAIN)
		snprintf(why, WHY_SIZE, "too many jobs are waiting");
	return rc ? rc
	          : blob_printf(reply, "{\"job\": %llu}\n",
	                        (unsigned long long)id);
}

static int check_line(const char *line, size_t size, char why[WHY_SIZE])
{
	const char *newline = memchr(line, '\n', size);

	if (size > LINE_MAX_SIZE || (newline && newline + 1 != line + size) ||
	    memchr(line, '\0', size) || !utf8_is_valid(line, size)) {
		snprintf(why, WHY_SIZE, "a command is one line of text");
		return -EINVAL;
	}
	return 0;
}

int command_write(struct tree *tree, const void *bytes, size_t size,
                  struct blob *reply, char why[WHY_SIZE])
{
	const struct command_row *row;
	struct value *arguments = value_new_dict();
	struct blob line = { 0 };
	struct blob words = { 0 };
	int rc = arguments ? check_line(bytes, size, why) : -ENOMEM;

	if (rc == 0)
		rc = blob_set(&line, bytes, size);
	if (rc == 0)
		line.data[strcspn(line.data, "\n")] = '\0';
	if (rc == 0)
		rc = blob_set(&words, bytes, size);
	if (rc == 0)
		rc = parse(words.data, &row, arguments, why);
	if (rc == 0)
		rc = run(tree, row, line.data, arguments, reply, why);
	blob_release(&words);
	blob_release(&line);
	value_unref(arguments);
	return rc;
}

static int list_parameters(const struct command_row *row, struct blob *out)
{
	int rc = 0;

	for (size_t i = 0;
	     rc == 0 && i < COMMAND_PARAMETERS && row->parameters[i].name;
	     i++) {
		const struct command_parameter *parameter = &row->parameters[i];

		rc = blob_printf(
		    out, parameter->required ? " %s=%s" : " [%s=%s]",
		    parameter->name, parameter->number ? "NUMBER" : "TEXT");
	}
	return rc;
}

int command_list(struct blob *out)
{
	int rc = 0;

	for (const struct command_row *row = command_rows; rc == 0 && row->name;
	     row++) {
		rc = blob_append_text(out, row->name);
		if (rc == 0)
			rc = list_parameters(row, out);
		if (rc == 0)
			rc = blob_printf(out, "  # %s\n", row->help);
	}
	return rc;
}
