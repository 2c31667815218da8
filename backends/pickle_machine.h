/* SPDX-License-Identifier: MIT */
/*
 * pickle_machine.h - the memory, the stack and the memo of the pickle reader
 *
 * Errors:     int functions return 0 or a negative errno value; those other
 *             than -ENOMEM and -EAGAIN are explained in machine->why.
 * Ownership:  objects live as long as the machine.
 * Threads:    one machine, one thread.
 */
#ifndef ENGRAMFS_BACKENDS_PICKLE_MACHINE_H
#define ENGRAMFS_BACKENDS_PICKLE_MACHINE_H

#include "backends/pickle_object.h"

/* What a value takes, about, apart from what it holds. */
#define PICKLE_VALUE_COST 64

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
/* What stands for something that is not data. */
int machine_push_opaque(struct machine *machine);
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

#endif
