/* SPDX-License-Identifier: MIT */
#include "backends/derive_array.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define MAX_NUMBER 16

/* One element, in this machine's order. */
typedef double load_fn(const unsigned char *bytes);

#define LOAD(name, type)                                                       \
	static double name(const unsigned char *bytes)                         \
	{                                                                      \
		type number;                                                   \
                                                                               \
		memcpy(&number, bytes, sizeof(number));                        \
		return (double)number;                                         \
	}

LOAD(load_i1, int8_t)
LOAD(load_i2, int16_t)
LOAD(load_i4, int32_t)
LOAD(load_i8, int64_t)
LOAD(load_u1, uint8_t)
LOAD(load_u2, uint16_t)
LOAD(load_u4, uint32_t)
LOAD(load_u8, uint64_t)
LOAD(load_f4, float)
LOAD(load_f8, double)
LOAD(load_long, long double)

static double load_bool(const unsigned char *bytes)
{
	return bytes[0] != 0;
}

/* IEEE 754 half precision: 1 sign, 5 exponent, 10 fraction bits. */
static double load_f2(const unsigned char *bytes)
{
	uint16_t bits;
	int exponent;
	double real;

	memcpy(&bits, bytes, sizeof(bits));
	exponent = bits >> 10 & 31;
	real = bits & 1023;
	if (exponent == 31)
		real = real != 0 ? (double)NAN : (double)INFINITY;
	else if (exponent)
		real = ldexp(real + 1024, exponent - 25);
	else
		real = ldexp(real, -24);
	return bits & 0x8000 ? -real : real;
}

static const struct {
	char kind;
	uint64_t size;
	load_fn *load;
} loads[] = {
	{ 'b', 1, load_bool },
	{ 'i', 1, load_i1 },
	{ 'i', 2, load_i2 },
	{ 'i', 4, load_i4 },
	{ 'i', 8, load_i8 },
	{ 'u', 1, load_u1 },
	{ 'u', 2, load_u2 },
	{ 'u', 4, load_u4 },
	{ 'u', 8, load_u8 },
	{ 'f', 2, load_f2 },
	{ 'f', 4, load_f4 },
	{ 'f', 8, load_f8 },
	{ 'f', sizeof(long double), load_long },
};

static load_fn *find_load(const struct dtype *dtype)
{
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		if (loads[i].kind == dtype->kind &&
		    loads[i].size == dtype->itemsize)
			return loads[i].load;
	return NULL;
}

static bool is_swapped(const struct dtype *dtype)
{
	static const uint16_t probe = 1;
	bool little = *(const unsigned char *)&probe == 1;

	return dtype->order == (little ? '>' : '<');
}

/* The elements of an array in the order of their bytes, or the squares of how
 * far they are off OFF. */
struct numbers {
	const unsigned char *bytes;
	size_t size;
	bool swapped;
	load_fn *load;
	bool squares;
	double off;
};

static int numbers_init(struct numbers *numbers, const struct array *array)
{
	load_fn *load = find_load(&array->info.dtype);

	if (!load)
		return -ENODATA;
	*numbers = (struct numbers){
		.bytes = array->data,
		.size = (size_t)array->info.dtype.itemsize,
		.swapped = is_swapped(&array->info.dtype),
		.load = load,
	};
	return 0;
}

static double number_at(const struct numbers *numbers, uint64_t index)
{
	const unsigned char *bytes = numbers->bytes + index * numbers->size;
	unsigned char reversed[MAX_NUMBER];

	if (!numbers->swapped)
		return numbers->load(bytes);
	for (size_t i = 0; i < numbers->size; i++)
		reversed[i] = bytes[numbers->size - 1 - i];
	return numbers->load(reversed);
}

/*
 * Sums as numpy adds them up, to the last bit: one buffer after another, each
 * by halves down to blocks, a block in eight running sums; float32 in float32.
 * What the Python classes computed of an array is what we compute.
 */
#define BUFFER 8192
#define BLOCK 128

#define SUMS(type)                                                             \
	static type term_##type(const struct numbers *numbers, uint64_t index) \
	{                                                                      \
		type term = (type)number_at(numbers, index);                   \
                                                                               \
		if (!numbers->squares)                                         \
			return term;                                           \
		term -= (type)numbers->off;                                    \
		return term * term;                                            \
	}                                                                      \
                                                                               \
	static type block_##type(const struct numbers *numbers, uint64_t from, \
	                         uint64_t count)                               \
	{                                                                      \
		type runs[8] = { 0 };                                          \
		type sum = 0;                                                  \
		uint64_t i = 0;                                                \
                                                                               \
		for (; i < count - count % 8; i++)                             \
			runs[i % 8] += term_##type(numbers, from + i);         \
		sum = ((runs[0] + runs[1]) + (runs[2] + runs[3])) +            \
		      ((runs[4] + runs[5]) + (runs[6] + runs[7]));             \
		for (; i < count; i++)                                         \
			sum += term_##type(numbers, from + i);                 \
		return sum;                                                    \
	}                                                                      \
                                                                               \
	static type halves_##type(const struct numbers *numbers,               \
	                          uint64_t from, uint64_t count)               \
	{                                                                      \
		uint64_t half = count / 2 - count / 2 % 8;                     \
		type left;                                                     \
                                                                               \
		if (count <= BLOCK)                                            \
			return block_##type(numbers, from, count);             \
		left = halves_##type(numbers, from, half);                     \
		return left +                                                  \
		       halves_##type(numbers, from + half, count - half);      \
	}                                                                      \
                                                                               \
	static type sum_##type(const struct numbers *numbers, uint64_t count)  \
	{                                                                      \
		type sum = 0;                                                  \
                                                                               \
		for (uint64_t at = 0; at < count; at += BUFFER)                \
			sum += halves_##type(numbers, at,                      \
			                     count - at < BUFFER ? count - at  \
			                                         : BUFFER);    \
		return sum;                                                    \
	}

SUMS(float)
SUMS(double)

static double add_up(const struct numbers *numbers, uint64_t count)
{
	if (numbers->load == load_f4)
		return (double)sum_float(numbers, count);
	return sum_double(numbers, count);
}

/* A result has the precision of the elements. */
static double round_off(const struct numbers *numbers, double result)
{
	return numbers->load == load_f4 ? (double)(float)result : result;
}

static double divide(const struct numbers *numbers, double sum, uint64_t count)
{
	return round_off(numbers, count ? sum / (double)count : (double)NAN);
}

int derive_numbers(const struct array *array, double *out)
{
	struct numbers numbers;
	uint64_t count;
	int rc = numbers_init(&numbers, array);

	if (rc == 0)
		rc = array_info_count(&array->info, &count);
	for (uint64_t i = 0; rc == 0 && i < count; i++)
		out[i] = number_at(&numbers, i);
	return rc;
}

int derive_moments(const struct array *array, struct moments *out)
{
	struct moments moments = { 0 };
	struct numbers numbers;
	double variance;
	int rc = numbers_init(&numbers, array);

	if (rc == 0)
		rc = array_info_count(&array->info, &moments.count);
	if (rc)
		return rc;
	moments.sum = add_up(&numbers, moments.count);
	moments.mean = divide(&numbers, moments.sum, moments.count);

	numbers.squares = true;
	numbers.off = moments.mean;
	variance =
	    divide(&numbers, add_up(&numbers, moments.count), moments.count);
	moments.deviation = round_off(&numbers, sqrt(variance));
	*out = moments;
	return 0;
}
