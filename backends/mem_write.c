/* SPDX-License-Identifier: MIT */
#include "backends/mem_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backends/change_fields.h"

/* A record on its way into a table. */
struct putting {
	struct mem_table *table;
	const struct collection *collection;
	struct key key;
	struct change *change;
	struct change_result result;
	struct blob told; /* the key, for the caller and where it is new */
};

/* The number of a new record: the one given, if it is free, or the next. */
static int choose_number(struct putting *put, const char *field, int64_t *out)
{
	struct value *fields = put->result.fields;
	const struct value *given = value_dict_get(fields, field);
	struct value *next;
	int rc;

	if (!given) {
		*out = put->table->last_number + 1;
		next = value_new_int(*out);
		return next ? value_dict_set(fields, field, next) : -ENOMEM;
	}
	rc = value_to_int(given, out);
	if (rc == 0 && mem_table_has_number(put->table, field, *out)) {
		snprintf(put->change->why, WHY_SIZE, "%s: %" PRId64 " is taken",
		         field, *out);
		rc = -EINVAL;
	}
	return rc;
}

static int number_new_record(struct putting *put)
{
	const struct field_row *row = change_number_row(put->collection);
	int64_t number;
	int rc;

	if (!row)
		return 0;
	rc = choose_number(put, row->name, &number);
	if (rc == 0 && !put->key.data) {
		rc = blob_printf(&put->told, "%" PRId64, number);
		put->key = (struct key){ put->told.data, put->told.size };
	}
	if (rc == 0 && number > put->table->last_number)
		put->table->last_number = number;
	return rc;
}

static void drop_record(struct mem_table *table, struct key key)
{
	mem_record_free(mem_table_take(table, key));
}

/* Store what RESULT says, over BEFORE (may be NULL). */
static int store_result(struct putting *put, const struct mem_record *before)
{
	struct mem_record *record;
	int rc;

	if (put->result.remove) {
		drop_record(put->table, put->key);
		return 0;
	}
	rc = before ? 0 : number_new_record(put);
	if (rc == 0)
		rc = mem_record_new(put->collection, put->key, before,
		                    put->change, &put->result, &record);
	if (rc)
		return rc;
	rc = mem_table_insert(put->table, record);
	if (rc)
		mem_record_free(record);
	return rc;
}

static int put_record(struct putting *put)
{
	const struct mem_record *before = NULL;
	int rc;

	if (put->key.data || !collection_is_numbered(put->collection)) {
		rc = blob_set(&put->told, put->key.data, put->key.size);
		if (rc)
			return rc;
		before = mem_table_find(put->table, put->key);
	}
	rc = change_apply(put->collection, put->key, put->change,
	                  before ? &before->stored : NULL, &put->result);
	return rc ? rc : store_result(put, before);
}

int mem_put(struct store *store, const struct collection *collection,
            struct key key, struct change *change, struct blob *key_out)
{
	struct mem_store *mem = mem_store(store);
	struct putting put = { .collection = collection,
		               .key = key,
		               .change = change };
	int rc = mem_enter(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &put.table);
	if (rc == 0)
		rc = put_record(&put);
	if (rc == 0 && key_out)
		blob_move(key_out, &put.told);
	change_result_release(&put.result);
	blob_release(&put.told);
	return mem_leave(mem, rc);
}

int mem_remove(struct store *store, const struct collection *collection,
               struct key key)
{
	struct mem_store *mem = mem_store(store);
	struct mem_table *table;
	int rc = mem_enter(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0 && !mem_table_find(table, key))
		rc = -ENOENT;
	if (rc == 0)
		drop_record(table, key);
	return mem_leave(mem, rc);
}

static void note_number(struct mem_table *table,
                        const struct collection *collection, struct key key)
{
	int64_t number;

	if (collection_is_numbered(collection) &&
	    change_key_number(key, &number) == 0 && number > table->last_number)
		table->last_number = number;
}

static int move_record(struct mem_table *table,
                       const struct collection *collection,
                       struct mem_record *record, struct key to)
{
	struct mem_rename rename;
	int rc = mem_rename_init(collection, record, to, &rename);

	if (rc)
		return rc;
	note_number(table, collection, to);
	mem_table_take(table, mem_key(record));
	mem_rename_apply(&rename, record);
	return mem_table_insert(table, record);
}

/* Both leave the table before either has its new key. */
static int swap_records(struct mem_table *table,
                        const struct collection *collection,
                        struct mem_record *a, struct mem_record *b)
{
	struct mem_rename to_b;
	struct mem_rename to_a;
	int rc = mem_rename_init(collection, a, mem_key(b), &to_b);

	if (rc)
		return rc;
	rc = mem_rename_init(collection, b, mem_key(a), &to_a);
	if (rc) {
		mem_rename_release(&to_b);
		return rc;
	}
	mem_table_take(table, mem_key(a));
	mem_table_take(table, mem_key(b));
	mem_rename_apply(&to_b, a);
	mem_rename_apply(&to_a, b);
	rc = mem_table_insert(table, a);
	return rc ? rc : mem_table_insert(table, b);
}

static int rename_record(struct mem_table *table,
                         const struct collection *collection, struct key from,
                         struct key to, enum rename_mode mode)
{
	struct mem_record *record = mem_table_find(table, from);
	struct mem_record *other;

	if (!record)
		return -ENOENT;
	other = mem_table_find(table, to);
	if (!other && mode == RENAME_SWAP)
		return -ENOENT;
	if (other && mode == RENAME_KEEP)
		return -EEXIST;
	if (other == record)
		return 0;
	if (mode == RENAME_SWAP)
		return swap_records(table, collection, record, other);
	return move_record(table, collection, record, to);
}

int mem_rename(struct store *store, const struct collection *collection,
               struct key from, struct key to, enum rename_mode mode)
{
	struct mem_store *mem = mem_store(store);
	struct mem_table *table;
	int rc = mem_enter(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0)
		rc = rename_record(table, collection, from, to, mode);
	return mem_leave(mem, rc);
}
