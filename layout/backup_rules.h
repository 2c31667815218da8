/* SPDX-License-Identifier: MIT */
/*
 * backup_rules.h - which backups are due, and which may go
 *
 * Nothing but the backups that are there is asked: what was missed while
 * nothing was mounted is due at the next mount.
 *
 * Threads:    no state.
 */
#ifndef ENGRAMFS_LAYOUT_BACKUP_RULES_H
#define ENGRAMFS_LAYOUT_BACKUP_RULES_H

#include "backends/schedule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct backup_rules {
	struct schedule list[SCHEDULE_KINDS];
	size_t count;
	int max_backups; /* of SCHEDULE_INTERVAL; 0: all are kept */
	double since;    /* when the store was mounted */
};

#define BACKUP_NAME_SIZE 17     /* 20261120T170102Z and the end */
#define BACKUP_OTHER (1u << 31) /* a schedule that is not known here */

/* A backup that is there.  Of several ones the oldest comes first. */
struct backup_entry {
	char name[BACKUP_NAME_SIZE];
	unsigned int schedules; /* that made it, as a mask; 0: a user did */
	double created;
	uint64_t stored; /* bytes */
	bool whole;      /* all files are there, in their sizes */
};

/* The schedules that are due at NOW, as a mask. */
unsigned int backup_rules_due(const struct backup_rules *rules,
                              const struct backup_entry *entries, size_t count,
                              double now);

/* When the next one is due; 0: never. */
double backup_rules_next(const struct backup_rules *rules,
                         const struct backup_entry *entries, size_t count,
                         double now);

/* Entry I may go: schedules made it, none of them keeps it any longer, and it
 * is not the last one that is whole. */
bool backup_rules_expired(const struct backup_rules *rules,
                          const struct backup_entry *entries, size_t count,
                          size_t i, double now);

#endif
