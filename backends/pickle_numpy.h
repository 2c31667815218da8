/* SPDX-License-Identifier: MIT */
/*
 * pickle_numpy.h - numpy's part of the pickle reader
 *
 * Errors:     as pickle_machine.h.  -ENOTSUP, with nothing said, is what is
 *             not known; the caller notes it.
 */
#ifndef ENGRAMFS_BACKENDS_PICKLE_NUMPY_H
#define ENGRAMFS_BACKENDS_PICKLE_NUMPY_H

#include "backends/pickle_machine.h"

/* Fields of one structured dtype, those of its fields included. */
#define PICKLE_MAX_FIELDS 4096

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

#endif
