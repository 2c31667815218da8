/* SPDX-License-Identifier: MIT */
#include "backends/pickle_internal.h"
#include "backends/pickle_numpy.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct global_name {
	const char *module;
	const char *name;
	enum global global;
};

static const struct global_name global_names[] = {
	{ "numpy.core.multiarray", "_reconstruct", GLOBAL_RECONSTRUCT },
	{ "numpy._core.multiarray", "_reconstruct", GLOBAL_RECONSTRUCT },
	{ "numpy.core.multiarray", "scalar", GLOBAL_SCALAR },
	{ "numpy._core.multiarray", "scalar", GLOBAL_SCALAR },
	{ "numpy.core.numeric", "_frombuffer", GLOBAL_FROMBUFFER },
	{ "numpy._core.numeric", "_frombuffer", GLOBAL_FROMBUFFER },
	{ "numpy", "ndarray", GLOBAL_NDARRAY },
	{ "numpy", "dtype", GLOBAL_DTYPE },
	{ "_codecs", "encode", GLOBAL_ENCODE },
	{ "collections", "OrderedDict", GLOBAL_ORDERED_DICT },
	{ "builtins", "set", GLOBAL_SET },
	{ "__builtin__", "set", GLOBAL_SET },
	{ "builtins", "frozenset", GLOBAL_FROZENSET },
	{ "__builtin__", "frozenset", GLOBAL_FROZENSET },
	{ "builtins", "bytes", GLOBAL_BYTES },
	{ "__builtin__", "bytes", GLOBAL_BYTES },
	{ "builtins", "bytearray", GLOBAL_BYTEARRAY },
	{ "__builtin__", "bytearray", GLOBAL_BYTEARRAY },
	{ "builtins", "complex", GLOBAL_COMPLEX },
	{ "__builtin__", "complex", GLOBAL_COMPLEX },
};

/* The start of NAME, fit for one line of a message. */
static const char *printable(struct span name, char out[80])
{
	size_t size = name.size < 79 ? name.size : 79;

	for (size_t i = 0; i < size; i++)
		out[i] = isgraph(name.data[i]) ? (char)name.data[i] : '?';
	out[size] = '\0';
	return out;
}

static int push_unknown(struct machine *machine, struct span module,
                        struct span name)
{
	char module_text[80];
	char name_text[80];

	machine_refuse(machine, "pickle: holds an object of %s.%s, not data",
	               printable(module, module_text),
	               printable(name, name_text));
	return machine_push_opaque(machine);
}

int global_push(struct machine *machine, struct span module, struct span name)
{
	const struct global_name *row = global_names;
	const struct global_name *end =
	    row + sizeof(global_names) / sizeof(*global_names);
	struct object *object;
	int rc;

	while (row < end &&
	       !(span_is(module, row->module) && span_is(name, row->name)))
		row++;
	if (row == end)
		return push_unknown(machine, module, name);
	rc = machine_push_new(machine, OBJECT_GLOBAL, &object);
	if (rc == 0)
		object->global = row->global;
	return rc;
}

/* encode(text, 'latin1'): how protocols 0 to 2 say bytes. */
static int call_encode(struct machine *machine, const struct object *args)
{
	const struct object *text = object_item(args, 0);
	struct object *object;
	struct span encoding;
	int rc;

	if (args->list.count != 2 ||
	    !object_to_span(object_item(args, 1), &encoding) ||
	    !(span_is(encoding, "latin1") || span_is(encoding, "latin-1")) ||
	    !(text->kind == OBJECT_TEXT || text->kind == OBJECT_LATIN1))
		return -ENOTSUP;
	rc = machine_push_new(machine, OBJECT_BYTES, &object);
	if (rc)
		return rc;
	object->span = text->span;
	if (text->kind == OBJECT_LATIN1)
		return 0;
	rc = text_to_latin1(machine, text->span, &object->owned);
	object->span.data = (const unsigned char *)object->owned.data;
	object->span.size = object->owned.size;
	return rc;
}

/* A collection of KIND of what the only argument, if any, lists. */
static int call_collection(struct machine *machine, enum object_kind kind,
                           const struct object *args)
{
	const struct object *source = object_item(args, 0);
	struct object *object;
	int rc;

	if (args->list.count > 1 || (source && !object_is_sequence(source)))
		return -ENOTSUP;
	rc = machine_push_new(machine, kind, &object);
	for (size_t i = 0; rc == 0 && source && i < source->list.count; i++)
		rc = machine_append(machine, &object->list,
		                    source->list.items[i]);
	return rc;
}

static int call_set(struct machine *machine, const struct object *args)
{
	return call_collection(machine, OBJECT_SET, args);
}

static int call_frozenset(struct machine *machine, const struct object *args)
{
	return call_collection(machine, OBJECT_FROZENSET, args);
}

/* OrderedDict(), or with a list of pairs as Python 2 wrote it. */
static int call_ordered_dict(struct machine *machine, const struct object *args)
{
	const struct object *pairs = object_item(args, 0);
	struct object *dict;
	int rc;

	if (args->list.count > 1 || (pairs && !object_is_sequence(pairs)))
		return -ENOTSUP;
	rc = machine_push_new(machine, OBJECT_DICT, &dict);
	for (size_t i = 0; rc == 0 && pairs && i < pairs->list.count; i++) {
		const struct object *pair = pairs->list.items[i];

		if (!object_is_sequence(pair) || pair->list.count != 2)
			return machine_invalid(machine, "a bad OrderedDict");
		rc = machine_append(machine, &dict->list, pair->list.items[0]);
		if (rc == 0)
			rc = machine_append(machine, &dict->list,
			                    pair->list.items[1]);
	}
	return rc;
}

/* bytes() and bytearray(), of nothing, of bytes, or of (text, 'latin-1'). */
static int call_bytes(struct machine *machine, const struct object *args)
{
	const struct object *source = object_item(args, 0);
	struct object *object;
	int rc;

	if (args->list.count == 2)
		return call_encode(machine, args);
	if (args->list.count > 1 || (source && (!object_has_bytes(source) ||
	                                        source->kind == OBJECT_TEXT)))
		return -ENOTSUP;
	rc = machine_push_new(machine, OBJECT_BYTES, &object);
	if (rc == 0 && source)
		object->span = source->span;
	return rc;
}

/* -ENOTSUP: not with these arguments. */
static int (*const global_calls[GLOBAL_COUNT])(struct machine *,
                                               const struct object *) = {
	[GLOBAL_RECONSTRUCT] = array_reconstruct,
	[GLOBAL_SCALAR] = scalar_call,
	[GLOBAL_FROMBUFFER] = array_frombuffer,
	[GLOBAL_DTYPE] = dtype_call,
	[GLOBAL_ENCODE] = call_encode,
	[GLOBAL_ORDERED_DICT] = call_ordered_dict,
	[GLOBAL_SET] = call_set,
	[GLOBAL_FROZENSET] = call_frozenset,
	[GLOBAL_BYTES] = call_bytes,
	[GLOBAL_BYTEARRAY] = call_bytes,
	[GLOBAL_COMPLEX] = scalar_complex,
};

static const char *global_text(enum global global)
{
	const struct global_name *row = global_names;

	while (row->global != global)
		row++;
	return row->name;
}

int global_call(struct machine *machine, const struct object *function,
                const struct object *args)
{
	size_t height = machine->stack.count;
	int rc = -ENOTSUP;

	if (function->kind == OBJECT_OPAQUE || args->kind == OBJECT_OPAQUE)
		return machine_push_opaque(machine);
	if (function->kind != OBJECT_GLOBAL || args->kind != OBJECT_TUPLE)
		return machine_invalid(machine, "a call of what is no name");
	if (global_calls[function->global])
		rc = global_calls[function->global](machine, args);
	if (rc != -ENOTSUP)
		return rc;
	machine_refuse(machine, "pickle: an unknown use of %s before byte %zu",
	               global_text(function->global), machine->at);
	machine->stack.count = height;
	return machine_push_opaque(machine);
}

int global_build(struct machine *machine, struct object *object,
                 const struct object *state)
{
	int rc = -ENOTSUP;

	if (object->kind == OBJECT_OPAQUE)
		return 0;
	if (object->kind == OBJECT_DTYPE)
		rc = dtype_build(machine, object, state);
	else if (object->kind == OBJECT_ARRAY)
		rc = array_build(machine, object, state);
	if (rc == -ENOTSUP) {
		machine_refuse(machine,
		               "pickle: an unknown state before byte %zu",
		               machine->at);
		return 0;
	}
	return rc;
}
