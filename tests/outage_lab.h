/* SPDX-License-Identifier: MIT */
/*
 * outage_lab.h - a store before a mem store that can go away
 *
 * The set-up of the tests of outage.h.  Functions without a store of their own
 * use the one before, and the collection of patterns.
 */
#ifndef ENGRAMFS_TESTS_OUTAGE_LAB_H
#define ENGRAMFS_TESTS_OUTAGE_LAB_H

#include "backends/change.h"
#include "backends/mem.h"
#include "backends/outage.h"
#include "backends/settings.h"
#include "tests/scratch.h"

#include <pthread.h>

#define PATIENCE_MS 30000

struct outage_lab {
	struct scratch scratch;
	struct settings settings;
	struct store *inner;
	struct store *store;
	const struct collection *wm;
	pthread_mutex_t lock;
	int begun;
	int ended;
	int refused;
	int cause; /* of the last refusal */
	size_t refused_bytes;
	int answer; /* to a refusal (outage_event_fn) */
};

int outage_lab_refusals(struct outage_lab *lab);
const struct collection *outage_lab_find_row(const char *path);
/* A new, empty storage behind the next store. */
void outage_lab_make_inner(struct outage_lab *lab);
void outage_lab_open_store(struct outage_lab *lab);
/* The storage goes with it. */
void outage_lab_close_store(struct outage_lab *lab);
int outage_lab_set_up(void **state);
int outage_lab_tear_down(void **state);
struct key outage_lab_key_of(const char *text);
/* An array of one double. */
int outage_lab_put_number(struct store *store, const struct collection *row,
                          const char *key, double number, int64_t expires_ms);
int outage_lab_put(struct outage_lab *lab, const char *key, double number);
int outage_lab_put_fields(struct outage_lab *lab, const char *key,
                          const char *json);
/* The ARRAY of the pattern, or its fields. */
int outage_lab_drop(struct outage_lab *lab, const char *key, bool array);
int outage_lab_try_get(struct store *store, const char *key);
double outage_lab_number_in(struct store *store, const char *key);
struct outage_figures outage_lab_figures_of(struct outage_lab *lab);
void outage_lab_pause_ms(long ms);
void outage_lab_wait_until_delivered(struct outage_lab *lab);
/* All patterns. */
int outage_lab_list(struct outage_lab *lab, struct record_list *out);
/* Those of STORE, a line for each. */
void outage_lab_dump(struct outage_lab *lab, struct store *store,
                     struct blob *out);

/* The storage is there, and nothing waits for it. */
bool outage_lab_is_done(struct outage_lab *lab);
void outage_lab_wait_until(struct outage_lab *lab,
                           bool (*is_so)(struct outage_lab *lab));

/* A descriptor of the directory of the changes. */
int outage_lab_open_spool(struct outage_lab *lab);
/* How many files of changes have names that end with SUFFIX; the last one's. */
int outage_lab_count_files(struct outage_lab *lab, const char *suffix,
                           char name[256]);

#endif
