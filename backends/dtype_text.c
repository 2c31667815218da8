/* SPDX-License-Identifier: MIT */
#include "backends/dtype_kind.h"

#include "backends/literal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The type without quotes, after numpy's dtype.str: "<f8", "|S5", "<M8[ns]". */
static int append_code(const struct dtype *dtype, bool bare, struct blob *out)
{
	const struct dtype_kind *kind = dtype_kind_find(dtype->kind);
	int rc = 0;

	if (!kind)
		return -EINVAL;
	if (!bare || dtype->order != '|')
		rc = blob_append(out, &dtype->order, 1);
	if (rc == 0)
		rc = blob_printf(out, "%c%" PRIu64, dtype->kind,
		                 dtype->itemsize / kind->divisor);
	if (rc == 0 && dtype->unit[0])
		rc = blob_printf(out, "[%s]", dtype->unit);
	return rc;
}

/* As in the list that is str() of a structured type: '?', 'S5', '<f8'. */
static int append_short(const struct dtype *dtype, struct blob *out)
{
	if (dtype->kind == 'b')
		return blob_append_text(out, "?");
	if (dtype->itemsize == 0 && dtype->order != '|')
		return blob_printf(out, "%c%c", dtype->order, dtype->kind);
	if (dtype->itemsize == 0)
		return blob_append(out, &dtype->kind, 1);
	return append_code(dtype, true, out);
}

static int append_list(const struct dtype *dtype, bool shortly,
                       struct blob *out);

static int append_type(const struct dtype *dtype, bool shortly,
                       struct blob *out)
{
	int rc;

	if (dtype_is_structured(dtype))
		return append_list(dtype, shortly, out);
	rc = blob_append_text(out, "'");
	if (rc == 0)
		rc = shortly ? append_short(dtype, out)
		             : append_code(dtype, false, out);
	return rc ? rc : blob_append_text(out, "'");
}

static int append_names(const struct dtype_field *field, struct blob *out)
{
	int rc;

	if (!field->title)
		return literal_append_text(field->name, strlen(field->name),
		                           out);
	rc = blob_append_text(out, "(");
	if (rc == 0)
		rc = literal_append_text(field->title, strlen(field->title),
		                         out);
	if (rc == 0)
		rc = blob_append_text(out, ", ");
	if (rc == 0)
		rc = literal_append_text(field->name, strlen(field->name), out);
	return rc ? rc : blob_append_text(out, ")");
}

static int append_field(const struct dtype_field *field, bool shortly,
                        struct blob *out)
{
	int rc = blob_append_text(out, "(");

	if (rc == 0)
		rc = append_names(field, out);
	if (rc == 0)
		rc = blob_append_text(out, ", ");
	if (rc == 0)
		rc = append_type(field->type, shortly, out);
	if (rc == 0 && field->ndim) {
		rc = blob_append_text(out, ", ");
		if (rc == 0)
			rc = literal_append_shape(field->ndim, field->shape,
			                          out);
	}
	return rc ? rc : blob_append_text(out, ")");
}

static int append_list(const struct dtype *dtype, bool shortly,
                       struct blob *out)
{
	int rc = blob_append_text(out, "[");

	for (size_t i = 0; rc == 0 && i < dtype->field_count; i++) {
		if (i)
			rc = blob_append_text(out, ", ");
		if (rc == 0)
			rc = append_field(&dtype->fields[i], shortly, out);
	}
	return rc ? rc : blob_append_text(out, "]");
}

int dtype_append_descr(const struct dtype *dtype, struct blob *out)
{
	return append_type(dtype, false, out);
}

int dtype_append_name(const struct dtype *dtype, struct blob *out)
{
	const struct dtype_kind *kind = dtype_kind_find(dtype->kind);

	if (!kind)
		return -EINVAL;
	if (dtype_is_structured(dtype))
		return append_list(dtype, true, out);
	if (!kind->name || dtype->order == '>')
		return append_code(dtype, false, out);
	if (kind->sized)
		return blob_printf(out, "%s%" PRIu64, kind->name,
		                   8 * dtype->itemsize);
	return blob_printf(out, dtype->unit[0] ? "%s[%s]" : "%s", kind->name,
	                   dtype->unit);
}
