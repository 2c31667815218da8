/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"
#include "tests/loan_help.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/change.h"

/* An array that is open can be read in any ranges, whatever happens to the
 * record meanwhile. */

static struct reader *open_array(struct contract *c, struct key key)
{
	struct reader *reader = NULL;

	assert_int_equal(c->backend->open_array(c->store, &c->collection, key,
	                                        first_array(c), &reader),
	                 0);
	assert_non_null(reader);
	return reader;
}

/* ROWS x COLUMNS doubles in C or Fortran order, numbered in memory order. */
static void init_matrix(struct array *array, size_t rows, size_t columns,
                        bool fortran)
{
	init_doubles(array, rows * columns, 0.5);
	array->info.ndim = 2;
	array->info.shape[0] = rows;
	array->info.shape[1] = columns;
	array->info.fortran = fortran;
}

static void read_range(struct reader *reader, const struct array *array,
                       uint64_t offset, size_t size)
{
	char *buffer = malloc(size + 1);
	uint64_t left = offset < reader->size ? reader->size - offset : 0;
	size_t expected = size < left ? size : (size_t)left;
	const char *bytes = array->data;

	assert_non_null(buffer);
	memset(buffer, 0x55, size + 1);
	assert_int_equal(reader->ops->read(reader, offset, buffer, size),
	                 expected);
	if (expected)
		assert_memory_equal(buffer, bytes + offset, expected);
	assert_int_equal(buffer[expected], 0x55);
	assert_int_equal(read_by_loan(reader, offset, buffer, size), expected);
	if (expected)
		assert_memory_equal(buffer, bytes + offset, expected);
	free(buffer);
}

static void read_ranges(struct contract *c, const struct array *array)
{
	uint64_t size = array->info.nbytes;
	struct reader *reader;

	assert_int_equal(put_array(c, nth_key(c, 0), first_array(c), array), 0);
	reader = open_array(c, nth_key(c, 0));
	assert_int_equal(reader->size, size);
	read_range(reader, array, 0, 1);
	read_range(reader, array, 0, 8);
	read_range(reader, array, 3, 10);
	read_range(reader, array, 0, 0);
	for (uint64_t offset = 1; offset < size; offset += size / 13 + 5)
		read_range(reader, array, offset, 4099);
	read_range(reader, array, size / 2 + 1, (size_t)(size / 3));
	read_range(reader, array, 0, (size_t)size);
	read_range(reader, array, 0, (size_t)size + 100);
	read_range(reader, array, size - 1, 100);
	reader->ops->close(reader);
}

static void any_range_of_an_array_can_be_read(struct contract *c)
{
	struct array array;

	init_doubles(&array, 70000, 0.5);
	read_ranges(c, &array);
	array_release(&array);
}

static void any_range_of_a_matrix_can_be_read(struct contract *c)
{
	struct array array;

	init_matrix(&array, 300, 257, false);
	read_ranges(c, &array);
	array_release(&array);
	init_matrix(&array, 2, 40000, false);
	read_ranges(c, &array);
	array_release(&array);
}

static void any_range_of_a_fortran_matrix_can_be_read(struct contract *c)
{
	struct array array;

	init_matrix(&array, 300, 257, true);
	read_ranges(c, &array);
	array_release(&array);
	init_matrix(&array, 40000, 2, true);
	read_ranges(c, &array);
	array_release(&array);
}

static void reads_past_the_end_give_nothing(struct contract *c)
{
	struct reader *reader;
	char byte = 'x';

	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 10, 0),
	                 0);
	reader = open_array(c, nth_key(c, 0));
	assert_int_equal(reader->ops->read(reader, 80, &byte, 1), 0);
	assert_int_equal(reader->ops->read(reader, 81, &byte, 1), 0);
	assert_int_equal(reader->ops->read(reader, UINT64_MAX, &byte, 1), 0);
	assert_int_equal(reader->ops->read(reader, INT64_MAX, &byte, 1), 0);
	assert_int_equal(byte, 'x');
	reader->ops->close(reader);
}

static void an_empty_array_can_be_opened(struct contract *c)
{
	struct reader *reader;
	char byte = 'x';

	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 0, 0),
	                 0);
	reader = open_array(c, nth_key(c, 0));
	assert_int_equal(reader->size, 0);
	assert_int_equal(reader->ops->read(reader, 0, &byte, 1), 0);
	reader->ops->close(reader);
}

static void two_readers_do_not_disturb_each_other(struct contract *c)
{
	struct reader *one;
	struct reader *two;
	struct array array;

	init_doubles(&array, 5000, 1);
	assert_int_equal(put_array(c, nth_key(c, 0), first_array(c), &array),
	                 0);
	one = open_array(c, nth_key(c, 0));
	two = open_array(c, nth_key(c, 0));
	read_range(one, &array, 100, 1000);
	read_range(two, &array, 7, 2000);
	one->ops->close(one);
	read_range(two, &array, 30000, 10000);
	two->ops->close(two);
	array_release(&array);
}

static void close_of_a_reader_accepts_null(struct contract *c)
{
	struct reader *reader;

	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 3, 0),
	                 0);
	reader = open_array(c, nth_key(c, 0));
	reader->ops->close(NULL);
	reader->ops->close(reader);
}

/* hdf5 may say that the array has changed; nobody may read other bytes. */
static void assert_as_opened(const struct contract *c, struct reader *reader,
                             const struct array *array)
{
	bool may_be_stale = strcmp(c->backend->name, "hdf5") == 0;
	char byte;
	ssize_t size = reader->ops->read(reader, 0, &byte, 1);

	if (may_be_stale && size == -ESTALE)
		return;
	read_range(reader, array, 0, (size_t)array->info.nbytes);
	read_range(reader, array, array->info.nbytes / 2, 1000);
}

/* Open an array of record 0, do CHANGE, and read. */
static void read_after(struct contract *c, void (*change)(struct contract *c))
{
	struct reader *reader;
	struct array array;

	init_doubles(&array, 5000, 1);
	assert_int_equal(put_array(c, nth_key(c, 0), first_array(c), &array),
	                 0);
	reader = open_array(c, nth_key(c, 0));
	read_range(reader, &array, 0, 100);
	change(c);
	assert_as_opened(c, reader, &array);
	reader->ops->close(reader);
	array_release(&array);
}

static void replace_array(struct contract *c)
{
	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 6000, 7),
	                 0);
}

static void replace_by_smaller_array(struct contract *c)
{
	assert_int_equal(put_doubles(c, nth_key(c, 0), first_array(c), 2, 7),
	                 0);
}

static void drop_first_array(struct contract *c)
{
	assert_int_equal(drop_array(c, nth_key(c, 0), first_array(c)), 0);
}

static void remove_record(struct contract *c)
{
	assert_int_equal(
	    c->backend->remove(c->store, &c->collection, nth_key(c, 0)), 0);
}

static void rename_record(struct contract *c)
{
	assert_int_equal(c->backend->rename(c->store, &c->collection,
	                                    nth_key(c, 0), nth_key(c, 1),
	                                    RENAME_REPLACE),
	                 0);
}

static void replace_record_by_another(struct contract *c)
{
	put_whole(c, nth_key(c, 1), 5);
	assert_int_equal(c->backend->rename(c->store, &c->collection,
	                                    nth_key(c, 1), nth_key(c, 0),
	                                    RENAME_REPLACE),
	                 0);
}

static void let_record_expire(struct contract *c)
{
	struct change change = no_change();

	change.expires_ms = change_now_ms() + 100;
	assert_int_equal(put(c, nth_key(c, 0), &change), 0);
	sleep_ms(300);
	assert_false(exists(c, nth_key(c, 0)));
}

static void an_open_array_stays_when_it_is_replaced(struct contract *c)
{
	read_after(c, replace_array);
	read_after(c, replace_by_smaller_array);
}

static void an_open_array_stays_when_it_is_dropped(struct contract *c)
{
	read_after(c, drop_first_array);
}

static void an_open_array_stays_when_the_record_is_removed(struct contract *c)
{
	read_after(c, remove_record);
}

static void an_open_array_stays_when_the_record_moves(struct contract *c)
{
	read_after(c, rename_record);
	read_after(c, replace_record_by_another);
}

static void an_open_array_stays_when_the_record_expires(struct contract *c)
{
	read_after(c, let_record_expire);
}

const struct contract_test contract_reader_tests[] = {
	CONTRACT_TEST(ARRAYS, any_range_of_an_array_can_be_read),
	CONTRACT_TEST(ARRAYS, any_range_of_a_matrix_can_be_read),
	CONTRACT_TEST(ARRAYS, any_range_of_a_fortran_matrix_can_be_read),
	CONTRACT_TEST(ARRAYS, reads_past_the_end_give_nothing),
	CONTRACT_TEST(ARRAYS, an_empty_array_can_be_opened),
	CONTRACT_TEST(ARRAYS, two_readers_do_not_disturb_each_other),
	CONTRACT_TEST(ARRAYS, close_of_a_reader_accepts_null),
	CONTRACT_TEST(ARRAYS, an_open_array_stays_when_it_is_replaced),
	CONTRACT_TEST(ARRAYS, an_open_array_stays_when_it_is_dropped),
	CONTRACT_TEST(ARRAYS, an_open_array_stays_when_the_record_is_removed),
	CONTRACT_TEST(ARRAYS, an_open_array_stays_when_the_record_moves),
	CONTRACT_TEST(ARRAYS | EXPIRING,
	              an_open_array_stays_when_the_record_expires),
	{ 0 },
};
