/* SPDX-License-Identifier: MIT */
#include "backends/schedule.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MINUTE ((int64_t)60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define YEAR (365 * DAY)
#define LONGEST (1000 * YEAR)
#define SEPARATORS " ,"

/* The figures are those of the lab's framework. */
static const struct {
	const char *name;
	int64_t interval;
	int64_t retention;
} kinds[SCHEDULE_KINDS] = {
	[SCHEDULE_INTERVAL] = { "interval", HOUR, 0 },
	[SCHEDULE_REAL_TIME] = { "real_time", 5 * MINUTE, 7 * DAY },
	[SCHEDULE_HOURLY] = { "hourly", HOUR, 30 * DAY },
	[SCHEDULE_DAILY] = { "daily", DAY, 90 * DAY },
	[SCHEDULE_WEEKLY] = { "weekly", WEEK, 365 * DAY },
	[SCHEDULE_MONTHLY] = { "monthly", 0, 7 * YEAR },
};

static const struct {
	const char *name;
	int64_t seconds;
} units[] = {
	{ "s", 1 },   { "min", MINUTE }, { "h", HOUR },
	{ "d", DAY }, { "w", WEEK },     { "y", YEAR },
};

const char *schedule_name(enum schedule_kind kind)
{
	return kinds[kind].name;
}

int schedule_find(const char *name, size_t size)
{
	for (int i = 0; i < SCHEDULE_KINDS; i++)
		if (strlen(kinds[i].name) == size &&
		    memcmp(kinds[i].name, name, size) == 0)
			return i;
	return -1;
}

/* "30d"; the text goes on behind it at NEXT. */
static int parse_time(const char *text, const char **next, int64_t *out)
{
	char *end;
	long long number;
	size_t size;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (!isdigit((unsigned char)*text) || errno || number <= 0)
		return -EINVAL;
	size = strspn(end, "abcdefghijklmnopqrstuvwxyz");
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strlen(units[i].name) != size ||
		    memcmp(units[i].name, end, size) != 0)
			continue;
		if (number > LONGEST / units[i].seconds)
			return -EINVAL;
		*out = number * units[i].seconds;
		*next = end + size;
		return 0;
	}
	return -EINVAL;
}

static int parse_one(const char *text, size_t size, struct schedule *out)
{
	const char *next = text + strcspn(text, "/=" SEPARATORS);
	int kind = schedule_find(text, (size_t)(next - text));
	int rc = 0;

	if (kind <= SCHEDULE_INTERVAL)
		return -EINVAL;
	*out = (struct schedule){ .kind = (enum schedule_kind)kind,
		                  .interval = kinds[kind].interval,
		                  .retention = kinds[kind].retention };
	if (*next == '/')
		rc = parse_time(next + 1, &next, &out->interval);
	if (rc == 0 && *next == '=')
		rc = parse_time(next + 1, &next, &out->retention);
	return rc == 0 && next == text + size ? 0 : -EINVAL;
}

static bool has_kind(const struct schedule *list, size_t count,
                     enum schedule_kind kind)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].kind == kind)
			return true;
	return false;
}

int schedule_parse(const char *text, struct schedule *out, size_t *count,
                   char why[WHY_SIZE])
{
	size_t size;

	*count = 0;
	for (text += strspn(text, SEPARATORS); *text;
	     text += size + strspn(text + size, SEPARATORS)) {
		struct schedule one;

		size = strcspn(text, SEPARATORS);
		if (parse_one(text, size, &one) ||
		    has_kind(out, *count, one.kind)) {
			snprintf(why, WHY_SIZE,
			         "\"%.*s\" is no schedule, or a second one; "
			         "wanted is real_time, hourly, daily, weekly "
			         "or monthly, each once, with =RETENTION as "
			         "in hourly=30d",
			         (int)(size < 60 ? size : 60), text);
			return -EINVAL;
		}
		out[(*count)++] = one;
	}
	return 0;
}

double schedule_next(const struct schedule *schedule, double last)
{
	time_t whole = (time_t)last;
	struct tm utc;

	if (schedule->interval)
		return last + (double)schedule->interval;
	gmtime_r(&whole, &utc);
	utc.tm_mon++;
	return (double)timegm(&utc);
}
