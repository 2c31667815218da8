/* SPDX-License-Identifier: MIT */
/*
 * An array is pickled as _reconstruct(...), BUILD with (version, shape, dtype,
 * order, elements): when the elements are reached, all that is asked for is on
 * the stack.  What is still open then is whether the array is all there is: it
 * may be the first item of a small tuple, which shows only behind the elements.
 * How many bytes follow them tells: a lone array is ended by TUPLE, BUILD and
 * STOP, with a memo opcode for elements and tuple where the pickler memoizes.
 */
#include "backends/pickle.h"

#include <errno.h>
#include <string.h>

#include "backends/pickle_internal.h"
#include "backends/pickle_numpy.h"

#define FRAME_OPCODE_SIZE 9

static int describe_result(struct machine *machine, struct array_info *out)
{
	const struct object *result = machine->stack.items[0];

	if (machine->size != SIZE_MAX && machine->at != machine->size)
		return machine_fail(machine, -EINVAL,
		                    "pickle: more bytes after its end, at %zu",
		                    machine->at);
	if (machine->refused[0])
		return machine_fail(machine, -ENOTSUP, "%s", machine->refused);
	if (result->kind != OBJECT_ARRAY)
		return -ENODATA;
	return array_describe(
	    machine, result->array,
	    result->array->elements ? result->array->elements->span.size : 0,
	    out);
}

/* Whether the pickle can still become an array. */
static bool may_be_array(const struct machine *machine)
{
	if (machine->mark_count && machine->marks[0] == 0)
		return false;
	return machine->stack.count == 0 ||
	       !object_is_collection(machine->stack.items[0]) ||
	       machine->stack.items[0]->kind == OBJECT_TUPLE;
}

/* Length of what ends a lone array, behind its elements.  Picklers write long
 * elements between two frames, and no frame of less than 4 bytes. */
static size_t ending_size(const struct machine *machine)
{
	size_t memo = machine->stack.items[0]->memo_width;
	size_t size = 2 * memo + strlen("tb.");
	bool framed = machine->frame_end && machine->at >= machine->frame_end;

	return framed && size >= 4 ? size + FRAME_OPCODE_SIZE : size;
}

static bool is_last(const struct machine *machine)
{
	return machine->size == SIZE_MAX ||
	       machine->size - machine->wanted == ending_size(machine);
}

/* The machine stands before something that is not at hand. */
static int describe_pending(struct machine *machine, struct array_info *out)
{
	struct object **stack = machine->stack.items;
	int rc;

	if (!may_be_array(machine))
		return -ENODATA;
	if (machine->refused[0] || machine->stack.count != 5 ||
	    machine->mark_count != 1 || machine->marks[0] != 1 ||
	    stack[0]->kind != OBJECT_ARRAY || stack[0]->array->dtype ||
	    !is_last(machine))
		return -EAGAIN;
	rc = array_describe_state(machine, &stack[2],
	                          machine->wanted - machine->at, out);
	return rc == -ENOMEM || rc == 0 ? rc : -EAGAIN;
}

int pickle_array_info(const void *bytes, size_t prefix, size_t size,
                      size_t limit, struct array_info *out, char why[WHY_SIZE])
{
	struct machine machine = {
		.bytes = bytes,
		.hand = prefix,
		.size = size,
		.left = limit,
	};
	struct array_info info = { 0 };
	int rc = machine_run(&machine);

	if (rc == 0)
		rc = describe_result(&machine, &info);
	else if (rc == -EAGAIN)
		rc = describe_pending(&machine, &info);
	if (rc)
		array_info_release(&info);
	else
		*out = info;
	if (rc && why)
		memcpy(why, machine.why, sizeof(machine.why));
	machine_release(&machine);
	return rc;
}
