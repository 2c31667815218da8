/* SPDX-License-Identifier: MIT */
/*
 * An npy file is a magic string, a version, the length of a text in 2 bytes
 * (version 1.0) or 4 (2.0, 3.0), little-endian, that text, and the elements.
 * The text is the literal of a dict in Latin-1 (3.0: UTF-8), padded with
 * spaces and one newline so that the elements start at a multiple of 64.
 */
#include "backends/npy.h"

#include "backends/literal.h"
#include "backends/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define VERSION_SIZE 2
#define ALIGN 64
#define GROWTH_DIGITS 21

static int bad(char *why, const char *what)
{
	if (why)
		snprintf(why, WHY_SIZE, "npy: %s", what);
	return -EINVAL;
}

static size_t length_size(unsigned char major)
{
	return major == 1 ? 2 : 4;
}

/* Where the text of the header begins and ends. */
struct span {
	unsigned char major;
	size_t start;
	size_t end;
};

static int find_text(const unsigned char *bytes, size_t size, struct span *out,
                     char *why)
{
	size_t seen = size < NPY_MAGIC_SIZE ? size : NPY_MAGIC_SIZE;
	size_t length = 0;

	if (seen && memcmp(bytes, NPY_MAGIC, seen) != 0)
		return bad(why, "does not start as an npy file");
	if (size < NPY_MAGIC_SIZE + VERSION_SIZE)
		return -EAGAIN;
	out->major = bytes[NPY_MAGIC_SIZE];
	if (out->major < 1 || out->major > 3 || bytes[NPY_MAGIC_SIZE + 1])
		return bad(why, "unknown version");
	out->start = NPY_MAGIC_SIZE + VERSION_SIZE + length_size(out->major);
	if (size < out->start)
		return -EAGAIN;
	for (size_t i = length_size(out->major); i > 0; i--)
		length =
		    length << 8 | bytes[NPY_MAGIC_SIZE + VERSION_SIZE + i - 1];
	if (length > NPY_MAX_HEADER)
		return bad(why, "header too long");
	out->end = out->start + length;
	return size < out->end ? -EAGAIN : 0;
}

static int latin1_to_utf8(const unsigned char *bytes, size_t size,
                          struct blob *out)
{
	int rc = blob_reserve(out, size + 1);

	for (size_t i = 0; rc == 0 && i < size; i++)
		rc = utf8_append(bytes[i], out);
	return rc;
}

/* -EILSEQ: not all characters are Latin-1. */
static int utf8_to_latin1(const struct blob *text, struct blob *out)
{
	for (size_t at = 0; at < text->size;) {
		uint32_t character;
		size_t length =
		    utf8_decode(text->data + at, text->size - at, &character);
		unsigned char byte = (unsigned char)character;
		int rc;

		if (length == 0 || character > 0xff)
			return -EILSEQ;
		rc = blob_append(out, &byte, 1);
		if (rc)
			return rc;
		at += length;
	}
	return 0;
}

static int set_shape(const struct value *shape, struct array_info *info,
                     char *why)
{
	if (!shape || shape->type != VALUE_TUPLE)
		return bad(why, "header: shape is not a tuple");
	if (shape->list.count > ARRAY_MAX_DIMS)
		return bad(why, "header: more than 32 dimensions");
	for (size_t i = 0; i < shape->list.count; i++) {
		const struct value *size = shape->list.items[i];

		if (size->type != VALUE_INT || size->integer < 0)
			return bad(why, "header: bad size in shape");
		info->shape[i] = (uint64_t)size->integer;
	}
	info->ndim = (int)shape->list.count;
	return 0;
}

static int set_from_dict(const struct value *dict, struct array_info *info,
                         char *why)
{
	const struct value *descr = value_dict_get(dict, "descr");
	const struct value *order = value_dict_get(dict, "fortran_order");
	int rc;

	if (dict->type != VALUE_DICT || dict->dict.count != 3 || !descr ||
	    !order)
		return bad(why, "header is not a dict of descr, fortran_order "
		                "and shape");
	if (order->type != VALUE_BOOL)
		return bad(why, "header: fortran_order is not a bool");
	info->fortran = order->boolean;
	rc = set_shape(value_dict_get(dict, "shape"), info, why);
	if (rc == 0)
		rc = dtype_from_literal(descr, &info->dtype, why);
	if (rc == 0 && array_info_measure(info))
		rc = bad(why, "the array would be too large");
	return rc;
}

/* Keep the HEADER of SIZE bytes unless INFO's own is the same. */
static int keep_header(struct array_info *info, const void *header, size_t size)
{
	struct blob own = { 0 };
	int rc = npy_append_header(info, &own);

	if (rc == 0 &&
	    (own.size != size || memcmp(own.data, header, size) != 0))
		rc = blob_set(&info->header, header, size);
	blob_release(&own);
	return rc;
}

int npy_parse_header(const void *bytes, size_t size, struct array_info *out,
                     size_t *header_size, char why[WHY_SIZE])
{
	const unsigned char *start = bytes;
	struct array_info info = { 0 };
	struct value *dict = NULL;
	struct blob text = { 0 };
	struct span span;
	int rc = find_text(start, size, &span, why);

	if (rc)
		return rc;
	rc = span.major == 3
	         ? blob_append(&text, start + span.start, span.end - span.start)
	         : latin1_to_utf8(start + span.start, span.end - span.start,
	                          &text);
	if (rc == 0)
		rc = literal_parse(text.data, text.size, &dict, why);
	if (rc == 0)
		rc = set_from_dict(dict, &info, why);
	if (rc == 0)
		rc = keep_header(&info, bytes, span.end);
	value_unref(dict);
	blob_release(&text);
	if (rc) {
		array_info_release(&info);
		return rc;
	}
	*out = info;
	*header_size = span.end;
	return 0;
}

int npy_parse(const void *bytes, size_t size, struct array *out,
              char why[WHY_SIZE])
{
	struct array array = { 0 };
	size_t header;
	int rc = npy_parse_header(bytes, size, &array.info, &header, why);

	if (rc == -EAGAIN)
		return bad(why, "ends within the header");
	if (rc)
		return rc;
	if (array.info.nbytes != size - header) {
		if (why)
			snprintf(why, WHY_SIZE,
			         "npy: the header promises %" PRIu64
			         " bytes of elements, there are %zu",
			         array.info.nbytes, size - header);
		array_release(&array);
		return -EINVAL;
	}
	array.data = (const char *)bytes + header;
	*out = array;
	return 0;
}

/* The dict, and room for the axis that may grow. */
static int append_text(const struct array_info *info, struct blob *out)
{
	uint64_t axis;
	int digits;
	int rc = blob_append_text(out, "{'descr': ");

	if (rc == 0)
		rc = dtype_append_descr(&info->dtype, out);
	if (rc == 0)
		rc = blob_printf(out, ", 'fortran_order': %s, 'shape': ",
		                 info->fortran ? "True" : "False");
	if (rc == 0)
		rc = literal_append_shape(info->ndim, info->shape, out);
	if (rc == 0)
		rc = blob_append_text(out, ", }");
	if (rc || info->ndim == 0)
		return rc;
	axis = info->shape[info->fortran ? info->ndim - 1 : 0];
	digits = snprintf(NULL, 0, "%" PRIu64, axis);
	return blob_printf(out, "%*s", GROWTH_DIGITS - digits, "");
}

/* Append TEXT with what goes around it.  -E2BIG: too long for MAJOR. */
static int wrap(unsigned char major, const struct blob *text, struct blob *out)
{
	size_t start = NPY_MAGIC_SIZE + VERSION_SIZE + length_size(major);
	size_t padding = ALIGN - (start + text->size + 1) % ALIGN;
	size_t length = text->size + padding + 1;
	unsigned char prefix[VERSION_SIZE + 4] = { major, 0 };
	int rc;

	if (major == 1 && length > UINT16_MAX)
		return -E2BIG;
	for (size_t i = 0; i < 4; i++)
		prefix[VERSION_SIZE + i] = (unsigned char)(length >> 8 * i);
	rc = blob_append(out, NPY_MAGIC, NPY_MAGIC_SIZE);
	if (rc == 0)
		rc =
		    blob_append(out, prefix, VERSION_SIZE + length_size(major));
	if (rc == 0)
		rc = blob_append(out, text->data, text->size);
	if (rc == 0)
		rc = blob_printf(out, "%*s\n", (int)padding, "");
	return rc;
}

int npy_append_header(const struct array_info *info, struct blob *out)
{
	struct blob text = { 0 };
	struct blob latin1 = { 0 };
	int rc;

	if (info->header.size)
		return blob_append(out, info->header.data, info->header.size);
	rc = append_text(info, &text);
	if (rc == 0)
		rc = utf8_to_latin1(&text, &latin1);
	if (rc == 0) {
		rc = wrap(1, &latin1, out);
		if (rc == -E2BIG)
			rc = wrap(2, &latin1, out);
	} else if (rc == -EILSEQ) {
		rc = wrap(3, &text, out);
	}
	blob_release(&text);
	blob_release(&latin1);
	return rc;
}

int npy_header_size(const struct array_info *info, size_t *out)
{
	struct blob header = { 0 };
	int rc = 0;

	if (info->header.size) {
		*out = info->header.size;
		return 0;
	}
	rc = npy_append_header(info, &header);
	if (rc == 0)
		*out = header.size;
	blob_release(&header);
	return rc;
}

int npy_file_size(const struct array_info *info, uint64_t *out)
{
	size_t header;
	int rc = npy_header_size(info, &header);

	if (rc == 0)
		*out = header + info->nbytes;
	return rc;
}

int npy_append(const struct array *array, struct blob *out)
{
	size_t before = out->size;
	int rc = npy_append_header(&array->info, out);

	if (rc == 0)
		rc = blob_append(out, array->data, array->info.nbytes);
	if (rc && out->data)
		blob_resize(out, before);
	return rc;
}
