/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "backends/json.h"
#include "backends/settings.h"
#include "backends/worker_call.h"
#include "layout/tree.h"

#define JSON                                                                   \
	"{\"timestamp\": 1.5, \"metadata\": {\"a\": [1, null, true, "          \
	"123456789012345678901234567890, \"text\"], \"b\": {\"c\": -7}}}"

static struct value *fields(void)
{
	struct value *value = NULL;

	assert_int_equal(
	    json_parse(JSON, strlen(JSON), JSON_ARRAYS_REFUSE, &value, NULL),
	    0);
	return value;
}

static void make_record(struct record *out, const char *key)
{
	static const char descr[] = "[('a', '<i4'), ('b', '>f8', (2, 3))]";
	struct record record = { .fields = fields(),
		                 .fields_mtime = { 5, 6 },
		                 .atime = { 7, 8 },
		                 .arrays = calloc(1, sizeof(*record.arrays)),
		                 .array_count = 1,
		                 .expires_ms = 9,
		                 .opaque_size = 10 };
	struct record_array *array = record.arrays;

	assert_non_null(array);
	array->name = strdup("weights");
	array->info.ndim = 2;
	array->info.shape[0] = 3;
	array->info.shape[1] = 4;
	array->mtime = (struct timespec){ 11, 12 };
	assert_int_equal(
	    dtype_parse_descr(descr, strlen(descr), &array->info.dtype, NULL),
	    0);
	assert_int_equal(array_info_measure(&array->info), 0);
	assert_int_equal(blob_append_text(&record.key, key), 0);
	*out = record;
}

static void assert_same(const struct record *a, const struct record *b)
{
	assert_true(blob_equal(&a->key, &b->key));
	assert_true(value_equal(a->fields, b->fields));
	assert_int_equal(a->array_count, b->array_count);
	assert_string_equal(a->arrays[0].name, b->arrays[0].name);
	assert_true(array_info_equal(&a->arrays[0].info, &b->arrays[0].info));
	assert_int_equal(a->arrays[0].mtime.tv_nsec,
	                 b->arrays[0].mtime.tv_nsec);
	assert_int_equal(a->expires_ms, b->expires_ms);
	assert_int_equal(a->opaque_size, b->opaque_size);
}

static void a_record_comes_back_as_it_was(void **state)
{
	struct record record;
	struct record back;
	struct blob bytes = { 0 };
	struct wire wire;

	(void)state;
	make_record(&record, "k");
	wire_write_to(&wire, &bytes);
	wire_record(&wire, &record);
	assert_int_equal(wire_end(&wire), 0);
	wire_read_from(&wire, bytes.data, bytes.size);
	wire_record(&wire, &back);
	assert_int_equal(wire_end(&wire), 0);
	assert_same(&record, &back);
	record_release(&record);
	record_release(&back);
	blob_release(&bytes);
}

static void a_collection_comes_back_as_it_was(void **state)
{
	(void)state;
	for (const struct collection *row = tree_collections; row->path;
	     row++) {
		struct collection copy = *row;
		struct collection back;
		struct blob bytes[2] = { 0 };
		struct wire wire;

		wire_write_to(&wire, &bytes[0]);
		wire_collection(&wire, &copy);
		assert_int_equal(wire_end(&wire), 0);
		wire_read_from(&wire, bytes[0].data, bytes[0].size);
		wire_collection(&wire, &back);
		assert_int_equal(wire_end(&wire), 0);
		assert_string_equal(row->path, back.path);
		wire_write_to(&wire, &bytes[1]);
		wire_collection(&wire, &back);
		assert_true(blob_equal(&bytes[0], &bytes[1]));
		collection_rows_free(&back);
		blob_release(&bytes[0]);
		blob_release(&bytes[1]);
	}
}

/* A reply with everything that one can have. */
static void make_reply(struct blob *out)
{
	struct worker_call call = { .operation = WORKER_LIST };
	struct record record;
	struct wire wire;

	for (int i = 0; i < 3; i++) {
		make_record(&record, i ? "one" : "two");
		assert_int_equal(record_list_append(&call.list, &record), 0);
	}
	assert_int_equal(blob_append_text(&call.next.token, "two"), 0);
	wire_write_to(&wire, out);
	worker_wire_reply(&wire, &call);
	assert_int_equal(wire_end(&wire), 0);
	worker_call_release(&call);
}

/* Whatever it is, reading it ends, within its bytes. */
static int read_reply(const char *bytes, size_t size, int operation)
{
	struct worker_call call = { .operation = (unsigned int)operation };
	char *copy = malloc(size ? size : 1); /* for the sanitizer */
	struct wire wire;
	int rc;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	wire_read_from(&wire, copy, size);
	worker_wire_reply(&wire, &call);
	rc = wire_end(&wire);
	worker_call_release(&call);
	free(copy);
	return rc;
}

static void a_reply_that_is_cut_is_refused(void **state)
{
	struct blob bytes = { 0 };

	(void)state;
	make_reply(&bytes);
	assert_int_equal(read_reply(bytes.data, bytes.size, WORKER_LIST), 0);
	for (size_t size = 0; size < bytes.size; size++)
		assert_int_equal(read_reply(bytes.data, size, WORKER_LIST),
		                 -EPROTO);
	blob_release(&bytes);
}

static void a_reply_of_any_bytes_can_be_read(void **state)
{
	struct blob bytes = { 0 };
	struct blob copy = { 0 };
	unsigned int refused = 0;

	(void)state;
	srand(7);
	make_reply(&bytes);
	for (int i = 0; i < 20000; i++) {
		assert_int_equal(blob_set(&copy, bytes.data, bytes.size), 0);
		for (int k = 0; k <= i % 4; k++)
			copy.data[(size_t)rand() % copy.size] = (char)rand();
		refused += read_reply(copy.data, copy.size, WORKER_LIST) != 0;
		read_reply(copy.data, copy.size, i % WORKER_OPERATIONS);
	}
	assert_true(refused > 5000);
	blob_release(&bytes);
	blob_release(&copy);
}

/* A reply to OPERATION that returned RC and has nothing more. */
static int read_result(int64_t rc, int operation)
{
	const char no_reason[8] = "";
	struct blob bytes = { 0 };
	int read;

	assert_int_equal(blob_append(&bytes, &rc, sizeof(rc)), 0);
	assert_int_equal(blob_append(&bytes, no_reason, sizeof(no_reason)), 0);
	read = read_reply(bytes.data, bytes.size, operation);
	blob_release(&bytes);
	return read;
}

static void a_result_is_0_or_an_error_of_the_kernel(void **state)
{
	(void)state;
	assert_int_equal(read_result(0, WORKER_SYNC), 0);
	assert_int_equal(read_result(-EIO, WORKER_SYNC), 0);
	assert_int_equal(read_result(1, WORKER_SYNC), -EPROTO);
	assert_int_equal(read_result(-512, WORKER_SYNC), -EPROTO);
	assert_int_equal(read_result(INT64_MIN, WORKER_SYNC), -EPROTO);
}

static void a_key_that_is_none_has_no_bytes(void **state)
{
	/* a question for it: no step, 0, none, one byte */
	const char bytes[] = "\0"
			     "\0\0\0\0\0\0\0\0"
			     "\0"
			     "\1\0\0\0\0\0\0\0"
			     "x";
	struct worker_question question;
	struct wire wire;

	(void)state;
	wire_read_from(&wire, bytes, sizeof(bytes) - 1);
	worker_wire_question(&wire, &question);
	assert_int_equal(wire_end(&wire), -EPROTO);
	assert_int_equal(question.key.size, 0);
}

static int read_plan(uint64_t chunk)
{
	struct packed_plan plan = { .chunk = chunk };
	struct blob bytes = { 0 };
	struct wire wire;
	int rc;

	assert_int_equal(blob_append(&bytes, &plan.chunk, 8), 0);
	assert_int_equal(blob_append(&bytes, &plan.pipeline.count, 8), 0);
	wire_read_from(&wire, bytes.data, bytes.size);
	wire_plan(&wire, &plan);
	rc = wire_end(&wire);
	blob_release(&bytes);
	return rc;
}

static void a_plan_has_chunks_that_can_be_packed(void **state)
{
	(void)state;
	assert_int_equal(read_plan(1), 0);
	assert_int_equal(read_plan(CHUNK_MAX_SIZE), 0);
	assert_int_equal(read_plan(0), -EPROTO);
	assert_int_equal(read_plan(CHUNK_MAX_SIZE + 1), -EPROTO);
}

/* A list of nulls: a byte stands for 64. */
static void a_message_does_not_become_too_much_memory(void **state)
{
	const uint64_t count = 2000;
	struct blob bytes = { 0 };
	struct value *value = NULL;
	struct wire wire;

	(void)state;
	assert_int_equal(blob_resize(&bytes, 9 + count), 0);
	bytes.data[0] = VALUE_LIST;
	memcpy(bytes.data + 1, &count, sizeof(count));
	wire_read_from(&wire, bytes.data, bytes.size);
	/* so that the test does not need the memory */
	wire.made = WIRE_MOST_MADE - 1000 * (size_t)64;
	wire_value(&wire, &value);
	assert_int_equal(wire_end(&wire), -EPROTO);
	assert_in_range(value->list.count, 500, 1000);
	value_unref(value);
	blob_release(&bytes);
}

static void a_count_asks_for_no_memory_that_is_not_there(void **state)
{
	uint64_t count = UINT64_MAX / 2;
	struct record_list list = { 0 };
	struct wire wire;

	(void)state;
	wire_read_from(&wire, &count, sizeof(count));
	wire_records(&wire, &list);
	assert_int_equal(wire_end(&wire), -EPROTO);
	assert_int_equal(list.count, 0);
}

static void secrets_of_others_are_not_sent(void **state)
{
	struct settings settings;
	struct blob bytes = { 0 };
	struct wire wire;

	(void)state;
	assert_int_equal(settings_init(&settings), 0);
	settings.redis.password = strdup("Sesame!");
	wire_write_to(&wire, &bytes);
	wire_settings(&wire, &settings);
	assert_int_equal(wire_end(&wire), 0);
	assert_null(memmem(bytes.data, bytes.size, "Sesame!", 7));
	settings_release(&settings);
	blob_release(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_comes_back_as_it_was),
		cmocka_unit_test(a_collection_comes_back_as_it_was),
		cmocka_unit_test(a_reply_that_is_cut_is_refused),
		cmocka_unit_test(a_reply_of_any_bytes_can_be_read),
		cmocka_unit_test(a_result_is_0_or_an_error_of_the_kernel),
		cmocka_unit_test(a_key_that_is_none_has_no_bytes),
		cmocka_unit_test(a_plan_has_chunks_that_can_be_packed),
		cmocka_unit_test(a_message_does_not_become_too_much_memory),
		cmocka_unit_test(a_count_asks_for_no_memory_that_is_not_there),
		cmocka_unit_test(secrets_of_others_are_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
