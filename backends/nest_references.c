/* SPDX-License-Identifier: MIT */
#include "backends/nest_path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int to_references(struct blob *path, const struct value *value,
                         struct value **out);

static int hand_out(struct value *value, struct value **out)
{
	*out = value;
	return value ? 0 : -ENOMEM;
}

static int new_reference(const char *path, struct value **out)
{
	struct value *reference = value_new_dict();

	if (!reference)
		return -ENOMEM;
	if (value_dict_set(reference, "$npy",
	                   value_new_text(path, strlen(path)))) {
		value_unref(reference);
		return -ENOMEM;
	}
	*out = reference;
	return 0;
}

static int list_to_references(struct blob *path, const struct value *list,
                              struct value *copy)
{
	size_t size = path->size;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < list->list.count; i++) {
		struct value *item;

		rc = nest_append_index(i, path);
		if (rc == 0)
			rc = to_references(path, list->list.items[i], &item);
		if (rc == 0)
			rc = value_list_append(copy, item);
		blob_resize(path, size);
	}
	return rc;
}

static int dict_to_references(struct blob *path, const struct value *dict,
                              struct value *copy)
{
	size_t size = path->size;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < dict->dict.count; i++) {
		const struct value_pair *pair = &dict->dict.pairs[i];
		struct value *item;

		rc = nest_append_key(dict, pair->key, path);
		if (rc == 0)
			rc = to_references(path, pair->item, &item);
		if (rc == 0)
			rc = value_dict_add(copy, value_ref(pair->key), item);
		blob_resize(path, size);
	}
	return rc;
}

static int to_references(struct blob *path, const struct value *value,
                         struct value **out)
{
	bool dict = value->type == VALUE_DICT;
	struct value *copy;
	int rc;

	if (value->type == VALUE_ARRAY)
		return new_reference(path->data, out);
	if (!dict && value->type != VALUE_LIST && value->type != VALUE_TUPLE)
		return hand_out(value_copy(value), out);
	copy = dict ? value_new_dict() : value_new_list(value->type);
	if (!copy)
		return -ENOMEM;
	rc = dict ? dict_to_references(path, value, copy)
	          : list_to_references(path, value, copy);
	if (rc) {
		value_unref(copy);
		return rc;
	}
	*out = copy;
	return 0;
}

int nest_to_references(struct value *value, struct value **out)
{
	struct blob path = { 0 };
	int rc;

	if (value_count(value, NEST_MAX_VALUES) >= NEST_MAX_VALUES)
		return -EFBIG;
	if (!nest_has_arrays(value))
		return hand_out(value_ref(value), out);
	rc = blob_append_text(&path, "");
	if (rc == 0)
		rc = to_references(&path, value, out);
	blob_release(&path);
	return rc;
}

struct merge {
	const struct value *current;
	struct value *used; /* dict: the paths that were referred to */
};

static int merge_value(struct merge *merge, const struct value *text,
                       const struct value *current, struct value **out);

/* The array that PATH refers to, or the reference as it is. */
static int merge_reference(struct merge *merge, const struct value *text,
                           const char *path, struct value **out)
{
	const struct value *root = merge->current;
	struct value **slot = NULL;
	const struct array *array;
	int rc = root ? nest_find(root, path, &array) : -ENOENT;

	if (rc == -ENOENT)
		return hand_out(value_copy(text), out);
	if (rc)
		return rc;
	rc = value_dict_set(merge->used, path, value_new_null());
	if (rc)
		return rc;
	while (*path) {
		rc = nest_step(slot ? *slot : root, path, &slot);
		if (rc)
			return rc;
		path = nest_step_over(path, nest_step_size(path));
	}
	return hand_out(slot ? value_ref(*slot) : value_copy(root), out);
}

static int merge_list(struct merge *merge, const struct value *text,
                      const struct value *current, struct value *list)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < text->list.count; i++) {
		const struct value *was = NULL;
		struct value *item;

		if (current && i < current->list.count)
			was = current->list.items[i];
		rc = merge_value(merge, text->list.items[i], was, &item);
		if (rc == 0)
			rc = value_list_append(list, item);
	}
	return rc;
}

static int merge_dict(struct merge *merge, const struct value *text,
                      const struct value *current, struct value *dict)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < text->dict.count; i++) {
		const struct value_pair *pair = &text->dict.pairs[i];
		const struct value *was = NULL;
		struct value *item;

		if (current)
			was = value_dict_find(current, pair->key);
		rc = merge_value(merge, pair->item, was, &item);
		if (rc == 0)
			rc = value_dict_add(dict, value_ref(pair->key), item);
	}
	return rc;
}

/* A list or dict; CURRENT is of the same kind or NULL. */
static int merge_items(struct merge *merge, const struct value *text,
                       const struct value *current, struct value **out)
{
	bool dict = text->type == VALUE_DICT;
	struct value *made =
	    dict ? value_new_dict()
		 : value_new_list(current ? current->type : text->type);
	int rc;

	if (!made)
		return -ENOMEM;
	rc = dict ? merge_dict(merge, text, current, made)
	          : merge_list(merge, text, current, made);
	if (rc) {
		value_unref(made);
		return rc;
	}
	*out = made;
	return 0;
}

static bool is_sequence(const struct value *value)
{
	return value->type == VALUE_LIST || value->type == VALUE_TUPLE;
}

static int merge_value(struct merge *merge, const struct value *text,
                       const struct value *current, struct value **out)
{
	const char *path = nest_reference(text);
	bool alike = current && (text->type == current->type ||
	                         (is_sequence(text) && is_sequence(current)));

	if (path)
		return merge_reference(merge, text, path, out);
	if (is_sequence(text) || text->type == VALUE_DICT)
		return merge_items(merge, text, alike ? current : NULL, out);
	/* A text that is not UTF-8 is shown as bytes. */
	if (text->type == VALUE_BYTES && current &&
	    current->type == VALUE_TEXT &&
	    blob_equal(&text->text, &current->text))
		return hand_out(value_copy(current), out);
	return hand_out(value_copy(text), out);
}

struct loss {
	const struct value *used;
	char *why;
};

static int check_used(const char *path, const struct array *array, void *arg)
{
	const struct loss *loss = arg;

	(void)array;
	if (value_dict_get(loss->used, path))
		return 0;
	if (loss->why)
		snprintf(loss->why, WHY_SIZE,
		         "the array \"%s\" would be lost: no {\"$npy\": ...} "
		         "refers to it",
		         path);
	return -EINVAL;
}

static int check_places(struct blob *path, const struct value *value,
                        char *why);

static int check_items(struct blob *path, const struct value *value, char *why)
{
	bool dict = value->type == VALUE_DICT;
	size_t count = dict ? value->dict.count : value->list.count;
	size_t size = path->size;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		rc = dict ? nest_append_key(value, value->dict.pairs[i].key,
		                            path)
		          : nest_append_index(i, path);
		if (rc == 0)
			rc = check_places(path,
			                  dict ? value->dict.pairs[i].item
			                       : value->list.items[i],
			                  why);
		blob_resize(path, size);
	}
	return rc;
}

/* An array that has not arrived is found by its place: a reference by another
 * name would wait for ever. */
static int check_places(struct blob *path, const struct value *value, char *why)
{
	const char *name = nest_reference(value);

	if (name && strcmp(name, path->data) != 0) {
		if (why)
			snprintf(why, WHY_SIZE,
			         "there is no array \"%.80s\"; one that is "
			         "still to come must be called by its place, "
			         "\"%.80s\"",
			         name, path->data);
		return -EINVAL;
	}
	if (name || (!is_sequence(value) && value->type != VALUE_DICT))
		return 0;
	return check_items(path, value, why);
}

int nest_from_references(const struct value *text, const struct value *current,
                         struct value **out, char why[WHY_SIZE])
{
	struct merge merge = { .current = current, .used = value_new_dict() };
	struct loss loss = { .used = merge.used, .why = why };
	struct value *made = NULL;
	struct blob path = { 0 };
	int rc = merge.used ? blob_append_text(&path, "") : -ENOMEM;

	if (rc == 0)
		rc = merge_value(&merge, text, current, &made);
	if (rc == 0)
		rc = check_places(&path, made, why);
	if (rc == 0 && current)
		rc = nest_each(current, check_used, &loss);
	blob_release(&path);
	value_unref(merge.used);
	if (rc) {
		value_unref(made);
		return rc;
	}
	*out = made;
	return 0;
}
