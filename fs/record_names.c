/* SPDX-License-Identifier: MIT */
#include "fs/record_names.h"

#include <stdlib.h>

/* The path of the name by ROW, or NULL. */
static char *name_by(const struct collection *collection, struct key key,
                     const struct node_suffix *row)
{
	struct blob path = { 0 };
	int rc;

	if (!(1U << collection->shape & row->shapes))
		return NULL;
	rc = blob_printf(&path, "%s/", collection->path);
	if (rc == 0)
		rc = node_part_name(key, row->suffix, &path);
	if (rc == 0)
		return path.data;
	blob_release(&path);
	return NULL;
}

void record_names_fill(const struct collection *collection, struct key key,
                       struct record_names *out)
{
	*out = (struct record_names){ 0 };
	for (size_t i = 0; i < RECORD_NAMES && node_suffixes[i].suffix; i++)
		out->paths[i] = name_by(collection, key, &node_suffixes[i]);
}

void record_names_release(struct record_names *names)
{
	for (size_t i = 0; i < RECORD_NAMES; i++)
		free(names->paths[i]);
	*names = (struct record_names){ 0 };
}

bool record_names_has(const struct collection *collection, size_t index,
                      const struct record *record, struct node_info *info)
{
	char lone[] = "";
	const struct node part = { .kind = node_suffixes[index].kind,
		                   .collection = collection,
		                   .array = lone };

	return node_stat_record(&part, record, info) == 0;
}
