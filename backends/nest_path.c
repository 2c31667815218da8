/* SPDX-License-Identifier: MIT */
#include "backends/nest_path.h"

#include "backends/json.h"
#include "backends/name.h"

#include <errno.h>

/* The most of a key's JSON text that a step is made of. */
#define KEY_TEXT_LIMIT ((size_t)1 << 20)

static int append_slash(struct blob *path)
{
	return path->size ? blob_append(path, "/", 1) : 0;
}

/* A key that is not a text. */
static int append_other_key(const struct value *dict, const struct value *key,
                            struct blob *path)
{
	struct blob text = { 0 };
	size_t limit = NEST_STEP_LIMIT;
	int rc = json_append(key, JSON_STYLE_PYTHON, JSON_ARRAYS_INLINE,
	                     KEY_TEXT_LIMIT, &text);

	if (rc == 0 && value_dict_get(dict, text.data)) {
		rc = blob_append_text(path, "%=");
		limit -= 2;
	}
	if (rc == 0)
		rc = name_encode(text.data, text.size, limit, path);
	blob_release(&text);
	return rc;
}

int nest_append_key(const struct value *dict, const struct value *key,
                    struct blob *path)
{
	int rc = append_slash(path);

	if (rc)
		return rc;
	if (key->type != VALUE_TEXT)
		return append_other_key(dict, key, path);
	return name_encode(key->text.data, key->text.size, NEST_STEP_LIMIT,
	                   path);
}

int nest_append_index(size_t index, struct blob *path)
{
	int rc = append_slash(path);

	return rc ? rc : blob_printf(path, "%zu", index);
}

static struct value **step_in_list(const struct value *list, const char *step,
                                   size_t size)
{
	size_t index = 0;

	if (size == 0 || size > 18 || (step[0] == '0' && size > 1))
		return NULL;
	for (size_t i = 0; i < size; i++) {
		if (step[i] < '0' || step[i] > '9')
			return NULL;
		index = index * 10 + (size_t)(step[i] - '0');
	}
	return index < list->list.count ? &list->list.items[index] : NULL;
}

/* The key whose step needs no search: a text that is not cut. */
static int step_to_text(const struct value *dict, const char *step, size_t size,
                        struct value ***out)
{
	struct blob text = { 0 };
	struct value *key;
	int rc = name_decode(step, size, NEST_STEP_LIMIT, &text);

	if (rc)
		return rc == -EINVAL ? -ENOENT : rc;
	key = value_new_text(text.data, text.size);
	blob_release(&text);
	if (!key)
		return -ENOMEM;
	*out = value_dict_slot(dict, key);
	value_unref(key);
	return *out ? 0 : -ENOENT;
}

/* 0 where the key of PAIR has the name STEP.  -ENOENT. */
static int compare_key(const struct value *dict, const struct value_pair *pair,
                       const char *step, size_t size)
{
	struct blob name = { 0 };
	int rc;

	if (pair->key->type == VALUE_TEXT &&
	    pair->key->text.size <= NEST_STEP_LIMIT / 3)
		return -ENOENT; /* never cut: not this one */
	rc = nest_append_key(dict, pair->key, &name);
	if (rc == 0 &&
	    (name.size != size || memcmp(name.data, step, size) != 0))
		rc = -ENOENT;
	blob_release(&name);
	return rc == -ENOMEM ? rc : rc ? -ENOENT : 0;
}

static int step_in_dict(const struct value *dict, const char *step, size_t size,
                        struct value ***out)
{
	int rc = step_to_text(dict, step, size, out);

	for (size_t i = 0; rc == -ENOENT && i < dict->dict.count; i++) {
		struct value_pair *pair = &dict->dict.pairs[i];

		rc = compare_key(dict, pair, step, size);
		if (rc == 0)
			*out = &pair->item;
	}
	return rc;
}

int nest_step(const struct value *value, const char *path, struct value ***out)
{
	size_t size = nest_step_size(path);

	if (value->type == VALUE_DICT)
		return step_in_dict(value, path, size, out);
	if (value->type != VALUE_LIST && value->type != VALUE_TUPLE)
		return -ENOENT;
	*out = step_in_list(value, path, size);
	return *out ? 0 : -ENOENT;
}

const char *nest_reference(const struct value *value)
{
	const struct value *path;

	if (value->type != VALUE_DICT || value->dict.count != 1)
		return NULL;
	path = value_dict_get(value, "$npy");
	return path && path->type == VALUE_TEXT ? path->text.data : NULL;
}
