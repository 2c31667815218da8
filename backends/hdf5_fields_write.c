/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/hdf5_attr.h"
#include "backends/json.h"
#include "backends/utf8.h"

#define VALUES "values"
#define NAME_MAX_SIZE ((size_t)16 << 10)
#define VALUES_MAX (HDF5_ATTR_MAX_SIZE / 16)
#define TEXT_LIMIT ((size_t)16 << 20)

/* One writing of fields. */
struct writing {
	struct hdf5_store *store;
	struct hdf5_file *file;
	hid_t object;
	struct value *texts; /* dict: names of attributes that are JSON */
	bool texts_changed;
};

static int check_name(const struct value *key, char why[WHY_SIZE])
{
	const char *reason = NULL;

	if (key->type != VALUE_TEXT)
		reason = "keys must be texts";
	else if (key->text.size > NAME_MAX_SIZE)
		reason = "a key is too long for an attribute";
	else if (key->text.size &&
	         (memchr(key->text.data, '\0', key->text.size) ||
	          !utf8_is_valid(key->text.data, key->text.size)))
		reason = "a key is no name for an attribute: it has a NUL or "
			 "is not UTF-8";
	if (!reason)
		return 0;
	snprintf(why, WHY_SIZE, "%s", reason);
	return -EINVAL;
}

static int check_numbers(const struct value *dict, char why[WHY_SIZE])
{
	double number;

	if (dict->dict.count > VALUES_MAX) {
		snprintf(why, WHY_SIZE, "more than %d values", VALUES_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < dict->dict.count; i++)
		if (value_to_double(dict->dict.pairs[i].item, &number) != 0) {
			snprintf(why, WHY_SIZE, "values must be numbers");
			return -EINVAL;
		}
	return 0;
}

static int check_row(const struct field_row *row, const struct value *value,
                     char why[WHY_SIZE])
{
	char reason[WHY_SIZE] = "";
	int rc = 0;

	if (!value || value->type != VALUE_DICT ||
	    (row->type != FIELD_DICT && row->type != FIELD_VALUES))
		return 0;
	for (size_t i = 0; rc == 0 && i < value->dict.count; i++)
		rc = check_name(value->dict.pairs[i].key, reason);
	if (rc == 0 && row->type == FIELD_VALUES)
		rc = check_numbers(value, reason);
	if (rc)
		snprintf(why, WHY_SIZE, "%.40s: %.200s", row->name, reason);
	return rc;
}

int hdf5_fields_check(const struct collection *collection,
                      const struct value *fields, char why[WHY_SIZE])
{
	const struct field_row *row;
	int rc = 0;

	for (row = collection->fields; rc == 0 && row->name; row++)
		rc = check_row(row, value_dict_get(fields, row->name), why);
	return rc;
}

/* Read the list of attributes that are JSON. */
static int texts_read(struct writing *writing)
{
	struct blob text = { 0 };
	struct value *names = NULL;
	int rc = 0;

	writing->texts = value_new_dict();
	if (!writing->texts)
		return -ENOMEM;
	if (hdf5_attr_read_bytes(writing->object, HDF5_ATTR_JSON, &text) == 0)
		json_parse(text.data, text.size, JSON_ARRAYS_REFUSE, &names,
		           NULL);
	blob_release(&text);
	for (size_t i = 0;
	     rc == 0 && names && value_is_list(names) && i < names->list.count;
	     i++)
		if (names->list.items[i]->type == VALUE_TEXT)
			rc = value_dict_set(writing->texts,
			                    names->list.items[i]->text.data,
			                    value_new_bool(true));
	value_unref(names);
	return rc;
}

static int append_json(const struct value *value, struct blob *out)
{
	return json_append(value, JSON_STYLE_PYTHON, JSON_ARRAYS_INLINE,
	                   TEXT_LIMIT, out);
}

static int write_text(hid_t object, const char *name, const struct blob *text)
{
	struct value *value = value_new_text(text->data, text->size);
	int rc = value ? hdf5_attr_write(object, name, value) : -ENOMEM;

	value_unref(value);
	return rc;
}

static int texts_write(struct writing *writing)
{
	struct value *list = value_new_list(VALUE_LIST);
	struct blob text = { 0 };
	int rc = list ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < writing->texts->dict.count; i++)
		rc = value_list_append(
		    list, value_ref(writing->texts->dict.pairs[i].key));
	if (rc == 0 && writing->texts->dict.count == 0)
		rc = hdf5_attr_remove(writing->object, HDF5_ATTR_JSON);
	else if (rc == 0)
		rc = append_json(list, &text);
	if (rc == 0 && text.size > 0)
		rc = write_text(writing->object, HDF5_ATTR_JSON, &text);
	blob_release(&text);
	value_unref(list);
	return rc;
}

static int forget_text(struct writing *writing, const char *name)
{
	if (value_dict_remove(writing->texts, name) == 0)
		writing->texts_changed = true;
	return 0;
}

static int write_as_text(struct writing *writing, const char *name,
                         const struct value *value)
{
	struct blob text = { 0 };
	int rc = append_json(value, &text);

	if (rc == 0)
		rc = write_text(writing->object, name, &text);
	blob_release(&text);
	if (rc || value_dict_get(writing->texts, name))
		return rc;
	writing->texts_changed = true;
	return value_dict_set(writing->texts, name, value_new_bool(true));
}

static int write_attribute(struct writing *writing, const char *name,
                           const struct value *value, bool lists)
{
	bool direct =
	    hdf5_attr_can_hold(value) && (lists || value->type != VALUE_LIST);
	int rc;

	if (!direct)
		return write_as_text(writing, name, value);
	rc = hdf5_attr_write(writing->object, name, value);
	return rc ? rc : forget_text(writing, name);
}

static int remove_attribute(struct writing *writing, const char *name)
{
	int rc = hdf5_attr_remove(writing->object, name);

	return rc ? rc : forget_text(writing, name);
}

static int write_plain(struct writing *writing, const struct field_row *row,
                       const struct value *was, const struct value *now)
{
	(void)was;
	if (!now)
		return remove_attribute(writing, row->place);
	return write_attribute(writing, row->place, now, true);
}

static bool is_unchanged(const struct value *was, const struct value *now)
{
	return was && now &&
	       (was == now ||
	        (was->type == now->type && value_equal(was, now)));
}

/* The entry KEY: NOW (NULL: removed), and what it WAS. */
static int write_entry(struct writing *writing, const struct field_row *row,
                       const struct value *key, const struct value *was,
                       const struct value *now)
{
	struct blob name = { 0 };
	int rc;

	if (is_unchanged(was, now))
		return 0;
	rc = blob_printf(&name, "%s%s", row->place,
	                 key->text.size ? key->text.data : "");
	if (rc == 0)
		rc = now ? write_attribute(writing, name.data, now, false)
		         : remove_attribute(writing, name.data);
	blob_release(&name);
	return rc;
}

static const struct value *entry(const struct value *dict,
                                 const struct value *key)
{
	if (!dict || dict->type != VALUE_DICT || key->type != VALUE_TEXT)
		return NULL;
	return value_dict_get(dict, key->text.size ? key->text.data : "");
}

static bool is_sorted(const struct value *dict)
{
	for (size_t i = 1; i < dict->dict.count; i++) {
		const struct blob *a = &dict->dict.pairs[i - 1].key->text;
		const struct blob *b = &dict->dict.pairs[i].key->text;

		if (strcmp(a->size ? a->data : "", b->size ? b->data : "") > 0)
			return false;
	}
	return true;
}

/* Keep the order of DICT where it is not that of the attributes. */
static int write_order(struct writing *writing, const struct field_row *row,
                       const struct value *dict)
{
	struct value *list = value_new_list(VALUE_LIST);
	struct blob text = { 0 };
	int rc = list ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < dict->dict.count; i++) {
		const struct blob *key = &dict->dict.pairs[i].key->text;
		struct blob name = { 0 };

		rc = blob_printf(&name, "%s%s", row->place,
		                 key->size ? key->data : "");
		if (rc == 0)
			rc = value_list_append(
			    list, value_new_text(name.data, name.size));
		blob_release(&name);
	}
	if (rc == 0)
		rc = append_json(list, &text);
	if (rc == 0)
		rc = write_text(writing->object, HDF5_ATTR_ORDER, &text);
	blob_release(&text);
	value_unref(list);
	return rc;
}

static int write_dict(struct writing *writing, const struct field_row *row,
                      const struct value *was, const struct value *now)
{
	int rc = 0;

	if (now && now->type != VALUE_DICT)
		return -EINVAL;
	for (size_t i = 0; rc == 0 && was && i < was->dict.count; i++) {
		const struct value_pair *pair = &was->dict.pairs[i];

		if (!entry(now, pair->key))
			rc = write_entry(writing, row, pair->key, pair->item,
			                 NULL);
	}
	for (size_t i = 0; rc == 0 && now && i < now->dict.count; i++) {
		const struct value_pair *pair = &now->dict.pairs[i];

		rc = write_entry(writing, row, pair->key, entry(was, pair->key),
		                 pair->item);
	}
	if (rc == 0)
		rc = !now || is_sorted(now)
		         ? hdf5_attr_remove(writing->object, HDF5_ATTR_ORDER)
		         : write_order(writing, row, now);
	return rc;
}

static int link_numbers(struct writing *writing, const struct array *array)
{
	hid_t list = hdf5_link_creation();
	hid_t dataset = -1;
	int rc =
	    hdf5_write_array(writing->store, writing->file, array, &dataset);

	if (rc == 0)
		rc = hdf5_unlink(writing->object, VALUES);
	if (rc == 0 && H5Olink(dataset, writing->object, VALUES, list,
	                       hdf5_link_access()) < 0)
		rc = hdf5_error("cannot link", VALUES);
	hdf5_close_id(dataset);
	hdf5_close_id(list);
	return rc;
}

static int write_numbers(struct writing *writing, const struct value *dict)
{
	struct array array = { .info = { .ndim = 1 } };
	double *numbers = calloc(dict->dict.count, sizeof(*numbers));
	int rc;

	if (!numbers)
		return -ENOMEM;
	for (size_t i = 0; i < dict->dict.count; i++)
		value_to_double(dict->dict.pairs[i].item, &numbers[i]);
	dtype_plain(&array.info.dtype, 'f', sizeof(*numbers));
	array.info.shape[0] = dict->dict.count;
	array.info.nbytes = dict->dict.count * sizeof(*numbers);
	array.data = numbers;
	rc = link_numbers(writing, &array);
	free(numbers);
	return rc;
}

static int write_values(struct writing *writing, const struct field_row *row,
                        const struct value *was, const struct value *now)
{
	struct value *names;
	int rc = 0;

	(void)was;
	if (!now || now->type != VALUE_DICT || now->dict.count == 0) {
		rc = hdf5_attr_remove(writing->object, row->place);
		return rc ? rc : hdf5_unlink(writing->object, VALUES);
	}
	names = value_new_list(VALUE_LIST);
	if (!names)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < now->dict.count; i++)
		rc =
		    value_list_append(names, value_ref(now->dict.pairs[i].key));
	if (rc == 0)
		rc = hdf5_attr_write(writing->object, row->place, names);
	value_unref(names);
	return rc ? rc : write_numbers(writing, now);
}

static int write_row(struct writing *writing, const struct field_row *row,
                     const struct value *was, const struct value *now)
{
	switch (row->type) {
	case FIELD_DICT:
		return write_dict(writing, row, was, now);
	case FIELD_VALUES:
		return write_values(writing, row, was, now);
	default:
		return write_plain(writing, row, was, now);
	}
}

int hdf5_fields_write(struct hdf5_store *store, struct hdf5_file *file,
                      hid_t object, const struct collection *collection,
                      const struct value *before, const struct value *fields)
{
	struct writing writing = { .store = store,
		                   .file = file,
		                   .object = object };
	const struct field_row *row;
	int rc = texts_read(&writing);

	for (row = collection->fields; rc == 0 && row->name; row++) {
		const struct value *now = value_dict_get(fields, row->name);
		const struct value *was = NULL;

		if (before)
			was = value_dict_get(before, row->name);
		if (was != now)
			rc = write_row(&writing, row, was, now);
	}
	if (rc == 0 && writing.texts_changed)
		rc = texts_write(&writing);
	value_unref(writing.texts);
	return rc;
}
