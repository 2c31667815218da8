/* SPDX-License-Identifier: MIT */
/*
 * pickle_internal.h - the parts of the pickle reader
 *
 * A pickle is a program for a small stack machine.  The machine here runs in
 * two steps, so that what the program does and what comes of it stay apart:
 *
 *  1. pickle_read.c runs the opcodes.  They make objects (struct object): texts
 *     and bytes that point into the input, lists of other objects, and names
 *     (globals) that stand for themselves.  Objects belong to the machine and
 *     live as long as it does, so nothing in a pickle's web of references has
 *     to be counted, and a list may well contain itself.
 *  2. pickle_value.c turns the last object into a value: here cycles, depth
 *     and what is not data are refused, and array elements are copied, once.
 *
 * What is not data (another class, say) becomes an opaque object and is noted
 * in REFUSED; the program then still runs to its end, to learn whether it is
 * sound.
 *
 * Errors:     int functions return 0 or a negative errno value; those other
 *             than -ENOMEM and -EAGAIN are explained in machine->why.
 *             -EAGAIN: the bytes at hand end first.
 * Ownership:  object pointers are borrowed from the machine.
 * Threads:    one machine, one thread.
 */
#ifndef ENGRAMFS_BACKENDS_PICKLE_INTERNAL_H
#define ENGRAMFS_BACKENDS_PICKLE_INTERNAL_H

#include "backends/pickle_machine.h"

/* Longest integer: what has so many digits always fits so many bytes. */
#define PICKLE_MAX_DIGITS 9864
#define PICKLE_MAX_INTEGER 4100

/* What follows an opcode's byte. */
enum operand_form {
	FORM_NONE,
	FORM_NUMBER, /* WIDTH bytes, unsigned, least significant first */
	FORM_BYTES,  /* a length of WIDTH bytes, then so many bytes */
	FORM_LINE,   /* text up to a newline */
	FORM_LINES,  /* two of them */
};

struct operand {
	uint64_t number;
	struct span bytes;
	struct span second; /* line */
	size_t width;       /* of the whole instruction */
	int extra;          /* its row's */
};

struct opcode {
	enum operand_form form;
	unsigned char width;
	int (*run)(struct machine *machine, const struct operand *operand);
	int extra;
};

/* pickle_opcodes.c: NULL where there is no such opcode. */
const struct opcode *opcode_find(unsigned char code);

/* pickle_read.c: run until STOP. */
int machine_run(struct machine *machine);

/* pickle_text.c: opcodes whose operand has to be decoded. */
int text_integer(struct machine *machine, const struct operand *operand);
int text_float(struct machine *machine, const struct operand *operand);
int text_string(struct machine *machine, const struct operand *operand);
int text_unicode(struct machine *machine, const struct operand *operand);
/* Two's complement, least significant byte first. */
int text_long(struct machine *machine, const struct operand *operand);
/* The bytes that a text of latin-1 characters stands for. */
int text_to_latin1(struct machine *machine, struct span text, struct blob *out);

/* pickle_collect.c: opcodes that make or fill collections. */
int collect_empty(struct machine *machine, const struct operand *operand);
int collect_marked(struct machine *machine, const struct operand *operand);
int collect_tuple(struct machine *machine, const struct operand *operand);
int collect_extend(struct machine *machine, const struct operand *operand);
int collect_append(struct machine *machine, const struct operand *operand);

/* pickle_global.c: names, and what happens when they are called. */
int global_push(struct machine *machine, struct span module, struct span name);
/* Push what FUNCTION makes of the tuple ARGS. */
int global_call(struct machine *machine, const struct object *function,
                const struct object *args);
/* Give STATE to OBJECT. */
int global_build(struct machine *machine, struct object *object,
                 const struct object *state);

/* pickle_value.c: the value that OBJECT stands for. */
int object_to_value(struct machine *machine, struct object *object,
                    struct value **out);

#endif
