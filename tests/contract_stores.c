/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a store is as a whole. */

static void records_are_there_after_the_next_open(struct contract *c)
{
	put_whole(c, nth_key(c, 0), 10);
	put_whole(c, nth_key(c, 1), 20);
	reopen(c);
	assert_whole(c, nth_key(c, 0), 10);
	assert_whole(c, nth_key(c, 1), 20);
}

/* Key for key, a record there has nothing to do with one here. */
static void collections_do_not_mix(struct contract *c)
{
	struct contract other = *c;
	struct record_list list = { 0 };

	if (!other_collection(c, &other.collection))
		return;
	put_whole(c, text_key("1"), 10);
	put_whole(&other, text_key("1"), 20);
	put_whole(&other, text_key("2"), 30);
	assert_whole(c, text_key("1"), 10);
	assert_whole(&other, text_key("1"), 20);
	list_all(c, 10, &list);
	assert_int_equal(list.count, 1);
	record_list_release(&list);
	assert_int_equal(other.backend->remove(other.store, &other.collection,
	                                       text_key("1")),
	                 0);
	assert_whole(c, text_key("1"), 10);
}

static void a_read_only_store_changes_nothing(struct contract *c)
{
	struct value *fields = plain_fields(c, 1, 1);
	struct change change = no_change();

	put_whole(c, nth_key(c, 0), 10);
	c->settings.read_only = true;
	reopen(c);
	change.fields_action = PART_SET;
	change.fields = fields;
	assert_int_equal(put(c, nth_key(c, 0), &change), -EROFS);
	assert_int_equal(put(c, nth_key(c, 1), &change), -EROFS);
	value_unref(fields);
	assert_int_equal(
	    c->backend->remove(c->store, &c->collection, nth_key(c, 0)),
	    -EROFS);
	assert_int_equal(c->backend->rename(c->store, &c->collection,
	                                    nth_key(c, 0), nth_key(c, 1),
	                                    RENAME_REPLACE),
	                 -EROFS);
	assert_whole(c, nth_key(c, 0), 10);
	assert_false(exists(c, nth_key(c, 1)));
	c->settings.read_only = false;
	reopen(c);
	assert_whole(c, nth_key(c, 0), 10);
}

static void an_empty_directory_opens_read_only(struct contract *c)
{
	char command[256];
	struct record_list list = { 0 };

	c->backend->close(c->store);
	c->store = NULL;
	snprintf(command, sizeof(command), "rm -rf '%s'/*", c->directory);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	c->settings.read_only = true;
	reopen(c);
	assert_false(exists(c, nth_key(c, 0)));
	list_all(c, 10, &list);
	assert_int_equal(list.count, 0);
	record_list_release(&list);
}

static void close_accepts_null(struct contract *c)
{
	c->backend->close(NULL);
}

static void status_is_healthy_and_says_what_it_is(struct contract *c)
{
	struct backend_status status = { 0 };

	put_whole(c, nth_key(c, 0), 10);
	assert_int_equal(c->backend->sync(c->store), 0);
	c->backend->status(c->store, &status);
	assert_true(status.healthy);
	assert_true(strlen(status.detail) > 0);
}

const struct contract_test contract_store_tests[] = {
	CONTRACT_TEST(ALL | DURABLE, records_are_there_after_the_next_open),
	CONTRACT_TEST(ALL, collections_do_not_mix),
	CONTRACT_TEST(ALL | DURABLE | GUARDED,
	              a_read_only_store_changes_nothing),
	CONTRACT_TEST(ALL | DURABLE | GUARDED,
	              an_empty_directory_opens_read_only),
	CONTRACT_TEST(ALL, close_accepts_null),
	CONTRACT_TEST(ALL, status_is_healthy_and_says_what_it_is),
	{ 0 },
};
