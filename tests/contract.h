/* SPDX-License-Identifier: MIT */
/*
 * contract.h - one test suite for all backends
 *
 * A contract_test is one promise of backends/backend.h.  test_contract.c runs
 * each of them once for every collection of the backend that has what the test
 * needs, every time on a store of its own in an empty directory.
 *
 * A helper that finds a broken promise fails the test.
 */
#ifndef ENGRAMFS_TESTS_CONTRACT_H
#define ENGRAMFS_TESTS_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/backend.h"
#include "backends/settings.h"

/* What a test runs on. */
struct contract {
	const struct contract_test *test;
	const struct backend *kind;    /* opens the store */
	const struct backend *backend; /* the opened store's */
	struct collection collection;
	char name[160];     /* of the test and the collection */
	char directory[96]; /* of the store */
	struct settings settings;
	struct store *store;
};

/* What a collection must have for a test: one of the shapes, and the rest. */
enum contract_needs {
	PAIRS = 1 << RECORD_PAIR,
	DIRECTORIES = 1 << RECORD_DIRECTORY,
	NESTS = 1 << RECORD_NEST,
	FIELDS_ONLY = 1 << RECORD_FIELDS,
	ARRAYS = PAIRS | DIRECTORIES | NESTS,
	ALL = ARRAYS | FIELDS_ONLY,
	NUMBERED = 1 << 8,
	NAMED = 1 << 9, /* keys are not numbers */
	EXPIRING = 1 << 10,
	LASTING = 1 << 11,  /* does not expire */
	DERIVING = 1 << 12, /* some field follows an array */
	DURABLE = 1 << 13,  /* the backend outlives its store */
	NOTED = 1 << 14,    /* some field is a dict */
	METERED = 1 << 15,  /* some field is a FIELD_VALUES */
	FREE = 1 << 16,     /* arrays have any name */
	COUNTED = 1 << 17,  /* reads are counted */
	RELATED = 1 << 18,  /* there are relationships */
	GUARDED = 1 << 19,  /* can be opened for reading only */
};

struct contract_test {
	const char *name;
	void (*run)(struct contract *c);
	unsigned int needs;
};

#define CONTRACT_TEST(needs, function)                                         \
	{                                                                      \
#function, function, needs                                     \
	}

/* Each ends with an all-zero row. */
extern const struct contract_test contract_record_tests[];
extern const struct contract_test contract_field_tests[];
extern const struct contract_test contract_derived_tests[];
extern const struct contract_test contract_array_tests[];
extern const struct contract_test contract_reader_tests[];
extern const struct contract_test contract_glimpse_tests[];
extern const struct contract_test contract_nest_tests[];
extern const struct contract_test contract_list_tests[];
extern const struct contract_test contract_key_tests[];
extern const struct contract_test contract_number_tests[];
extern const struct contract_test contract_rename_tests[];
extern const struct contract_test contract_time_tests[];
extern const struct contract_test contract_expiry_tests[];
extern const struct contract_test contract_access_tests[];
extern const struct contract_test contract_relation_tests[];
extern const struct contract_test contract_thread_tests[];
extern const struct contract_test contract_store_tests[];
extern const struct contract_test contract_name_tests[];
extern const struct contract_test contract_value_tests[];

/* Stores that are not in the list of backends (contract_outage.c). */
extern const struct backend contract_outage;
extern const struct backend contract_outage_held;

/* Another collection of the same backend; false: there is none. */
bool other_collection(const struct contract *c, struct collection *out);

/* Close the store and open it again. */
void reopen(struct contract *c);

/* The Nth of a few keys that C's collection can have (N below 8). */
struct key nth_key(const struct contract *c, unsigned int n);
struct key text_key(const char *text);
/* A key for any N; BUFFER holds it. */
struct key made_key(const struct contract *c, unsigned int n, char buffer[24]);

/* The name of the collection's first array, and of a dict among its fields
 * (NULL: none is). */
const char *first_array(const struct contract *c);
const char *dict_field(const struct contract *c);

/* COUNT doubles from FIRST on, one apart. */
void init_doubles(struct array *array, size_t count, double first);

/* The value of a JSON text.  With one quote for two: {'a': 1}. */
struct value *json_value(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* Fields with this timestamp and dict entry {'n': N}, where there is a dict. */
struct value *plain_fields(const struct contract *c, double timestamp, int n);

/* A change that does nothing, with all times now. */
struct change no_change(void);
int put(struct contract *c, struct key key, struct change *change);
int put_array(struct contract *c, struct key key, const char *name,
              const struct array *array);
int put_doubles(struct contract *c, struct key key, const char *name,
                size_t count, double first);
/* Consumes FIELDS. */
int put_fields(struct contract *c, struct key key, struct value *fields);
int drop_array(struct contract *c, struct key key, const char *name);
int drop_fields(struct contract *c, struct key key);
/* A whole record: every array (rows of doubles from SEED on) and fields. */
void put_whole(struct contract *c, struct key key, int seed);

/* The record, which is there. */
void get(struct contract *c, struct key key, struct record *out);
bool exists(struct contract *c, struct key key);
bool has_array(struct contract *c, struct key key, const char *name);

/* Array NAME is ARRAY: what get and open_array say, and every byte. */
void assert_array(struct contract *c, struct key key, const char *name,
                  const struct array *array);
void assert_doubles(struct contract *c, struct key key, const char *name,
                    size_t count, double first);
/* Field NAME has the value; JSON as for json_value, NULL: there is none. */
void assert_field(struct contract *c, struct key key, const char *name,
                  const char *json);
void assert_plain_fields(struct contract *c, struct key key, double timestamp,
                         int n);
/* The record is what put_whole made. */
void assert_whole(struct contract *c, struct key key, int seed);

/* All records, LIMIT at a time. */
void list_all(struct contract *c, size_t limit, struct record_list *out);
/* How often KEY is in LIST. */
size_t times_listed(const struct record_list *list, struct key key);

void sleep_ms(long ms);
struct timespec time_at(time_t seconds, long nanoseconds);

#endif
