/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_side.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void sqlite_notes_release(struct sqlite_notes *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		free(notes->items[i].name);
	free(notes->items);
	*notes = (struct sqlite_notes){ 0 };
}

static struct sqlite_note *find_note(const struct sqlite_notes *notes,
                                     enum sqlite_note_kind kind,
                                     const char *name)
{
	for (size_t i = 0; i < notes->count; i++)
		if (notes->items[i].kind == kind &&
		    strcmp(notes->items[i].name, name) == 0)
			return &notes->items[i];
	return NULL;
}

const struct sqlite_note *sqlite_notes_find(const struct sqlite_notes *notes,
                                            enum sqlite_note_kind kind,
                                            const char *name)
{
	return find_note(notes, kind, name);
}

static int append_note(struct sqlite_notes *notes, enum sqlite_note_kind kind,
                       const char *name, struct timespec time)
{
	struct sqlite_note *items =
	    reallocarray(notes->items, notes->count + 1, sizeof(*items));
	char *copy;

	if (!items)
		return -ENOMEM;
	notes->items = items;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	items[notes->count++] = (struct sqlite_note){ kind, copy, time };
	return 0;
}

int sqlite_notes_set(struct sqlite_notes *notes, enum sqlite_note_kind kind,
                     const char *name, struct timespec time)
{
	struct sqlite_note *note = find_note(notes, kind, name);

	notes->changed = true;
	if (!note)
		return append_note(notes, kind, name, time);
	note->time = time;
	return 0;
}

void sqlite_notes_remove(struct sqlite_notes *notes, enum sqlite_note_kind kind,
                         const char *name)
{
	struct sqlite_note *note = find_note(notes, kind, name);

	if (!note)
		return;
	notes->changed = true;
	free(note->name);
	*note = notes->items[--notes->count];
}
