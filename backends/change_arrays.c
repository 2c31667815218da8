/* SPDX-License-Identifier: MIT */
#include "backends/change_arrays.h"

#include "backends/change_fields.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_bad_part(const char *part, size_t size)
{
	return size == 0 || (size == 1 && part[0] == '.') ||
	       (size == 2 && memcmp(part, "..", 2) == 0);
}

static const char *wrong_with(const char *name)
{
	int depth = 0;

	for (const char *part = name;; depth++) {
		size_t size = strcspn(part, "/");

		if (is_bad_part(part, size))
			return "a part of it is empty, '.' or '..'";
		if (depth > CHANGE_ARRAY_DEPTH)
			return "it is in too many groups";
		if (part[size] == '\0')
			return NULL;
		part += size + 1;
	}
}

/* A is a group on the way to B. */
static bool leads_to(const char *a, const char *b)
{
	size_t size = strlen(a);

	return strncmp(a, b, size) == 0 && b[size] == '/';
}

/* An array of BEFORE that cannot be beside NAME, or NULL. */
static const char *find_rival(const struct record *before, const char *name)
{
	for (size_t i = 0; before && i < before->array_count; i++) {
		const char *other = before->arrays[i].name;

		if (leads_to(other, name) || leads_to(name, other))
			return other;
	}
	return NULL;
}

int change_check_name(const struct collection *collection,
                      struct change *change, const struct record *before)
{
	const char *name = change->array_name;
	const char *wrong;
	const char *rival;

	if (!collection_takes_any_name(collection))
		return 0;
	wrong = wrong_with(name);
	if (wrong) {
		snprintf(change->why, WHY_SIZE, "array '%.100s': %s", name,
		         wrong);
		return -EINVAL;
	}
	rival = find_rival(before, name);
	if (!rival)
		return 0;
	snprintf(change->why, WHY_SIZE,
	         "array '%.80s': there is an array '%.80s', and one name "
	         "cannot be an array and a group of arrays",
	         name, rival);
	return -EINVAL;
}

size_t change_array_count(const struct change *change,
                          const struct record *before)
{
	const char *name = change->array_name;
	size_t count = before ? before->array_count : 0;
	bool there = name && before && record_array(before, name);

	if (change->array_action == PART_SET && !there)
		return count + 1;
	return change->array_action == PART_DROP && there ? count - 1 : count;
}

/* Values with more values in them are not looked through. */
#define VALUES_MAX ((size_t)1 << 26)

static bool has_arrays(const struct value *value)
{
	bool dict = value->type == VALUE_DICT;
	size_t count = dict ? value->dict.count : 0;
	bool found = value->type == VALUE_ARRAY;

	if (value->type == VALUE_LIST || value->type == VALUE_TUPLE)
		count = value->list.count;
	for (size_t i = 0; !found && i < count; i++)
		found = has_arrays(dict ? value->dict.pairs[i].item
		                        : value->list.items[i]);
	return found;
}

/* A record may go when it has none, so that none may be missed for want of
 * memory; nor for want of patience. */
bool change_has_arrays(const struct value *value)
{
	if (!value)
		return false;
	return value_count(value, VALUES_MAX) >= VALUES_MAX ||
	       has_arrays(value);
}
