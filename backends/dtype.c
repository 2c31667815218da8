/* SPDX-License-Identifier: MIT */
#include "backends/dtype_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct dtype_kind kinds[] = {
	{ "bool", 1, 1, 'b', false, false, false },
	{ "int", 1 | 2 | 4 | 8, 1, 'i', true, true, false },
	{ "uint", 1 | 2 | 4 | 8, 1, 'u', true, true, false },
	{ "float", 2 | 4 | 8 | 16, 1, 'f', true, true, false },
	{ "complex", 8 | 16 | 32, 1, 'c', true, true, false },
	{ NULL, 0, 1, 'S', false, false, false },
	{ NULL, 0, 4, 'U', false, true, false },
	{ NULL, 0, 1, 'V', false, false, false },
	{ "datetime64", 8, 1, 'M', false, true, true },
	{ "timedelta64", 8, 1, 'm', false, true, true },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct dtype_kind *dtype_kind_find(char kind)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].kind == kind)
			return &kinds[i];
	return NULL;
}

const struct dtype_kind *dtype_kind_named(const char *text, size_t size)
{
	for (size_t i = 0; i < KINDS; i++) {
		const char *name = kinds[i].name;

		if (name && size >= strlen(name) &&
		    memcmp(text, name, strlen(name)) == 0)
			return &kinds[i];
	}
	return NULL;
}

bool dtype_kind_fits(const struct dtype_kind *kind, uint64_t itemsize)
{
	bool power = itemsize && (itemsize & (itemsize - 1)) == 0;

	if (kind->sizes == 0)
		return itemsize <= DTYPE_MAX_ITEMSIZE &&
		       itemsize % kind->divisor == 0;
	return power && (kind->sizes & itemsize) != 0;
}

void dtype_plain(struct dtype *out, char kind, uint64_t itemsize)
{
	bool ordered = itemsize != 1 && dtype_kind_find(kind)->ordered;

	*out = (struct dtype){ .kind = kind,
		               .order = ordered ? '<' : '|',
		               .itemsize = itemsize };
}

static void release_field(struct dtype_field *field)
{
	free(field->name);
	free(field->title);
	if (field->type)
		dtype_release(field->type);
	free(field->type);
}

void dtype_release(struct dtype *dtype)
{
	for (size_t i = 0; i < dtype->field_count; i++)
		release_field(&dtype->fields[i]);
	free(dtype->fields);
	*dtype = (struct dtype){ 0 };
}

static int copy_field(struct dtype_field *out, const struct dtype_field *field)
{
	*out = *field;
	out->name = strdup(field->name);
	out->title = field->title ? strdup(field->title) : NULL;
	out->type = calloc(1, sizeof(*out->type));
	if (!out->name || (field->title && !out->title) || !out->type)
		return -ENOMEM;
	return dtype_copy(out->type, field->type);
}

int dtype_copy(struct dtype *out, const struct dtype *dtype)
{
	struct dtype copy = *dtype;

	copy.fields = NULL;
	copy.field_count = 0;
	if (!dtype->fields) {
		*out = copy;
		return 0;
	}
	/* One more, so that no fields are not no memory. */
	copy.fields = calloc(dtype->field_count + 1, sizeof(*copy.fields));
	if (!copy.fields)
		return -ENOMEM;
	while (copy.field_count < dtype->field_count) {
		size_t i = copy.field_count++;

		if (copy_field(&copy.fields[i], &dtype->fields[i])) {
			dtype_release(&copy);
			return -ENOMEM;
		}
	}
	*out = copy;
	return 0;
}

static bool fields_equal(const struct dtype_field *a,
                         const struct dtype_field *b)
{
	const char *title = a->title ? a->title : "";
	const char *other = b->title ? b->title : "";

	return strcmp(a->name, b->name) == 0 && strcmp(title, other) == 0 &&
	       !a->title == !b->title && a->offset == b->offset &&
	       a->ndim == b->ndim &&
	       memcmp(a->shape, b->shape,
	              (size_t)a->ndim * sizeof(a->shape[0])) == 0 &&
	       dtype_equal(a->type, b->type);
}

bool dtype_equal(const struct dtype *a, const struct dtype *b)
{
	if (a->kind != b->kind || a->order != b->order ||
	    a->itemsize != b->itemsize || strcmp(a->unit, b->unit) != 0 ||
	    !a->fields != !b->fields || a->field_count != b->field_count)
		return false;
	for (size_t i = 0; a->fields && i < a->field_count; i++)
		if (!fields_equal(&a->fields[i], &b->fields[i]))
			return false;
	return true;
}
