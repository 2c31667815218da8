/* SPDX-License-Identifier: MIT */
#include "backends/nest.h"

#include "backends/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct value *text(const char *text)
{
	return value_new_text(text, strlen(text));
}

/* A 0-d array whose element is ELEMENT. */
static struct value *array(unsigned char element)
{
	struct array array = { 0 };

	dtype_plain(&array.info.dtype, 'u', 1);
	assert_int_equal(array_info_measure(&array.info), 0);
	assert_int_equal(blob_set(&array.owned, &element, 1), 0);
	array.data = array.owned.data;
	return value_new_array(&array);
}

static unsigned char element(const struct array *array)
{
	assert_non_null(array);
	return *(const unsigned char *)array->data;
}

static struct value *parse(const char *json)
{
	struct value *value;
	char why[WHY_SIZE];

	if (json_parse(json, strlen(json), JSON_ARRAYS_REFUSE, &value, why))
		fail_msg("%s: %s", json, why);
	return value;
}

static void assert_json(const struct value *value, const char *expected)
{
	struct blob json = { 0 };

	assert_int_equal(json_append(value, JSON_STYLE_PYTHON,
	                             JSON_ARRAYS_REFUSE, 10000, &json),
	                 0);
	assert_string_equal(json.data, expected);
	blob_release(&json);
}

/* A tuple of two values, which are given up. */
static struct value *tuple(struct value *a, struct value *b)
{
	struct value *value = value_new_list(VALUE_TUPLE);

	assert_int_equal(value_list_append(value, a), 0);
	assert_int_equal(value_list_append(value, b), 0);
	return value;
}

/* {"obs": 1, "a/b": [2, 3], "n": {"": 4}, "pair": (5, "x"), "r": 0.5} with
 * the integers but for 5 as arrays. */
static struct value *experience(void)
{
	struct value *root = value_new_dict();
	struct value *list = value_new_list(VALUE_LIST);
	struct value *inner = value_new_dict();

	assert_int_equal(value_list_append(list, array(2)), 0);
	assert_int_equal(value_list_append(list, array(3)), 0);
	assert_int_equal(value_dict_set(inner, "", array(4)), 0);
	assert_int_equal(value_dict_set(root, "obs", array(1)), 0);
	assert_int_equal(value_dict_set(root, "a/b", list), 0);
	assert_int_equal(value_dict_set(root, "n", inner), 0);
	assert_int_equal(
	    value_dict_set(root, "pair", tuple(value_new_int(5), text("x"))),
	    0);
	assert_int_equal(value_dict_set(root, "r", value_new_float(0.5)), 0);
	return root;
}

static int collect(const char *path, const struct array *array, void *arg)
{
	return blob_printf(arg, "%s=%d;", path, element(array));
}

static void arrays_are_visited_with_their_paths(void **state)
{
	struct value *root = experience();
	struct value *alone = array(7);
	struct blob seen = { 0 };

	(void)state;
	assert_int_equal(nest_each(root, collect, &seen), 0);
	assert_string_equal(seen.data, "obs=1;a%2Fb/0=2;a%2Fb/1=3;n/%=4;");
	assert_int_equal(blob_resize(&seen, 0), 0);
	assert_int_equal(nest_each(alone, collect, &seen), 0);
	assert_string_equal(seen.data, "=7;");
	blob_release(&seen);
	value_unref(root);
	value_unref(alone);
}

static const struct array *found_at(const struct value *value, const char *path)
{
	const struct array *array = NULL;
	int rc = nest_find(value, path, &array);

	assert_int_equal(rc, array ? 0 : -ENOENT);
	return array;
}

static int find_again(const char *path, const struct array *array, void *arg)
{
	assert_ptr_equal(found_at(arg, path), array);
	return 0;
}

static void every_path_leads_back_to_its_array(void **state)
{
	struct value *root = experience();
	char longer[600];

	(void)state;
	memset(longer, 'k', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(value_dict_set(root, longer, array(8)), 0);
	assert_int_equal(value_dict_set(root, "x.npy", array(9)), 0);
	assert_int_equal(value_dict_set(root, "7", array(10)), 0);
	assert_int_equal(value_dict_add(root, value_new_int(7), array(11)), 0);
	assert_int_equal(value_dict_add(root, value_new_int(8), array(12)), 0);
	assert_int_equal(value_dict_add(root, value_new_null(), array(13)), 0);
	assert_int_equal(
	    value_dict_add(root, value_new_bytes("\xff", 1), array(14)), 0);
	assert_int_equal(nest_each(root, find_again, root), 0);
	assert_int_equal(element(found_at(root, "7")), 10);
	assert_int_equal(element(found_at(root, "%=7")), 11);
	assert_int_equal(element(found_at(root, "8")), 12);
	assert_int_equal(element(found_at(root, "null")), 13);
	value_unref(root);
}

static void paths_to_nothing_find_nothing(void **state)
{
	static const char *const paths[] = {
		"",         "none",
		"a%2Fb",    "a%2Fb/2",
		"a%2Fb/00", "a%2Fb/x",
		"obs/0",    "a/b",
		"pair/0",   "r",
		"a%2Fb/0/", "n/",
		"obs/",     "a%2Fb//0",
		"a%2Fb/-1", "a%2Fb/18446744073709551616",
	};
	struct value *root = experience();

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (found_at(root, paths[i]) && strcmp(paths[i], "obs/") != 0 &&
		    strcmp(paths[i], "a%2Fb/0/") != 0)
			fail_msg("found: %s", paths[i]);
	value_unref(root);
}

static void set_replaces_arrays_references_and_nulls(void **state)
{
	struct value *root =
	    parse("{\"a\": null, \"b\": [{\"$npy\": \"b/0\"}]}");

	(void)state;
	assert_int_equal(nest_set(&root, "a", array(1), NULL), 0);
	assert_int_equal(nest_set(&root, "b/0", array(2), NULL), 0);
	assert_int_equal(nest_set(&root, "a", array(3), NULL), 0);
	assert_int_equal(element(found_at(root, "a")), 3);
	assert_int_equal(element(found_at(root, "b/0")), 2);
	assert_int_equal(nest_set(&root, "", array(4), NULL), 0);
	assert_int_equal(element(found_at(root, "")), 4);
	value_unref(root);
}

static void set_makes_the_dicts_on_the_way(void **state)
{
	struct value *root = NULL;
	struct value *references;

	(void)state;
	assert_int_equal(nest_set(&root, "x/y%2Fz/w", array(1), NULL), 0);
	assert_int_equal(nest_set(&root, "x/0", array(2), NULL), 0);
	assert_int_equal(nest_to_references(root, &references), 0);
	assert_json(references,
	            "{\"x\": {\"y/z\": {\"w\": {\"$npy\": \"x/y%2Fz/w\"}}, "
	            "\"0\": {\"$npy\": \"x/0\"}}}");
	value_unref(references);
	value_unref(root);
}

static void set_refuses_what_is_in_the_way(void **state)
{
	static const char *const paths[] = { "r",       "pair",    "pair/1",
		                             "r/x",     "a%2Fb/2", "obs/x",
		                             "new/%zz", "%zz",     "new//x" };
	struct value *root = experience();
	struct value *before = value_copy(root);

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char why[WHY_SIZE] = "";

		if (nest_set(&root, paths[i], array(9), why) != -EINVAL)
			fail_msg("taken: %s", paths[i]);
		assert_true(*why);
		assert_true(value_equal(root, before));
	}
	value_unref(before);
	value_unref(root);
}

static void changes_do_not_reach_other_holders(void **state)
{
	struct value *root = experience();
	struct value *other = value_ref(root);

	(void)state;
	assert_int_equal(nest_set(&root, "a%2Fb/0", array(9), NULL), 0);
	assert_int_equal(nest_drop(&root, "n/%"), 0);
	assert_int_equal(element(found_at(root, "a%2Fb/0")), 9);
	assert_int_equal(element(found_at(other, "a%2Fb/0")), 2);
	assert_int_equal(element(found_at(other, "n/%")), 4);
	assert_null(found_at(root, "n/%"));
	assert_int_equal(nest_drop(&root, "n/%"), -ENOENT);
	value_unref(other);
	value_unref(root);
}

static const char shown[] =
    "{\"obs\": {\"$npy\": \"obs\"}, \"a/b\": [{\"$npy\": \"a%2Fb/0\"}, "
    "{\"$npy\": \"a%2Fb/1\"}], \"n\": {\"\": {\"$npy\": \"n/%\"}}, "
    "\"pair\": [5, \"x\"], \"r\": 0.5}";

static void json_that_comes_back_unchanged_changes_nothing(void **state)
{
	struct value *root = experience();
	struct value *references;
	struct value *text;
	struct value *again;

	(void)state;
	assert_int_equal(nest_to_references(root, &references), 0);
	assert_json(references, shown);
	text = parse(shown);
	assert_int_equal(nest_from_references(text, root, &again, NULL), 0);
	assert_true(value_equal(again, root));
	assert_int_equal(value_dict_get(again, "pair")->type, VALUE_TUPLE);
	value_unref(again);
	value_unref(text);
	value_unref(references);
	value_unref(root);
}

static void edits_are_taken_and_arrays_can_move(void **state)
{
	struct value *root = experience();
	struct value *text = parse(
	    "{\"moved\": {\"$npy\": \"obs\"}, \"n\": [{\"$npy\": \"n/%\"}, "
	    "{\"$npy\": \"a%2Fb/0\"}, {\"$npy\": \"a%2Fb/1\"}], "
	    "\"pair\": [6, \"x\"], \"later\": {\"$npy\": \"later\"}}");
	struct value *again;

	(void)state;
	assert_int_equal(nest_from_references(text, root, &again, NULL), 0);
	assert_int_equal(element(found_at(again, "moved")), 1);
	assert_int_equal(element(found_at(again, "n/0")), 4);
	assert_int_equal(value_dict_get(again, "pair")->type, VALUE_TUPLE);
	assert_int_equal(value_dict_get(again, "later")->type, VALUE_DICT);
	assert_int_equal(nest_set(&again, "later", array(5), NULL), 0);
	value_unref(again);
	value_unref(text);
	value_unref(root);
}

static void a_lost_array_is_refused_by_name(void **state)
{
	struct value *root = experience();
	struct value *text = parse("{\"obs\": {\"$npy\": \"obs\"}}");
	struct value *again = NULL;
	char why[WHY_SIZE] = "";

	(void)state;
	assert_int_equal(nest_from_references(text, root, &again, why),
	                 -EINVAL);
	assert_null(again);
	assert_non_null(strstr(why, "\"a%2Fb/0\""));
	assert_int_equal(nest_from_references(text, NULL, &again, why), 0);
	assert_true(value_equal(again, text));
	value_unref(again);
	value_unref(text);
	value_unref(root);
}

static void a_lone_array_is_its_own_reference(void **state)
{
	struct value *root = array(3);
	struct value *references;
	struct value *again;

	(void)state;
	assert_int_equal(nest_to_references(root, &references), 0);
	assert_json(references, "{\"$npy\": \"\"}");
	assert_int_equal(nest_from_references(references, root, &again, NULL),
	                 0);
	assert_true(value_equal(again, root));
	value_unref(again);
	value_unref(references);
	value_unref(root);
}

static void endless_sharing_is_refused(void **state)
{
	struct value *value = array(1);
	struct value *references;
	struct blob seen = { 0 };

	(void)state;
	for (int i = 0; i < 60; i++) {
		struct value *twice = value_new_list(VALUE_LIST);

		assert_int_equal(value_list_append(twice, value_ref(value)), 0);
		assert_int_equal(value_list_append(twice, value), 0);
		value = twice;
	}
	assert_int_equal(nest_each(value, collect, &seen), -EFBIG);
	assert_int_equal(nest_to_references(value, &references), -EFBIG);
	value_unref(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrays_are_visited_with_their_paths),
		cmocka_unit_test(every_path_leads_back_to_its_array),
		cmocka_unit_test(paths_to_nothing_find_nothing),
		cmocka_unit_test(set_replaces_arrays_references_and_nulls),
		cmocka_unit_test(set_makes_the_dicts_on_the_way),
		cmocka_unit_test(set_refuses_what_is_in_the_way),
		cmocka_unit_test(changes_do_not_reach_other_holders),
		cmocka_unit_test(
		    json_that_comes_back_unchanged_changes_nothing),
		cmocka_unit_test(edits_are_taken_and_arrays_can_move),
		cmocka_unit_test(a_lost_array_is_refused_by_name),
		cmocka_unit_test(a_lone_array_is_its_own_reference),
		cmocka_unit_test(endless_sharing_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
