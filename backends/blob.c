/* SPDX-License-Identifier: MIT */
#include "backends/blob.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void blob_release(struct blob *blob)
{
	free(blob->data);
	*blob = (struct blob){ 0 };
}

int blob_reserve(struct blob *blob, size_t capacity)
{
	char *data;

	if (capacity == SIZE_MAX)
		return -ENOMEM;
	if (blob->data && capacity <= blob->capacity)
		return 0;
	data = realloc(blob->data, capacity + 1);
	if (!data)
		return -ENOMEM;
	data[blob->size] = '\0';
	blob->data = data;
	blob->capacity = capacity;
	return 0;
}

/* Room for MORE bytes behind the present ones, growing geometrically. */
static int make_room(struct blob *blob, size_t more)
{
	size_t need = blob->size + more;
	size_t grown = blob->capacity + blob->capacity / 2;

	if (need < blob->size)
		return -ENOMEM;
	if (blob->data && need <= blob->capacity)
		return 0;
	return blob_reserve(blob, need > grown ? need : grown);
}

int blob_resize(struct blob *blob, size_t size)
{
	int rc;

	if (size > blob->size) {
		rc = make_room(blob, size - blob->size);
		if (rc)
			return rc;
		memset(blob->data + blob->size, 0, size - blob->size);
	}
	blob->size = size;
	if (blob->data)
		blob->data[size] = '\0';
	return 0;
}

int blob_append(struct blob *blob, const void *data, size_t size)
{
	int rc = make_room(blob, size);

	if (rc)
		return rc;
	if (size)
		memcpy(blob->data + blob->size, data, size);
	blob->size += size;
	blob->data[blob->size] = '\0';
	return 0;
}

int blob_append_text(struct blob *blob, const char *text)
{
	return blob_append(blob, text, strlen(text));
}

int blob_printf(struct blob *blob, const char *format, ...)
{
	va_list args;
	va_list again;
	int length;
	int rc;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	rc = length < 0 ? -EINVAL : make_room(blob, (size_t)length);
	if (rc == 0) {
		vsnprintf(blob->data + blob->size, (size_t)length + 1, format,
		          again);
		blob->size += (size_t)length;
	}
	va_end(again);
	return rc;
}

int blob_set(struct blob *blob, const void *data, size_t size)
{
	struct blob fresh = { 0 };
	int rc = blob_append(&fresh, data, size);

	if (rc)
		return rc;
	blob_move(blob, &fresh);
	return 0;
}

_Bool blob_equal(const struct blob *a, const struct blob *b)
{
	return a->size == b->size &&
	       (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

void blob_move(struct blob *to, struct blob *from)
{
	blob_release(to);
	*to = *from;
	*from = (struct blob){ 0 };
}
