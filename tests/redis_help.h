/* SPDX-License-Identifier: MIT */
/*
 * redis_help.h - what the tests of the Redis backend share
 *
 * Servers are real ones, on private sockets in directories of their own, and
 * end with the test program however that ends.  What fails here fails the test.
 */
#ifndef ENGRAMFS_TESTS_REDIS_HELP_H
#define ENGRAMFS_TESTS_REDIS_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/backend.h"
#include "backends/settings.h"

#include <sys/types.h>

/* What one test works with; set up empty, torn down whatever is there. */
struct redis_help {
	char directory[96]; /* empty, removed afterwards */
	char socket[128];   /* of the external server */
	pid_t pid;          /* of the external server, 0: none */
	struct settings settings;
	struct store *store;
};

int help_set_up(void **state);
int help_tear_down(void **state);

#define REDIS_TEST(function)                                                   \
	cmocka_unit_test_setup_teardown(function, help_set_up, help_tear_down)

/* Start an external server, with more OPTIONS, and wait until it answers. */
void help_start_server(struct redis_help *help, const char *options);
void help_kill_server(struct redis_help *help);

/* Open a store on the external server. */
void help_open_external(struct redis_help *help);
/* Open the store in DIRECTORY with an embedded server. */
void help_open_embedded(struct redis_help *help, const char *directory);
void help_close(struct redis_help *help);

/* Run a program, the last argument NULL; it must succeed.  Its output is the
 * caller's to free. */
char *help_run(const char *program, ...);
/* redis-cli on the external server. */
char *help_cli(const struct redis_help *help, const char *command);

/* Milliseconds on some clock. */
int64_t help_clock_ms(void);
void help_sleep_ms(long ms);

/* The server that has DIRECTORY/redis for its working directory, or 0. */
pid_t help_find_server(const char *directory);

/* Where the working memory is. */
extern const struct collection *const help_wm;

struct key help_key(const char *text);
int help_get(struct redis_help *help, const char *key, struct record *out);
/* -ENOENT and so on; the record is not looked at. */
int help_try_get(struct redis_help *help, const char *key);
int help_put(struct redis_help *help, const char *key, struct change *change);
struct change help_change(void);
/* COUNT doubles from FIRST on. */
int help_put_doubles(struct redis_help *help, const char *key, size_t count,
                     double first);
int help_put_fields(struct redis_help *help, const char *key, const char *json);
/* The first double of the array at KEY. */
double help_first_double(struct redis_help *help, const char *key);

#endif
