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

/* Visits the elements of an array in the order of their bytes. */
struct numbers {
	const unsigned char *at;
	size_t size;
	bool swapped;
	load_fn *load;
};

static int numbers_init(struct numbers *numbers, const struct array *array)
{
	load_fn *load = find_load(&array->info.dtype);

	if (!load)
		return -ENODATA;
	*numbers = (struct numbers){
		.at = array->data,
		.size = (size_t)array->info.dtype.itemsize,
		.swapped = is_swapped(&array->info.dtype),
		.load = load,
	};
	return 0;
}

static double numbers_next(struct numbers *numbers)
{
	const unsigned char *bytes = numbers->at;
	unsigned char reversed[MAX_NUMBER];

	numbers->at += numbers->size;
	if (!numbers->swapped)
		return numbers->load(bytes);
	for (size_t i = 0; i < numbers->size; i++)
		reversed[i] = bytes[numbers->size - 1 - i];
	return numbers->load(reversed);
}

static double nan_or(uint64_t count, long double sum)
{
	return count ? (double)(sum / (long double)count) : (double)NAN;
}

int derive_moments(const struct array *array, struct moments *out)
{
	struct moments moments = { 0 };
	struct numbers numbers;
	long double sum = 0;
	long double squares = 0;
	int rc = numbers_init(&numbers, array);

	if (rc == 0)
		rc = array_info_count(&array->info, &moments.count);
	if (rc)
		return rc;
	for (uint64_t i = 0; i < moments.count; i++)
		sum += (long double)numbers_next(&numbers);
	moments.sum = (double)sum;
	moments.mean = nan_or(moments.count, sum);

	numbers.at = array->data;
	for (uint64_t i = 0; i < moments.count; i++) {
		long double off = (long double)numbers_next(&numbers) -
		                  (long double)moments.mean;

		squares += off * off;
	}
	moments.deviation = sqrt(nan_or(moments.count, squares));
	*out = moments;
	return 0;
}
