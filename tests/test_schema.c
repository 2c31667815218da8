/* SPDX-License-Identifier: MIT */
#include "backends/json.h"
#include "layout/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COMMON "common.json#/$defs/"

static bool shares_its_path(const struct collection *collection)
{
	size_t count = 0;

	for (const struct collection *row = tree_collections; row->path; row++)
		count += strcmp(row->path, collection->path) == 0;
	return count > 1;
}

/* "activations/layer_outputs" -> "activations_layer_outputs" */
static void name_of(const struct collection *collection, struct blob *out)
{
	bool pair =
	    collection->shape == RECORD_PAIR && shares_its_path(collection);

	assert_int_equal(
	    blob_printf(out, "%s%s", collection->path, pair ? "_pair" : ""), 0);
	for (char *c = out->data; *c; c++)
		if (*c == '/')
			*c = '_';
}

static struct value *read_schema(const char *name)
{
	struct blob path = { 0 };
	struct value *schema = NULL;
	char why[WHY_SIZE] = "";
	size_t capacity = 0;
	char *text = NULL;
	ssize_t size = -1;
	FILE *file;

	assert_int_equal(blob_printf(&path, SCHEMA_DIRECTORY "/%s.json", name),
	                 0);
	file = fopen(path.data, "re");
	if (file) {
		size = getdelim(&text, &capacity, '\0', file);
		fclose(file);
	}
	if (size < 0 ||
	    json_parse(text, (size_t)size, JSON_ARRAYS_REFUSE, &schema, why))
		fail_msg("%s: %s", path.data, file ? why : "is missing");
	free(text);
	blob_release(&path);
	return schema;
}

static struct value *schema_of(const struct collection *collection)
{
	struct blob name = { 0 };
	struct value *schema;

	name_of(collection, &name);
	schema = read_schema(name.data);
	blob_release(&name);
	return schema;
}

static const char *text_of(const struct value *dict, const char *name)
{
	const struct value *text = value_dict_get(dict, name);

	return text && text->type == VALUE_TEXT ? text->text.data : "";
}

static bool refers_to(const struct value *property, const char *name)
{
	const char *reference = text_of(property, "$ref");
	size_t size = strlen(COMMON);

	return strncmp(reference, COMMON, size) == 0 &&
	       strcmp(reference + size, name) == 0;
}

/* It says nothing about the type. */
static bool takes_anything(const struct value *property)
{
	return !value_dict_get(property, "type") &&
	       !value_dict_get(property, "$ref");
}

static bool is_float(const struct value *property)
{
	return refers_to(property, "float") || refers_to(property, "timestamp");
}

static bool is_integer(const struct value *property)
{
	return refers_to(property, "count") || refers_to(property, "number") ||
	       strcmp(text_of(property, "type"), "integer") == 0;
}

static bool is_text(const struct value *property)
{
	return refers_to(property, "text");
}

static bool is_dict(const struct value *property)
{
	return refers_to(property, "metadata") ||
	       strcmp(text_of(property, "type"), "object") == 0;
}

static bool (*const type_fits[])(const struct value *property) = {
	[FIELD_FLOAT] = is_float, [FIELD_INT] = is_integer,
	[FIELD_TEXT] = is_text,   [FIELD_JSON] = takes_anything,
	[FIELD_DICT] = is_dict,   [FIELD_NEST] = takes_anything,
	[FIELD_VALUES] = is_dict,
};

/* Fields that the file shows as the array's own instead. */
static bool is_shown(const struct field_row *row)
{
	return row->rule != FIELD_SHAPE && row->rule != FIELD_DTYPE;
}

/* What a file has beside its fields. */
static size_t extras_of(const struct collection *collection,
                        const char *extras[5])
{
	size_t count = 0;

	extras[count++] = "key";
	if (collection->shape == RECORD_DIRECTORY)
		extras[count++] = "arrays";
	if (collection->shape == RECORD_PAIR ||
	    collection->shape == RECORD_NEST) {
		extras[count++] = "shape";
		extras[count++] = "dtype";
	}
	if (collection->ttl)
		extras[count++] = "expires_at";
	return count;
}

static void check_fields(const struct collection *collection,
                         const struct value *properties, size_t *count)
{
	for (const struct field_row *row = collection->fields; row->name;
	     row++) {
		const struct value *property =
		    value_dict_get(properties, row->name);

		if (!is_shown(row))
			continue;
		++*count;
		if (!property)
			fail_msg("%s: no schema for the field %s",
			         collection->path, row->name);
		else if (!type_fits[row->type](property))
			fail_msg("%s: the type of %s is another",
			         collection->path, row->name);
	}
}

static void every_collection_has_a_schema_with_its_fields(void **state)
{
	(void)state;

	for (const struct collection *row = tree_collections; row->path;
	     row++) {
		struct value *schema = schema_of(row);
		struct value *properties = value_dict_get(schema, "properties");
		const char *extras[5];
		size_t count = extras_of(row, extras);

		for (size_t i = 0; i < count; i++)
			if (!value_dict_get(properties, extras[i]))
				fail_msg("%s: no schema for %s", row->path,
				         extras[i]);
		check_fields(row, properties, &count);
		/* Nothing else. */
		assert_int_equal(properties->dict.count, count);
		value_unref(schema);
	}
}

static void a_record_with_an_unknown_field_fits_no_schema(void **state)
{
	(void)state;

	for (const struct collection *row = tree_collections; row->path;
	     row++) {
		struct value *schema = schema_of(row);
		const struct value *others =
		    value_dict_get(schema, "additionalProperties");

		assert_non_null(others);
		assert_int_equal(others->type, VALUE_BOOL);
		assert_false(others->boolean);
		value_unref(schema);
	}
}

static void every_schema_asks_for_the_records_date(void **state)
{
	(void)state;

	for (const struct collection *row = tree_collections; row->path;
	     row++) {
		struct value *schema = schema_of(row);
		struct value *required = value_dict_get(schema, "required");
		bool found = false;

		assert_non_null(required);
		for (size_t i = 0; i < required->list.count; i++)
			found |= strcmp(required->list.items[i]->text.data,
			                row->timestamp) == 0;
		if (!found)
			fail_msg("%s: %s is not required", row->path,
			         row->timestamp);
		value_unref(schema);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_collection_has_a_schema_with_its_fields),
		cmocka_unit_test(a_record_with_an_unknown_field_fits_no_schema),
		cmocka_unit_test(every_schema_asks_for_the_records_date),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
