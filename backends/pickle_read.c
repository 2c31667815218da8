/* SPDX-License-Identifier: MIT */
#include "backends/pickle.h"

#include <errno.h>
#include <string.h>

#include "backends/pickle_internal.h"

/* COUNT bytes at machine->at, which moves past them. */
static int fetch(struct machine *machine, uint64_t count, struct span *out)
{
	if (count > machine->size - machine->at) {
		machine_fail(machine, -EINVAL, "pickle: truncated at byte %zu",
		             machine->at);
		return -EINVAL;
	}
	machine->wanted = machine->at + (size_t)count;
	if (machine->wanted > machine->hand)
		return -EAGAIN;
	*out = (struct span){ machine->bytes + machine->at, (size_t)count };
	machine->at = machine->wanted;
	return 0;
}

static int fetch_number(struct machine *machine, size_t width, uint64_t *out)
{
	struct span bytes;
	int rc = fetch(machine, width, &bytes);

	if (rc)
		return rc;
	*out = 0;
	for (size_t i = width; i-- > 0;)
		*out = *out << 8 | bytes.data[i];
	return 0;
}

static int fetch_line(struct machine *machine, struct span *out)
{
	const unsigned char *start = machine->bytes + machine->at;
	size_t left = machine->hand - machine->at;
	const unsigned char *end = left ? memchr(start, '\n', left) : NULL;
	struct span newline;
	int rc;

	rc = fetch(machine, end ? (uint64_t)(end - start) : left, out);
	return rc ? rc : fetch(machine, 1, &newline);
}

static int fetch_operand(struct machine *machine, const struct opcode *opcode,
                         struct operand *operand)
{
	int rc;

	switch (opcode->form) {
	case FORM_NUMBER:
		return fetch_number(machine, opcode->width, &operand->number);
	case FORM_BYTES:
		rc = fetch_number(machine, opcode->width, &operand->number);
		if (rc == 0)
			rc = fetch(machine, operand->number, &operand->bytes);
		return rc;
	case FORM_LINE:
		return fetch_line(machine, &operand->bytes);
	case FORM_LINES:
		rc = fetch_line(machine, &operand->bytes);
		return rc ? rc : fetch_line(machine, &operand->second);
	default:
		return 0;
	}
}

static int step(struct machine *machine)
{
	size_t start = machine->at;
	const struct opcode *opcode;
	struct operand operand = { 0 };
	struct span code;
	int rc = fetch(machine, 1, &code);

	if (rc)
		return rc;
	opcode = opcode_find(code.data[0]);
	if (!opcode)
		return machine_fail(machine, -EINVAL,
		                    "pickle: unknown opcode 0x%02x at byte %zu",
		                    code.data[0], start);
	rc = fetch_operand(machine, opcode, &operand);
	if (rc)
		return rc;
	operand.extra = opcode->extra;
	operand.width = machine->at - start;
	return opcode->run(machine, &operand);
}

int machine_run(struct machine *machine)
{
	int rc = 0;

	while (rc == 0 && !machine->stopped)
		rc = step(machine);
	return rc;
}

static int decode(struct machine *machine, struct value **out)
{
	int rc = machine_run(machine);

	if (rc)
		return rc;
	if (machine->at != machine->size)
		return machine_fail(machine, -EINVAL,
		                    "pickle: more bytes after its end, at %zu",
		                    machine->at);
	if (machine->refused[0])
		return machine_fail(machine, -ENOTSUP, "%s", machine->refused);
	return object_to_value(machine, machine->stack.items[0], out);
}

int pickle_decode(const void *bytes, size_t size, size_t limit,
                  struct value **out, char why[WHY_SIZE])
{
	struct machine machine = {
		.bytes = bytes,
		.hand = size,
		.size = size,
		.left = limit,
	};
	int rc = decode(&machine, out);

	if (rc && why)
		memcpy(why, machine.why, sizeof(machine.why));
	machine_release(&machine);
	return rc;
}
