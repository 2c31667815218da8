/* SPDX-License-Identifier: MIT */
/*
 * Elements are counted by a hash table of their positions, which grows with
 * what is different, not with the array: ten million spikes of a thousand
 * neurons need 32 KiB.
 */
#include "backends/derive_array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#define FIRST_BITS 10

/* The parts of an element that are floats, so that equal numbers of different
 * bytes (0.0 and -0.0, NaNs) can be made the same. */
struct layout {
	size_t itemsize;
	size_t part;    /* bytes of one float; 0: bytes are compared */
	bool big;       /* most significant byte first */
	size_t padding; /* unused bytes of a part, most significant */
};

struct table {
	const unsigned char *elements;
	struct layout layout;
	uint64_t *slots; /* position of an element plus one, or 0 */
	unsigned int bits;
	uint64_t count;
};

#define MAX_ELEMENT 32

static struct layout find_layout(const struct dtype *dtype)
{
	struct layout layout = { .itemsize = (size_t)dtype->itemsize,
		                 .big = dtype->order == '>' };

	if (dtype->kind == 'f')
		layout.part = layout.itemsize;
	if (dtype->kind == 'c')
		layout.part = layout.itemsize / 2;
	/* x87's 80 bits in 16 bytes. */
	if (layout.part == 16 && __LDBL_MANT_DIG__ == 64)
		layout.padding = 6;
	return layout;
}

/* Byte number I of PART from the most significant one that is used. */
static unsigned char *byte_of(const struct layout *layout, unsigned char *part,
                              size_t i)
{
	i += layout->padding;
	return layout->big ? part + i : part + layout->part - 1 - i;
}

/* Exponent bits behind the sign, by the size of a float. */
static unsigned int exponent_bits(size_t part)
{
	return part == 2 ? 5 : part == 4 ? 8 : part == 8 ? 11 : 15;
}

/* Clear what is unused of PART, make -0.0 0.0, and say whether it is NaN. */
static bool normalise(const struct layout *layout, unsigned char *part)
{
	unsigned int bits = exponent_bits(layout->part);
	unsigned int mask = ((1u << bits) - 1) << (15 - bits);
	unsigned int head = (unsigned int)*byte_of(layout, part, 0) << 8 |
	                    *byte_of(layout, part, 1);
	bool fraction = (head & 0x7fff & ~mask) != 0;

	for (size_t i = 0; i < layout->padding; i++)
		*(layout->big ? part + i : part + layout->part - 1 - i) = 0;
	for (size_t i = 2; i < layout->part - layout->padding; i++) {
		unsigned int byte = *byte_of(layout, part, i);

		/* x87 writes its leading 1 down. */
		if (i == 2 && layout->padding && (head & mask) == mask)
			byte &= 0x7f;
		fraction = fraction || byte != 0;
	}
	if (!fraction && (head & mask) == 0)
		memset(part, 0, layout->part);
	return fraction && (head & mask) == mask;
}

/* The element at POSITION, in BUFFER where it had to be normalised. */
static const void *element(const struct table *table, uint64_t position,
                           unsigned char buffer[MAX_ELEMENT])
{
	const struct layout *layout = &table->layout;
	const unsigned char *bytes =
	    table->elements + position * layout->itemsize;
	bool nan = false;

	if (layout->part == 0)
		return bytes;
	memcpy(buffer, bytes, layout->itemsize);
	for (size_t at = 0; at < layout->itemsize; at += layout->part)
		nan = normalise(layout, buffer + at) || nan;
	if (nan)
		memset(buffer, 0xff, layout->itemsize);
	return buffer;
}

/* The slot of the element at POSITION, or a free one. */
static uint64_t *find_slot(const struct table *table, uint64_t position)
{
	unsigned char mine[MAX_ELEMENT];
	unsigned char other[MAX_ELEMENT];
	size_t size = table->layout.itemsize;
	size_t mask = ((size_t)1 << table->bits) - 1;
	const void *bytes = element(table, position, mine);
	size_t at = XXH3_64bits(bytes, size) & mask;

	for (; table->slots[at]; at = (at + 1) & mask)
		if (memcmp(element(table, table->slots[at] - 1, other), bytes,
		           size) == 0)
			break;
	return &table->slots[at];
}

static int grow(struct table *table)
{
	struct table grown = *table;

	grown.bits = table->slots ? table->bits + 1 : FIRST_BITS;
	grown.slots = calloc((size_t)1 << grown.bits, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; table->slots && i < (size_t)1 << table->bits; i++)
		if (table->slots[i])
			*find_slot(&grown, table->slots[i] - 1) =
			    table->slots[i];
	free(table->slots);
	*table = grown;
	return 0;
}

static int add(struct table *table, uint64_t position)
{
	uint64_t *slot = find_slot(table, position);

	if (*slot)
		return 0;
	*slot = position + 1;
	table->count++;
	if (table->count * 2 < (uint64_t)1 << table->bits)
		return 0;
	return grow(table);
}

int derive_unique(const struct array *array, uint64_t *out)
{
	struct table table = { .elements = array->data,
		               .layout = find_layout(&array->info.dtype) };
	uint64_t count;
	int rc = array_info_count(&array->info, &count);

	if (rc)
		return rc;
	if (table.layout.itemsize == 0) {
		*out = count != 0;
		return 0;
	}
	rc = grow(&table);
	for (uint64_t i = 0; rc == 0 && i < count; i++)
		rc = add(&table, i);
	free(table.slots);
	if (rc == 0)
		*out = table.count;
	return rc;
}
