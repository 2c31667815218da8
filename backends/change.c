/* SPDX-License-Identifier: MIT */
#include "backends/change.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/change_arrays.h"
#include "backends/change_fields.h"
#include "backends/nest.h"

static int __attribute__((format(printf, 2, 3)))
refuse(struct change *change, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(change->why, sizeof(change->why), format, args);
	va_end(args);
	return -EINVAL;
}

int64_t change_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct timespec change_mtime(struct timespec given)
{
	if (given.tv_nsec == UTIME_NOW)
		clock_gettime(CLOCK_REALTIME, &given);
	return given;
}

/* The seconds since 1970 in field NAME; 1970 where there are none. */
static struct timespec field_time(const struct value *fields, const char *name)
{
	const double limit = 1e15; /* seconds; far past any calendar */
	const struct value *value = value_dict_get(fields, name);
	double seconds;
	double whole;

	if (!value || value_to_double(value, &seconds) != 0 ||
	    !(fabs(seconds) < limit))
		return (struct timespec){ 0 };
	whole = floor(seconds);
	return (struct timespec){ .tv_sec = (time_t)whole,
		                  .tv_nsec = (long)((seconds - whole) * 1e9) };
}

struct timespec change_timestamp(const struct collection *collection,
                                 const struct value *fields)
{
	if (!collection->timestamp)
		return (struct timespec){ 0 };
	return field_time(fields, collection->timestamp);
}

struct timespec change_atime(const struct collection *collection,
                             const struct value *fields,
                             struct timespec otherwise)
{
	struct timespec time = { 0 };

	if (collection->last_access)
		time = field_time(fields, collection->last_access);
	return time.tv_sec > 0 ? time : otherwise;
}

int change_key_number(struct key key, int64_t *out)
{
	int64_t number = 0;

	if (key.size == 0 || (key.data[0] == '0' && key.size > 1))
		return -EINVAL;
	for (size_t i = 0; i < key.size; i++) {
		int digit = key.data[i] - '0';

		if (digit < 0 || digit > 9)
			return -EINVAL;
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, digit, &number))
			return -EINVAL;
	}
	*out = number;
	return 0;
}

static bool is_opaque(const struct record *before)
{
	return before && before->opaque_size > 0;
}

/* -ENOENT: there is none. */
static int find_array(const struct collection *collection,
                      const struct record *before, const char *name)
{
	const struct field_row *nest = change_nest_row(collection);
	const struct value *value;
	const struct array *array;

	if (!before)
		return -ENOENT;
	if (!nest)
		return record_array(before, name) ? 0 : -ENOENT;
	value = value_dict_get(before->fields, nest->name);
	return value ? nest_find(value, name, &array) : -ENOENT;
}

static bool changes_nothing(const struct change *change)
{
	return change->fields_action == PART_KEEP &&
	       change->array_action == PART_KEEP;
}

static int check_key(const struct collection *collection, struct key key,
                     struct change *change)
{
	int64_t number;

	if (!collection_is_numbered(collection) || !key.data)
		return 0;
	if (change_key_number(key, &number) == 0)
		return 0;
	return refuse(change, "records are numbered: the key must be a number");
}

static int check_existence(const struct collection *collection,
                           const struct change *change,
                           const struct record *before)
{
	bool makes =
	    change->fields_action == PART_SET ||
	    change->array_action == PART_SET ||
	    (changes_nothing(change) && collection->shape == RECORD_DIRECTORY);

	if (before)
		return change->exclusive ? -EEXIST : 0;
	return change->must_exist || !makes ? -ENOENT : 0;
}

static int check_array(const struct collection *collection,
                       struct change *change, const struct record *before)
{
	const char *name = change->array_name;

	if (change->array_action == PART_KEEP)
		return 0;
	if (!collection_array(collection, name))
		return refuse(change, "no array '%s' in %s", name,
		              collection->path);
	if (change->array_action != PART_SET) {
		bool drops_opaque = change->array_action == PART_DROP &&
		                    is_opaque(before) && *name == '\0';

		return drops_opaque ? 0 : find_array(collection, before, name);
	}
	if (is_opaque(before))
		return refuse(change, "what is stored cannot be shown as an "
		                      "array and would be lost");
	return change_check_name(collection, change, before);
}

static int check_fields(const struct change *change,
                        const struct record *before)
{
	if (change->fields_action == PART_KEEP ||
	    change->fields_action == PART_SET)
		return 0;
	return before && !before->fields_dropped ? 0 : -ENOENT;
}

/* An array that its record waited for: the record's time goes on. */
static bool is_arrival(const struct change *change, const struct record *before)
{
	return before && change->array_action == PART_SET &&
	       !record_array(before, change->array_name);
}

static int expiry_after(const struct collection *collection,
                        struct change *change, const struct record *before,
                        int64_t *out)
{
	int64_t given = change->expires_ms;
	int64_t now = change_now_ms();

	if (collection->ttl == 0) {
		if (given > 0)
			return refuse(change, "records of %s do not expire",
			              collection->path);
		*out = 0;
	} else if (before &&
	           (given == EXPIRES_KEEP ||
	            (given == EXPIRES_ANEW && is_arrival(change, before)))) {
		*out = before->expires_ms;
	} else if (given == EXPIRES_KEEP || given == EXPIRES_ANEW) {
		*out = now + (int64_t)collection->ttl * 1000;
	} else if (given <= now) {
		return refuse(change, "expires_at: is in the past");
	} else {
		*out = given;
	}
	return 0;
}

static bool dropped_after(const struct change *change,
                          const struct record *before)
{
	if (change->fields_action == PART_SET ||
	    change->array_action == PART_SET)
		return false;
	if (change->fields_action == PART_DROP)
		return true;
	return before ? before->fields_dropped : true;
}

static bool has_arrays_after(const struct collection *collection,
                             const struct change *change,
                             const struct record *before,
                             const struct value *fields)
{
	const struct field_row *nest = change_nest_row(collection);
	bool drops = change->array_action == PART_DROP;

	if (is_opaque(before))
		return !drops;
	if (nest)
		return change_has_arrays(value_dict_get(fields, nest->name));
	if (change->array_action == PART_SET)
		return true;
	return before && before->array_count > (drops ? 1 : 0);
}

int change_apply(const struct collection *collection, struct key key,
                 struct change *change, const struct record *before,
                 struct change_result *out)
{
	struct change_result result = { 0 };
	int rc = check_existence(collection, change, before);

	change->why[0] = '\0';
	if (rc == 0)
		rc = check_key(collection, key, change);
	if (rc == 0)
		rc = check_array(collection, change, before);
	if (rc == 0)
		rc = check_fields(change, before);
	if (rc == 0)
		rc = expiry_after(collection, change, before,
		                  &result.expires_ms);
	if (rc == 0)
		rc = change_fields(collection, key, change, before,
		                   &result.fields);
	if (rc)
		return rc;
	result.fields_dropped = dropped_after(change, before);
	result.remove =
	    collection->shape != RECORD_DIRECTORY && result.fields_dropped &&
	    !has_arrays_after(collection, change, before, result.fields);
	*out = result;
	return 0;
}

void change_result_release(struct change_result *result)
{
	value_unref(result->fields);
	*result = (struct change_result){ 0 };
}
