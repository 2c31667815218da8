/* SPDX-License-Identifier: MIT */
/*
 * render.h - a record's fields as the text of its JSON file, and back
 *
 * The file holds, in this order: `key` where the name had to be cut; the
 * fields of the collection's rows; `shape` and `dtype` of a lone array, or
 * `arrays` with those of each; `expires_at` in seconds since 1970 where records
 * expire.
 *
 * Errors:     int functions return 0 or a negative errno value; -EINVAL fills
 *             WHY.
 */
#ifndef ENGRAMFS_LAYOUT_RENDER_H
#define ENGRAMFS_LAYOUT_RENDER_H

#include "backends/backend.h"

#define RENDER_LIMIT ((size_t)1 << 30) /* bytes of a JSON file */

/* Append the JSON file of RECORD. */
int render_fields(const struct collection *collection,
                  const struct record *record, struct blob *out);
/* Its size. */
int render_size(const struct collection *collection,
                const struct record *record, uint64_t *size);

/* What a JSON file says. */
struct fields_file {
	struct value *fields; /* for change.fields */
	struct blob key;      /* the whole key, where it is given */
	bool has_key;
	int64_t expires_ms; /* EXPIRES_KEEP where it is not given */
};

/*
 * Parse a JSON file of COLLECTION.  RECORD is the record as it is, NULL for a
 * new one; what the file says of its arrays must agree with it.
 */
int render_parse(const struct collection *collection,
                 const struct record *record, const char *text, size_t size,
                 struct fields_file *out, char why[WHY_SIZE]);
void fields_file_release(struct fields_file *file);

#endif
