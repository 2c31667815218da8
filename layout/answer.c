/* SPDX-License-Identifier: MIT */
#include "layout/answer.h"

#include "backends/name.h"
#include "layout/question.h"
#include "layout/tree.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEPT 16
#define KEPT_SECONDS 1
#define NEAR_LIMIT 100

struct answer {
	atomic_uint references;
	char *path; /* of the directory */
	struct timespec asked;
	struct match_list names;
	const char **sorted; /* the same, for searching */
};

struct answers {
	pthread_mutex_t lock;
	struct answer *kept[KEPT];
	size_t oldest;
};

struct answers *answers_new(void)
{
	struct answers *answers = calloc(1, sizeof(*answers));

	if (answers)
		pthread_mutex_init(&answers->lock, NULL);
	return answers;
}

void answers_free(struct answers *answers)
{
	if (!answers)
		return;
	for (size_t i = 0; i < KEPT; i++)
		answer_put(answers->kept[i]);
	pthread_mutex_destroy(&answers->lock);
	free(answers);
}

static struct answer *answer_ref(struct answer *answer)
{
	atomic_fetch_add(&answer->references, 1);
	return answer;
}

void answer_put(struct answer *answer)
{
	if (!answer || atomic_fetch_sub(&answer->references, 1) > 1)
		return;
	match_list_release(&answer->names);
	free(answer->sorted);
	free(answer->path);
	free(answer);
}

size_t answer_count(const struct answer *answer)
{
	return answer->names.count;
}

const char *answer_name(const struct answer *answer, size_t place)
{
	return answer->names.items[place].key.data;
}

/* ---- keeping ---- */

static void keep(struct answers *answers, struct answer *answer)
{
	struct answer *old;
	size_t slot;

	if (!answers)
		return;
	pthread_mutex_lock(&answers->lock);
	for (slot = 0; slot < KEPT; slot++)
		if (answers->kept[slot] &&
		    strcmp(answers->kept[slot]->path, answer->path) == 0)
			break;
	if (slot == KEPT) {
		slot = answers->oldest;
		answers->oldest = (slot + 1) % KEPT;
	}
	old = answers->kept[slot];
	answers->kept[slot] = answer_ref(answer);
	pthread_mutex_unlock(&answers->lock);
	answer_put(old);
}

static bool is_fresh(const struct answer *answer)
{
	struct timespec now;
	double age;

	clock_gettime(CLOCK_MONOTONIC, &now);
	age = (double)(now.tv_sec - answer->asked.tv_sec) +
	      (double)(now.tv_nsec - answer->asked.tv_nsec) / 1e9;
	return age < KEPT_SECONDS;
}

static struct answer *find_kept(struct answers *answers, const char *path,
                                size_t size)
{
	struct answer *found = NULL;

	if (!answers)
		return NULL;
	pthread_mutex_lock(&answers->lock);
	for (size_t i = 0; i < KEPT && !found; i++) {
		struct answer *answer = answers->kept[i];

		if (answer && strncmp(answer->path, path, size) == 0 &&
		    answer->path[size] == '\0' && is_fresh(answer))
			found = answer_ref(answer);
	}
	pthread_mutex_unlock(&answers->lock);
	return found;
}

/* ---- asking ---- */

/* The file that stands for a record. */
static const char *main_suffix(const struct collection *collection)
{
	static const char *const suffixes[] = {
		[RECORD_PAIR] = ".npy",
		[RECORD_DIRECTORY] = "",
		[RECORD_NEST] = ".json",
		[RECORD_FIELDS] = ".json",
	};

	return suffixes[collection->shape];
}

/* Append the records of KEYS under their names. */
static int add_names(struct answer *answer, const struct collection *collection,
                     const struct match_list *keys)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < keys->count; i++) {
		const struct match *match = &keys->items[i];
		const struct key key = { match->key.data, match->key.size };
		struct blob name = { 0 };

		rc = node_part_name(key, main_suffix(collection), &name);
		if (rc == 0)
			rc = match_list_append(&answer->names, &name,
			                       match->rank);
		blob_release(&name);
	}
	return rc;
}

static int ask_row(const struct tree *tree, const struct collection *collection,
                   const struct query *query, struct answer *answer)
{
	struct store *store = stores_get(&tree->stores, collection);
	struct match_list keys = { 0 };
	int rc = store ? query_ask(store, collection, query, &keys) : -EIO;

	if (rc == 0)
		rc = add_names(answer, collection, &keys);
	match_list_release(&keys);
	return rc;
}

/* Ask every row at the collection's path. */
static int ask_query(const struct tree *tree, const struct question_row *row,
                     const struct query *query, struct answer *answer)
{
	size_t rows = 0;
	int rc = 0;

	for (const struct collection *collection = tree_collections;
	     rc == 0 && collection->path; collection++) {
		if (strcmp(collection->path, row->collection) != 0)
			continue;
		rc = ask_row(tree, collection, query, answer);
		rows++;
	}
	if (rows > 1)
		match_list_sort(&answer->names);
	return rc;
}

static int ask_near(const struct tree *tree, const struct question_row *row,
                    const char *name, struct answer *answer)
{
	const struct collection *collection = question_collection(row);
	struct store *store = stores_get(&tree->stores, collection);
	struct match_list keys = { 0 };
	struct node node = { 0 };
	int rc = store ? question_record(tree, row, name, &node) : -EIO;

	if (rc == 0)
		rc = store->backend->query
		         ? store->backend->query->near(store, collection,
		                                       node_key(&node),
		                                       NEAR_LIMIT, &keys)
		         : -EOPNOTSUPP;
	if (rc == 0)
		rc = add_names(answer, collection, &keys);
	node_release(&node);
	match_list_release(&keys);
	return rc;
}

static int ask_question(const struct tree *tree, const struct node *node,
                        struct answer *answer)
{
	const struct question_row *row = node->question;
	struct question question = { 0 };
	struct blob name = { 0 };
	int rc = question_name(node, &name);

	if (rc == 0 && row->near)
		rc = ask_near(tree, row, name.data, answer);
	if (rc == 0 && row->parse) {
		question.query.order =
		    row->order ? row->order
			       : question_collection(row)->timestamp;
		rc = row->parse(row, name.data, &question, NULL);
		if (rc == 0)
			rc = ask_query(tree, row, &question.query, answer);
	}
	question_release(&question);
	blob_release(&name);
	return rc;
}

/* The different texts of the row's field, as names of questions.  Texts whose
 * names would be cut cannot be asked for. */
static int ask_texts(const struct tree *tree, const struct question_row *row,
                     struct answer *answer)
{
	const struct collection *collection = question_collection(row);
	struct store *store = stores_get(&tree->stores, collection);
	struct match_list texts = { 0 };
	int rc = -EIO;

	if (store)
		rc = store->backend->query
		         ? store->backend->query->texts(store, collection,
		                                        row->field, &texts)
		         : 0;
	for (size_t i = 0; rc == 0 && i < texts.count; i++) {
		const struct blob *text = &texts.items[i].key;
		struct blob name = { 0 };

		rc = name_encode(text->data, text->size, NAME_LIMIT, &name);
		if (rc == 0 && !name_is_cut(name.data, name.size, NAME_LIMIT))
			rc = match_list_append(&answer->names, &name, 0);
		blob_release(&name);
	}
	match_list_release(&texts);
	return rc;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int sort_names(struct answer *answer)
{
	size_t count = answer_count(answer);

	answer->sorted = calloc(count + 1, sizeof(*answer->sorted));
	if (!answer->sorted)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		answer->sorted[i] = answer_name(answer, i);
	qsort(answer->sorted, count, sizeof(*answer->sorted), compare);
	return 0;
}

/* Bytes of the path of the directory that NODE is, or is in. */
static size_t directory_size(const struct node *node)
{
	return node->kind == NODE_ANSWER
	           ? (size_t)(strrchr(node->path, '/') - node->path)
	           : strlen(node->path);
}

int answer_ask(const struct tree *tree, const struct node *node,
               struct answer **out)
{
	struct answer *answer = calloc(1, sizeof(*answer));
	int rc = -ENOMEM;

	if (!answer)
		return rc;
	atomic_init(&answer->references, 1);
	clock_gettime(CLOCK_MONOTONIC, &answer->asked);
	answer->path = strndup(node->path, directory_size(node));
	if (answer->path)
		rc = node->kind == NODE_VIEWS
		         ? ask_texts(tree, node->question, answer)
		         : ask_question(tree, node, answer);
	if (rc == 0)
		rc = sort_names(answer);
	if (rc) {
		answer_put(answer);
		return rc;
	}
	keep(tree->answers, answer);
	*out = answer;
	return 0;
}

int answer_get(const struct tree *tree, const struct node *node,
               struct answer **out)
{
	struct answer *answer =
	    find_kept(tree->answers, node->path, directory_size(node));

	if (!answer)
		return answer_ask(tree, node, out);
	*out = answer;
	return 0;
}

static bool has_name(const struct answer *answer, const char *name)
{
	return bsearch(&name, answer->sorted, answer_count(answer),
	               sizeof(*answer->sorted), compare) != NULL;
}

int answer_has(const struct tree *tree, const struct node *node,
               const char *name)
{
	struct answer *answer;
	int rc = answer_get(tree, node, &answer);
	bool found;

	if (rc)
		return rc;
	found = has_name(answer, name);
	answer_put(answer);
	if (found)
		return 0;
	rc = answer_ask(tree, node, &answer);
	if (rc)
		return rc;
	found = has_name(answer, name);
	answer_put(answer);
	return found ? 0 : -ENOENT;
}
