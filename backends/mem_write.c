/* SPDX-License-Identifier: MIT */
#include "backends/mem_store.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "backends/change_fields.h"
#include "backends/maintenance.h"

/* A record on its way into a table. */
struct putting {
	struct mem_table *table;
	const struct collection *collection;
	struct key key;
	struct change *change;
	struct change_result result;
	struct blob told; /* the key, for the caller and where it is new */
	int64_t number;
	bool number_given; /* NUMBER is the one that was asked for */
};

static int64_t next_number(const struct mem_table *table)
{
	return table->last_number + 1;
}

static void note_number(struct mem_table *table, int64_t number)
{
	if (number > table->last_number)
		table->last_number = number;
}

/* Whether NUMBER is free for the record BEFORE, or can be made so: a record
 * that did not ask for it takes the next one instead. */
static int ask_number(struct putting *put, const struct mem_record *before,
                      const char *field, int64_t number, bool *granted)
{
	struct mem_record *holder =
	    mem_table_numbered(put->table, field, number);
	int rc;

	*granted = !holder || holder == before || holder->number_chosen;
	if (!holder || holder == before || !*granted)
		return 0;
	rc = mem_record_set_number(put->collection, holder,
	                           next_number(put->table));
	if (rc == 0)
		note_number(put->table, next_number(put->table));
	return rc;
}

static int own_number(const struct putting *put,
                      const struct mem_record *before, const char *field,
                      int64_t *out)
{
	const struct value *own =
	    before ? value_dict_get(before->stored.fields, field) : NULL;

	if (own)
		return value_to_int(own, out);
	*out = next_number(put->table);
	return 0;
}

/* The number that is asked for, if it can be had, or the record's own. */
static int choose_number(struct putting *put, const struct mem_record *before,
                         const char *field)
{
	const struct value *wish = value_dict_get(put->result.fields, field);
	struct value *value;
	int64_t number = 0;
	bool granted = false;
	int rc = 0;

	if (wish)
		rc = value_to_int(wish, &number);
	if (rc == 0 && wish)
		rc = ask_number(put, before, field, number, &granted);
	if (rc == 0 && !granted)
		rc = own_number(put, before, field, &number);
	if (rc)
		return rc;
	put->number = number;
	put->number_given = granted;
	value = value_new_int(number);
	return value ? value_dict_set(put->result.fields, field, value)
	             : -ENOMEM;
}

/* Before the record is made: its number, and its key where that is one. */
static int number_record(struct putting *put, const struct mem_record *before)
{
	const struct field_row *row = change_number_row(put->collection);
	bool numbered = collection_is_numbered(put->collection);
	int rc;

	if (!row || (before && !before->number_chosen))
		return 0;
	rc = choose_number(put, before, row->name);
	if (rc)
		return rc;
	note_number(put->table, put->number);
	if (!numbered || put->key.data)
		return 0;
	rc = blob_printf(&put->told, "%" PRId64, put->number);
	put->key = (struct key){ put->told.data, put->told.size };
	return rc;
}

static void drop_record(struct mem_table *table, struct key key)
{
	mem_relations_forget(&table->relations, key);
	mem_record_free(mem_table_take(table, key));
}

static bool is_number_chosen(const struct putting *put,
                             const struct mem_record *before)
{
	if (collection_is_numbered(put->collection) || put->number_given)
		return false;
	return before ? before->number_chosen : true;
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
	rc = number_record(put, before);
	if (rc == 0)
		rc = mem_record_new(put->collection, put->key, before,
		                    put->change, &put->result, &record);
	if (rc)
		return rc;
	record->number_chosen = is_number_chosen(put, before);
	rc = mem_table_insert(put->table, record);
	if (rc)
		mem_record_free(record);
	return rc;
}

/* BEFORE as change_apply wants it: without a number that is not settled. */
static int apply_change(struct putting *put, const struct mem_record *before)
{
	const struct field_row *row = change_number_row(put->collection);
	struct record stored;
	int rc = 0;

	if (!before || !before->number_chosen || !row)
		return change_apply(put->collection, put->key, put->change,
		                    before ? &before->stored : NULL,
		                    &put->result);
	stored = before->stored;
	value_ref(stored.fields);
	rc = value_unshare(&stored.fields);
	if (rc == 0)
		rc = value_dict_remove(stored.fields, row->name);
	if (rc == 0)
		rc = change_apply(put->collection, put->key, put->change,
		                  &stored, &put->result);
	value_unref(stored.fields);
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
	rc = apply_change(put, before);
	return rc ? rc : store_result(put, before);
}

int mem_put(struct store *store, const struct collection *collection,
            struct key key, struct change *change, struct blob *key_out)
{
	struct mem_store *mem = mem_store(store);
	struct putting put = { .collection = collection,
		               .key = key,
		               .change = change };
	int rc = mem_enter_change(mem);

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
	int rc = mem_enter_change(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0 && !mem_table_find(table, key))
		rc = -ENOENT;
	if (rc == 0)
		drop_record(table, key);
	return mem_leave(mem, rc);
}

int mem_remove_before(struct store *store, const struct collection *collection,
                      struct key key, double before)
{
	struct mem_store *mem = mem_store(store);
	struct mem_table *table;
	struct mem_record *found = NULL;
	int rc = mem_enter_change(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0)
		found = mem_table_find(table, key);
	if (rc == 0 &&
	    (!found ||
	     !record_is_before(collection, found->stored.fields, before)))
		rc = -ENOENT;
	if (rc == 0)
		drop_record(table, key);
	return mem_leave(mem, rc);
}

static void note_key(struct mem_table *table,
                     const struct collection *collection, struct key key)
{
	int64_t number;

	if (collection_is_numbered(collection) &&
	    change_key_number(key, &number) == 0)
		note_number(table, number);
}

static int move_record(struct mem_table *table,
                       const struct collection *collection,
                       struct mem_record *record, struct key to)
{
	struct mem_rename rename;
	int rc = mem_rename_init(collection, record, to, &rename);

	if (rc)
		return rc;
	mem_relations_forget(&table->relations, to);
	rc =
	    mem_relations_rename(&table->relations, mem_key(record), to, false);
	if (rc) {
		mem_rename_release(&rename);
		return rc;
	}
	note_key(table, collection, to);
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
	rc = mem_relations_rename(&table->relations, mem_key(a), mem_key(b),
	                          true);
	if (rc) {
		mem_rename_release(&to_b);
		mem_rename_release(&to_a);
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
	int rc = mem_enter_change(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0)
		rc = rename_record(table, collection, from, to, mode);
	return mem_leave(mem, rc);
}
