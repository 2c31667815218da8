/* SPDX-License-Identifier: MIT */
/*
 * backups_internal.h - what backups.c and backups_show.c share
 */
#ifndef ENGRAMFS_LAYOUT_BACKUPS_INTERNAL_H
#define ENGRAMFS_LAYOUT_BACKUPS_INTERNAL_H

#include "layout/backups.h"

#include <pthread.h>

struct backups {
	char *store;
	char *directory;
	bool is_inside; /* DIRECTORY is that of the store */
	bool compressed;
	struct seal_key *key; /* or NULL */
	struct backup_rules rules;

	pthread_mutex_t lock; /* of what follows */
	uint64_t attempts;    /* of this mount */
	uint64_t failures;
	double failed; /* when the last attempt failed; 0: it did not */
	char why[WHY_SIZE];
};

#endif
