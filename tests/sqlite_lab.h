/* SPDX-License-Identifier: MIT */
/*
 * sqlite_lab.h - a store with a SQLite database, for tests
 *
 * Helpers that meet what should not be fail the test.
 */
#ifndef ENGRAMFS_TESTS_SQLITE_LAB_H
#define ENGRAMFS_TESTS_SQLITE_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/backend.h"
#include "backends/settings.h"

extern const struct backend sqlite_backend;

#define LEGACY TESTS_DIRECTORY "/data/legacy/godly_ai.db"

struct lab {
	char directory[64];
	char database[96];
	struct settings settings;
	struct store *store;
	char why[WHY_SIZE]; /* of the last open or put */
};

/* An empty directory; nothing is open. */
int lab_set_up(void **state);
int lab_tear_down(void **state);

/* The Python classes' database becomes the lab's. */
void lab_use_legacy(struct lab *lab);
/* What opening returns. */
int lab_open(struct lab *lab);
void lab_close(struct lab *lab);

const struct collection *lab_episodes(void);
const struct collection *lab_concepts(void);

struct key text_key(const char *text);
struct change no_change(void);

int lab_put(struct lab *lab, const struct collection *collection,
            const char *key, struct change *change);
/* Set fields; JSON with one quote for two: {'a': 1}. */
int lab_put_json(struct lab *lab, const struct collection *collection,
                 const char *key, const char *json);
/* Set the array NAME to 0, 1, ... LAST. */
int lab_put_array(struct lab *lab, const struct collection *collection,
                  const char *key, const char *name, size_t last);

void lab_get(struct lab *lab, const struct collection *collection,
             const char *key, struct record *out);
bool lab_exists(struct lab *lab, const struct collection *collection,
                const char *key);
/* The fields' JSON text is JSON (one quote for two). */
void lab_assert_field(struct lab *lab, const struct collection *collection,
                      const char *key, const char *field, const char *json);

/* Run sqlite_truth.py COMMAND on the lab's database; ends with NULL.  Its exit
 * status. */
int lab_truth(struct lab *lab, const char *command, ...);

#endif
