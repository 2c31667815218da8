/* SPDX-License-Identifier: MIT */
/*
 * json_writer.h - what json_write.c and json_write_string.c share
 *
 * A writer without a blob only counts: the size of a text costs less than the
 * text.
 *
 * Errors:     as json_append.
 */
#ifndef ENGRAMFS_BACKENDS_JSON_WRITER_H
#define ENGRAMFS_BACKENDS_JSON_WRITER_H

#include "backends/json.h"

struct json_writer {
	struct blob *out; /* NULL: count */
	size_t size;      /* written so far */
	size_t limit;
	enum json_style style;
	enum json_arrays arrays;
	int depth;   /* brackets that are open */
	int compact; /* of them, those whose items share a line */
};

int json_put(struct json_writer *writer, const char *text, size_t size);
int json_put_text(struct json_writer *writer, const char *text);

/* TEXT, which is UTF-8, in quotes. */
int json_put_string(struct json_writer *writer, const char *text, size_t size);

#endif
