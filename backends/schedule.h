/* SPDX-License-Identifier: MIT */
/*
 * schedule.h - when a backup is due, and how long it is kept
 *
 * The text of a schedule is `NAME[/INTERVAL][=RETENTION]`, of several ones with
 * spaces or commas between: "hourly=30d daily=90d monthly=7y".  Times are a
 * number and s, min, h, d, w or y.
 *
 * Errors:     0 or a negative errno value.
 * Threads:    no state.
 */
#ifndef ENGRAMFS_BACKENDS_SCHEDULE_H
#define ENGRAMFS_BACKENDS_SCHEDULE_H

#include "backends/array.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers of the schedules; a set of them is a mask of 1 << number. */
enum schedule_kind {
	SCHEDULE_INTERVAL, /* sqlite.backup_interval; no text has it */
	SCHEDULE_REAL_TIME,
	SCHEDULE_HOURLY,
	SCHEDULE_DAILY,
	SCHEDULE_WEEKLY,
	SCHEDULE_MONTHLY,
	SCHEDULE_KINDS,
};

struct schedule {
	enum schedule_kind kind;
	int64_t interval;  /* seconds; 0: a month of the calendar */
	int64_t retention; /* seconds; 0: for ever */
};

/* "hourly".  -1 where no schedule has the name. */
const char *schedule_name(enum schedule_kind kind);
int schedule_find(const char *name, size_t size);

/* OUT has room for SCHEDULE_KINDS.  -EINVAL: WHY says what is wrong. */
int schedule_parse(const char *text, struct schedule *out, size_t *count,
                   char why[WHY_SIZE]);

/* When the one after that of time LAST (seconds since 1970) is due. */
double schedule_next(const struct schedule *schedule, double last);

#endif
