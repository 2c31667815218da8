/* SPDX-License-Identifier: MIT */
/*
 * change.h - what a change makes of a record, the same in every backend
 *
 * A backend's put reads what is stored, asks change_apply what shall be
 * stored instead, and writes that.  Nothing here does I/O.
 *
 * Errors:     int functions return 0 or a negative errno value; -EINVAL fills
 *             change->why.  Out-parameters are untouched on error.
 * Ownership:  arguments are borrowed; a result belongs to the caller.
 * Threads:    no shared state.
 */
#ifndef ENGRAMFS_BACKENDS_CHANGE_H
#define ENGRAMFS_BACKENDS_CHANGE_H

#include "backends/backend.h"

/* A record as it shall be after a change. */
struct change_result {
	/* The change took the last part: remove the record; what follows is
	 * of no use. */
	bool remove;

	/* All fields, in the order of rows.  A field that did not change is the
	 * very value (the same pointer) that was in BEFORE->fields: keep its
	 * stored bytes.
	 *
	 * A FIELD_NUMBER that is neither in BEFORE nor the key is a wish, and
	 * missing where there is none: the backend grants it where no other
	 * record has the number, and otherwise uses the next. */
	struct value *fields;
	bool fields_dropped;

	int64_t expires_ms; /* as in struct record */
};

/*
 * BEFORE is the record as it is stored, NULL where there is none; arrays need
 * their names only, and times are not looked at.  Here, unlike in what get
 * returns, a FIELD_NEST field of BEFORE and of OUT is the value with its arrays
 * (with references only for arrays that have not arrived); it is missing where
 * opaque_size says that it cannot be shown, and then its bytes stay.  A
 * FIELD_NUMBER of BEFORE is settled, and another one is refused: leave it out
 * while the database alone has chosen it and fields were never given.
 *
 * Decides everything that does not depend on the storage:
 *
 *   -EEXIST, -ENOENT   exclusive, must_exist; KEEP, TOUCH and DROP of what is
 *                      not there.  Nothing at all makes an empty record of a
 *                      RECORD_DIRECTORY, with FIELDS_DROPPED.
 *   -EINVAL            unknown arrays and fields, bad types, derived fields
 *                      that differ, arrays that would be lost, an array in
 *                      the place of other data, an expiry that
 *                      is past or of a collection that has none, a key that is
 *                      no number where records are numbered
 *
 * Fields that are removed (DROP) go back to their fallbacks, except those that
 * the data decide, those whose fallback is a time, and a FIELD_NEST.  Where
 * SET leaves out a FIELD_NEST, it stays: it is data, not a setting.
 * DROP of the array "" of a record with opaque bytes removes those.
 */
int change_apply(const struct collection *collection, struct key key,
                 struct change *change, const struct record *before,
                 struct change_result *out);
void change_result_release(struct change_result *result);

/* The number that KEY spells: digits without leading zeros.  -EINVAL. */
int change_key_number(struct key key, int64_t *out);

/* Milliseconds since 1970. */
int64_t change_now_ms(void);

/* GIVEN, or the time now where its tv_nsec is UTIME_NOW. */
struct timespec change_mtime(struct timespec given);

/* The time in the timestamp field of FIELDS: that of a record without a kept
 * mtime.  1970 where there is none. */
struct timespec change_timestamp(const struct collection *collection,
                                 const struct value *fields);

/* The time in the field LAST_ACCESS of FIELDS, or OTHERWISE where there is
 * none. */
struct timespec change_atime(const struct collection *collection,
                             const struct value *fields,
                             struct timespec otherwise);

#endif
