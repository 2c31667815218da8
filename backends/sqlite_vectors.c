/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_vectors.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/codec.h"
#include "backends/derive_array.h"

/* Sums that are kept side by side, so that the compiler can use its vector
 * instructions without changing the order of additions.  Rows are padded with
 * zeros to a multiple of it. */
#define LANES 16

struct sqlite_family {
	struct sqlite_family *next;
	char kind;
	uint64_t itemsize;
	size_t length;
	size_t stride; /* length, padded */
	float *rows;
	int64_t *ids;
	size_t count;
	size_t capacity;
};

/* False where it has no direction. */
static bool scale(struct sqlite_vector *vector)
{
	double most = 0;
	double squares = 0;

	for (size_t i = 0; i < vector->length; i++)
		most = fmax(most, fabs(vector->items[i]));
	if (most == 0)
		return false;
	for (size_t i = 0; i < vector->length; i++) {
		vector->items[i] /= most; /* no square overflows */
		squares += vector->items[i] * vector->items[i];
	}
	if (!isfinite(most) || !isfinite(squares))
		return false;
	for (size_t i = 0; i < vector->length; i++)
		vector->items[i] /= sqrt(squares);
	return true;
}

static int from_array(const struct array *array, struct sqlite_vector *out)
{
	struct sqlite_vector vector = {
		.kind = array->info.dtype.kind,
		.itemsize = array->info.dtype.itemsize,
	};
	uint64_t count;
	int rc = array_info_count(&array->info, &count);

	if (rc)
		return rc;
	if (count == 0 || count > SQLITE_VECTOR_MAX)
		return -ENODATA;
	vector.length = (size_t)count;
	vector.items = calloc(vector.length, sizeof(*vector.items));
	if (!vector.items)
		return -ENOMEM;
	rc = derive_numbers(array, vector.items);
	if (rc == 0 && !scale(&vector))
		rc = -ENODATA;
	if (rc) {
		sqlite_vector_release(&vector);
		return rc;
	}
	*out = vector;
	return 0;
}

int sqlite_vector_decode(const void *bytes, size_t size,
                         struct sqlite_vector *out)
{
	struct value *value;
	char why[WHY_SIZE];
	int rc = codec_decode(bytes, size, &value, why);

	if (rc)
		return rc == -ENOMEM ? rc : -ENODATA;
	rc = value->type == VALUE_ARRAY ? from_array(&value->array, out)
	                                : -ENODATA;
	value_unref(value);
	return rc;
}

void sqlite_vector_release(struct sqlite_vector *vector)
{
	free(vector->items);
	*vector = (struct sqlite_vector){ 0 };
}

bool sqlite_vector_is_like(const struct sqlite_vector *a,
                           const struct sqlite_vector *b)
{
	return a->kind == b->kind && a->itemsize == b->itemsize &&
	       a->length == b->length;
}

double sqlite_vector_cosine(const struct sqlite_vector *a,
                            const struct sqlite_vector *b)
{
	double sum = 0;

	for (size_t i = 0; i < a->length; i++)
		sum += a->items[i] * b->items[i];
	return sum;
}

int sqlite_best_init(struct sqlite_best *best, size_t limit)
{
	*best = (struct sqlite_best){ .limit = limit };
	best->items = calloc(limit ? limit : 1, sizeof(*best->items));
	return best->items ? 0 : -ENOMEM;
}

void sqlite_best_release(struct sqlite_best *best)
{
	free(best->items);
	*best = (struct sqlite_best){ 0 };
}

static bool is_better(const struct sqlite_found *a,
                      const struct sqlite_found *b)
{
	return a->cosine > b->cosine ||
	       (a->cosine == b->cosine && a->id < b->id);
}

void sqlite_best_offer(struct sqlite_best *best, int64_t id, double cosine)
{
	const struct sqlite_found found = { id, cosine };
	size_t at = best->count;

	if (at == best->limit) {
		if (at == 0 || !is_better(&found, &best->items[at - 1]))
			return;
		at--;
	} else {
		best->count++;
	}
	for (; at > 0 && is_better(&found, &best->items[at - 1]); at--)
		best->items[at] = best->items[at - 1];
	best->items[at] = found;
}

static struct sqlite_family *find_family(const struct sqlite_vectors *vectors,
                                         const struct sqlite_vector *vector)
{
	struct sqlite_family *family = vectors->families;

	while (family && (family->kind != vector->kind ||
	                  family->itemsize != vector->itemsize ||
	                  family->length != vector->length))
		family = family->next;
	return family;
}

static struct sqlite_family *add_family(struct sqlite_vectors *vectors,
                                        const struct sqlite_vector *vector)
{
	struct sqlite_family *family = calloc(1, sizeof(*family));

	if (!family)
		return NULL;
	family->kind = vector->kind;
	family->itemsize = vector->itemsize;
	family->length = vector->length;
	family->stride = (vector->length + LANES - 1) / LANES * LANES;
	family->next = vectors->families;
	vectors->families = family;
	return family;
}

static size_t row_bytes(const struct sqlite_family *family)
{
	return family->stride * sizeof(*family->rows) + sizeof(*family->ids);
}

/* What could not be made smaller is larger than it need be. */
static int resize(struct sqlite_vectors *vectors, struct sqlite_family *family,
                  size_t capacity)
{
	int64_t *ids = reallocarray(family->ids, capacity, sizeof(*ids));
	float *rows = reallocarray(family->rows, capacity,
	                           family->stride * sizeof(*rows));

	if (ids)
		family->ids = ids;
	if (rows)
		family->rows = rows;
	if ((!ids || !rows) && capacity > family->capacity)
		return -ENOMEM;
	vectors->bytes -= family->capacity * row_bytes(family);
	vectors->bytes += capacity * row_bytes(family);
	family->capacity = capacity;
	return 0;
}

/* By half as much again, or by the one row that there is room for. */
static int grow(struct sqlite_vectors *vectors, struct sqlite_family *family,
                size_t limit)
{
	size_t more = family->capacity / 2 + 1;

	if (vectors->bytes + more * row_bytes(family) > limit)
		more = 1;
	if (vectors->bytes + more * row_bytes(family) > limit)
		return -EFBIG;
	return resize(vectors, family, family->capacity + more);
}

static void remove_family(struct sqlite_vectors *vectors,
                          struct sqlite_family *family)
{
	struct sqlite_family **link = &vectors->families;

	while (*link != family)
		link = &(*link)->next;
	*link = family->next;
	vectors->bytes -= family->capacity * row_bytes(family);
	free(family->rows);
	free(family->ids);
	free(family);
}

static void narrow(const struct sqlite_vector *vector, size_t stride,
                   float *row)
{
	for (size_t i = 0; i < vector->length; i++)
		row[i] = (float)vector->items[i];
	for (size_t i = vector->length; i < stride; i++)
		row[i] = 0;
}

int sqlite_vectors_add(struct sqlite_vectors *vectors, int64_t id,
                       const struct sqlite_vector *vector, size_t limit)
{
	struct sqlite_family *family = find_family(vectors, vector);
	int rc = 0;

	if (!family)
		family = add_family(vectors, vector);
	if (!family)
		return -ENOMEM;
	if (family->count == family->capacity)
		rc = grow(vectors, family, limit);
	if (rc && family->count == 0)
		remove_family(vectors, family);
	if (rc)
		return rc;
	narrow(vector, family->stride,
	       family->rows + family->count * family->stride);
	family->ids[family->count++] = id;
	return 0;
}

/* The last row moves into the gap.  A family goes with its last row. */
static void remove_row(struct sqlite_vectors *vectors,
                       struct sqlite_family *family, size_t at)
{
	size_t last = --family->count;

	family->ids[at] = family->ids[last];
	if (at != last)
		memcpy(family->rows + at * family->stride,
		       family->rows + last * family->stride,
		       family->stride * sizeof(*family->rows));
	if (family->count == 0)
		remove_family(vectors, family);
	else if (family->count < family->capacity / 4)
		(void)resize(vectors, family, family->capacity / 2);
}

void sqlite_vectors_remove(struct sqlite_vectors *vectors, int64_t id)
{
	for (struct sqlite_family *family = vectors->families; family;
	     family = family->next)
		for (size_t i = 0; i < family->count; i++)
			if (family->ids[i] == id) {
				remove_row(vectors, family, i);
				return;
			}
}

static float dot(const float *a, const float *b, size_t stride)
{
	float sums[LANES] = { 0 };
	float sum = 0;

	for (size_t i = 0; i < stride; i += LANES)
		for (size_t lane = 0; lane < LANES; lane++)
			sums[lane] += a[i + lane] * b[i + lane];
	for (size_t lane = 0; lane < LANES; lane++)
		sum += sums[lane];
	return sum;
}

int sqlite_vectors_search(const struct sqlite_vectors *vectors,
                          const struct sqlite_vector *vector,
                          struct sqlite_best *best)
{
	const struct sqlite_family *family = find_family(vectors, vector);
	float *row;

	if (!family)
		return 0;
	row = calloc(family->stride, sizeof(*row));
	if (!row)
		return -ENOMEM;
	narrow(vector, family->stride, row);
	for (size_t i = 0; i < family->count; i++)
		sqlite_best_offer(best, family->ids[i],
		                  (double)dot(family->rows + i * family->stride,
		                              row, family->stride));
	free(row);
	return 0;
}

void sqlite_vectors_release(struct sqlite_vectors *vectors)
{
	while (vectors->families)
		remove_family(vectors, vectors->families);
}
