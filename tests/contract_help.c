/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/change.h"
#include "backends/json.h"

void reopen(struct contract *c)
{
	char why[WHY_SIZE] = "";

	if (c->store) /* which its backend may be a part of */
		c->backend->close(c->store);
	c->store = NULL;
	assert_int_equal(
	    c->kind->open(c->directory, &c->settings, &c->store, why), 0);
	c->backend = c->store->backend;
}

struct key text_key(const char *text)
{
	return (struct key){ text, strlen(text) };
}

struct key nth_key(const struct contract *c, unsigned int n)
{
	static const char *const names[] = { "one",  "two", "three", "four",
		                             "five", "six", "seven", "eight" };
	static const char *const numbers[] = { "101", "102", "103", "104",
		                               "105", "106", "107", "108" };

	assert_true(n < 8);
	return text_key(collection_is_numbered(&c->collection) ? numbers[n]
	                                                       : names[n]);
}

struct key made_key(const struct contract *c, unsigned int n, char buffer[24])
{
	if (collection_is_numbered(&c->collection))
		snprintf(buffer, 24, "%u", n + 1);
	else
		snprintf(buffer, 24, "record %u", n);
	return text_key(buffer);
}

const char *first_array(const struct contract *c)
{
	const char *name = c->collection.arrays[0].name;

	if (name)
		return name;
	return c->collection.shape == RECORD_NEST ? "" : "layer";
}

const char *dict_field(const struct contract *c)
{
	const struct field_row *row = c->collection.fields;

	while (row->name && row->type != FIELD_DICT)
		row++;
	return row->name;
}

void init_doubles(struct array *array, size_t count, double first)
{
	double *data;

	*array = (struct array){ .info = { .ndim = 1, .shape = { count } } };
	dtype_plain(&array->info.dtype, 'f', sizeof(*data));
	assert_int_equal(array_info_measure(&array->info), 0);
	assert_int_equal(blob_resize(&array->owned, count * sizeof(*data)), 0);
	array->data = array->owned.data;
	for (size_t i = 0; i < count; i++) {
		double element = first + (double)i;

		memcpy(array->owned.data + i * sizeof(element), &element,
		       sizeof(element));
	}
}

static struct value *parse_quoted(struct blob *text)
{
	char why[WHY_SIZE] = "";
	struct value *value = NULL;
	int rc;

	for (size_t i = 0; i < text->size; i++)
		if (text->data[i] == '\'')
			text->data[i] = '"';
	rc =
	    json_parse(text->data, text->size, JSON_ARRAYS_REFUSE, &value, why);
	if (rc)
		fail_msg("bad JSON in a test: %s: %s", text->data, why);
	blob_release(text);
	return value;
}

struct value *json_value(const char *format, ...)
{
	struct blob text = { 0 };
	va_list args;
	char *line;

	va_start(args, format);
	assert_true(vasprintf(&line, format, args) >= 0);
	va_end(args);
	assert_int_equal(blob_append_text(&text, line), 0);
	free(line);
	return parse_quoted(&text);
}

struct value *plain_fields(const struct contract *c, double timestamp, int n)
{
	const char *dict = dict_field(c);

	if (!dict)
		return json_value("{'%s': %.3f}", c->collection.timestamp,
		                  timestamp);
	return json_value("{'%s': %.3f, '%s': {'n': %d}}",
	                  c->collection.timestamp, timestamp, dict, n);
}

struct change no_change(void)
{
	return (struct change){
		.expires_ms = EXPIRES_KEEP,
		.fields_mtime = { .tv_nsec = UTIME_NOW },
		.array_mtime = { .tv_nsec = UTIME_NOW },
	};
}

int put(struct contract *c, struct key key, struct change *change)
{
	return c->backend->put(c->store, &c->collection, key, change, NULL);
}

int put_array(struct contract *c, struct key key, const char *name,
              const struct array *array)
{
	struct change change = no_change();

	change.array_action = PART_SET;
	change.array_name = name;
	change.array = array;
	return put(c, key, &change);
}

int put_doubles(struct contract *c, struct key key, const char *name,
                size_t count, double first)
{
	struct array array;
	int rc;

	init_doubles(&array, count, first);
	rc = put_array(c, key, name, &array);
	array_release(&array);
	return rc;
}

int put_fields(struct contract *c, struct key key, struct value *fields)
{
	struct change change = no_change();
	int rc;

	change.fields_action = PART_SET;
	change.fields = fields;
	rc = put(c, key, &change);
	value_unref(fields);
	return rc;
}

int drop_array(struct contract *c, struct key key, const char *name)
{
	struct change change = no_change();

	change.array_action = PART_DROP;
	change.array_name = name;
	return put(c, key, &change);
}

int drop_fields(struct contract *c, struct key key)
{
	struct change change = no_change();

	change.fields_action = PART_DROP;
	return put(c, key, &change);
}

void put_whole(struct contract *c, struct key key, int seed)
{
	const struct array_row *row = c->collection.arrays;

	for (; row->place; row++)
		assert_int_equal(
		    put_doubles(c, key, row->name ? row->name : first_array(c),
		                3, seed),
		    0);
	assert_int_equal(put_fields(c, key, plain_fields(c, seed, seed)), 0);
}

void assert_whole(struct contract *c, struct key key, int seed)
{
	const struct array_row *row = c->collection.arrays;

	for (; row->place; row++)
		assert_doubles(c, key, row->name ? row->name : first_array(c),
		               3, seed);
	assert_plain_fields(c, key, seed, seed);
}

void get(struct contract *c, struct key key, struct record *out)
{
	assert_int_equal(c->backend->get(c->store, &c->collection, key, out),
	                 0);
	assert_int_equal(out->key.size, key.size);
	if (key.size)
		assert_memory_equal(out->key.data, key.data, key.size);
	assert_non_null(out->fields);
	assert_int_equal(out->fields->type, VALUE_DICT);
}

bool exists(struct contract *c, struct key key)
{
	struct record record = { 0 };
	int rc = c->backend->get(c->store, &c->collection, key, &record);

	record_release(&record);
	if (rc)
		assert_int_equal(rc, -ENOENT);
	return rc == 0;
}

bool has_array(struct contract *c, struct key key, const char *name)
{
	struct reader *reader;
	struct record record;
	bool listed;
	int rc;

	get(c, key, &record);
	listed = record_array(&record, name) != NULL;
	record_release(&record);
	rc = c->backend->open_array(c->store, &c->collection, key, name,
	                            &reader);
	assert_int_equal(rc, listed ? 0 : -ENOENT);
	if (rc == 0)
		reader->ops->close(reader);
	return listed;
}

static void assert_info(struct contract *c, struct key key, const char *name,
                        const struct array *array)
{
	const struct record_array *found;
	struct record record;

	get(c, key, &record);
	found = record_array(&record, name);
	assert_non_null(found);
	assert_true(array_info_equal(&found->info, &array->info));
	assert_int_equal(found->info.nbytes, array->info.nbytes);
	record_release(&record);
}

void assert_array(struct contract *c, struct key key, const char *name,
                  const struct array *array)
{
	size_t size = (size_t)array->info.nbytes;
	char *bytes = malloc(size + 1);
	struct reader *reader;

	assert_info(c, key, name, array);
	assert_int_equal(c->backend->open_array(c->store, &c->collection, key,
	                                        name, &reader),
	                 0);
	assert_true(array_info_equal(&reader->info, &array->info));
	assert_int_equal(reader->size, size);
	assert_int_equal(reader->ops->read(reader, 0, bytes, size + 1), size);
	if (size)
		assert_memory_equal(bytes, array->data, size);
	reader->ops->close(reader);
	free(bytes);
}

void assert_doubles(struct contract *c, struct key key, const char *name,
                    size_t count, double first)
{
	struct array array;

	init_doubles(&array, count, first);
	assert_array(c, key, name, &array);
	array_release(&array);
}

static void print_value(const char *what, const struct value *value)
{
	struct blob text = { 0 };

	if (value && json_append(value, JSON_STYLE_PYTHON, JSON_ARRAYS_INLINE,
	                         4096, &text) == 0)
		print_error("%s: %s\n", what, text.data);
	else
		print_error("%s: %s\n", what, value ? "(long)" : "absent");
	blob_release(&text);
}

static void assert_value(const char *name, const struct value *value,
                         const struct value *expected)
{
	if (!value && !expected)
		return;
	if (value && expected && value_equal(value, expected))
		return;
	print_value("stored", value);
	print_value("expected", expected);
	fail_msg("field %s differs", name);
}

void assert_field(struct contract *c, struct key key, const char *name,
                  const char *json)
{
	struct value *expected = json ? json_value("%s", json) : NULL;
	struct record record;

	get(c, key, &record);
	assert_value(name, value_dict_get(record.fields, name), expected);
	record_release(&record);
	value_unref(expected);
}

void assert_plain_fields(struct contract *c, struct key key, double timestamp,
                         int n)
{
	struct value *expected = plain_fields(c, timestamp, n);
	struct record record;

	get(c, key, &record);
	for (size_t i = 0; i < expected->dict.count; i++) {
		const struct value_pair *pair = &expected->dict.pairs[i];
		const char *name = pair->key->text.data;

		assert_value(name, value_dict_get(record.fields, name),
		             pair->item);
	}
	record_release(&record);
	value_unref(expected);
}

void list_all(struct contract *c, size_t limit, struct record_list *out)
{
	struct cursor cursor = { 0 };
	int calls = 0;

	while (!cursor.end) {
		assert_int_equal(c->backend->list(c->store, &c->collection,
		                                  &cursor, limit, out),
		                 0);
		assert_true(++calls < 100000);
	}
	cursor_release(&cursor);
}

size_t times_listed(const struct record_list *list, struct key key)
{
	size_t times = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct blob *other = &list->items[i].key;

		if (other->size == key.size &&
		    (key.size == 0 ||
		     memcmp(other->data, key.data, key.size) == 0))
			times++;
	}
	return times;
}

void sleep_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&time, &time) != 0)
		assert_int_equal(errno, EINTR);
}

struct timespec time_at(time_t seconds, long nanoseconds)
{
	return (struct timespec){ seconds, nanoseconds };
}
