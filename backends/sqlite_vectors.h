/* SPDX-License-Identifier: MIT */
/*
 * sqlite_vectors.h - arrays of numbers as directions, in memory
 *
 * A vector is an array of finite numbers, not all zero, scaled to length 1: the
 * cosine of the angle between two is their dot product.  Only vectors of one
 * family (kind and size of number, how many) are compared.
 *
 * Vectors are kept as float32, which finds the best to about six digits;
 * whoever needs more compares the stored arrays of those that were found.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    one user at a time.
 */
#ifndef ENGRAMFS_BACKENDS_SQLITE_VECTORS_H
#define ENGRAMFS_BACKENDS_SQLITE_VECTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SQLITE_VECTOR_MAX ((uint64_t)1 << 20) /* numbers in one */

struct sqlite_vector {
	char kind; /* of dtype */
	uint64_t itemsize;
	size_t length;
	double *items;
};

/* Make one from stored bytes.  -ENODATA: they hold none. */
int sqlite_vector_decode(const void *bytes, size_t size,
                         struct sqlite_vector *out);
void sqlite_vector_release(struct sqlite_vector *vector);
bool sqlite_vector_is_like(const struct sqlite_vector *a,
                           const struct sqlite_vector *b);
/* Of vectors that are alike. */
double sqlite_vector_cosine(const struct sqlite_vector *a,
                            const struct sqlite_vector *b);

/* The best of many, best first. */
struct sqlite_found {
	int64_t id;
	double cosine;
};

struct sqlite_best {
	struct sqlite_found *items; /* room for LIMIT */
	size_t count;
	size_t limit;
};

int sqlite_best_init(struct sqlite_best *best, size_t limit);
void sqlite_best_release(struct sqlite_best *best);
/* Of equal ones the lower ID is better. */
void sqlite_best_offer(struct sqlite_best *best, int64_t id, double cosine);

struct sqlite_family;

struct sqlite_vectors {
	struct sqlite_family *families;
	size_t bytes; /* that their rows take, with room for more */
};

/* -EFBIG: they would take more than LIMIT bytes. */
int sqlite_vectors_add(struct sqlite_vectors *vectors, int64_t id,
                       const struct sqlite_vector *vector, size_t limit);
/* Nothing happens where there is none. */
void sqlite_vectors_remove(struct sqlite_vectors *vectors, int64_t id);
int sqlite_vectors_search(const struct sqlite_vectors *vectors,
                          const struct sqlite_vector *vector,
                          struct sqlite_best *best);
void sqlite_vectors_release(struct sqlite_vectors *vectors);

#endif
