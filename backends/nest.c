/* SPDX-License-Identifier: MIT */
#include "backends/nest_path.h"

#include "backends/name.h"

#include <errno.h>
#include <stdio.h>

struct walk {
	struct blob path;
	nest_array_fn *fn;
	void *arg;
};

static int walk_value(struct walk *walk, const struct value *value);

static bool may_hold_arrays(const struct value *value)
{
	return value->type == VALUE_ARRAY || value->type == VALUE_LIST ||
	       value->type == VALUE_TUPLE || value->type == VALUE_DICT;
}

static int walk_list(struct walk *walk, const struct value *list)
{
	size_t size = walk->path.size;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < list->list.count; i++) {
		if (!may_hold_arrays(list->list.items[i]))
			continue;
		rc = nest_append_index(i, &walk->path);
		if (rc == 0)
			rc = walk_value(walk, list->list.items[i]);
		blob_resize(&walk->path, size);
	}
	return rc;
}

static int walk_dict(struct walk *walk, const struct value *dict)
{
	size_t size = walk->path.size;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < dict->dict.count; i++) {
		const struct value_pair *pair = &dict->dict.pairs[i];

		if (!may_hold_arrays(pair->item))
			continue;
		rc = nest_append_key(dict, pair->key, &walk->path);
		if (rc == 0)
			rc = walk_value(walk, pair->item);
		blob_resize(&walk->path, size);
	}
	return rc;
}

static int walk_value(struct walk *walk, const struct value *value)
{
	if (value->type == VALUE_ARRAY)
		return walk->fn(walk->path.data, &value->array, walk->arg);
	if (value->type == VALUE_LIST || value->type == VALUE_TUPLE)
		return walk_list(walk, value);
	if (value->type == VALUE_DICT)
		return walk_dict(walk, value);
	return 0;
}

bool nest_has_arrays(const struct value *value)
{
	bool found = value->type == VALUE_ARRAY;

	if (value->type == VALUE_LIST || value->type == VALUE_TUPLE)
		for (size_t i = 0; !found && i < value->list.count; i++)
			found = nest_has_arrays(value->list.items[i]);
	if (value->type == VALUE_DICT)
		for (size_t i = 0; !found && i < value->dict.count; i++)
			found = nest_has_arrays(value->dict.pairs[i].item);
	return found;
}

int nest_each(const struct value *value, nest_array_fn *fn, void *arg)
{
	struct walk walk = { .fn = fn, .arg = arg };
	int rc;

	if (value_count(value, NEST_MAX_VALUES) >= NEST_MAX_VALUES)
		return -EFBIG;
	if (!nest_has_arrays(value))
		return 0;
	rc = blob_append_text(&walk.path, "");
	if (rc == 0)
		rc = walk_value(&walk, value);
	blob_release(&walk.path);
	return rc;
}

int nest_find(const struct value *value, const char *path,
              const struct array **out)
{
	while (*path) {
		struct value **slot;
		int rc = nest_step(value, path, &slot);

		if (rc)
			return rc;
		value = *slot;
		path = nest_step_over(path, nest_step_size(path));
	}
	if (value->type != VALUE_ARRAY)
		return -ENOENT;
	*out = &value->array;
	return 0;
}

/*
 * Go from *SLOT along *PATH as far as there is something, and unshare what is
 * gone through.  On return *SLOT is where the rest of *PATH begins.
 */
static int descend(struct value ***slot, const char **path)
{
	while (**path) {
		int rc = value_unshare(*slot);
		struct value **next;

		if (rc == 0)
			rc = nest_step(**slot, *path, &next);
		if (rc)
			return rc == -ENOENT ? 0 : rc;
		*slot = next;
		*path = nest_step_over(*path, nest_step_size(*path));
	}
	return 0;
}

static int bad(char *why, const char *path, const char *what)
{
	if (why)
		snprintf(why, WHY_SIZE, "\"%s\": %s", path, what);
	return -EINVAL;
}

/* The key that the first step of PATH is the name of. */
static int step_key(const char *path, struct value **out, char *why)
{
	struct blob text = { 0 };
	int rc =
	    name_decode(path, nest_step_size(path), NEST_STEP_LIMIT, &text);

	if (rc == -EINVAL)
		rc = bad(why, path, "no key has this name");
	if (rc == 0) {
		*out = value_new_text(text.data, text.size);
		rc = *out ? 0 : -ENOMEM;
	}
	blob_release(&text);
	return rc;
}

static int check_steps(const char *path, char *why)
{
	int steps = 0;

	for (const char *at = path; *at;
	     at = nest_step_over(at, nest_step_size(at)))
		if (++steps > NEST_MAX_STEPS)
			return bad(why, path, "nested too deeply");
	return 0;
}

/* *ARRAY becomes dicts in dicts, with it at PATH. */
static int wrap(const char *path, struct value **array, char *why)
{
	struct value *dict;
	struct value *key;
	int rc;

	if (!*path)
		return 0;
	rc = wrap(nest_step_over(path, nest_step_size(path)), array, why);
	if (rc)
		return rc;
	rc = step_key(path, &key, why);
	if (rc)
		return rc;
	dict = value_new_dict();
	if (!dict) {
		value_unref(key);
		return -ENOMEM;
	}
	rc = value_dict_add(dict, key, *array);
	*array = dict;
	if (rc) {
		value_unref(dict);
		*array = NULL;
	}
	return rc;
}

/* Put ARRAY, which is taken over, at PATH below *SLOT, where nothing of PATH
 * is yet. */
static int attach(struct value **slot, const char *path, struct value *array,
                  char *why)
{
	size_t size = nest_step_size(path);
	struct value *key = NULL;
	int rc;

	if ((*slot)->type == VALUE_NULL) {
		rc = wrap(path, &array, why);
		if (rc)
			goto fail;
		value_unref(*slot);
		*slot = array;
		return 0;
	}
	rc = (*slot)->type != VALUE_DICT || nest_reference(*slot)
	         ? bad(why, path, "there is no dict to put it into")
	         : step_key(path, &key, why);
	if (rc == 0)
		rc = wrap(nest_step_over(path, size), &array, why);
	if (rc)
		goto fail;
	return value_dict_add(*slot, key, array);

fail:
	value_unref(key);
	value_unref(array);
	return rc;
}

static int set_below(struct value **root, const char *path, struct value *array,
                     char *why)
{
	struct value **slot = root;
	const char *rest = path;
	int rc = descend(&slot, &rest);

	if (rc == 0 && *rest)
		return attach(slot, rest, array, why);
	if (rc == 0 && *path && (*slot)->type != VALUE_ARRAY &&
	    (*slot)->type != VALUE_NULL && !nest_reference(*slot))
		rc = bad(why, path, "there is something else, not an array");
	if (rc) {
		value_unref(array);
		return rc;
	}
	value_unref(*slot);
	*slot = array;
	return 0;
}

int nest_set(struct value **root, const char *path, struct value *array,
             char why[WHY_SIZE])
{
	int rc = check_steps(path, why);

	if (rc == 0 && !*root) {
		*root = value_new_null();
		rc = *root ? 0 : -ENOMEM;
	}
	if (rc) {
		value_unref(array);
		return rc;
	}
	return set_below(root, path, array, why);
}

int nest_drop(struct value **root, const char *path)
{
	struct value **slot = root;
	const struct array *array;
	struct value *null;
	int rc = nest_find(*root, path, &array);

	if (rc)
		return rc;
	rc = descend(&slot, &path);
	null = value_new_null();
	if (rc || !null) {
		value_unref(null);
		return -ENOMEM;
	}
	value_unref(*slot);
	*slot = null;
	return 0;
}
