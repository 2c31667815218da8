/* SPDX-License-Identifier: MIT */
#include "fs/settings_row.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/log.h"
#include "backends/schedule.h"
#include "backends/value.h"

#define SECRET_MAX 4096

static int replace_text(char **slot, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*slot);
	*slot = copy;
	return 0;
}

static struct value *show_text_or_null(const char *text)
{
	return text ? value_new_text(text, strlen(text)) : value_new_null();
}

static int parse_text(const struct setting_row *row, const char *text,
                      const char *directory, void *slot,
                      char why[SETTINGS_WHY_SIZE])
{
	(void)row;
	(void)directory;
	if (!text[0]) {
		snprintf(why, SETTINGS_WHY_SIZE,
		         "an empty text is not allowed");
		return -EINVAL;
	}
	return replace_text(slot, text);
}

/* Relative to the store. */
static int parse_file(const struct setting_row *row, const char *text,
                      const char *directory, void *slot,
                      char why[SETTINGS_WHY_SIZE])
{
	struct blob path = { 0 };
	int rc = 0;

	if (text[0] && text[0] != '/')
		rc = blob_printf(&path, "%s/", directory);
	if (rc == 0)
		rc = blob_append_text(&path, text);
	if (rc == 0)
		rc = parse_text(row, path.data ? path.data : "", directory,
		                slot, why);
	blob_release(&path);
	return rc;
}

static struct value *show_text(const struct setting_row *row, const void *slot)
{
	(void)row;
	return show_text_or_null(*(char *const *)slot);
}

static struct value *show_secret(const struct setting_row *row,
                                 const void *slot)
{
	(void)row;
	return show_text_or_null(*(char *const *)slot ? "********" : NULL);
}

/* Reads up to the first line's end; OUT has room for SECRET_MAX + 1 bytes. */
static int read_secret(int fd, char *out)
{
	ssize_t size = read(fd, out, SECRET_MAX + 1);

	if (size < 0)
		return -errno;
	if (size > SECRET_MAX)
		return -EFBIG;
	out[size] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	return out[0] ? 0 : -ENODATA;
}

static int open_secret(const char *path, const char *directory)
{
	struct blob full = { 0 };
	int fd;

	if (path[0] != '/' && blob_printf(&full, "%s/", directory) < 0)
		return -ENOMEM;
	if (blob_append_text(&full, path) < 0) {
		blob_release(&full);
		return -ENOMEM;
	}
	fd = open(full.data, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	blob_release(&full);
	return fd;
}

static int parse_secret_file(const struct setting_row *row, const char *text,
                             const char *directory, void *slot,
                             char why[SETTINGS_WHY_SIZE])
{
	char secret[SECRET_MAX + 2];
	struct stat stat;
	int fd = open_secret(text, directory);
	int rc = fd < 0 ? fd : read_secret(fd, secret);

	(void)row;
	if (rc == 0 && fstat(fd, &stat) == 0 && (stat.st_mode & 077))
		log_warn("settings: %s: other users may read this password "
		         "(chmod 600)",
		         text);
	if (rc == 0)
		rc = replace_text(slot, secret);
	else
		snprintf(why, SETTINGS_WHY_SIZE,
		         "%s: %s; a file with the password in its first line "
		         "is needed",
		         text, rc == -ENODATA ? "empty" : strerror(-rc));
	if (fd >= 0)
		close(fd);
	explicit_bzero(secret, sizeof(secret));
	return rc == -ENOMEM ? rc : rc ? -EINVAL : 0;
}

/* The position of TEXT in WORDS, or -EINVAL and the words in WHY. */
static int find_word(const char *const *words, const char *text,
                     char why[SETTINGS_WHY_SIZE])
{
	int length =
	    snprintf(why, SETTINGS_WHY_SIZE, "\"%s\" is not one of", text);

	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], text) == 0)
			return i;
		if (length < SETTINGS_WHY_SIZE)
			length += snprintf(why + length,
			                   (size_t)(SETTINGS_WHY_SIZE - length),
			                   "%s %s", i ? "," : "", words[i]);
	}
	return -EINVAL;
}

static int parse_choice(const struct setting_row *row, const char *text,
                        const char *directory, void *slot,
                        char why[SETTINGS_WHY_SIZE])
{
	int word = find_word(row->words, text, why);

	(void)directory;
	return word < 0 ? word : replace_text(slot, text);
}

static int parse_enum(const struct setting_row *row, const char *text,
                      const char *directory, void *slot,
                      char why[SETTINGS_WHY_SIZE])
{
	int word = find_word(row->words, text, why);

	(void)directory;
	if (word < 0)
		return word;
	*(int *)slot = word;
	return 0;
}

static struct value *show_enum(const struct setting_row *row, const void *slot)
{
	return show_text_or_null(row->words[*(const int *)slot]);
}

/* What YAML 1.1, and so Python's yaml, takes for a truth value; and 1 and 0,
 * which environments like. */
static int parse_bool(const struct setting_row *row, const char *text,
                      const char *directory, void *slot,
                      char why[SETTINGS_WHY_SIZE])
{
	static const char *const words[] = { "false", "true", "no",
		                             "yes",   "off",  "on",
		                             "0",     "1",    NULL };

	(void)row;
	(void)directory;
	for (size_t i = 0; words[i]; i++) {
		if (strcasecmp(words[i], text) == 0) {
			*(bool *)slot = i % 2;
			return 0;
		}
	}
	snprintf(why, SETTINGS_WHY_SIZE, "\"%s\" is not true or false", text);
	return -EINVAL;
}

static struct value *show_bool(const struct setting_row *row, const void *slot)
{
	(void)row;
	return value_new_bool(*(const bool *)slot);
}

static int parse_number(const struct setting_row *row, const char *text,
                        int64_t *out, char why[SETTINGS_WHY_SIZE])
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno == 0 && isdigit((unsigned char)text[0]) && !*end &&
	    number >= row->min && number <= row->max) {
		*out = number;
		return 0;
	}
	snprintf(why, SETTINGS_WHY_SIZE,
	         "\"%s\" is not a number from %lld to %lld", text,
	         (long long)row->min, (long long)row->max);
	return -EINVAL;
}

static int parse_int(const struct setting_row *row, const char *text,
                     const char *directory, void *slot,
                     char why[SETTINGS_WHY_SIZE])
{
	int64_t number;
	int rc = parse_number(row, text, &number, why);

	(void)directory;
	if (rc == 0)
		*(int *)slot = (int)number;
	return rc;
}

static struct value *show_int(const struct setting_row *row, const void *slot)
{
	(void)row;
	return value_new_int(*(const int *)slot);
}

static int parse_int64(const struct setting_row *row, const char *text,
                       const char *directory, void *slot,
                       char why[SETTINGS_WHY_SIZE])
{
	(void)directory;
	return parse_number(row, text, slot, why);
}

static struct value *show_int64(const struct setting_row *row, const void *slot)
{
	(void)row;
	return value_new_int(*(const int64_t *)slot);
}

static int parse_real(const struct setting_row *row, const char *text,
                      const char *directory, void *slot,
                      char why[SETTINGS_WHY_SIZE])
{
	char *end;
	double number = strtod(text, &end);

	(void)directory;
	if ((isdigit((unsigned char)text[0]) || text[0] == '.') &&
	    !strpbrk(text, "xX") && !*end && isfinite(number) &&
	    number >= (double)row->min && number <= (double)row->max) {
		*(double *)slot = number;
		return 0;
	}
	snprintf(why, SETTINGS_WHY_SIZE,
	         "\"%s\" is not a number of seconds from %lld to %lld", text,
	         (long long)row->min, (long long)row->max);
	return -EINVAL;
}

static struct value *show_real(const struct setting_row *row, const void *slot)
{
	(void)row;
	return value_new_float(*(const double *)slot);
}

static int parse_schedules(const struct setting_row *row, const char *text,
                           const char *directory, void *slot,
                           char why[SETTINGS_WHY_SIZE])
{
	struct schedule list[SCHEDULE_KINDS];
	char reason[WHY_SIZE];
	size_t count;

	(void)row;
	(void)directory;
	if (schedule_parse(text, list, &count, reason)) {
		snprintf(why, SETTINGS_WHY_SIZE, "%s", reason);
		return -EINVAL;
	}
	return replace_text(slot, text);
}

const struct setting_kind setting_text = { parse_text, show_text };
const struct setting_kind setting_file = { parse_file, show_text };
const struct setting_kind setting_secret = { parse_text, show_secret };
const struct setting_kind setting_secret_file = { parse_secret_file,
	                                          show_secret };
const struct setting_kind setting_choice = { parse_choice, show_text };
const struct setting_kind setting_enum = { parse_enum, show_enum };
const struct setting_kind setting_bool = { parse_bool, show_bool };
const struct setting_kind setting_int = { parse_int, show_int };
const struct setting_kind setting_int64 = { parse_int64, show_int64 };
const struct setting_kind setting_real = { parse_real, show_real };
const struct setting_kind setting_schedules = { parse_schedules, show_text };
