/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/glimpse.h"

/* What comes along with a record (glimpse.h), where anything does. */

static const struct glimpse_ops *ops(const struct contract *c)
{
	return c->backend->glimpse;
}

/* *READER stays NULL where a store answers for changes that wait. */
static void glimpse(struct contract *c, const char *name, struct record *record,
                    struct reader **reader)
{
	*reader = NULL;
	assert_int_equal(ops(c)->get(c->store, &c->collection, nth_key(c, 0),
	                             name, record, reader),
	                 0);
	assert_true(*reader || record->array_count == 0 || c->backend->outage ||
	            strcmp(name, record->arrays[0].name) != 0);
}

static void assert_bytes(struct reader *reader, const struct array *array)
{
	size_t size = (size_t)array->info.nbytes;
	char *bytes = malloc(size + 1);

	assert_non_null(bytes);
	assert_true(array_info_equal(&reader->info, &array->info));
	assert_int_equal(reader->size, size);
	assert_true(reader->version);
	assert_int_equal(reader->ops->read(reader, 0, bytes, size + 1), size);
	assert_memory_equal(bytes, array->data, size);
	free(bytes);
}

/* Put a small ARRAY, and ask for it. */
static void glimpse_small(struct contract *c, struct array *array,
                          struct record *record, struct reader **reader)
{
	init_doubles(array, 500, 0.5);
	assert_int_equal(put_array(c, nth_key(c, 0), first_array(c), array), 0);
	glimpse(c, first_array(c), record, reader);
}

static void a_small_array_comes_with_its_record(struct contract *c)
{
	struct record record;
	struct reader *reader;
	struct array array;

	if (!ops(c))
		return;
	glimpse_small(c, &array, &record, &reader);
	assert_non_null(record_array(&record, first_array(c)));
	if (reader) {
		assert_bytes(reader, &array);
		reader->ops->close(reader);
	}
	record_release(&record);
	array_release(&array);
}

static void what_came_along_can_be_shared(struct contract *c)
{
	struct record record;
	struct reader *reader;
	struct reader *other;
	struct array array;

	if (!ops(c))
		return;
	glimpse_small(c, &array, &record, &reader);
	if (reader) {
		assert_int_equal(reader->ops->share(reader, &other), 0);
		reader->ops->close(reader);
		put_doubles(c, nth_key(c, 0), first_array(c), 7, 0);
		assert_bytes(other, &array);
		other->ops->close(other);
	}
	record_release(&record);
	array_release(&array);
}

/* What no packing makes smaller. */
static void init_noise(struct array *array, size_t count)
{
	uint64_t state = 1;
	char *bytes;

	init_doubles(array, count, 0);
	bytes = array->owned.data;
	for (size_t i = 0; i < array->owned.size; i++) {
		state = state * 6364136223846793005U + 1442695040888963407U;
		bytes[i] = (char)(state >> 56);
	}
}

static void a_large_array_does_not_come_along(struct contract *c)
{
	struct record record;
	struct reader *reader = NULL;
	struct array array;

	if (!ops(c))
		return;
	init_noise(&array, 2 * GLIMPSE_MOST / sizeof(double));
	assert_int_equal(put_array(c, nth_key(c, 0), first_array(c), &array),
	                 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ops(c)->get(c->store, &c->collection,
		                             nth_key(c, 0), first_array(c),
		                             &record, &reader),
		                 0);
		assert_null(reader);
		assert_non_null(record_array(&record, first_array(c)));
		record_release(&record);
	}
	array_release(&array);
}

static void a_record_without_the_array_comes_alone(struct contract *c)
{
	struct record record;
	struct reader *reader;

	if (!ops(c))
		return;
	put_doubles(c, nth_key(c, 0), first_array(c), 10, 0);
	glimpse(c, "no such array", &record, &reader);
	assert_null(reader);
	assert_non_null(record_array(&record, first_array(c)));
	record_release(&record);
}

static void nothing_comes_where_there_is_no_record(struct contract *c)
{
	struct record record;
	struct reader *reader = NULL;

	if (ops(c))
		assert_int_equal(ops(c)->get(c->store, &c->collection,
		                             nth_key(c, 0), first_array(c),
		                             &record, &reader),
		                 -ENOENT);
	assert_null(reader);
}

/* A storage that is not watched may know nothing of moments. */
static void another_moment_follows_a_change(struct contract *c)
{
	uint64_t moment = ops(c) ? ops(c)->moment(c->store) : 0;

	if (moment == 0)
		return;
	assert_true(ops(c)->moment(c->store) == moment);
	put_doubles(c, nth_key(c, 0), first_array(c), 10, 0);
	assert_true(ops(c)->moment(c->store) != moment);
	moment = ops(c)->moment(c->store);
	assert_true(exists(c, nth_key(c, 0)));
	assert_true(ops(c)->moment(c->store) == moment);
	c->backend->remove(c->store, &c->collection, nth_key(c, 0));
	assert_true(ops(c)->moment(c->store) != moment);
}

const struct contract_test contract_glimpse_tests[] = {
	CONTRACT_TEST(ARRAYS, a_small_array_comes_with_its_record),
	CONTRACT_TEST(ARRAYS, what_came_along_can_be_shared),
	CONTRACT_TEST(ARRAYS, a_large_array_does_not_come_along),
	CONTRACT_TEST(ARRAYS, a_record_without_the_array_comes_alone),
	CONTRACT_TEST(ARRAYS, nothing_comes_where_there_is_no_record),
	CONTRACT_TEST(ARRAYS, another_moment_follows_a_change),
	{ 0 },
};
