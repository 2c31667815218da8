/* SPDX-License-Identifier: MIT */
#include "tests/sqlite_script.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/access.h"
#include "backends/json.h"
#include "backends/relation.h"
#include "layout/tree.h"

#define NUMBERS 2000 /* of a large array: some pages of the database */

extern const struct backend sqlite_backend;

static const struct collection *row_of(const char *path)
{
	const struct collection *row = tree_collections;

	while (row->path && strcmp(row->path, path) != 0)
		row++;
	return row;
}

static struct key text_key(const char *text)
{
	return (struct key){ text, strlen(text) };
}

/* JSON with one quote for two. */
static struct value *parse(const char *json)
{
	struct value *value = NULL;
	char text[256];
	char why[WHY_SIZE];

	snprintf(text, sizeof(text), "%s", json);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	if (json_parse(text, strlen(text), JSON_ARRAYS_REFUSE, &value, why))
		return NULL;
	return value;
}

static int put_fields(struct store *store, const char *path, const char *key,
                      const char *json)
{
	struct value *fields = parse(json);
	struct change change = { .fields_action = PART_SET,
		                 .fields = fields,
		                 .fields_mtime = { 5, 0 },
		                 .expires_ms = EXPIRES_KEEP };
	struct key place = { NULL, 0 };
	struct blob made = { 0 };
	int rc = fields ? sqlite_backend.put(store, row_of(path),
	                                     key ? text_key(key) : place,
	                                     &change, &made)
	                : -EINVAL;

	blob_release(&made);
	value_unref(fields);
	return rc;
}

static int put_array(struct store *store, const char *path, const char *key,
                     size_t count, double number)
{
	static double numbers[NUMBERS];
	struct array array = { .info = { .ndim = 1, .shape = { count } },
		               .data = numbers };
	struct change change = { .array_action = PART_SET,
		                 .array_name = "",
		                 .array = &array,
		                 .array_mtime = { 6, 0 },
		                 .expires_ms = EXPIRES_KEEP };
	int rc;

	/* Nothing that packs well. */
	for (size_t i = 0; i < count; i++)
		numbers[i] = number * (double)(i * i % 7919);
	dtype_plain(&array.info.dtype, 'f', sizeof(double));
	rc = array_info_measure(&array.info);
	if (rc == 0)
		rc = sqlite_backend.put(store, row_of(path), text_key(key),
		                        &change, NULL);
	array_release(&array);
	return rc;
}

/* The script: each step is one change. */

static int make_episode(struct store *store)
{
	return put_fields(store, "episodes", NULL,
	                  "{'timestamp': 1.0, 'created_at': 1.0, "
	                  "'context_hash': 'c', 'experience_data': {'a': 1}}");
}

static int make_concept(struct store *store)
{
	return put_fields(store, "concepts", "A", "{'creation_time': 2.0}");
}

static int make_other(struct store *store)
{
	return put_fields(store, "concepts", "B", "{'creation_time': 2.5}");
}

static int embed(struct store *store)
{
	return put_array(store, "concepts", "B", NUMBERS, 1.25);
}

static int replace_embedding(struct store *store)
{
	return put_array(store, "concepts", "B", NUMBERS - 5, 3.5);
}

static int replace_fields(struct store *store)
{
	return put_fields(store, "concepts", "B",
	                  "{'creation_time': 2.5, 'metadata': {'k': 'v'}}");
}

static int change_relation(struct store *store, double strength)
{
	const struct relation_name name = { text_key("A"), text_key("like"),
		                            text_key("B") };
	const struct relation_change change = { .set_strength = true,
		                                .strength = strength,
		                                .set_created = true,
		                                .created = 3,
		                                .mtime = { 7, 0 } };

	return sqlite_backend.relations->put(store, row_of("concepts"), &name,
	                                     &change);
}

static int relate(struct store *store)
{
	return change_relation(store, 0.5);
}

static int strengthen(struct store *store)
{
	return change_relation(store, 0.75);
}

static int count(struct store *store)
{
	const struct access items[] = { { text_key("A"), 3, 9.0 },
		                        { text_key("B"), 1, 9.5 } };

	return sqlite_backend.access->record(store, row_of("concepts"), items,
	                                     2);
}

static int rename_concept(struct store *store)
{
	return sqlite_backend.rename(store, row_of("concepts"), text_key("A"),
	                             text_key("C"), RENAME_KEEP);
}

static int swap_concepts(struct store *store)
{
	return sqlite_backend.rename(store, row_of("concepts"), text_key("B"),
	                             text_key("C"), RENAME_SWAP);
}

static int replace_by_rename(struct store *store)
{
	return sqlite_backend.rename(store, row_of("concepts"), text_key("B"),
	                             text_key("C"), RENAME_REPLACE);
}

static int remove_episode(struct store *store)
{
	return sqlite_backend.remove(store, row_of("episodes"), text_key("1"));
}

static int make_event(struct store *store)
{
	return put_fields(store, "learning_events", "5",
	                  "{'timestamp': 4.0, 'task_type': 't'}");
}

static int sync_store(struct store *store)
{
	return sqlite_backend.sync(store);
}

int (*const sqlite_script[])(struct store *store) = {
	make_episode,
	make_concept,
	make_other,
	embed,
	relate,
	count,
	replace_embedding,
	replace_fields,
	strengthen,
	sync_store,
	rename_concept,
	swap_concepts,
	replace_by_rename,
	make_event,
	remove_episode,
	make_concept,
	NULL,
};
