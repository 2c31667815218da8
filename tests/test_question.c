/* SPDX-License-Identifier: MIT */
/* Questions as names of directories; the records are in the reference backend,
 * which has no indexes: every record is looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layout/answer.h"
#include "layout/listing.h"
#include "layout/question_parse.h"

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

static enum node_kind kind_of(struct lab *lab, const char *path)
{
	struct node node;
	enum node_kind kind;

	assert_int_equal(node_find(&lab->tree, path, &node), 0);
	kind = node.kind;
	node_release(&node);
	return kind;
}

static void each_path_has_one_meaning(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(kind_of(lab, "views"), NODE_VIEWS);
	assert_int_equal(kind_of(lab, "views/episodes"), NODE_VIEWS);
	assert_int_equal(kind_of(lab, "views/episodes/where"), NODE_VIEWS);
	assert_int_equal(kind_of(lab, "views/episodes/where/a=b"),
	                 NODE_QUESTION);
	assert_int_equal(kind_of(lab, "views/episodes/where/a=b/1.json"),
	                 NODE_ANSWER);
	assert_int_equal(kind_of(lab, "views/episodes/where/a=b/1/x"),
	                 NODE_OTHER);
	assert_int_equal(kind_of(lab, "views/episodes/x"), NODE_OTHER);
	assert_int_equal(kind_of(lab, "viewsx"), NODE_OTHER);
}

static const struct question_row *find_row(const char *path)
{
	const struct question_row *row = question_rows;

	while (row->path && strcmp(row->path, path) != 0)
		row++;
	assert_non_null(row->path);
	return row;
}

static int parse(const char *path, const char *name, struct question *out,
                 char why[WHY_SIZE])
{
	const struct question_row *row = find_row(path);

	*out = (struct question){ 0 };
	return row->parse(row, name, out, why);
}

static void assert_malformed(const char *path, const char *name,
                             const char *reason)
{
	struct question question;
	char why[WHY_SIZE] = "";

	assert_int_equal(parse(path, name, &question, why), -EINVAL);
	assert_non_null(strstr(why, reason));
	question_release(&question);
	assert_int_equal(parse(path, name, &question, NULL), -EINVAL);
	question_release(&question);
}

static void malformed_questions_say_why(void **state)
{
	(void)state;
	assert_malformed("episodes/recent", "1e999", "not a number");
	assert_malformed("episodes/recent", "0x10", "not a number");
	assert_malformed("episodes/recent", "1 ", "not a number");
	assert_malformed("episodes/recent", "-1", "number of seconds");
	assert_malformed("episodes/by_context", "a%2", "hex digits");
	assert_malformed("episodes/by_context", "a%2f", "hex digits");
	assert_malformed("episodes/where", "", "KEY=VALUE");
	assert_malformed("episodes/where", "limit=1&", "KEY=VALUE");
	assert_malformed("episodes/where", "limit=1x", "limit");
	assert_malformed("episodes/where", "limit=-1", "limit");
	assert_malformed("episodes/where", "limit=1&limit=1", "twice");
	assert_malformed("episodes/where", "min_score=", "not a number");
	assert_malformed("network_states/between", "1;2", "FROM,TO");
	assert_malformed("network_states/between", "2,1", "ends before");
	assert_malformed("network_states/between", "1,2,3", "not a number");
}

static void assert_text(const char *path, const char *name, const char *text)
{
	struct question question;
	struct key found;

	assert_int_equal(parse(path, name, &question, NULL), 0);
	found = question.query.terms[0].text;
	assert_int_equal(found.size, strlen(text));
	if (found.size)
		assert_memory_equal(found.data, text, found.size);
	question_release(&question);
}

static void texts_are_decoded(void **state)
{
	(void)state;
	assert_text("episodes/by_context", "a%2Fb%25", "a/b%");
	assert_text("episodes/by_context", "%", "");
	assert_text("episodes/by_context", "%6D", "m");
	assert_text("episodes/where", "limit=3&context_hash=a%26b%3D", "a&b=");
	assert_text("concepts/search", "net_work", "%net_work%");
	assert_text("concepts/search", "net%", "net%");
	assert_text("concepts/search", "net%25", "net%");
	assert_text("concepts/search", "%ab%", "%ab%");
	assert_text("concepts/search", "%", "%");
}

static void where_sets_order_and_limit(void **state)
{
	struct question question;

	(void)state;
	assert_int_equal(parse("episodes/where",
	                       "min_score=0.5&since=-1e3&order=score&limit=20",
	                       &question, NULL),
	                 0);
	assert_int_equal(question.query.term_count, 2);
	assert_string_equal(question.query.terms[1].field, "timestamp");
	assert_true(question.query.terms[1].number == -1000);
	assert_string_equal(question.query.order, "performance_score");
	assert_int_equal(question.query.limit, 20);
	question_release(&question);
}

static void put_episode(struct lab *lab, int number, int score, int time)
{
	char path[32];
	char text[128];

	snprintf(path, sizeof(path), "episodes/%d.json", number);
	snprintf(text, sizeof(text),
	         "{\"timestamp\": %d, \"performance_score\": %d, "
	         "\"context_hash\": \"%s\"}",
	         time, score, number % 2 ? "odd" : "even");
	assert_int_equal(lab_write(lab, path, text, NULL), 0);
}

static void assert_answer(struct lab *lab, const char *path,
                          const char *expected)
{
	struct answer *answer;
	struct blob names = { 0 };
	struct node node;

	assert_int_equal(node_find(&lab->tree, path, &node), 0);
	assert_int_equal(answer_ask(&lab->tree, &node, &answer), 0);
	for (size_t i = 0; i < answer_count(answer); i++)
		assert_int_equal(
		    blob_printf(&names, "%s ", answer_name(answer, i)), 0);
	assert_string_equal(names.data ? names.data : "", expected);
	answer_put(answer);
	node_release(&node);
	blob_release(&names);
}

static void backends_without_indexes_answer_the_same(void **state)
{
	struct lab *lab = *state;

	put_episode(lab, 1, 5, 100);
	put_episode(lab, 2, 9, 300);
	put_episode(lab, 3, 7, 200);
	put_episode(lab, 4, 1, 200);
	assert_answer(lab, "views/episodes/by_context/odd", "3.json 1.json ");
	assert_answer(lab, "views/episodes/by_context/none", "");
	assert_answer(lab, "views/episodes/where/min_score=5&order=score",
	              "2.json 3.json 1.json ");
	assert_answer(lab, "views/episodes/where/since=200",
	              "2.json 4.json 3.json ");
	assert_answer(lab, "views/episodes/where/until=200&limit=1", "4.json ");
	assert_answer(lab, "views/episodes/recent/60", "");
}

static int find_name(struct lab *lab, const char *path)
{
	struct node_info info;
	struct node node;
	int rc;

	assert_int_equal(node_find(&lab->tree, path, &node), 0);
	rc = node_stat(&lab->tree, &node, &info);
	if (rc == 0)
		assert_true(S_ISLNK(info.mode));
	node_release(&node);
	return rc;
}

static void names_outside_the_answer_are_not_there(void **state)
{
	struct lab *lab = *state;

	lab->tree.answers = answers_new();
	assert_non_null(lab->tree.answers);
	put_episode(lab, 1, 5, 100);
	put_episode(lab, 2, 5, 100);
	assert_int_equal(find_name(lab, "views/episodes/by_context/odd/1.json"),
	                 0);
	assert_int_equal(find_name(lab, "views/episodes/by_context/odd/2.json"),
	                 -ENOENT);
	assert_int_equal(find_name(lab, "views/episodes/by_context/odd/1.npy"),
	                 -ENOENT);

	/* A kept answer hides nothing that is new. */
	put_episode(lab, 3, 5, 100);
	assert_int_equal(find_name(lab, "views/episodes/by_context/odd/3.json"),
	                 0);

	/* More questions than answers are kept. */
	for (int i = 0; i < 40; i++) {
		char path[64];

		snprintf(path, sizeof(path),
		         "views/episodes/where/min_score=%d/1.json", i);
		assert_int_equal(find_name(lab, path), i <= 5 ? 0 : -ENOENT);
	}
	answers_free(lab->tree.answers);
	lab->tree.answers = NULL;
}

static void links_lead_up_and_to_the_record(void **state)
{
	struct lab *lab = *state;
	struct blob target = { 0 };
	struct node node;

	assert_int_equal(
	    node_find(&lab->tree, "views/episodes/recent/60/7.json", &node), 0);
	assert_int_equal(question_readlink(&node, &target), 0);
	assert_string_equal(target.data, "../../../../episodes/7.json");
	node_release(&node);
	blob_release(&target);
}

static void patterns_need_an_index(void **state)
{
	struct lab *lab = *state;
	struct answer *answer;
	struct node node;

	assert_int_equal(
	    node_find(&lab->tree, "views/concepts/search/a", &node), 0);
	assert_int_equal(answer_ask(&lab->tree, &node, &answer), -EOPNOTSUPP);
	node_release(&node);
}

#define LAB_TEST(function)                                                     \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(each_path_has_one_meaning),
		LAB_TEST(malformed_questions_say_why),
		LAB_TEST(texts_are_decoded),
		LAB_TEST(where_sets_order_and_limit),
		LAB_TEST(backends_without_indexes_answer_the_same),
		LAB_TEST(names_outside_the_answer_are_not_there),
		LAB_TEST(links_lead_up_and_to_the_record),
		LAB_TEST(patterns_need_an_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
