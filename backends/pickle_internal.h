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

#include "backends/value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest integer: what has so many digits always fits so many bytes. */
#define PICKLE_MAX_DIGITS 9864
#define PICKLE_MAX_INTEGER 4100
/* Fields of one structured dtype, those of its fields included. */
#define PICKLE_MAX_FIELDS 4096

/* What a value takes, about, apart from what it holds. */
#define PICKLE_VALUE_COST 64

enum object_kind {
	OBJECT_VALUE,  /* a number, a bool, None */
	OBJECT_TEXT,   /* UTF-8 */
	OBJECT_LATIN1, /* the str of Python 2 */
	OBJECT_BYTES,
	OBJECT_BYTEARRAY,
	OBJECT_LIST,
	OBJECT_TUPLE,
	OBJECT_SET,
	OBJECT_FROZENSET,
	OBJECT_DICT, /* items are key, item, key, item ... */
	OBJECT_GLOBAL,
	OBJECT_DTYPE,
	OBJECT_ARRAY,
	OBJECT_OPAQUE, /* not data */
};

/* The names that are understood. */
enum global {
	GLOBAL_RECONSTRUCT,
	GLOBAL_SCALAR,
	GLOBAL_FROMBUFFER,
	GLOBAL_NDARRAY,
	GLOBAL_DTYPE,
	GLOBAL_ENCODE,
	GLOBAL_ORDERED_DICT,
	GLOBAL_SET,
	GLOBAL_FROZENSET,
	GLOBAL_BYTES,
	GLOBAL_BYTEARRAY,
	GLOBAL_COMPLEX,
	GLOBAL_COUNT,
};

/* Bytes somewhere else. */
struct span {
	const unsigned char *data;
	size_t size;
};

struct object_dtype {
	struct dtype type;
	size_t field_count; /* of TYPE and all its fields */
	int depth;
	int ndim; /* a sub-array type: this many of SHAPE */
	uint64_t shape[ARRAY_MAX_DIMS];
};

struct object_array {
	const struct object_dtype *dtype; /* NULL until BUILD */
	const struct object *elements;    /* bytes of some kind */
	int ndim;
	bool fortran;
	bool permuted; /* result axis i is axis AXES[i] of SHAPE */
	uint64_t shape[ARRAY_MAX_DIMS];
	uint8_t axes[ARRAY_MAX_DIMS];
};

struct object_items {
	struct object **items;
	size_t count;
	size_t capacity;
};

struct object {
	enum object_kind kind;
	bool converting;     /* a value is being made of it */
	struct object *next; /* all objects of the machine */
	struct value *value; /* OBJECT_VALUE's, or what has been made of it */
	size_t cost;         /* what making it took */
	int levels;          /* of collections in each other, once converted */
	size_t memo_width;   /* length of the opcode that memoized it, or 0 */
	struct blob owned;   /* texts and bytes that had to be decoded */

	union {
		struct span span;
		struct object_items list;
		enum global global;
		struct object_dtype *dtype;
		struct object_array *array;
	};
};

struct machine {
	const unsigned char *bytes;
	size_t hand; /* bytes at hand */
	size_t size; /* bytes that there are; SIZE_MAX: unknown */
	size_t at;
	size_t wanted;    /* after -EAGAIN: end of what was being read */
	size_t left;      /* memory that may still be taken */
	size_t frame_end; /* of the last FRAME; 0 before one */
	bool stopped;

	struct object_items stack;
	size_t *marks; /* heights of the stack */
	size_t mark_count;
	size_t mark_capacity;
	struct object **memo;
	size_t memo_count;
	size_t memo_capacity;

	struct object *objects;
	char refused[WHY_SIZE]; /* the first thing that is not data */
	char why[WHY_SIZE];
};

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

/* pickle_stack.c: memory, stack and memo. */
void machine_release(struct machine *machine);

/* Fill machine->why, return RC. */
int machine_fail(struct machine *machine, int rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with -EINVAL: WHAT, and where. */
int machine_invalid(struct machine *machine, const char *what);
/* Note what is not data; the first note stays. */
void machine_refuse(struct machine *machine, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Take SIZE bytes off the limit.  -EFBIG. */
int machine_charge(struct machine *machine, size_t size);

int machine_new(struct machine *machine, enum object_kind kind,
                struct object **out);
/* VALUE's reference is taken over; NULL is -ENOMEM. */
int machine_new_value(struct machine *machine, struct value *value,
                      struct object **out);
int machine_push(struct machine *machine, struct object *object);
/* As machine_new_value, and put on the stack. */
int machine_push_value(struct machine *machine, struct value *value);
/* Make an object, put it on the stack. */
int machine_push_new(struct machine *machine, enum object_kind kind,
                     struct object **out);
int machine_pop(struct machine *machine, struct object **out);
int machine_top(struct machine *machine, struct object **out);
int machine_mark(struct machine *machine);
/* Height of the stack at the last mark, which is removed. */
int machine_unmark(struct machine *machine, size_t *out);
/* At least COUNT objects above the last mark. */
int machine_need(struct machine *machine, size_t count);
/* Append the objects above HEIGHT to LIST, and take them off. */
int machine_take(struct machine *machine, size_t height, struct object *list);
int machine_append(struct machine *machine, struct object_items *items,
                   struct object *item);
/* WIDTH is that of the opcode. */
int machine_memo_put(struct machine *machine, uint64_t index, size_t width);
int machine_memo_get(struct machine *machine, uint64_t index);

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

/*
 * pickle_dtype.c, pickle_array.c, pickle_scalar.c: numpy.  -ENOTSUP, with
 * nothing said, is what is not known; it is noted by the caller.
 */
int dtype_new(struct machine *machine, const struct dtype *plain,
              struct object **out);
int dtype_call(struct machine *machine, const struct object *args);
int dtype_build(struct machine *machine, struct object *object,
                const struct object *state);

int array_reconstruct(struct machine *machine, const struct object *args);
int array_frombuffer(struct machine *machine, const struct object *args);
int array_build(struct machine *machine, struct object *object,
                const struct object *state);
/* Push a 0-d array. */
int array_push(struct machine *machine, const struct object *dtype,
               const struct object *elements);
/* A tuple of dimensions.  -EINVAL, with nothing said. */
int array_parse_shape(const struct object *shape, uint64_t *out, int *ndim);
/* Fill INFO from ARRAY, whose elements take AVAILABLE bytes; OUT is the
 * caller's to release, on failure too. */
int array_describe(struct machine *machine, const struct object_array *array,
                   uint64_t available, struct array_info *out);
/* The same from shape, dtype and order alone. */
int array_describe_state(struct machine *machine, struct object *const items[3],
                         uint64_t available, struct array_info *out);
int array_to_value(struct machine *machine, const struct object_array *array,
                   struct value **out);

int scalar_call(struct machine *machine, const struct object *args);
int scalar_complex(struct machine *machine, const struct object *args);

/* pickle_value.c */
int object_to_value(struct machine *machine, struct object *object,
                    struct value **out);

/* Small questions about objects; NULL is no object. */
bool object_is_sequence(const struct object *object); /* list or tuple */
bool object_is_collection(const struct object *object);
bool object_has_bytes(const struct object *object);
const struct object *object_item(const struct object *tuple, size_t index);
/* An int or bool. */
bool object_to_int(const struct object *object, int64_t *out);
/* The characters of a text or bytes. */
bool object_to_span(const struct object *object, struct span *out);
bool span_is(struct span span, const char *text);

#endif
