/* SPDX-License-Identifier: MIT */
#include "backends/pickle_internal.h"

#include <errno.h>
#include <string.h>

#include "backends/utf8.h"

static int run_proto(struct machine *machine, const struct operand *operand)
{
	if (operand->number > 5)
		return machine_fail(machine, -EINVAL,
		                    "pickle: unknown protocol %u",
		                    (unsigned)operand->number);
	return 0;
}

static int run_frame(struct machine *machine, const struct operand *operand)
{
	if (operand->number > machine->size - machine->at)
		return machine_invalid(machine, "truncated frame");
	machine->frame_end = machine->at + (size_t)operand->number;
	return 0;
}

static int run_stop(struct machine *machine, const struct operand *operand)
{
	(void)operand;
	if (machine->mark_count || machine->stack.count != 1)
		return machine_invalid(machine, "more than one object");
	machine->stopped = true;
	return 0;
}

static int run_none(struct machine *machine, const struct operand *operand)
{
	(void)operand;
	return machine_push_value(machine, value_new_null());
}

static int run_bool(struct machine *machine, const struct operand *operand)
{
	return machine_push_value(machine, value_new_bool(operand->extra));
}

static int run_unsigned(struct machine *machine, const struct operand *operand)
{
	return machine_push_value(machine,
	                          value_new_int((int64_t)operand->number));
}

static int run_int4(struct machine *machine, const struct operand *operand)
{
	return machine_push_value(
	    machine, value_new_int((int32_t)(uint32_t)operand->number));
}

static int run_float8(struct machine *machine, const struct operand *operand)
{
	uint64_t bits = __builtin_bswap64(operand->number);
	double real;

	memcpy(&real, &bits, sizeof(real));
	return machine_push_value(machine, value_new_float(real));
}

static bool is_utf8(struct span text)
{
	return utf8_is_valid((const char *)text.data, text.size);
}

/* Texts and bytes stay where they are in the input. */
static int run_bytes(struct machine *machine, const struct operand *operand)
{
	enum object_kind kind = (enum object_kind)operand->extra;
	struct object *object;
	int rc;

	if (kind == OBJECT_TEXT && !is_utf8(operand->bytes))
		return machine_invalid(machine, "a text that is not UTF-8");
	rc = machine_push_new(machine, kind, &object);
	if (rc == 0)
		object->span = operand->bytes;
	return rc;
}

static int run_mark(struct machine *machine, const struct operand *operand)
{
	(void)operand;
	return machine_mark(machine);
}

static int run_pop_mark(struct machine *machine, const struct operand *operand)
{
	size_t height;
	int rc = machine_unmark(machine, &height);

	(void)operand;
	if (rc == 0)
		machine->stack.count = height;
	return rc;
}

/* POP also takes a mark. */
static int run_pop(struct machine *machine, const struct operand *operand)
{
	size_t marks = machine->mark_count;
	struct object *object;

	if (marks && machine->marks[marks - 1] == machine->stack.count)
		return run_pop_mark(machine, operand);
	return machine_pop(machine, &object);
}

static int run_dup(struct machine *machine, const struct operand *operand)
{
	struct object *object;
	int rc = machine_top(machine, &object);

	(void)operand;
	return rc ? rc : machine_push(machine, object);
}

static int run_put(struct machine *machine, const struct operand *operand)
{
	return machine_memo_put(machine, operand->number, operand->width);
}

static int run_memoize(struct machine *machine, const struct operand *operand)
{
	return machine_memo_put(machine, machine->memo_count, operand->width);
}

static int run_get(struct machine *machine, const struct operand *operand)
{
	return machine_memo_get(machine, operand->number);
}

/* PUT and GET of protocol 0: the index is a line. */
static int run_memo_line(struct machine *machine, const struct operand *operand)
{
	uint64_t index = 0;

	if (operand->bytes.size == 0 || operand->bytes.size > 18)
		return machine_invalid(machine, "a bad memo index");
	for (size_t i = 0; i < operand->bytes.size; i++) {
		unsigned digit = operand->bytes.data[i] - (unsigned)'0';

		if (digit > 9)
			return machine_invalid(machine, "a bad memo index");
		index = 10 * index + digit;
	}
	if (operand->extra == 'g')
		return machine_memo_get(machine, index);
	return machine_memo_put(machine, index, operand->width);
}

static int run_global(struct machine *machine, const struct operand *operand)
{
	return global_push(machine, operand->bytes, operand->second);
}

static int run_stack_global(struct machine *machine,
                            const struct operand *operand)
{
	struct object *module;
	struct object *name;
	int rc = machine_need(machine, 2);

	(void)operand;
	if (rc)
		return rc;
	machine_pop(machine, &name);
	machine_pop(machine, &module);
	if (name->kind == OBJECT_OPAQUE || module->kind == OBJECT_OPAQUE)
		return machine_push_opaque(machine);
	if (name->kind != OBJECT_TEXT || module->kind != OBJECT_TEXT)
		return machine_invalid(machine, "a name that is no text");
	return global_push(machine, module->span, name->span);
}

/* REDUCE, NEWOBJ: function, tuple of arguments. */
static int run_call(struct machine *machine, const struct operand *operand)
{
	struct object *function;
	struct object *args;
	int rc = machine_need(machine, 2);

	(void)operand;
	if (rc)
		return rc;
	machine_pop(machine, &args);
	machine_pop(machine, &function);
	return global_call(machine, function, args);
}

/* NEWOBJ_EX: class, tuple of arguments, dict of more. */
static int run_call_keywords(struct machine *machine,
                             const struct operand *operand)
{
	int rc = machine_need(machine, 3);

	(void)operand;
	if (rc)
		return rc;
	machine_refuse(machine, "pickle: an object made with keywords");
	machine->stack.count -= 3;
	return machine_push_opaque(machine);
}

/* OBJ: a mark, the class, arguments. */
static int run_object(struct machine *machine, const struct operand *operand)
{
	struct object *function;
	struct object *args;
	int rc = machine_need(machine, 1);

	if (rc == 0)
		rc = collect_marked(machine, operand);
	if (rc == 0)
		rc = machine_pop(machine, &args);
	if (rc)
		return rc;
	function = args->list.items[0];
	args->list.count--;
	memmove(args->list.items, args->list.items + 1,
	        args->list.count * sizeof(struct object *));
	return global_call(machine, function, args);
}

/* INST: a mark, arguments; the class is two lines. */
static int run_instance(struct machine *machine, const struct operand *operand)
{
	struct object *function;
	struct object *args;
	int rc = collect_marked(machine, operand);

	if (rc == 0)
		rc = machine_pop(machine, &args);
	if (rc == 0)
		rc = run_global(machine, operand);
	if (rc == 0)
		rc = machine_pop(machine, &function);
	return rc ? rc : global_call(machine, function, args);
}

static int run_build(struct machine *machine, const struct operand *operand)
{
	struct object *state;
	int rc = machine_need(machine, 2);

	(void)operand;
	if (rc)
		return rc;
	machine_pop(machine, &state);
	return global_build(
	    machine, machine->stack.items[machine->stack.count - 1], state);
}

/* What only the program that wrote the pickle can resolve. */
static int run_foreign(struct machine *machine, const struct operand *operand)
{
	static const char *const names[] = {
		['P'] = "a persistent id",
		['E'] = "an extension code",
		['B'] = "a buffer that is kept elsewhere",
	};

	machine_refuse(machine, "pickle: %s", names[operand->extra]);
	return machine_push_opaque(machine);
}

static int run_stack_id(struct machine *machine, const struct operand *operand)
{
	struct object *id;
	int rc = machine_pop(machine, &id);

	return rc ? rc : run_foreign(machine, operand);
}

static int run_readonly(struct machine *machine, const struct operand *operand)
{
	(void)operand;
	return machine_need(machine, 1);
}

/* Names and codes: CPython's Lib/pickletools.py. */
static const struct opcode opcodes[256] = {
	[0x80] = { FORM_NUMBER, 1, run_proto, 0 },
	[0x95] = { FORM_NUMBER, 8, run_frame, 0 },
	['.'] = { FORM_NONE, 0, run_stop, 0 },

	['N'] = { FORM_NONE, 0, run_none, 0 },
	[0x88] = { FORM_NONE, 0, run_bool, true },
	[0x89] = { FORM_NONE, 0, run_bool, false },
	['K'] = { FORM_NUMBER, 1, run_unsigned, 0 },
	['M'] = { FORM_NUMBER, 2, run_unsigned, 0 },
	['J'] = { FORM_NUMBER, 4, run_int4, 0 },
	['I'] = { FORM_LINE, 0, text_integer, 0 },
	['L'] = { FORM_LINE, 0, text_integer, 0 },
	[0x8a] = { FORM_BYTES, 1, text_long, 0 },
	[0x8b] = { FORM_BYTES, 4, text_long, 0 },
	['F'] = { FORM_LINE, 0, text_float, 0 },
	['G'] = { FORM_NUMBER, 8, run_float8, 0 },

	['S'] = { FORM_LINE, 0, text_string, 0 },
	['U'] = { FORM_BYTES, 1, run_bytes, OBJECT_LATIN1 },
	['T'] = { FORM_BYTES, 4, run_bytes, OBJECT_LATIN1 },
	['V'] = { FORM_LINE, 0, text_unicode, 0 },
	[0x8c] = { FORM_BYTES, 1, run_bytes, OBJECT_TEXT },
	['X'] = { FORM_BYTES, 4, run_bytes, OBJECT_TEXT },
	[0x8d] = { FORM_BYTES, 8, run_bytes, OBJECT_TEXT },
	['C'] = { FORM_BYTES, 1, run_bytes, OBJECT_BYTES },
	['B'] = { FORM_BYTES, 4, run_bytes, OBJECT_BYTES },
	[0x8e] = { FORM_BYTES, 8, run_bytes, OBJECT_BYTES },
	[0x96] = { FORM_BYTES, 8, run_bytes, OBJECT_BYTEARRAY },

	[']'] = { FORM_NONE, 0, collect_empty, OBJECT_LIST },
	[')'] = { FORM_NONE, 0, collect_empty, OBJECT_TUPLE },
	['}'] = { FORM_NONE, 0, collect_empty, OBJECT_DICT },
	[0x8f] = { FORM_NONE, 0, collect_empty, OBJECT_SET },
	['l'] = { FORM_NONE, 0, collect_marked, OBJECT_LIST },
	['t'] = { FORM_NONE, 0, collect_marked, OBJECT_TUPLE },
	['d'] = { FORM_NONE, 0, collect_marked, OBJECT_DICT },
	[0x91] = { FORM_NONE, 0, collect_marked, OBJECT_FROZENSET },
	[0x85] = { FORM_NONE, 0, collect_tuple, 1 },
	[0x86] = { FORM_NONE, 0, collect_tuple, 2 },
	[0x87] = { FORM_NONE, 0, collect_tuple, 3 },
	['a'] = { FORM_NONE, 0, collect_append, OBJECT_LIST },
	['e'] = { FORM_NONE, 0, collect_extend, OBJECT_LIST },
	['s'] = { FORM_NONE, 0, collect_append, OBJECT_DICT },
	['u'] = { FORM_NONE, 0, collect_extend, OBJECT_DICT },
	[0x90] = { FORM_NONE, 0, collect_extend, OBJECT_SET },

	['('] = { FORM_NONE, 0, run_mark, 0 },
	['0'] = { FORM_NONE, 0, run_pop, 0 },
	['1'] = { FORM_NONE, 0, run_pop_mark, 0 },
	['2'] = { FORM_NONE, 0, run_dup, 0 },
	['p'] = { FORM_LINE, 0, run_memo_line, 'p' },
	['q'] = { FORM_NUMBER, 1, run_put, 0 },
	['r'] = { FORM_NUMBER, 4, run_put, 0 },
	[0x94] = { FORM_NONE, 0, run_memoize, 0 },
	['g'] = { FORM_LINE, 0, run_memo_line, 'g' },
	['h'] = { FORM_NUMBER, 1, run_get, 0 },
	['j'] = { FORM_NUMBER, 4, run_get, 0 },

	['c'] = { FORM_LINES, 0, run_global, 0 },
	[0x93] = { FORM_NONE, 0, run_stack_global, 0 },
	['R'] = { FORM_NONE, 0, run_call, 0 },
	[0x81] = { FORM_NONE, 0, run_call, 0 },
	[0x92] = { FORM_NONE, 0, run_call_keywords, 0 },
	['o'] = { FORM_NONE, 0, run_object, OBJECT_TUPLE },
	['i'] = { FORM_LINES, 0, run_instance, OBJECT_TUPLE },
	['b'] = { FORM_NONE, 0, run_build, 0 },

	['P'] = { FORM_LINE, 0, run_foreign, 'P' },
	['Q'] = { FORM_NONE, 0, run_stack_id, 'P' },
	[0x82] = { FORM_NUMBER, 1, run_foreign, 'E' },
	[0x83] = { FORM_NUMBER, 2, run_foreign, 'E' },
	[0x84] = { FORM_NUMBER, 4, run_foreign, 'E' },
	[0x97] = { FORM_NONE, 0, run_foreign, 'B' },
	[0x98] = { FORM_NONE, 0, run_readonly, 0 },
};

const struct opcode *opcode_find(unsigned char code)
{
	return opcodes[code].run ? &opcodes[code] : NULL;
}
