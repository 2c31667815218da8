/* SPDX-License-Identifier: MIT */
#include "backends/pickle_internal.h"

#include <errno.h>

int collect_empty(struct machine *machine, const struct operand *operand)
{
	struct object *object;

	return machine_push_new(machine, (enum object_kind)operand->extra,
	                        &object);
}

/* Replace the objects above HEIGHT by a collection of them. */
static int collect(struct machine *machine, enum object_kind kind,
                   size_t height)
{
	struct object *object;
	int rc;

	if (kind == OBJECT_DICT && (machine->stack.count - height) % 2)
		return machine_invalid(machine, "a key without an item");
	rc = machine_new(machine, kind, &object);
	if (rc == 0)
		rc = machine_take(machine, height, object);
	return rc ? rc : machine_push(machine, object);
}

int collect_marked(struct machine *machine, const struct operand *operand)
{
	size_t height;
	int rc = machine_unmark(machine, &height);

	if (rc)
		return rc;
	return collect(machine, (enum object_kind)operand->extra, height);
}

int collect_tuple(struct machine *machine, const struct operand *operand)
{
	size_t count = (size_t)operand->extra;
	int rc = machine_need(machine, count);

	if (rc)
		return rc;
	return collect(machine, OBJECT_TUPLE, machine->stack.count - count);
}

/* Move the objects above HEIGHT into the collection of KIND below them. */
static int extend(struct machine *machine, enum object_kind kind, size_t height)
{
	struct object *object;
	size_t base =
	    machine->mark_count ? machine->marks[machine->mark_count - 1] : 0;

	if (height <= base)
		return machine_invalid(machine, "nothing to add to");
	if (kind == OBJECT_DICT && (machine->stack.count - height) % 2)
		return machine_invalid(machine, "a key without an item");
	object = machine->stack.items[height - 1];
	if (object->kind == OBJECT_OPAQUE) {
		machine->stack.count = height;
		return 0;
	}
	if (object->kind != kind)
		return machine_invalid(machine, "items for something else");
	return machine_take(machine, height, object);
}

int collect_extend(struct machine *machine, const struct operand *operand)
{
	size_t height;
	int rc = machine_unmark(machine, &height);

	if (rc)
		return rc;
	return extend(machine, (enum object_kind)operand->extra, height);
}

int collect_append(struct machine *machine, const struct operand *operand)
{
	enum object_kind kind = (enum object_kind)operand->extra;
	size_t count = kind == OBJECT_DICT ? 2 : 1;
	int rc = machine_need(machine, count + 1);

	if (rc)
		return rc;
	return extend(machine, kind, machine->stack.count - count);
}
