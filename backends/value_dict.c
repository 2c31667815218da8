/* SPDX-License-Identifier: MIT */
/*
 * Dicts keep their pairs in order of insertion.  From INDEX_FROM pairs on, an
 * open-addressed table of 2^slot_bits slots finds a key: a slot holds the
 * position of a pair plus one, or 0.  At most half of the slots are taken.
 */
#include "backends/value_hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_FROM 16
#define NOT_FOUND SIZE_MAX

static void put_slot(struct value *dict, size_t position)
{
	size_t mask = ((size_t)1 << dict->dict.slot_bits) - 1;
	size_t at = value_hash(dict->dict.pairs[position].key) & mask;

	while (dict->dict.slots[at])
		at = (at + 1) & mask;
	dict->dict.slots[at] = (uint32_t)position + 1;
}

static void drop_index(struct value *dict)
{
	free(dict->dict.slots);
	dict->dict.slots = NULL;
	dict->dict.slot_bits = 0;
}

/* Make the index again, for twice the present count. */
static int build_index(struct value *dict)
{
	unsigned int bits = 5;
	uint32_t *slots;

	while (((size_t)1 << bits) < 4 * dict->dict.count)
		bits++;
	slots = calloc((size_t)1 << bits, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(dict->dict.slots);
	dict->dict.slots = slots;
	dict->dict.slot_bits = bits;
	for (size_t i = 0; i < dict->dict.count; i++)
		put_slot(dict, i);
	return 0;
}

static size_t find_by_slot(const struct value *dict, const struct value *key)
{
	size_t mask = ((size_t)1 << dict->dict.slot_bits) - 1;
	size_t at = value_hash(key) & mask;

	for (; dict->dict.slots[at]; at = (at + 1) & mask) {
		size_t position = dict->dict.slots[at] - 1;

		if (value_equal(dict->dict.pairs[position].key, key))
			return position;
	}
	return NOT_FOUND;
}

static size_t find(const struct value *dict, const struct value *key)
{
	if (dict->dict.slots)
		return find_by_slot(dict, key);
	for (size_t i = 0; i < dict->dict.count; i++)
		if (value_equal(dict->dict.pairs[i].key, key))
			return i;
	return NOT_FOUND;
}

/* A borrowed text as a key to look for. */
static struct value text_key(const char *text)
{
	struct value key = { .type = VALUE_TEXT };

	/* find only reads its key.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	key.text.data = (char *)(uintptr_t)text;
	key.text.size = strlen(text);
	return key;
}

static size_t find_text(const struct value *dict, const char *text)
{
	struct value key;

	if (dict->type != VALUE_DICT)
		return NOT_FOUND;
	key = text_key(text);
	return find(dict, &key);
}

static int make_room(struct value *dict)
{
	size_t capacity = dict->dict.capacity ? 2 * dict->dict.capacity : 4;
	struct value_pair *pairs;

	if (dict->dict.count == UINT32_MAX - 1)
		return -ENOMEM;
	if (dict->dict.count >= INDEX_FROM &&
	    2 * (dict->dict.count + 1) > (size_t)1 << dict->dict.slot_bits &&
	    build_index(dict))
		return -ENOMEM;
	if (dict->dict.count < dict->dict.capacity)
		return 0;
	pairs = reallocarray(dict->dict.pairs, capacity, sizeof(*pairs));
	if (!pairs)
		return -ENOMEM;
	dict->dict.pairs = pairs;
	dict->dict.capacity = capacity;
	return 0;
}

/* Takes over KEY and ITEM. */
static void replace(struct value_pair *pair, struct value *key,
                    struct value *item)
{
	value_unref(key);
	value_unref(pair->item);
	pair->item = item;
}

int value_dict_add(struct value *dict, struct value *key, struct value *item)
{
	size_t position;

	if (!key || !item)
		goto fail;
	position = find(dict, key);
	if (position != NOT_FOUND) {
		replace(&dict->dict.pairs[position], key, item);
		return 0;
	}
	if (make_room(dict))
		goto fail;
	position = dict->dict.count++;
	dict->dict.pairs[position] = (struct value_pair){ key, item };
	if (dict->dict.slots)
		put_slot(dict, position);
	return 0;

fail:
	value_unref(key);
	value_unref(item);
	return -ENOMEM;
}

int value_dict_set(struct value *dict, const char *key, struct value *item)
{
	return value_dict_add(dict, value_new_text(key, strlen(key)), item);
}

struct value *value_dict_get(const struct value *dict, const char *key)
{
	size_t position = find_text(dict, key);

	return position == NOT_FOUND ? NULL : dict->dict.pairs[position].item;
}

struct value *value_dict_find(const struct value *dict, const struct value *key)
{
	size_t position = find(dict, key);

	return position == NOT_FOUND ? NULL : dict->dict.pairs[position].item;
}

struct value **value_dict_slot(const struct value *dict,
                               const struct value *key)
{
	size_t position = find(dict, key);

	return position == NOT_FOUND ? NULL : &dict->dict.pairs[position].item;
}

int value_dict_remove(struct value *dict, const char *key)
{
	size_t position = find_text(dict, key);
	struct value_pair *pair;

	if (position == NOT_FOUND)
		return -ENOENT;
	pair = &dict->dict.pairs[position];
	value_unref(pair->key);
	value_unref(pair->item);
	dict->dict.count--;
	memmove(pair, pair + 1, (dict->dict.count - position) * sizeof(*pair));
	drop_index(dict);
	return 0;
}
