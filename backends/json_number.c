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
#include <inttypes.h>
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

	for (size_t i = 0; i < count; i++) {
		double whole = nearbyint(real * powers[i]);

		if (whole >= QUICK_LIMIT)
			return false;
		if (whole / powers[i] != real)
			continue;
		snprintf(out->digits, sizeof(out->digits), "%" PRId64,
		         (int64_t)whole);
		out->exponent = (int)strlen(out->digits) - 1 - (int)i;
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

/* As repr: an exponent below 1e-4 and from 1e16 on. */
static int append_decimal(const struct decimal *decimal, struct blob *out)
{
	const char *digits = decimal->digits;
	int count = (int)strlen(digits);
	int whole = decimal->exponent + 1; /* digits before the point */

	if (whole <= -4 || whole > 16)
		return blob_printf(
		    out, "%c%s%se%c%02d", digits[0], count > 1 ? "." : "",
		    digits + 1, whole > 0 ? '+' : '-', abs(decimal->exponent));
	if (whole <= 0)
		return blob_printf(out, "0.%.*s%s", -whole, "000", digits);
	if (count <= whole)
		return blob_printf(out, "%s%.*s.0", digits, whole - count,
		                   "0000000000000000");
	return blob_printf(out, "%.*s.%s", whole, digits, digits + whole);
}

int json_append_double(double real, struct blob *out)
{
	struct decimal decimal;
	int rc = 0;

	if (isnan(real))
		return blob_append_text(out, "NaN");
	if (signbit(real))
		rc = blob_append_text(out, "-");
	if (rc)
		return rc;
	real = fabs(real);
	if (isinf(real))
		return blob_append_text(out, "Infinity");
	if (real < 1e15 && real == trunc(real))
		return blob_printf(out, "%" PRId64 ".0", (int64_t)real);
	find_shortest(real, &decimal);
	return append_decimal(&decimal, out);
}
