/* SPDX-License-Identifier: MIT */
#include "backends/pickle_object.h"

#include <string.h>

bool object_is_sequence(const struct object *object)
{
	return object &&
	       (object->kind == OBJECT_LIST || object->kind == OBJECT_TUPLE);
}

bool object_is_collection(const struct object *object)
{
	return object && object->kind >= OBJECT_LIST &&
	       object->kind <= OBJECT_DICT;
}

bool object_has_bytes(const struct object *object)
{
	return object && object->kind >= OBJECT_TEXT &&
	       object->kind <= OBJECT_BYTEARRAY;
}

const struct object *object_item(const struct object *tuple, size_t index)
{
	return object_is_sequence(tuple) && index < tuple->list.count
	           ? tuple->list.items[index]
	           : NULL;
}

bool object_to_int(const struct object *object, int64_t *out)
{
	if (!object || object->kind != OBJECT_VALUE)
		return false;
	if (object->value->type == VALUE_BOOL)
		*out = object->value->boolean;
	else if (object->value->type == VALUE_INT)
		*out = object->value->integer;
	else
		return false;
	return true;
}

bool object_to_span(const struct object *object, struct span *out)
{
	if (!object_has_bytes(object))
		return false;
	*out = object->span;
	return true;
}

bool span_is(struct span span, const char *text)
{
	return span.size == strlen(text) &&
	       memcmp(span.data, text, span.size) == 0;
}
