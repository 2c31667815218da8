/* SPDX-License-Identifier: MIT */
#include "layout/reference.h"

#include "layout/node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef int reference_fn(struct blob *text, void *arg);

static bool is_reference(const struct value *value)
{
	const struct value *text = value_dict_get(value, "$npy");

	return text && value->dict.count == 1 && text->type == VALUE_TEXT;
}

bool reference_is_in(const struct value *value)
{
	bool found = is_reference(value);

	if (value_is_list(value))
		for (size_t i = 0; !found && i < value->list.count; i++)
			found = reference_is_in(value->list.items[i]);
	if (value->type == VALUE_DICT)
		for (size_t i = 0; !found && i < value->dict.count; i++)
			found = reference_is_in(value->dict.pairs[i].item);
	return found;
}

/* Call FN for the text of each reference in VALUE. */
static int each_reference(struct value *value, reference_fn *fn, void *arg)
{
	int rc = 0;

	if (is_reference(value))
		return fn(&value_dict_get(value, "$npy")->text, arg);
	if (value_is_list(value))
		for (size_t i = 0; rc == 0 && i < value->list.count; i++)
			rc = each_reference(value->list.items[i], fn, arg);
	if (value->type == VALUE_DICT)
		for (size_t i = 0; rc == 0 && i < value->dict.count; i++)
			rc = each_reference(value->dict.pairs[i].item, fn, arg);
	return rc;
}

static int show(struct blob *text, void *arg)
{
	const struct key *key = arg;
	struct blob name = { 0 };
	int rc = node_part_name(*key, text->size ? "/" : "", &name);

	if (rc == 0)
		rc = blob_append(&name, text->data, text->size);
	if (rc == 0)
		rc = blob_append_text(&name, ".npy");
	if (rc == 0)
		blob_move(text, &name);
	blob_release(&name);
	return rc;
}

int reference_show(struct value *value, struct key key)
{
	return each_reference(value, show, &key);
}

static int hide(struct blob *text, void *arg)
{
	struct blob path = { 0 };
	const char *slash;
	int rc;

	if (text->size < 5 || memchr(text->data, '\0', text->size) ||
	    strcmp(text->data + text->size - 4, ".npy") != 0) {
		snprintf(arg, WHY_SIZE,
		         "experience_data: \"$npy\": \"%.100s\" is not the "
		         "name of an .npy file",
		         text->data);
		return -EINVAL;
	}
	slash = strchr(text->data, '/');
	if (!slash)
		rc = blob_set(&path, "", 0);
	else
		rc = blob_set(&path, slash + 1, strlen(slash + 1) - 4);
	if (rc == 0)
		blob_move(text, &path);
	return rc;
}

int reference_hide(struct value *value, char why[WHY_SIZE])
{
	return each_reference(value, hide, why);
}
