/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Calls overlap, and nobody sees a record between two states.  Threads count
 * what went wrong; the test's own thread asserts. */

#define WRITERS 8
#define ROUNDS 25

struct crowd {
	struct contract *c;
	atomic_uint faults;
	atomic_uint working; /* writers that are not done */
	atomic_uint seen;    /* whole arrays, whole listings */
};

struct worker {
	struct crowd *crowd;
	unsigned int number;
	pthread_t thread;
};

static void fault(struct crowd *crowd, const char *what, int rc)
{
	atomic_fetch_add(&crowd->faults, 1);
	print_error("%s: %s\n", what, strerror(rc < 0 ? -rc : rc));
}

/* An array whose elements are all SEED and whose size follows from it. */
static size_t uniform_count(double seed)
{
	return 200 + 37 * (size_t)seed % 1000;
}

static int init_uniform(struct array *array, double seed)
{
	size_t count = uniform_count(seed);
	int rc;

	*array = (struct array){ .info = { .ndim = 1, .shape = { count } } };
	dtype_plain(&array->info.dtype, 'f', sizeof(seed));
	rc = array_info_measure(&array->info);
	if (rc == 0)
		rc = blob_resize(&array->owned, count * sizeof(seed));
	array->data = array->owned.data;
	for (size_t i = 0; rc == 0 && i < count; i++)
		memcpy(array->owned.data + i * sizeof(seed), &seed,
		       sizeof(seed));
	return rc;
}

/* SEED is in the array and in the fields. */
static int put_uniform(struct crowd *crowd, struct key key, unsigned int seed)
{
	struct contract *c = crowd->c;
	struct value *fields = plain_fields(c, seed, (int)seed);
	struct change change = no_change();
	struct array array;
	int rc = init_uniform(&array, seed);

	change.fields_action = PART_SET;
	change.fields = fields;
	change.array_action = PART_SET;
	change.array_name = first_array(c);
	change.array = &array;
	if (rc == 0)
		rc = put(c, key, &change);
	array_release(&array);
	value_unref(fields);
	return rc;
}

static bool is_uniform(const struct blob *bytes)
{
	double first;
	double other;

	if (bytes->size < sizeof(first))
		return false;
	memcpy(&first, bytes->data, sizeof(first));
	if (bytes->size != uniform_count(first) * sizeof(first))
		return false;
	for (size_t at = 0; at < bytes->size; at += sizeof(other)) {
		memcpy(&other, bytes->data + at, sizeof(other));
		if (other != first)
			return false;
	}
	return true;
}

static void check_array(struct crowd *crowd, struct reader *reader)
{
	struct blob bytes = { 0 };
	ssize_t size;

	if (blob_resize(&bytes, (size_t)reader->size) != 0)
		return;
	size = reader->ops->read(reader, 0, bytes.data, bytes.size);
	if (size == (ssize_t)bytes.size && is_uniform(&bytes))
		atomic_fetch_add(&crowd->seen, 1);
	else if (size != -ESTALE)
		fault(crowd, "torn array", size < 0 ? (int)size : EIO);
	blob_release(&bytes);
}

static bool tells(const struct value *value, double seed)
{
	double number;

	return value && value_to_double(value, &number) == 0 && number == seed;
}

/* The array and the fields, which came in one change, tell the same seed. */
static bool is_consistent(const struct contract *c, const struct record *record)
{
	const char *noted = dict_field(c);
	const struct value *dict =
	    noted ? value_dict_get(record->fields, noted) : NULL;
	const struct value *time =
	    value_dict_get(record->fields, c->collection.timestamp);
	const struct record_array *array = record_array(record, first_array(c));
	double seed;

	return time && array && value_to_double(time, &seed) == 0 &&
	       array->info.shape[0] == uniform_count(seed) &&
	       (!noted || (dict && tells(value_dict_get(dict, "n"), seed)));
}

static void read_once(struct crowd *crowd, struct key key)
{
	struct contract *c = crowd->c;
	struct reader *reader;
	struct record record;
	int rc = c->backend->open_array(c->store, &c->collection, key,
	                                first_array(c), &reader);

	if (rc == 0) {
		check_array(crowd, reader);
		reader->ops->close(reader);
	} else if (rc != -ENOENT) {
		fault(crowd, "open_array", rc);
	}
	rc = c->backend->get(c->store, &c->collection, key, &record);
	if (rc == 0) {
		if (!is_consistent(c, &record))
			fault(crowd, "torn record", EIO);
		record_release(&record);
	} else if (rc != -ENOENT) {
		fault(crowd, "get", rc);
	}
}

static void *write_one_record(void *arg)
{
	struct worker *worker = arg;
	struct crowd *crowd = worker->crowd;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		int rc = put_uniform(crowd, nth_key(crowd->c, 0),
		                     worker->number * ROUNDS + round);

		if (rc)
			fault(crowd, "put", rc);
	}
	atomic_fetch_sub(&crowd->working, 1);
	return NULL;
}

static void *read_one_record(void *arg)
{
	struct worker *worker = arg;
	bool last;

	do {
		last = atomic_load(&worker->crowd->working) == 0;
		read_once(worker->crowd, nth_key(worker->crowd->c, 0));
	} while (!last);
	return NULL;
}

static void *write_own_records(void *arg)
{
	struct worker *worker = arg;
	struct crowd *crowd = worker->crowd;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int seed = 1000 + worker->number * ROUNDS + round;
		char buffer[24];
		struct key key = made_key(crowd->c, seed, buffer);
		int rc = put_uniform(crowd, key, seed);

		if (rc == 0)
			read_once(crowd, key);
		if (rc == 0 && round % 2)
			rc = crowd->c->backend->remove(
			    crowd->c->store, &crowd->c->collection, key);
		if (rc)
			fault(crowd, "own record", rc);
	}
	atomic_fetch_sub(&crowd->working, 1);
	return NULL;
}

static int list_once(struct contract *c, struct record_list *list)
{
	struct cursor cursor = { 0 };
	int rc = 0;

	while (rc == 0 && !cursor.end)
		rc = c->backend->list(c->store, &c->collection, &cursor, 4,
		                      list);
	cursor_release(&cursor);
	return rc;
}

/* The first records are there all the time. */
static void *list_records(void *arg)
{
	struct worker *worker = arg;
	struct crowd *crowd = worker->crowd;
	bool last;

	do {
		struct record_list list = { 0 };
		int rc;

		last = atomic_load(&crowd->working) == 0;
		rc = list_once(crowd->c, &list);
		if (rc)
			fault(crowd, "list", rc);
		for (unsigned int n = 0; rc == 0 && n < 8; n++)
			if (times_listed(&list, nth_key(crowd->c, n)) != 1)
				fault(crowd, "not listed once", EIO);
		record_list_release(&list);
		atomic_fetch_add(&crowd->seen, 1);
	} while (!last);
	return NULL;
}

/* WRITERS threads of WRITE and two of WATCH. */
static void run_crowd(struct contract *c, void *(*write)(void *arg),
                      void *(*watch)(void *arg))
{
	struct worker workers[WRITERS + 2] = { 0 };
	struct crowd crowd = { .c = c };

	atomic_store(&crowd.working, WRITERS);
	for (unsigned int i = 0; i < WRITERS + 2; i++) {
		workers[i].crowd = &crowd;
		workers[i].number = i;
		assert_int_equal(pthread_create(&workers[i].thread, NULL,
		                                i < WRITERS ? write : watch,
		                                &workers[i]),
		                 0);
	}
	for (unsigned int i = 0; i < WRITERS + 2; i++)
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
	assert_int_equal(atomic_load(&crowd.faults), 0);
	assert_true(atomic_load(&crowd.seen) > 0);
}

static void readers_of_one_record_never_see_it_torn(struct contract *c)
{
	run_crowd(c, write_one_record, read_one_record);
}

static void writers_of_many_records_do_not_disturb_lists(struct contract *c)
{
	for (unsigned int n = 0; n < 8; n++)
		put_whole(c, nth_key(c, n), (int)n);
	run_crowd(c, write_own_records, list_records);
	for (unsigned int n = 0; n < 8; n++)
		assert_whole(c, nth_key(c, n), (int)n);
}

static void *make_new_records(void *arg)
{
	struct worker *worker = arg;
	struct crowd *crowd = worker->crowd;
	struct contract *c = crowd->c;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct value *fields = plain_fields(c, round, (int)round);
		struct change change = no_change();
		struct blob key = { 0 };
		int rc;

		change.fields_action = PART_SET;
		change.fields = fields;
		rc = c->backend->put(c->store, &c->collection,
		                     (struct key){ 0 }, &change, &key);
		if (rc || key.size == 0)
			fault(crowd, "new record", rc);
		value_unref(fields);
		blob_release(&key);
	}
	atomic_fetch_sub(&crowd->working, 1);
	return NULL;
}

static void no_number_is_given_out_twice(struct contract *c)
{
	struct record_list list = { 0 };

	for (unsigned int n = 0; n < 8; n++)
		put_whole(c, nth_key(c, n), (int)n);
	run_crowd(c, make_new_records, list_records);
	list_all(c, 100, &list);
	assert_int_equal(list.count, WRITERS * ROUNDS + 8);
	record_list_release(&list);
}

static void *make_the_same_record(void *arg)
{
	struct worker *worker = arg;
	struct crowd *crowd = worker->crowd;
	struct contract *c = crowd->c;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct value *fields = plain_fields(c, round, (int)round);
		struct change change = no_change();
		char buffer[24];
		int rc;

		change.fields_action = PART_SET;
		change.fields = fields;
		change.exclusive = true;
		rc = put(c, made_key(c, round, buffer), &change);
		if (rc == 0)
			atomic_fetch_add(&crowd->seen, 1);
		else if (rc != -EEXIST)
			fault(crowd, "exclusive put", rc);
		value_unref(fields);
	}
	atomic_fetch_sub(&crowd->working, 1);
	return NULL;
}

static void one_of_many_exclusive_puts_succeeds(struct contract *c)
{
	struct worker workers[WRITERS] = { 0 };
	struct crowd crowd = { .c = c };

	atomic_store(&crowd.working, WRITERS);
	for (unsigned int i = 0; i < WRITERS; i++) {
		workers[i].crowd = &crowd;
		assert_int_equal(pthread_create(&workers[i].thread, NULL,
		                                make_the_same_record,
		                                &workers[i]),
		                 0);
	}
	for (unsigned int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
	assert_int_equal(atomic_load(&crowd.faults), 0);
	assert_int_equal(atomic_load(&crowd.seen), ROUNDS);
}

const struct contract_test contract_thread_tests[] = {
	CONTRACT_TEST(ARRAYS, readers_of_one_record_never_see_it_torn),
	CONTRACT_TEST(ARRAYS, writers_of_many_records_do_not_disturb_lists),
	CONTRACT_TEST(ALL | NUMBERED, no_number_is_given_out_twice),
	CONTRACT_TEST(ALL, one_of_many_exclusive_puts_succeeds),
	{ 0 },
};
