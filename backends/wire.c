/* SPDX-License-Identifier: MIT */
#include "backends/wire.h"

#include "backends/backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NANOSECONDS 1000000000L

void wire_write_to(struct wire *wire, struct blob *out)
{
	*wire = (struct wire){ .out = out };
}

void wire_read_from(struct wire *wire, const void *bytes, size_t size)
{
	*wire = (struct wire){ .at = bytes, .end = (const char *)bytes + size };
}

void wire_fail(struct wire *wire, int rc)
{
	if (wire->rc == 0)
		wire->rc = rc;
}

void wire_make(struct wire *wire, size_t count, size_t size)
{
	if (!wire_is_reader(wire))
		return;
	if (count > (WIRE_MOST_MADE - wire->made) / size)
		wire_fail(wire, -EPROTO);
	else
		wire->made += count * size;
}

int wire_end(const struct wire *wire)
{
	if (wire->rc == 0 && wire_is_reader(wire) && wire->at != wire->end)
		return -EPROTO;
	return wire->rc;
}

static void append(struct wire *wire, const void *bytes, size_t size)
{
	if (wire->rc)
		return;
	if (size > WIRE_MOST || wire->out->size > WIRE_MOST - size)
		wire_fail(wire, -EFBIG);
	else
		wire_fail(wire, blob_append(wire->out, bytes, size));
}

/* The next SIZE bytes, or NULL. */
static const char *take(struct wire *wire, size_t size)
{
	const char *bytes = wire->at;

	if (wire->rc == 0 && size > (size_t)(wire->end - wire->at))
		wire_fail(wire, -EPROTO);
	if (wire->rc)
		return NULL;
	wire->at += size;
	return bytes;
}

static void plain(struct wire *wire, void *number, size_t size)
{
	const char *bytes;

	if (!wire_is_reader(wire)) {
		append(wire, number, size);
		return;
	}
	bytes = take(wire, size);
	if (bytes)
		memcpy(number, bytes, size);
	else
		memset(number, 0, size);
}

void wire_u64(struct wire *wire, uint64_t *number)
{
	plain(wire, number, sizeof(*number));
}

void wire_i64(struct wire *wire, int64_t *number)
{
	plain(wire, number, sizeof(*number));
}

void wire_int(struct wire *wire, int *number)
{
	plain(wire, number, sizeof(*number));
}

void wire_double(struct wire *wire, double *number)
{
	plain(wire, number, sizeof(*number));
}

void wire_choice(struct wire *wire, unsigned int *number, unsigned int limit)
{
	unsigned char byte = wire_is_reader(wire) ? 0 : (unsigned char)*number;

	plain(wire, &byte, sizeof(byte));
	if (byte >= limit)
		wire_fail(wire, -EPROTO);
	*number = wire->rc ? 0 : byte;
}

void wire_flag(struct wire *wire, bool *flag)
{
	unsigned int number = wire_is_reader(wire) ? 0 : *flag;

	wire_choice(wire, &number, 2);
	*flag = number != 0;
}

void wire_size(struct wire *wire, size_t *size)
{
	uint64_t number = wire_is_reader(wire) ? 0 : *size;

	wire_u64(wire, &number);
	*size = (size_t)number;
}

void wire_count(struct wire *wire, size_t *count)
{
	wire_size(wire, count);
	if (!wire_is_reader(wire))
		return;
	if (*count > (size_t)(wire->end - wire->at))
		wire_fail(wire, -EPROTO);
	if (wire->rc)
		*count = 0;
}

void wire_time(struct wire *wire, struct timespec *time)
{
	int64_t seconds = wire_is_reader(wire) ? 0 : time->tv_sec;
	int64_t rest = wire_is_reader(wire) ? 0 : time->tv_nsec;

	wire_i64(wire, &seconds);
	wire_i64(wire, &rest);
	if ((rest < 0 || rest >= NANOSECONDS) && rest != UTIME_NOW &&
	    rest != UTIME_OMIT)
		wire_fail(wire, -EPROTO);
	if (wire_is_reader(wire))
		*time = wire->rc ? (struct timespec){ 0 }
		                 : (struct timespec){ seconds, rest };
}

void wire_bytes(struct wire *wire, const void **bytes, size_t *size)
{
	wire_count(wire, size);
	if (!wire_is_reader(wire)) {
		if (*size)
			append(wire, *bytes, *size);
		return;
	}
	*bytes = take(wire, *size);
	if (!*bytes)
		*size = 0;
}

/* As bytes with their NUL; NULL is none at all. */
void wire_text(struct wire *wire, const char **text)
{
	const void *bytes = *text;
	size_t size = wire_is_reader(wire) || !*text ? 0 : strlen(*text) + 1;

	wire_bytes(wire, &bytes, &size);
	if (!wire_is_reader(wire))
		return;
	*text = NULL;
	if (size == 0)
		return;
	if (memchr(bytes, '\0', size) == (const char *)bytes + size - 1)
		*text = bytes;
	else
		wire_fail(wire, -EPROTO);
}

/* NULL is another key than the empty one. */
void wire_key(struct wire *wire, struct key *key)
{
	bool given = key->data != NULL;
	const void *bytes = key->data;

	wire_flag(wire, &given);
	wire_bytes(wire, &bytes, &key->size);
	if (!given && key->size) {
		wire_fail(wire, -EPROTO);
		key->size = 0;
	}
	if (wire_is_reader(wire))
		key->data = given ? bytes : NULL;
}

void wire_blob(struct wire *wire, struct blob *blob)
{
	const void *bytes = blob->data;
	size_t size = blob->size;

	wire_bytes(wire, &bytes, &size);
	if (!wire_is_reader(wire))
		return;
	*blob = (struct blob){ 0 };
	if (size)
		wire_fail(wire, blob_set(blob, bytes, size));
}

void wire_string(struct wire *wire, char **text)
{
	const char *borrowed = *text;

	wire_text(wire, &borrowed);
	if (!wire_is_reader(wire))
		return;
	*text = borrowed ? strdup(borrowed) : NULL;
	if (borrowed && !*text)
		wire_fail(wire, -ENOMEM);
}

void wire_line(struct wire *wire, char *line, size_t size)
{
	const char *text = line;
	size_t length;

	wire_text(wire, &text);
	if (!wire_is_reader(wire))
		return;
	length = text ? strnlen(text, size - 1) : 0;
	if (length)
		memcpy(line, text, length);
	line[length] = '\0';
}
