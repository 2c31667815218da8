/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/hdf5_attr.h"
#include "backends/json.h"
#include "backends/log.h"

/* The data set of a FIELD_VALUES row, and the most numbers that it may hold:
 * their names are in one attribute. */
#define VALUES "values"

static bool has_prefix(const struct value *key, const char *prefix)
{
	size_t size = strlen(prefix);

	return key->type == VALUE_TEXT && key->text.size >= size &&
	       memcmp(key->text.data, prefix, size) == 0;
}

/* The list of texts in the attribute NAME, or NULL. */
static struct value *listed(const struct value *attributes, const char *name)
{
	const struct value *text = value_dict_get(attributes, name);
	struct value *list = NULL;
	bool texts;

	if (!text || text->type != VALUE_TEXT || text->text.size == 0 ||
	    json_parse(text->text.data, text->text.size, JSON_ARRAYS_REFUSE,
	               &list, NULL) != 0)
		return NULL;
	texts = list->type == VALUE_LIST;
	for (size_t i = 0; texts && i < list->list.count; i++)
		texts = list->list.items[i]->type == VALUE_TEXT &&
		        list->list.items[i]->text.size > 0;
	if (texts)
		return list;
	value_unref(list);
	return NULL;
}

/* The attribute NAME becomes what its text says. */
static int decode_text(struct value *attributes, const char *name)
{
	const struct value *text = value_dict_get(attributes, name);
	struct value *meant;
	int rc;

	if (!text || text->type != VALUE_TEXT || text->text.size == 0)
		return 0;
	rc = json_parse(text->text.data, text->text.size, JSON_ARRAYS_INLINE,
	                &meant, NULL);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	return value_dict_set(attributes, name, meant);
}

static int decode_texts(struct value *attributes)
{
	struct value *names = listed(attributes, HDF5_ATTR_JSON);
	int rc = 0;

	for (size_t i = 0; names && rc == 0 && i < names->list.count; i++)
		rc = decode_text(attributes, names->list.items[i]->text.data);
	value_unref(names);
	return rc;
}

/* The attributes whose order is known come first, in that order. */
static int reorder(struct value **attributes)
{
	struct value *names = listed(*attributes, HDF5_ATTR_ORDER);
	struct value *sorted = names ? value_new_dict() : NULL;
	int rc = names && !sorted ? -ENOMEM : 0;

	for (size_t i = 0; names && rc == 0 && i < names->list.count; i++) {
		const char *name = names->list.items[i]->text.data;
		struct value *value = value_dict_get(*attributes, name);

		if (value)
			rc = value_dict_set(sorted, name, value_ref(value));
	}
	for (size_t i = 0; names && rc == 0 && i < (*attributes)->dict.count;
	     i++) {
		const struct value_pair *pair = &(*attributes)->dict.pairs[i];

		rc = value_dict_set(sorted, pair->key->text.data,
		                    value_ref(pair->item));
	}
	value_unref(names);
	if (rc || !sorted) {
		value_unref(sorted);
		return rc;
	}
	value_unref(*attributes);
	*attributes = sorted;
	return 0;
}

static int read_plain(hid_t object, const struct field_row *row,
                      const struct value *attributes, struct value **out)
{
	struct value *value = value_dict_get(attributes, row->place);

	(void)object;
	if (!value)
		return -ENOENT;
	if (row->type == FIELD_FLOAT && value->type == VALUE_INT)
		value = value_new_float((double)value->integer);
	else
		value_ref(value);
	*out = value;
	return value ? 0 : -ENOMEM;
}

static int read_dict(hid_t object, const struct field_row *row,
                     const struct value *attributes, struct value **out)
{
	struct value *dict = value_new_dict();
	int rc = dict ? 0 : -ENOMEM;

	(void)object;
	for (size_t i = 0; rc == 0 && i < attributes->dict.count; i++) {
		const struct value_pair *pair = &attributes->dict.pairs[i];

		if (has_prefix(pair->key, row->place))
			rc = value_dict_set(
			    dict, pair->key->text.data + strlen(row->place),
			    value_ref(pair->item));
	}
	if (rc)
		value_unref(dict);
	else
		*out = dict;
	return rc;
}

/* The numbers of the data set, as many as there are names. */
static int read_numbers(hid_t object, double *numbers, size_t count)
{
	hid_t dataset = -1;
	hid_t space;
	int rc = hdf5_open_object(object, VALUES, &dataset);

	if (rc)
		return rc;
	space = H5Dget_space(dataset);
	if (H5Sget_simple_extent_npoints(space) != (hssize_t)count)
		rc = -ENOENT;
	else if (H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL,
	                 H5P_DEFAULT, numbers) < 0)
		rc = hdf5_error("cannot read", VALUES);
	hdf5_close_id(space);
	hdf5_close_id(dataset);
	return rc;
}

static int pair_up(const struct value *names, const double *numbers,
                   struct value **out)
{
	struct value *dict = value_new_dict();
	int rc = dict ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < names->list.count; i++) {
		const struct value *name = names->list.items[i];

		if (name->type == VALUE_TEXT)
			rc = value_dict_set(dict, name->text.data,
			                    value_new_float(numbers[i]));
	}
	if (rc)
		value_unref(dict);
	else
		*out = dict;
	return rc;
}

static int read_values(hid_t object, const struct field_row *row,
                       const struct value *attributes, struct value **out)
{
	const struct value *names = value_dict_get(attributes, row->place);
	double *numbers;
	int rc;

	if (!names || names->type != VALUE_LIST) {
		*out = value_new_dict();
		return *out ? 0 : -ENOMEM;
	}
	numbers = calloc(names->list.count + 1, sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	rc = read_numbers(object, numbers, names->list.count);
	if (rc == 0)
		rc = pair_up(names, numbers, out);
	free(numbers);
	return rc;
}

static int read_row(hid_t object, const struct field_row *row,
                    const struct value *attributes, struct value **out)
{
	switch (row->type) {
	case FIELD_DICT:
		return read_dict(object, row, attributes, out);
	case FIELD_VALUES:
		return read_values(object, row, attributes, out);
	default:
		return read_plain(object, row, attributes, out);
	}
}

static int read_rows(hid_t object, const struct collection *collection,
                     const struct value *attributes, struct value *fields)
{
	const struct field_row *row;

	for (row = collection->fields; row->name; row++) {
		struct value *value = NULL;
		int rc = read_row(object, row, attributes, &value);

		if (rc == 0)
			rc = value_dict_set(fields, row->name, value);
		if (rc && rc != -ENOENT)
			return rc;
	}
	return 0;
}

int hdf5_fields_read(hid_t object, const struct collection *collection,
                     struct value **out)
{
	struct value *attributes = NULL;
	struct value *fields = value_new_dict();
	int rc = fields ? hdf5_attrs_read(object, &attributes) : -ENOMEM;

	if (rc == 0)
		rc = decode_texts(attributes);
	if (rc == 0)
		rc = reorder(&attributes);
	if (rc == 0)
		rc = read_rows(object, collection, attributes, fields);
	value_unref(attributes);
	if (rc)
		value_unref(fields);
	else
		*out = fields;
	return rc;
}
