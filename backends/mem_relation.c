/* SPDX-License-Identifier: MIT */
#include "backends/mem_relation.h"

#include "backends/change.h"
#include "backends/mem_store.h"
#include "backends/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_key(const struct blob *blob, struct key key)
{
	return blob->size == key.size &&
	       (key.size == 0 || memcmp(blob->data, key.data, key.size) == 0);
}

static struct key blob_key(const struct blob *blob)
{
	return (struct key){ blob->data, blob->size };
}

static void release(struct mem_relation *item)
{
	blob_release(&item->source);
	relation_release(&item->relation);
}

void mem_relations_release(struct mem_relations *relations)
{
	for (size_t i = 0; i < relations->count; i++)
		release(&relations->items[i]);
	free(relations->items);
	*relations = (struct mem_relations){ 0 };
}

static void drop(struct mem_relations *relations, size_t place)
{
	struct mem_relation *items = relations->items;

	release(&items[place]);
	relations->count--;
	memmove(&items[place], &items[place + 1],
	        (relations->count - place) * sizeof(*items));
}

void mem_relations_forget(struct mem_relations *relations, struct key key)
{
	for (size_t i = relations->count; i > 0; i--) {
		const struct mem_relation *item = &relations->items[i - 1];

		if (is_key(&item->source, key) ||
		    is_key(&item->relation.target, key))
			drop(relations, i - 1);
	}
}

static int rename_end(struct blob *end, struct key from, struct key to,
                      bool swap)
{
	if (is_key(end, from))
		return blob_set(end, to.data, to.size);
	if (swap && is_key(end, to))
		return blob_set(end, from.data, from.size);
	return 0;
}

int mem_relations_rename(struct mem_relations *relations, struct key from,
                         struct key to, bool swap)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < relations->count; i++) {
		struct mem_relation *item = &relations->items[i];

		rc = rename_end(&item->source, from, to, swap);
		if (rc == 0)
			rc = rename_end(&item->relation.target, from, to, swap);
	}
	return rc;
}

/* NULL where there is none. */
static struct mem_relation *find(const struct mem_relations *relations,
                                 const struct relation_name *name)
{
	for (size_t i = 0; i < relations->count; i++) {
		struct mem_relation *item = &relations->items[i];

		if (is_key(&item->source, name->source) &&
		    is_key(&item->relation.type, name->type) &&
		    is_key(&item->relation.target, name->target))
			return item;
	}
	return NULL;
}

static int copy(const struct relation *relation, struct relation *out)
{
	struct relation made = *relation;
	int rc;

	made.type = (struct blob){ 0 };
	made.target = (struct blob){ 0 };
	rc = blob_set(&made.type, relation->type.data, relation->type.size);
	if (rc == 0)
		rc = blob_set(&made.target, relation->target.data,
		              relation->target.size);
	if (rc)
		relation_release(&made);
	else
		*out = made;
	return rc;
}

static int mem_relation_get(struct store *store,
                            const struct collection *collection,
                            const struct relation_name *name,
                            struct relation *out)
{
	struct mem_store *mem = mem_store(store);
	const struct mem_relation *item;
	struct mem_table *table;
	int rc = mem_enter(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0) {
		item = find(&table->relations, name);
		rc = item ? copy(&item->relation, out) : -ENOENT;
	}
	return mem_leave(mem, rc);
}

/* All at once: memory has them anyhow. */
static int list_all(const struct mem_relations *relations, struct key source,
                    struct key type, struct relation_list *out)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < relations->count; i++) {
		const struct mem_relation *item = &relations->items[i];
		struct relation made = { 0 };

		if (!is_key(&item->source, source) ||
		    !is_key(&item->relation.type, type))
			continue;
		rc = copy(&item->relation, &made);
		if (rc == 0)
			rc = relation_list_append(out, &made);
		relation_release(&made);
	}
	return rc;
}

static int mem_relation_list(struct store *store,
                             const struct collection *collection,
                             struct key source, struct key type,
                             struct cursor *cursor, size_t limit,
                             struct relation_list *out)
{
	struct mem_store *mem = mem_store(store);
	struct mem_table *table;
	int rc = mem_enter(mem);

	(void)limit;
	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0 && !mem_table_find(table, source))
		rc = -ENOENT;
	if (rc == 0)
		rc = list_all(&table->relations, source, type, out);
	cursor->end = true;
	return mem_leave(mem, rc);
}

/* Append KEY unless OUT has it. */
static int add_once(struct key key, struct match_list *out)
{
	struct blob text = { 0 };
	int rc;

	for (size_t i = 0; i < out->count; i++)
		if (is_key(&out->items[i].key, key))
			return 0;
	rc = blob_set(&text, key.data, key.size);
	if (rc == 0)
		rc = match_list_append(out, &text, 0);
	blob_release(&text);
	return rc;
}

static int mem_relation_types(struct store *store,
                              const struct collection *collection,
                              struct key source, struct match_list *out)
{
	struct mem_store *mem = mem_store(store);
	struct mem_table *table;
	int rc = mem_enter(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0 && !mem_table_find(table, source))
		rc = -ENOENT;
	for (size_t i = 0; rc == 0 && i < table->relations.count; i++) {
		const struct mem_relation *item = &table->relations.items[i];

		if (is_key(&item->source, source))
			rc = add_once(blob_key(&item->relation.type), out);
	}
	return mem_leave(mem, rc);
}

static int mem_relation_sources(struct store *store,
                                const struct collection *collection,
                                struct cursor *cursor, size_t limit,
                                struct match_list *out)
{
	struct mem_store *mem = mem_store(store);
	struct mem_table *table;
	int rc = mem_enter(mem);

	(void)limit;
	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	for (size_t i = 0; rc == 0 && i < table->relations.count; i++)
		rc = add_once(blob_key(&table->relations.items[i].source), out);
	cursor->end = true;
	return mem_leave(mem, rc);
}

static void apply(const struct relation_change *change,
                  struct relation *relation)
{
	if (change->set_strength)
		relation->strength = change->strength;
	if (change->set_created)
		relation->created = change->created;
	if (change->mtime.tv_nsec != UTIME_OMIT)
		relation->mtime = change_mtime(change->mtime);
}

static int init(struct mem_relation *item, const struct relation_name *name)
{
	struct relation *relation = &item->relation;
	int rc = blob_set(&item->source, name->source.data, name->source.size);

	if (rc == 0)
		rc =
		    blob_set(&relation->type, name->type.data, name->type.size);
	if (rc == 0)
		rc = blob_set(&relation->target, name->target.data,
		              name->target.size);
	relation->strength = RELATION_STRENGTH;
	relation->created = relation_now();
	relation->mtime = relation_time(relation->created);
	return rc;
}

static int add(struct mem_relations *relations,
               const struct relation_name *name,
               const struct relation_change *change)
{
	struct mem_relation item = { 0 };
	struct mem_relation *items = reallocarray(
	    relations->items, relations->count + 1, sizeof(*items));
	int rc = items ? init(&item, name) : -ENOMEM;

	if (items)
		relations->items = items;
	if (rc) {
		release(&item);
		return rc;
	}
	apply(change, &item.relation);
	items[relations->count++] = item;
	return 0;
}

static int put_in(struct mem_table *table, const struct relation_name *name,
                  const struct relation_change *change)
{
	struct mem_relation *item = find(&table->relations, name);

	if (!mem_table_find(table, name->source) ||
	    !mem_table_find(table, name->target))
		return -ENOENT;
	if (item && change->exclusive)
		return -EEXIST;
	if (!item)
		return change->must_exist
		           ? -ENOENT
		           : add(&table->relations, name, change);
	apply(change, &item->relation);
	return 0;
}

static int mem_relation_put(struct store *store,
                            const struct collection *collection,
                            const struct relation_name *name,
                            const struct relation_change *change)
{
	struct mem_store *mem = mem_store(store);
	struct mem_table *table;
	int rc = mem_enter_change(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0)
		rc = put_in(table, name, change);
	return mem_leave(mem, rc);
}

static int mem_relation_remove(struct store *store,
                               const struct collection *collection,
                               const struct relation_name *name)
{
	struct mem_store *mem = mem_store(store);
	struct mem_relation *item;
	struct mem_table *table;
	int rc = mem_enter_change(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0) {
		item = find(&table->relations, name);
		if (item)
			drop(&table->relations,
			     (size_t)(item - table->relations.items));
		rc = item ? 0 : -ENOENT;
	}
	return mem_leave(mem, rc);
}

static int rename_in(struct mem_table *table, const struct relation_name *from,
                     const struct relation_name *to, bool keep)
{
	struct mem_relation *item = find(&table->relations, from);
	struct mem_relation *other = find(&table->relations, to);
	struct mem_relation made = { 0 };
	int rc = 0;

	if (!item || !mem_table_find(table, to->source) ||
	    !mem_table_find(table, to->target))
		return -ENOENT;
	if (other && other != item && keep)
		return -EEXIST;
	rc = init(&made, to);
	if (rc) {
		release(&made);
		return rc;
	}
	made.relation.strength = item->relation.strength;
	made.relation.created = item->relation.created;
	made.relation.mtime = item->relation.mtime;
	release(item);
	*item = made;
	if (other && other != item)
		drop(&table->relations,
		     (size_t)(other - table->relations.items));
	return 0;
}

static int mem_relation_rename(struct store *store,
                               const struct collection *collection,
                               const struct relation_name *from,
                               const struct relation_name *to, bool keep)
{
	struct mem_store *mem = mem_store(store);
	struct mem_table *table;
	int rc = mem_enter_change(mem);

	if (rc == 0)
		rc = mem_store_table(mem, collection, &table);
	if (rc == 0)
		rc = rename_in(table, from, to, keep);
	return mem_leave(mem, rc);
}

const struct relation_ops mem_relation_ops = {
	.get = mem_relation_get,
	.list = mem_relation_list,
	.types = mem_relation_types,
	.sources = mem_relation_sources,
	.put = mem_relation_put,
	.remove = mem_relation_remove,
	.rename = mem_relation_rename,
};
