/* SPDX-License-Identifier: MIT */
/*
 * The shortest digits that read back as the same double.  Up to 15 digits
 * survive a trip through a double, so there is one form of 15 digits or fewer,
 * or none.  For common sizes it is found by arithmetic: an integer below 1e15
 * and a power of ten up to 1e22 are exact, so their quotient is the double that
 * their digits read back as.  Otherwise, printing 15 digits and dropping zeros
 * finds it; 16 and 17 are tried in turn.  Subnormal numbers have fewer good
 * digits and start from 1.
 */
#include "backends/json.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DIGITS 17
#define QUICK_LEAST 1e-7
#define QUICK_LIMIT 1e15

struct decimal {
	char digits[MAX_DIGITS + 1];
	int exponent; /* of the first digit */
};

/* REAL > 0 in COUNT digits.  Returns whether they read back as REAL. */
static bool print_digits(double real, int count, struct decimal *out)
{
	char text[64];
	size_t used = 0;
	const char *at;

	/* Written and read in the same locale, whichever it is. */
	snprintf(text, sizeof(text), "%.*e", count - 1, real);
	for (at = text; *at != 'e'; at++)
		if (*at >= '0' && *at <= '9' && used < MAX_DIGITS)
			out->digits[used++] = *at;
	out->digits[used] = '\0';
	out->exponent = (int)strtol(at + 1, NULL, 10);
	return strtod(text, NULL) == real;
}

/* The next number up with as many digits. */
static bool step_up(double real, struct decimal *decimal)
{
	char text[64];
	size_t i = strlen(decimal->digits);

	while (i > 0 && decimal->digits[i - 1] == '9')
		decimal->digits[--i] = '0';
	if (i == 0)
		return false;
	decimal->digits[i - 1]++;
	snprintf(text, sizeof(text), "%se%d", decimal->digits,
	         decimal->exponent + 1 - (int)strlen(decimal->digits));
	return strtod(text, NULL) == real;
}

/* REAL in [QUICK_LEAST, QUICK_LIMIT) in up to 15 digits, if it has that form. */
static bool find_quickly(double real, struct decimal *out)
{
	static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,
		                         1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
		                         1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
		                         1e18, 1e19, 1e20, 1e21, 1e22 };
	size_t count = sizeof(powers) / sizeof(powers[0]);
	char text[JSON_NUMBER_SIZE];
	size_t size;

	for (size_t i = 0; i < count; i++) {
		double whole = nearbyint(real * powers[i]);

		if (whole >= QUICK_LIMIT)
			return false;
		if (whole / powers[i] != real)
			continue;
		size = json_print_int((int64_t)whole, text);
		memcpy(out->digits, text, size);
		out->digits[size] = '\0';
		out->exponent = (int)size - 1 - (int)i;
		return true;
	}
	return false;
}

static void find_shortest(double real, struct decimal *out)
{
	int exponent;
	/* The doubles below a power of two are nearer than those above: its
	 * shortest form may not be the nearest one of that length. */
	bool power = frexp(real, &exponent) == 0.5;
	bool common = real >= QUICK_LEAST && real < QUICK_LIMIT;
	int count = real < DBL_MIN ? 1 : 15 + common;
	size_t size;

	if (common && find_quickly(real, out))
		return;
	for (; count < MAX_DIGITS; count++) {
		if (print_digits(real, count, out))
			break;
		if (power && step_up(real, out))
			break;
	}
	if (count == MAX_DIGITS)
		print_digits(real, count, out);
	for (size = strlen(out->digits); size > 1; size--)
		if (out->digits[size - 1] != '0')
			break;
	out->digits[size] = '\0';
}

size_t json_print_int(int64_t integer, char text[JSON_NUMBER_SIZE])
{
	uint64_t left = integer < 0 ? -(uint64_t)integer : (uint64_t)integer;
	char digits[MAX_DIGITS + 3];
	size_t at = sizeof(digits);
	size_t size = 0;

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (integer < 0)
		text[size++] = '-';
	memcpy(text + size, digits + at, sizeof(digits) - at);
	return size + sizeof(digits) - at;
}

/* Append SIZE bytes of FROM, or as many zeros. */
static char *put(char *to, const char *from, int size)
{
	if (size <= 0)
		return to;
	if (from)
		memcpy(to, from, (size_t)size);
	else
		memset(to, '0', (size_t)size);
	return to + size;
}

/* As repr: an exponent below 1e-4 and from 1e16 on. */
static char *print_decimal(const struct decimal *decimal, char *to)
{
	const char *digits = decimal->digits;
	int count = (int)strlen(digits);
	int whole = decimal->exponent + 1; /* digits before the point */

	if (whole <= -4 || whole > 16) {
		to = put(to, digits, 1);
		if (count > 1)
			to = put(put(to, ".", 1), digits + 1, count - 1);
		return to + snprintf(to, 8, "e%c%02d", whole > 0 ? '+' : '-',
		                     abs(decimal->exponent));
	}
	if (whole <= 0)
		return put(put(put(to, "0.", 2), NULL, -whole), digits, count);
	if (count <= whole)
		return put(put(put(to, digits, count), NULL, whole - count),
		           ".0", 2);
	return put(put(put(to, digits, whole), ".", 1), digits + whole,
	           count - whole);
}

size_t json_print_double(double real, char text[JSON_NUMBER_SIZE])
{
	struct decimal decimal;
	char *end = text;

	if (isnan(real))
		return (size_t)(put(end, "NaN", 3) - text);
	if (signbit(real))
		*end++ = '-';
	real = fabs(real);
	if (isinf(real))
		return (size_t)(put(end, "Infinity", 8) - text);
	if (real < QUICK_LIMIT && real == trunc(real)) {
		end += json_print_int((int64_t)real, end);
		return (size_t)(put(end, ".0", 2) - text);
	}
	find_shortest(real, &decimal);
	return (size_t)(print_decimal(&decimal, end) - text);
}

int json_append_double(double real, struct blob *out)
{
	char text[JSON_NUMBER_SIZE];

	return blob_append(out, text, json_print_double(real, text));
}
