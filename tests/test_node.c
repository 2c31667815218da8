/* SPDX-License-Identifier: MIT */
#include "tests/lab.h"

#include "layout/listing.h"
#include "layout/tree.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct lab));
	lab_init(*state);
	return 0;
}

static int tear_down(void **state)
{
	lab_release(*state);
	free(*state);
	return 0;
}

#define LAB_TEST(function)                                                     \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#define LAYERS "activations/layer_outputs/"

/* What each path is, whether or not anything is there. */
static const struct {
	const char *path;
	enum node_kind kind;
	const char *collection; /* its place */
	const char *key;
	const char *array;
} places[] = {
	{ "", NODE_BRANCH, NULL, "", NULL },
	{ "nowhere", NODE_OTHER, NULL, "", NULL },
	{ "wm", NODE_COLLECTION, "wm:", "", NULL },
	{ "wm/a.npy", NODE_ARRAY, "wm:", "a", "" },
	{ "wm/a.json", NODE_FIELDS, "wm:", "a", NULL },
	{ "wm/a%2Fb.npy", NODE_ARRAY, "wm:", "a/b", "" },
	{ "wm/a.npy~", NODE_OTHER, "wm:", "", NULL },
	{ "wm/.a.npy.swp", NODE_OTHER, "wm:", "", NULL },
	{ "wm/.npy", NODE_OTHER, "wm:", "", NULL },
	{ "wm/4913", NODE_OTHER, "wm:", "", NULL },
	{ "episodes/7.json", NODE_FIELDS, "episodes", "7", NULL },
	{ "episodes/7.pickle", NODE_OPAQUE, "episodes", "7", NULL },
	{ "episodes/7", NODE_RECORD, "episodes", "7", NULL },
	{ "episodes/7/0/x.npy", NODE_ARRAY, "episodes", "7", "0/x" },
	{ "episodes/7/0", NODE_SUBDIR, "episodes", "7", "0" },
	{ "network_states/s", NODE_RECORD, "network_states/topology/$", "s",
	  NULL },
	{ "network_states/s/weights.npy", NODE_ARRAY,
	  "network_states/topology/$", "s", "weights" },
	{ "network_states/s/metadata.json", NODE_FIELDS,
	  "network_states/topology/$", "s", NULL },
	{ "network_states/s/other.npy", NODE_OTHER, "network_states/topology/$",
	  "s", "other" },
	{ "spike_trains/train_1", NODE_RECORD, "spike_trains/raw_data/$",
	  "train_1", NULL },
	{ "spike_trains/compressed_1.npy", NODE_ARRAY,
	  "spike_trains/compressed/$", "compressed_1", "" },
	{ "activations", NODE_BRANCH, NULL, "", NULL },
	{ "activations/other", NODE_OTHER, NULL, "", NULL },
	{ "learning_traces/performance", NODE_COLLECTION,
	  "learning_traces/performance/$", "", NULL },
	{ "learning_traces/performance/p.json", NODE_FIELDS,
	  "learning_traces/performance/$", "p", NULL },
	{ "learning_traces/performance/p.npy", NODE_OTHER,
	  "learning_traces/performance/$", "", NULL },
	{ "learning_events/7.npy", NODE_OTHER, "learning_events", "", NULL },
	{ LAYERS "o", NODE_RECORD, LAYERS "$", "o", NULL },
	{ LAYERS "o/metadata.json", NODE_FIELDS, LAYERS "$", "o", NULL },
	{ LAYERS "o/any.npy", NODE_ARRAY, LAYERS "$", "o", "any" },
	{ LAYERS "o/a%2Fb.npy", NODE_OTHER, LAYERS "$", "o", NULL },
	{ LAYERS "o/50%25.npy", NODE_ARRAY, LAYERS "$", "o", "50%" },
	{ LAYERS "o/%2Eh.npy", NODE_ARRAY, LAYERS "$", "o", ".h" },
	{ LAYERS "o/x%2Enpy.npy", NODE_ARRAY, LAYERS "$", "o", "x.npy" },
	{ LAYERS "o/.x.npy", NODE_OTHER, LAYERS "$", "o", NULL },
	{ LAYERS "o/%00.npy", NODE_OTHER, LAYERS "$", "o", NULL },
	{ LAYERS "o/enc", NODE_SUBDIR, LAYERS "$", "o", "enc" },
	{ LAYERS "o/e%25/l%252.npy", NODE_ARRAY, LAYERS "$", "o", "e%/l%2" },
	{ LAYERS "o/e%/l.npy", NODE_OTHER, LAYERS "$", "o", NULL },
	{ ".engram", NODE_CONTROL_DIR, NULL, "", NULL },
	{ ".engram/status.json", NODE_CONTROL, NULL, "", NULL },
	{ ".engram/rejected/x", NODE_REJECTED, NULL, "", NULL },
	{ ".engram/none", NODE_OTHER, NULL, "", NULL },
};

static void each_path_has_one_meaning(void **state)
{
	struct lab *lab = *state;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct node node;

		assert_int_equal(node_find(&lab->tree, places[i].path, &node),
		                 0);
		if (node.kind != places[i].kind)
			fail_msg("%s: kind %d", places[i].path, node.kind);
		if (places[i].collection)
			assert_string_equal(node.collection->place,
			                    places[i].collection);
		assert_string_equal(node.key.data ? node.key.data : "",
		                    places[i].key);
		if (places[i].array)
			assert_string_equal(node.array, places[i].array);
		node_release(&node);
	}
}

static void names_that_no_key_has_are_marked(void **state)
{
	static const char *const bad[] = {
		"wm/50%.npy",       "wm/a%2fb.npy",      "wm/%41.json",
		LAYERS "o/50%.npy", LAYERS "o/e%/l.npy", NULL
	};
	struct lab *lab = *state;

	for (size_t i = 0; bad[i]; i++) {
		struct node node;

		assert_int_equal(node_find(&lab->tree, bad[i], &node), 0);
		assert_int_equal(node.kind, NODE_OTHER);
		assert_true(node.bad_name);
		node_release(&node);
	}
}

static void a_name_that_is_no_number_is_a_named_copy(void **state)
{
	struct lab *lab = *state;
	struct node node;

	assert_int_equal(node_find(&lab->tree, "episodes/run7.npy", &node), 0);
	assert_true(node.named_copy);
	assert_int_equal(node.kind, NODE_ARRAY);
	node_release(&node);
	assert_int_equal(node_find(&lab->tree, "episodes/07.npy", &node), 0);
	assert_true(node.named_copy);
	node_release(&node);
}

static void fill(struct lab *lab)
{
	assert_int_equal(lab_write_array(lab, "wm/a.npy", 3, 1), 0);
	assert_int_equal(lab_write_array(lab, "wm/b%2Fc.npy", 3, 1), 0);
	assert_int_equal(lab_write(lab, "wm/only.json", "{}", NULL), 0);
	assert_int_equal(lab_write_array(lab, "episodes/1.npy", 3, 1), 0);
	assert_int_equal(lab_write_array(lab, "episodes/2/o.npy", 3, 1), 0);
	assert_int_equal(lab_write_array(lab, "episodes/2/0/p.npy", 3, 1), 0);
	assert_int_equal(lab_write(lab, "episodes/3.json", "{}", NULL), 0);
	assert_int_equal(lab_write_array(lab, "concepts/x%2Enpy.npy", 3, 1), 0);
	assert_int_equal(
	    lab_write_array(lab, "network_states/s/weights.npy", 3, 1), 0);
	assert_int_equal(
	    lab_write_array(lab, "spike_trains/compressed_1.npy", 3, 1), 0);
	assert_int_equal(
	    lab_write_array(lab, "spike_trains/t/spike_times.npy", 3, 1), 0);
	assert_int_equal(
	    spool_symlink(&lab->tree.spool, "1.npy", "episodes/run.npy"), 0);
	assert_int_equal(lab_write(lab, "learning_events/4.json", "{}", NULL),
	                 0);
	assert_int_equal(lab_write_array(lab, LAYERS "o/50%25.npy", 3, 1), 0);
	assert_int_equal(lab_write_array(lab, LAYERS "o/e%25/l.npy", 3, 1), 0);
	assert_int_equal(
	    lab_write(lab, "learning_traces/performance/p.json", "{}", NULL),
	    0);
}

/* Every name that a directory lists can be found, with the same attributes;
 * returns how many there were, below PATH. */
static size_t check_listed(struct lab *lab, const char *path)
{
	const struct entry *entry;
	struct listing *listing;
	struct node node;
	size_t count = 0;

	assert_int_equal(node_find(&lab->tree, path, &node), 0);
	assert_int_equal(listing_open(&lab->tree, &node, &listing), 0);
	while (listing_next(listing, &entry) == 0 && entry) {
		struct node child;
		struct node_info info;

		assert_int_equal(
		    node_child(&lab->tree, &node, entry->name, &child), 0);
		assert_int_equal(node_stat(&lab->tree, &child, &info), 0);
		assert_int_equal(info.size, entry->info.size);
		assert_int_equal(info.mode & S_IFMT, entry->info.mode & S_IFMT);
		count++;
		if (S_ISDIR(info.mode))
			count += check_listed(lab, child.path);
		node_release(&child);
	}
	listing_close(listing);
	node_release(&node);
	return count;
}

static void every_listed_name_can_be_found(void **state)
{
	struct lab *lab = *state;
	size_t views;

	fill(lab);
	/* 10 names in the root; wm 5; episodes 2+1+(1+1+1)+1+1+1; concepts 2;
	 * learning_events 1; network_states 1+2; spike_trains 2+1+2;
	 * activations 3 and 1+(1+1+1)+1; learning_traces 3 and 1 */
	views = 1 + check_listed(lab, "views");
	assert_int_equal(check_listed(lab, ""), views + 10 + 5 + 9 + 2 + 1 + 3 +
	                                            5 + (3 + 5) + (3 + 1));
}

static void a_name_that_was_cut_leads_to_its_key(void **state)
{
	struct lab *lab = *state;
	struct blob key = { 0 };
	struct blob path = { 0 };
	struct node node;

	assert_int_equal(blob_resize(&key, 300), 0);
	memset(key.data, 'k', key.size);
	key.data[100] = '/';
	assert_int_equal(blob_append_text(&path, "wm/"), 0);
	assert_int_equal(
	    node_part_name((struct key){ key.data, key.size }, ".json", &path),
	    0);
	assert_true(path.size <= 3 + 255);

	/* Begun under the cut name, the file says what the key is. */
	{
		struct blob text = { 0 };

		assert_int_equal(
		    blob_printf(&text, "{\"key\": \"%s\"}", key.data), 0);
		assert_int_equal(lab_write(lab, path.data, text.data, NULL), 0);
		blob_release(&text);
	}
	assert_int_equal(node_find(&lab->tree, path.data, &node), 0);
	assert_true(blob_equal(&node.key, &key));
	assert_true(lab_exists(lab, path.data));
	assert_int_equal(check_listed(lab, "wm"), 1);
	node_release(&node);
	blob_release(&key);
	blob_release(&path);
}

/* A path below the directory LAYERS "o" whose array has the name NAME. */
static void append_layer(const char *name, struct blob *path)
{
	assert_int_equal(blob_append_text(path, LAYERS "o/"), 0);
	assert_int_equal(
	    node_part_name((struct key){ name, strlen(name) }, ".npy", path),
	    0);
}

static void an_array_s_name_that_was_cut_leads_to_it(void **state)
{
	struct lab *lab = *state;
	struct store *store = lab->store;
	struct array array = { .info = { .ndim = 1 } };
	struct change change = { .array_action = PART_SET,
		                 .array = &array,
		                 .expires_ms = EXPIRES_KEEP };
	struct blob path = { 0 };
	struct node node;
	char name[301];

	memset(name, '%', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	append_layer(name, &path);
	assert_true(path.size < sizeof(name));
	dtype_plain(&array.info.dtype, 'f', sizeof(double));
	change.array_name = name;
	assert_int_equal(node_find(&lab->tree, path.data, &node), 0);
	assert_int_equal(node.kind, NODE_ARRAY);
	assert_int_equal(store->backend->put(store, node.collection,
	                                     node_key(&node), &change, NULL),
	                 0);
	node_release(&node);

	assert_int_equal(node_find(&lab->tree, path.data, &node), 0);
	assert_int_equal(node.kind, NODE_ARRAY);
	assert_string_equal(node.array, name);
	node_release(&node);
	assert_int_equal(check_listed(lab, LAYERS "o"), 2);
	blob_release(&path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(each_path_has_one_meaning),
		LAB_TEST(names_that_no_key_has_are_marked),
		LAB_TEST(a_name_that_is_no_number_is_a_named_copy),
		LAB_TEST(every_listed_name_can_be_found),
		LAB_TEST(a_name_that_was_cut_leads_to_its_key),
		LAB_TEST(an_array_s_name_that_was_cut_leads_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
