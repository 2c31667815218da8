/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/query.h"
#include "backends/relation.h"

/* Relationships between records.  Records 0, 1 and 2 are there. */

static struct relation_name name_of(struct contract *c, unsigned int source,
                                    const char *type, unsigned int target)
{
	return (struct relation_name){ nth_key(c, source), text_key(type),
		                       nth_key(c, target) };
}

static int change(struct contract *c, struct relation_name name,
                  const struct relation_change *change)
{
	return c->backend->relations->put(c->store, &c->collection, &name,
	                                  change);
}

static int relate(struct contract *c, unsigned int source, const char *type,
                  unsigned int target, double strength)
{
	const struct relation_change given = { .set_strength = true,
		                               .strength = strength,
		                               .mtime = { 0, UTIME_OMIT } };

	return change(c, name_of(c, source, type, target), &given);
}

static int find(struct contract *c, unsigned int source, const char *type,
                unsigned int target, struct relation *out)
{
	struct relation_name name = name_of(c, source, type, target);

	return c->backend->relations->get(c->store, &c->collection, &name, out);
}

static void assert_strength(struct contract *c, unsigned int source,
                            const char *type, unsigned int target,
                            double strength)
{
	struct relation relation;

	assert_int_equal(find(c, source, type, target, &relation), 0);
	assert_true(relation.strength == strength);
	assert_int_equal(relation.type.size, text_key(type).size);
	assert_memory_equal(relation.type.data, type, relation.type.size);
	assert_int_equal(relation.target.size, nth_key(c, target).size);
	assert_memory_equal(relation.target.data, nth_key(c, target).data,
	                    relation.target.size);
	relation_release(&relation);
}

static void assert_none(struct contract *c, unsigned int source,
                        const char *type, unsigned int target)
{
	struct relation relation;

	assert_int_equal(find(c, source, type, target, &relation), -ENOENT);
}

static void put_records(struct contract *c)
{
	for (unsigned int i = 0; i < 3; i++)
		put_whole(c, nth_key(c, i), 10);
}

static void a_relationship_has_what_it_was_given(struct contract *c)
{
	struct relation_change given = { .set_strength = true,
		                         .strength = 0.8,
		                         .set_created = true,
		                         .created = 2460000.123456789,
		                         .mtime = { 1700000000, 123456789 } };
	struct relation relation;

	put_records(c);
	assert_int_equal(change(c, name_of(c, 0, "similar_to", 1), &given), 0);
	assert_strength(c, 0, "similar_to", 1, 0.8);
	assert_int_equal(find(c, 0, "similar_to", 1, &relation), 0);
	assert_true(relation.created == 2460000.123456789);
	assert_int_equal(relation.mtime.tv_sec, 1700000000);
	assert_int_equal(relation.mtime.tv_nsec, 123456789);
	relation_release(&relation);
}

static void a_new_one_is_strong_and_made_now(struct contract *c)
{
	const struct relation_change nothing = { .mtime = { 0, UTIME_OMIT } };
	double before = relation_now();
	struct relation relation;

	put_records(c);
	assert_int_equal(change(c, name_of(c, 0, "x", 0), &nothing), 0);
	assert_strength(c, 0, "x", 0, 1.0);
	assert_int_equal(find(c, 0, "x", 0, &relation), 0);
	assert_true(relation.created >= before);
	assert_true(relation.created <= relation_now());
	assert_int_equal(relation.mtime.tv_sec,
	                 relation_time(relation.created).tv_sec);
	relation_release(&relation);
}

static void a_change_keeps_what_it_does_not_set(struct contract *c)
{
	struct relation_change given = { .set_created = true,
		                         .created = 2460000.5,
		                         .mtime = { 0, UTIME_OMIT } };
	const struct relation_change nothing = { .mtime = { 0, UTIME_OMIT } };
	struct relation relation;

	put_records(c);
	assert_int_equal(change(c, name_of(c, 0, "x", 1), &given), 0);
	assert_int_equal(relate(c, 0, "x", 1, 0.25), 0);
	assert_int_equal(change(c, name_of(c, 0, "x", 1), &nothing), 0);
	assert_strength(c, 0, "x", 1, 0.25);
	assert_int_equal(find(c, 0, "x", 1, &relation), 0);
	assert_true(relation.created == 2460000.5);
	relation_release(&relation);
}

static void exclusive_and_must_exist_are_minded(struct contract *c)
{
	const struct relation_change exclusive = { .exclusive = true };
	const struct relation_change must = { .must_exist = true };

	put_records(c);
	assert_int_equal(change(c, name_of(c, 0, "x", 1), &must), -ENOENT);
	assert_none(c, 0, "x", 1);
	assert_int_equal(change(c, name_of(c, 0, "x", 1), &exclusive), 0);
	assert_int_equal(change(c, name_of(c, 0, "x", 1), &exclusive), -EEXIST);
	assert_int_equal(change(c, name_of(c, 1, "x", 0), &exclusive), 0);
	assert_int_equal(change(c, name_of(c, 0, "y", 1), &exclusive), 0);
}

static void both_ends_must_be_there(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(relate(c, 0, "x", 1, 1), -ENOENT);
	assert_int_equal(relate(c, 1, "x", 0, 1), -ENOENT);
	put_whole(c, nth_key(c, 1), 10);
	assert_int_equal(relate(c, 0, "x", 1, 1), 0);
}

static int drop(struct contract *c, struct relation_name name)
{
	return c->backend->relations->remove(c->store, &c->collection, &name);
}

static void a_removed_one_is_gone_and_the_others_stay(struct contract *c)
{
	put_records(c);
	assert_int_equal(relate(c, 0, "x", 1, 0.5), 0);
	assert_int_equal(relate(c, 0, "y", 1, 0.6), 0);
	assert_int_equal(drop(c, name_of(c, 0, "x", 1)), 0);
	assert_int_equal(drop(c, name_of(c, 0, "x", 1)), -ENOENT);
	assert_none(c, 0, "x", 1);
	assert_strength(c, 0, "y", 1, 0.6);
}

static void they_go_with_either_end(struct contract *c)
{
	put_records(c);
	assert_int_equal(relate(c, 0, "x", 1, 0.5), 0);
	assert_int_equal(relate(c, 1, "x", 2, 0.5), 0);
	assert_int_equal(relate(c, 2, "x", 0, 0.6), 0);
	assert_int_equal(
	    c->backend->remove(c->store, &c->collection, nth_key(c, 1)), 0);
	put_whole(c, nth_key(c, 1), 10);
	assert_none(c, 0, "x", 1);
	assert_none(c, 1, "x", 2);
	assert_strength(c, 2, "x", 0, 0.6);
}

static void they_follow_a_renamed_record(struct contract *c)
{
	put_records(c);
	assert_int_equal(relate(c, 0, "x", 1, 0.5), 0);
	assert_int_equal(relate(c, 2, "x", 0, 0.6), 0);
	assert_int_equal(relate(c, 0, "x", 0, 0.7), 0);
	assert_int_equal(c->backend->rename(c->store, &c->collection,
	                                    nth_key(c, 0), nth_key(c, 3),
	                                    RENAME_REPLACE),
	                 0);
	assert_strength(c, 3, "x", 1, 0.5);
	assert_strength(c, 2, "x", 3, 0.6);
	assert_strength(c, 3, "x", 3, 0.7);
	assert_none(c, 0, "x", 1);
}

static void those_of_a_replaced_record_go(struct contract *c)
{
	put_records(c);
	assert_int_equal(relate(c, 0, "x", 2, 0.5), 0);
	assert_int_equal(relate(c, 1, "x", 2, 0.6), 0);
	assert_int_equal(relate(c, 1, "y", 2, 0.7), 0);
	assert_int_equal(c->backend->rename(c->store, &c->collection,
	                                    nth_key(c, 0), nth_key(c, 1),
	                                    RENAME_REPLACE),
	                 0);
	assert_strength(c, 1, "x", 2, 0.5);
	assert_none(c, 1, "y", 2);
}

static void they_are_swapped_with_their_records(struct contract *c)
{
	put_records(c);
	assert_int_equal(relate(c, 0, "x", 1, 0.5), 0);
	assert_int_equal(relate(c, 1, "y", 2, 0.6), 0);
	assert_int_equal(c->backend->rename(c->store, &c->collection,
	                                    nth_key(c, 0), nth_key(c, 1),
	                                    RENAME_SWAP),
	                 0);
	assert_strength(c, 1, "x", 0, 0.5);
	assert_strength(c, 0, "y", 2, 0.6);
}

static int move(struct contract *c, struct relation_name from,
                struct relation_name to, bool keep)
{
	return c->backend->relations->rename(c->store, &c->collection, &from,
	                                     &to, keep);
}

static void a_renamed_one_keeps_what_it_has(struct contract *c)
{
	put_records(c);
	assert_int_equal(relate(c, 0, "x", 1, 0.5), 0);
	assert_int_equal(relate(c, 2, "z", 1, 0.6), 0);
	assert_int_equal(
	    move(c, name_of(c, 0, "x", 1), name_of(c, 0, "y", 1), true), 0);
	assert_none(c, 0, "x", 1);
	assert_strength(c, 0, "y", 1, 0.5);
	assert_int_equal(
	    move(c, name_of(c, 0, "y", 1), name_of(c, 2, "z", 1), true),
	    -EEXIST);
	assert_strength(c, 2, "z", 1, 0.6);
	assert_int_equal(
	    move(c, name_of(c, 0, "y", 1), name_of(c, 2, "z", 1), false), 0);
	assert_strength(c, 2, "z", 1, 0.5);
	assert_none(c, 0, "y", 1);
	assert_int_equal(
	    move(c, name_of(c, 0, "y", 1), name_of(c, 0, "a", 1), false),
	    -ENOENT);
}

static size_t count_listed(struct contract *c, unsigned int source,
                           const char *type, size_t limit)
{
	struct relation_list list = { 0 };
	struct cursor cursor = { 0 };
	size_t count;

	while (!cursor.end)
		assert_int_equal(c->backend->relations->list(
				     c->store, &c->collection,
				     nth_key(c, source), text_key(type),
				     &cursor, limit, &list),
		                 0);
	count = list.count;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			assert_false(blob_equal(&list.items[i].target,
			                        &list.items[k].target));
	cursor_release(&cursor);
	relation_list_release(&list);
	return count;
}

static void pages_list_each_of_a_type_once(struct contract *c)
{
	put_records(c);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(relate(c, 0, "x", i, 0.5), 0);
	assert_int_equal(relate(c, 0, "y", 1, 0.5), 0);
	assert_int_equal(relate(c, 1, "x", 2, 0.5), 0);
	for (size_t limit = 1; limit < 5; limit++)
		assert_int_equal(count_listed(c, 0, "x", limit), 3);
	assert_int_equal(count_listed(c, 0, "y", 10), 1);
	assert_int_equal(count_listed(c, 0, "z", 10), 0);
}

static bool has_key(const struct match_list *list, struct key key)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct blob *found = &list->items[i].key;

		if (found->size == key.size &&
		    memcmp(found->data, key.data, key.size) == 0)
			return true;
	}
	return false;
}

static void types_and_sources_are_listed_once(struct contract *c)
{
	struct match_list types = { 0 };
	struct match_list sources = { 0 };
	struct cursor cursor = { 0 };

	put_records(c);
	assert_int_equal(relate(c, 0, "x", 1, 0.5), 0);
	assert_int_equal(relate(c, 0, "x", 2, 0.5), 0);
	assert_int_equal(relate(c, 0, "a type/%", 2, 0.5), 0);
	assert_int_equal(relate(c, 1, "z", 2, 0.5), 0);
	assert_int_equal(c->backend->relations->types(c->store, &c->collection,
	                                              nth_key(c, 0), &types),
	                 0);
	assert_int_equal(types.count, 2);
	assert_true(has_key(&types, text_key("x")));
	assert_true(has_key(&types, text_key("a type/%")));
	while (!cursor.end)
		assert_int_equal(
		    c->backend->relations->sources(c->store, &c->collection,
		                                   &cursor, 1, &sources),
		    0);
	assert_int_equal(sources.count, 2);
	assert_true(has_key(&sources, nth_key(c, 0)));
	assert_true(has_key(&sources, nth_key(c, 1)));
	cursor_release(&cursor);
	match_list_release(&types);
	match_list_release(&sources);
}

static void relationships_survive_a_new_start(struct contract *c)
{
	struct relation_change given = { .set_strength = true,
		                         .strength = 0.3,
		                         .mtime = { 1700000000, 5 } };
	struct relation relation;

	put_records(c);
	assert_int_equal(change(c, name_of(c, 0, "x", 1), &given), 0);
	reopen(c);
	assert_int_equal(find(c, 0, "x", 1, &relation), 0);
	assert_true(relation.strength == 0.3);
	assert_int_equal(relation.mtime.tv_sec, 1700000000);
	assert_int_equal(relation.mtime.tv_nsec, 5);
	relation_release(&relation);
}

static void a_read_only_store_keeps_its_relationships(struct contract *c)
{
	put_records(c);
	assert_int_equal(relate(c, 0, "x", 1, 0.5), 0);
	c->settings.read_only = true;
	reopen(c);
	assert_int_equal(relate(c, 0, "x", 1, 0.6), -EROFS);
	assert_int_equal(drop(c, name_of(c, 0, "x", 1)), -EROFS);
	assert_strength(c, 0, "x", 1, 0.5);
}

const struct contract_test contract_relation_tests[] = {
	CONTRACT_TEST(ALL | RELATED, a_relationship_has_what_it_was_given),
	CONTRACT_TEST(ALL | RELATED, a_new_one_is_strong_and_made_now),
	CONTRACT_TEST(ALL | RELATED, a_change_keeps_what_it_does_not_set),
	CONTRACT_TEST(ALL | RELATED, exclusive_and_must_exist_are_minded),
	CONTRACT_TEST(ALL | RELATED, both_ends_must_be_there),
	CONTRACT_TEST(ALL | RELATED, a_removed_one_is_gone_and_the_others_stay),
	CONTRACT_TEST(ALL | RELATED, they_go_with_either_end),
	CONTRACT_TEST(ALL | RELATED, they_follow_a_renamed_record),
	CONTRACT_TEST(ALL | RELATED, those_of_a_replaced_record_go),
	CONTRACT_TEST(ALL | RELATED, they_are_swapped_with_their_records),
	CONTRACT_TEST(ALL | RELATED, a_renamed_one_keeps_what_it_has),
	CONTRACT_TEST(ALL | RELATED, pages_list_each_of_a_type_once),
	CONTRACT_TEST(ALL | RELATED, types_and_sources_are_listed_once),
	CONTRACT_TEST(ALL | RELATED | DURABLE,
	              relationships_survive_a_new_start),
	CONTRACT_TEST(ALL | RELATED | DURABLE,
	              a_read_only_store_keeps_its_relationships),
	{ 0 },
};
