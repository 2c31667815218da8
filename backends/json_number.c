/* SPDX-License-Identifier: MIT */
/*
 * The shortest digits that read back as the same double.  Up to 15 digits
 * survive a trip through a double, so printing 15 and dropping zeros finds
 * every short form of a normal number; 16 and 17 are tried in turn.
 * Subnormal numbers have fewer good digits and start from 1.
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

static void find_shortest(double real, struct decimal *out)
{
	int exponent;
	/* The doubles below a power of two are nearer than those above: its
	 * shortest form may not be the nearest one of that length. */
	bool power = frexp(real, &exponent) == 0.5;
	int count = real < DBL_MIN ? 1 : 15;
	size_t size;

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
