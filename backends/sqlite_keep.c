/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "backends/change_fields.h"
#include "backends/nest.h"

/* A record written now is dated by its timestamp, a moment later. */
#define SAME_MOMENT 10000000 /* nanoseconds */

/* A part of a record and when it was written. */
struct part {
	enum sqlite_note_kind kind;
	const char *name;
	enum part_action action;
	struct timespec time;
	bool is_now;
};

static bool is_shown_by(const struct part *part, struct timespec dated)
{
	long difference = dated.tv_nsec - part->time.tv_nsec;

	if (part->time.tv_sec != dated.tv_sec)
		return false;
	return difference == 0 ||
	       (part->is_now && labs(difference) < SAME_MOMENT);
}

/* A time that the record shows anyhow needs no note. */
static int keep_part(struct sqlite_notes *notes, const struct part *part,
                     struct timespec dated)
{
	bool is_timed = part->action == PART_SET || part->action == PART_TOUCH;

	if (is_timed && !is_shown_by(part, dated))
		return sqlite_notes_set(notes, part->kind, part->name,
		                        part->time);
	if (part->action != PART_KEEP)
		sqlite_notes_remove(notes, part->kind, part->name);
	return 0;
}

static struct part make_part(const struct sqlite_kept *kept,
                             enum part_action action, struct timespec given)
{
	bool is_now = given.tv_nsec == UTIME_NOW;

	return (struct part){ .name = "",
		              .action = action,
		              .time = is_now ? kept->now : given,
		              .is_now = is_now };
}

static int keep_times(const struct sqlite_kept *kept,
                      struct sqlite_notes *notes)
{
	const struct change *change = kept->change;
	struct timespec dated =
	    change_timestamp(kept->collection, kept->result->fields);
	struct part fields =
	    make_part(kept, change->fields_action, change->fields_mtime);
	struct part array =
	    make_part(kept, change->array_action, change->array_mtime);
	int rc;

	fields.kind = SQLITE_NOTE_FIELDS;
	array.kind = SQLITE_NOTE_ARRAY;
	array.name = change->array_name;
	rc = keep_part(notes, &fields, dated);
	return rc ? rc : keep_part(notes, &array, dated);
}

static int keep_mark(struct sqlite_notes *notes, enum sqlite_note_kind kind,
                     bool marked)
{
	if (!marked)
		sqlite_notes_remove(notes, kind, "");
	else if (!sqlite_notes_find(notes, kind, ""))
		return sqlite_notes_set(notes, kind, "",
		                        (struct timespec){ 0 });
	return 0;
}

/* Arrays can go with the value that they were in. */
static int forget_lost_arrays(const struct value *nest,
                              struct sqlite_notes *notes)
{
	for (size_t i = notes->count; i > 0; i--) {
		const struct sqlite_note *note = &notes->items[i - 1];
		const struct array *array;
		int rc = note->kind == SQLITE_NOTE_ARRAY
		             ? nest_find(nest, note->name, &array)
		             : 0;

		if (rc == -ENOENT)
			sqlite_notes_remove(notes, note->kind, note->name);
		else if (rc)
			return rc;
	}
	return 0;
}

static int update(const struct sqlite_kept *kept, struct sqlite_notes *notes)
{
	const struct field_row *nest = change_nest_row(kept->collection);
	const struct value *value =
	    nest ? value_dict_get(kept->result->fields, nest->name) : NULL;
	int rc = keep_times(kept, notes);

	if (rc == 0)
		rc = keep_mark(notes, SQLITE_NOTE_DROPPED,
		               kept->result->fields_dropped);
	if (rc == 0)
		rc = keep_mark(notes, SQLITE_NOTE_IMPLICIT,
		               kept->number->implicit);
	if (rc == 0 && value)
		rc = forget_lost_arrays(value, notes);
	return rc;
}

static bool is_stamped_anew(const struct sqlite_kept *kept)
{
	return sqlite_row_stamp(kept->collection, kept->row->fields) !=
	       sqlite_row_stamp(kept->collection, kept->result->fields);
}

static void follow_numbers(struct sqlite_side *side,
                           const struct sqlite_kept *kept)
{
	const struct sqlite_number *number = kept->number;
	const char *place = kept->collection->place;

	if (number->moved)
		sqlite_side_move(side, place, number->id, number->moved);
	if (kept->row && kept->row->id != number->id)
		sqlite_side_move(side, place, kept->row->id, number->id);
}

int sqlite_keep_notes(struct sqlite_side *side, const struct sqlite_kept *kept)
{
	const char *place = kept->collection->place;
	struct sqlite_notes fresh = { 0 };
	struct sqlite_notes *notes = kept->row ? &kept->row->notes : &fresh;
	int rc;

	if (kept->result->remove) {
		sqlite_side_forget(side, place, kept->number->id);
		return 0;
	}
	follow_numbers(side, kept);
	if (notes->count > 0 && is_stamped_anew(kept))
		notes->changed = true;
	rc = update(kept, notes);
	if (rc == 0 && notes->changed)
		rc = sqlite_side_save(
		    side, place, kept->number->id,
		    sqlite_row_stamp(kept->collection, kept->result->fields),
		    notes);
	sqlite_notes_release(&fresh);
	/* A lost time is no reason to call a change failed that was made. */
	return kept->result->fields_dropped ? rc : 0;
}
