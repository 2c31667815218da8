/* SPDX-License-Identifier: MIT */
#include "backends/pickle_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/utf8.h"

/* Put a decoded text on the stack, or release it. */
static int push_owned(struct machine *machine, enum object_kind kind,
                      struct blob *text)
{
	struct object *object;
	int rc = machine_charge(machine, text->capacity);

	if (rc == 0)
		rc = machine_push_new(machine, kind, &object);
	if (rc) {
		blob_release(text);
		return rc;
	}
	blob_move(&object->owned, text);
	object->span = (struct span){
		(const unsigned char *)object->owned.data,
		object->owned.size,
	};
	return 0;
}

static int push_long_integer(struct machine *machine)
{
	machine_refuse(machine, "pickle: an integer of more than %d digits",
	               PICKLE_MAX_DIGITS);
	return machine_push_opaque(machine);
}

static bool is_decimal(struct span line)
{
	size_t i = line.size && (line.data[0] == '-' || line.data[0] == '+');

	if (i == line.size)
		return false;
	while (i < line.size && line.data[i] >= '0' && line.data[i] <= '9')
		i++;
	return i == line.size;
}

int text_integer(struct machine *machine, const struct operand *operand)
{
	struct span line = operand->bytes;

	if (span_is(line, "00") || span_is(line, "01"))
		return machine_push_value(machine,
		                          value_new_bool(line.data[1] == '1'));
	if (line.size && line.data[line.size - 1] == 'L')
		line.size--;
	if (!is_decimal(line))
		return machine_invalid(machine, "not an integer");
	if (line.size > PICKLE_MAX_DIGITS + 1)
		return push_long_integer(machine);
	return machine_push_value(
	    machine,
	    value_new_integer_text((const char *)line.data, line.size));
}

/* The digits, sign, point and exponent of repr(float); a newline follows. */
static bool parse_float(struct span line, double *out)
{
	const char *start = (const char *)line.data;
	char *end;

	if (span_is(line, "nan")) {
		*out = (double)NAN;
		return true;
	}
	if (span_is(line, "inf") || span_is(line, "-inf")) {
		*out =
		    line.data[0] == '-' ? -(double)INFINITY : (double)INFINITY;
		return true;
	}
	if (line.size == 0 || strspn(start, "0123456789+-.eE") != line.size)
		return false;
	*out = strtod(start, &end);
	return end == start + line.size;
}

int text_float(struct machine *machine, const struct operand *operand)
{
	double real;

	if (!parse_float(operand->bytes, &real))
		return machine_invalid(machine, "not a float");
	return machine_push_value(machine, value_new_float(real));
}

static int hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* COUNT hex digits at *AT, which moves past them. */
static bool parse_hex(struct span text, size_t *at, size_t count, uint32_t *out)
{
	*out = 0;
	if (count > text.size - *at)
		return false;
	for (size_t i = 0; i < count; i++) {
		int digit = hex_digit(text.data[(*at)++]);

		if (digit < 0)
			return false;
		*out = *out << 4 | (uint32_t)digit;
	}
	return true;
}

/* One character of the body of a STRING, which has no bare backslash at its
 * end. */
static int append_escaped(struct span text, size_t *at, struct blob *out)
{
	static const char names[] = "\\'\"abfnrtv";
	static const char meanings[] = "\\'\"\a\b\f\n\r\t\v";
	unsigned char c = text.data[(*at)++];
	const char *found = memchr(names, c, sizeof(names) - 1);
	uint32_t code = 0;

	if (found)
		return blob_append(out, &meanings[found - names], 1);
	if (c == 'x') {
		if (!parse_hex(text, at, 2, &code))
			return -EINVAL;
		c = (unsigned char)code;
	} else if (c >= '0' && c <= '7') {
		(*at)--;
		for (int i = 0; i < 3 && *at < text.size &&
		                text.data[*at] >= '0' && text.data[*at] <= '7';
		     i++)
			code = code << 3 | (uint32_t)(text.data[(*at)++] - '0');
		c = (unsigned char)code;
	} else {
		int rc = blob_append(out, "\\", 1);

		if (rc)
			return rc;
	}
	return blob_append(out, &c, 1);
}

static bool is_quoted(struct span line)
{
	return line.size >= 2 &&
	       (line.data[0] == '\'' || line.data[0] == '"') &&
	       line.data[line.size - 1] == line.data[0];
}

int text_string(struct machine *machine, const struct operand *operand)
{
	struct span line = operand->bytes;
	struct span body = { line.data + 1, line.size - 2 };
	struct blob text = { 0 };
	size_t at = 0;
	int rc = 0;

	if (!is_quoted(line))
		return machine_invalid(machine, "a string without quotes");
	while (rc == 0 && at < body.size) {
		if (body.data[at] != '\\') {
			rc = blob_append(&text, &body.data[at++], 1);
			continue;
		}
		at++;
		rc =
		    at < body.size ? append_escaped(body, &at, &text) : -EINVAL;
	}
	if (rc == 0)
		return push_owned(machine, OBJECT_LATIN1, &text);
	blob_release(&text);
	return rc == -EINVAL ? machine_invalid(machine, "a broken escape") : rc;
}

/* Python's raw-unicode-escape: \uXXXX and \UXXXXXXXX, the rest is latin-1. */
static int append_raw_unicode(struct span text, size_t *at, struct blob *out)
{
	uint32_t code = text.data[(*at)++];
	unsigned char next;
	int rc;

	if (code != '\\' || *at == text.size)
		return utf8_append(code, out);
	next = text.data[(*at)++];
	if (next == 'u' || next == 'U') {
		if (!parse_hex(text, at, next == 'u' ? 4 : 8, &code))
			return -EINVAL;
		return utf8_append(code, out);
	}
	rc = utf8_append('\\', out);
	return rc ? rc : utf8_append(next, out);
}

int text_unicode(struct machine *machine, const struct operand *operand)
{
	struct span line = operand->bytes;
	struct blob text = { 0 };
	size_t at = 0;
	int rc = 0;

	while (rc == 0 && at < line.size)
		rc = append_raw_unicode(line, &at, &text);
	if (rc == 0)
		return push_owned(machine, OBJECT_TEXT, &text);
	blob_release(&text);
	return rc == -EINVAL ? machine_invalid(machine, "a broken escape") : rc;
}

/* Divide the number in LIMBS (most significant last) by 10^9. */
static uint32_t divide(uint32_t *limbs, size_t count)
{
	uint64_t rest = 0;

	for (size_t i = count; i-- > 0;) {
		rest = rest << 32 | limbs[i];
		limbs[i] = (uint32_t)(rest / 1000000000);
		rest %= 1000000000;
	}
	return (uint32_t)rest;
}

/* LIMBS become the magnitude of the number in BYTES; true where negative. */
static bool load_magnitude(struct span bytes, uint32_t *limbs)
{
	bool negative = bytes.data[bytes.size - 1] & 0x80;
	unsigned carry = negative;

	for (size_t i = 0; i < bytes.size; i++) {
		unsigned byte = bytes.data[i];

		if (negative) {
			byte = (byte ^ 0xff) + carry;
			carry = byte >> 8;
			byte &= 0xff;
		}
		limbs[i / 4] |= (uint32_t)byte << 8 * (i % 4);
	}
	return negative;
}

int text_long(struct machine *machine, const struct operand *operand)
{
	struct span bytes = operand->bytes;
	uint32_t limbs[PICKLE_MAX_INTEGER / 4 + 1] = { 0 };
	char digits[PICKLE_MAX_INTEGER / 4 * 10 + 32];
	size_t at = sizeof(digits);
	size_t count = bytes.size / 4 + 1;
	bool negative;

	if (bytes.size == 0)
		return machine_push_value(machine, value_new_int(0));
	if (bytes.size > PICKLE_MAX_INTEGER)
		return push_long_integer(machine);
	negative = load_magnitude(bytes, limbs);
	while (count && limbs[count - 1] == 0)
		count--;
	do {
		uint32_t rest = divide(limbs, count);

		for (int i = 0; i < 9; i++, rest /= 10)
			digits[--at] = (char)('0' + rest % 10);
		while (count && limbs[count - 1] == 0)
			count--;
	} while (count);
	while (at < sizeof(digits) - 1 && digits[at] == '0')
		at++;
	if (negative)
		digits[--at] = '-';
	return machine_push_value(
	    machine, value_new_integer_text(digits + at, sizeof(digits) - at));
}

int text_to_latin1(struct machine *machine, struct span text, struct blob *out)
{
	int rc = machine_charge(machine, text.size);

	if (rc == 0)
		rc = blob_reserve(out, text.size);
	if (rc)
		return rc;
	for (size_t i = 0; i < text.size; i++) {
		unsigned char byte = text.data[i];

		if (byte > 0xc3)
			return machine_invalid(machine, "not a latin-1 text");
		if (byte >= 0x80)
			byte = (unsigned char)((byte & 3) << 6 |
			                       (text.data[++i] & 0x3f));
		out->data[out->size++] = (char)byte;
	}
	out->data[out->size] = '\0';
	return 0;
}
