/* SPDX-License-Identifier: MIT */
#include "backends/pickle_machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void release_object(struct object *object)
{
	if (object_is_collection(object))
		free(object->list.items);
	else if (object->kind == OBJECT_DTYPE && object->dtype)
		dtype_release(&object->dtype->type);
	if (object->kind == OBJECT_DTYPE)
		free(object->dtype);
	if (object->kind == OBJECT_ARRAY)
		free(object->array);
	value_unref(object->value);
	blob_release(&object->owned);
	free(object);
}

void machine_release(struct machine *machine)
{
	while (machine->objects) {
		struct object *object = machine->objects;

		machine->objects = object->next;
		release_object(object);
	}
	free(machine->stack.items);
	free(machine->marks);
	free(machine->memo);
	*machine = (struct machine){ 0 };
}

int machine_fail(struct machine *machine, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(machine->why, sizeof(machine->why), format, args);
	va_end(args);
	return rc;
}

int machine_invalid(struct machine *machine, const char *what)
{
	return machine_fail(machine, -EINVAL, "pickle: %s before byte %zu",
	                    what, machine->at);
}

void machine_refuse(struct machine *machine, const char *format, ...)
{
	va_list args;

	if (machine->refused[0])
		return;
	va_start(args, format);
	vsnprintf(machine->refused, sizeof(machine->refused), format, args);
	va_end(args);
}

int machine_charge(struct machine *machine, size_t size)
{
	if (size > machine->left)
		return machine_fail(machine, -EFBIG,
		                    "pickle: holds more than may be read");
	machine->left -= size;
	return 0;
}

/* Make *ITEMS hold NEED items of SIZE bytes; new ones are zero. */
static int grow(struct machine *machine, void **items, size_t *capacity,
                size_t need, size_t size)
{
	size_t wanted = need < 8 ? 8 : need + need / 2;
	void *grown;
	int rc;

	if (need <= *capacity)
		return 0;
	rc = machine_charge(machine, (wanted - *capacity) * size);
	if (rc)
		return rc;
	grown = reallocarray(*items, wanted, size);
	if (!grown)
		return -ENOMEM;
	memset((char *)grown + *capacity * size, 0,
	       (wanted - *capacity) * size);
	*items = grown;
	*capacity = wanted;
	return 0;
}

int machine_new(struct machine *machine, enum object_kind kind,
                struct object **out)
{
	struct object *object;
	int rc = machine_charge(machine, sizeof(*object));

	if (rc)
		return rc;
	object = calloc(1, sizeof(*object));
	if (!object)
		return -ENOMEM;
	object->kind = kind;
	object->next = machine->objects;
	machine->objects = object;
	*out = object;
	return 0;
}

int machine_new_value(struct machine *machine, struct value *value,
                      struct object **out)
{
	int rc;

	if (!value)
		return -ENOMEM;
	rc = machine_charge(machine, PICKLE_VALUE_COST);
	if (rc == 0)
		rc = machine_new(machine, OBJECT_VALUE, out);
	if (rc)
		value_unref(value);
	else
		(*out)->value = value;
	return rc;
}

int machine_append(struct machine *machine, struct object_items *items,
                   struct object *item)
{
	void *grown = items->items;
	int rc = grow(machine, &grown, &items->capacity, items->count + 1,
	              sizeof(struct object *));

	items->items = grown;
	if (rc == 0)
		items->items[items->count++] = item;
	return rc;
}

int machine_push(struct machine *machine, struct object *object)
{
	return machine_append(machine, &machine->stack, object);
}

int machine_push_new(struct machine *machine, enum object_kind kind,
                     struct object **out)
{
	int rc = machine_new(machine, kind, out);

	return rc ? rc : machine_push(machine, *out);
}

int machine_push_value(struct machine *machine, struct value *value)
{
	struct object *object;
	int rc = machine_new_value(machine, value, &object);

	return rc ? rc : machine_push(machine, object);
}

int machine_push_opaque(struct machine *machine)
{
	struct object *object;

	return machine_push_new(machine, OBJECT_OPAQUE, &object);
}

/* The stack down to the last mark is all that opcodes may take from. */
static size_t last_mark(const struct machine *machine)
{
	return machine->mark_count ? machine->marks[machine->mark_count - 1]
	                           : 0;
}

int machine_need(struct machine *machine, size_t count)
{
	if (machine->stack.count - last_mark(machine) >= count)
		return 0;
	return machine_invalid(machine, "nothing on the stack");
}

int machine_top(struct machine *machine, struct object **out)
{
	int rc = machine_need(machine, 1);

	if (rc == 0)
		*out = machine->stack.items[machine->stack.count - 1];
	return rc;
}

int machine_pop(struct machine *machine, struct object **out)
{
	int rc = machine_top(machine, out);

	if (rc == 0)
		machine->stack.count--;
	return rc;
}

int machine_mark(struct machine *machine)
{
	void *grown = machine->marks;
	int rc = grow(machine, &grown, &machine->mark_capacity,
	              machine->mark_count + 1, sizeof(size_t));

	machine->marks = grown;
	if (rc == 0)
		machine->marks[machine->mark_count++] = machine->stack.count;
	return rc;
}

int machine_unmark(struct machine *machine, size_t *out)
{
	if (machine->mark_count == 0)
		return machine_invalid(machine, "no mark on the stack");
	*out = machine->marks[--machine->mark_count];
	return 0;
}

int machine_take(struct machine *machine, size_t height, struct object *list)
{
	int rc = 0;

	for (size_t i = height; rc == 0 && i < machine->stack.count; i++)
		rc = machine_append(machine, &list->list,
		                    machine->stack.items[i]);
	machine->stack.count = height;
	return rc;
}

/* Picklers count from 0, so an index past the input's length is a lie; it
 * bounds the memo's memory by the input's size. */
int machine_memo_put(struct machine *machine, uint64_t index, size_t width)
{
	void *grown = machine->memo;
	struct object *top;
	int rc = machine_top(machine, &top);

	if (rc)
		return rc;
	if (index > machine->at)
		return machine_invalid(machine, "memo index too high");
	rc = grow(machine, &grown, &machine->memo_capacity, (size_t)index + 1,
	          sizeof(struct object *));
	machine->memo = grown;
	if (rc)
		return rc;
	machine->memo_count += !machine->memo[index];
	machine->memo[index] = top;
	top->memo_width = width;
	return 0;
}

int machine_memo_get(struct machine *machine, uint64_t index)
{
	if (index >= machine->memo_capacity || !machine->memo[index])
		return machine_invalid(machine, "nothing in the memo,");
	return machine_push(machine, machine->memo[index]);
}
