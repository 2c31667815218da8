/* SPDX-License-Identifier: MIT */
#include "layout/question.h"

#include "backends/json.h"
#include "layout/answer.h"
#include "layout/question_parse.h"

#include <errno.h>
#include <string.h>

#define REPORT_SUFFIX ".json"
#define REPORT_LIMIT ((size_t)16 << 20)

void question_release(struct question *question)
{
	blob_release(&question->text);
	*question = (struct question){ 0 };
}

/* What follows ROW's path and a slash in REST; NULL where REST is elsewhere,
 * "" at the row's own directory. */
static const char *below_row(const struct question_row *row, const char *rest)
{
	size_t size = strlen(row->path);

	if (strncmp(rest, row->path, size) != 0)
		return NULL;
	if (rest[size] == '\0')
		return rest + size;
	return rest[size] == '/' ? rest + size + 1 : NULL;
}

/* REST is a directory on the way to ROW. */
static bool leads_to(const char *rest, const struct question_row *row)
{
	size_t size = strlen(rest);

	return size == 0 ||
	       (strncmp(row->path, rest, size) == 0 && row->path[size] == '/');
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t size = strlen(name);
	size_t tail = strlen(suffix);

	return size > tail && strcmp(name + size - tail, suffix) == 0;
}

static enum node_kind kind_below(const struct question_row *row,
                                 const char *below)
{
	const char *slash = strchr(below, '/');

	if (below[0] == '\0')
		return NODE_VIEWS;
	if (row->report)
		return !slash && ends_with(below, REPORT_SUFFIX) ? NODE_REPORT
		                                                 : NODE_OTHER;
	if (!slash)
		return NODE_QUESTION;
	return strchr(slash + 1, '/') ? NODE_OTHER : NODE_ANSWER;
}

void question_find(const char *rest, struct node *node)
{
	node->kind = NODE_OTHER;
	for (const struct question_row *row = question_rows; row->path; row++) {
		const char *below = below_row(row, rest);

		if (!question_collection(row))
			continue;
		if (leads_to(rest, row))
			node->kind = NODE_VIEWS;
		if (!below)
			continue;
		node->question = row;
		node->kind = kind_below(row, below);
		return;
	}
}

bool question_owns(const struct node *node)
{
	return node->kind >= NODE_VIEWS && node->kind <= NODE_REPORT;
}

int question_name(const struct node *node, struct blob *out)
{
	const char *name = node->path + strlen(QUESTION_NAME "/") +
	                   strlen(node->question->path) + 1;
	size_t size = strcspn(name, "/");

	if (node->kind == NODE_REPORT)
		size -= strlen(REPORT_SUFFIX);
	return blob_append(out, name, size);
}

int question_record(const struct tree *tree, const struct question_row *row,
                    const char *name, struct node *out)
{
	struct blob path = { 0 };
	struct node node = { 0 };
	int rc = blob_printf(&path, "%s/%s.npy", row->collection, name);

	if (rc == 0)
		rc = node_find(tree, path.data, &node);
	if (rc == 0 && node.kind != NODE_ARRAY) {
		node_release(&node);
		rc = -ENOENT;
	}
	if (rc == 0)
		*out = node;
	blob_release(&path);
	return rc;
}

static int check_record(const struct tree *tree, const struct question_row *row,
                        const char *name)
{
	struct node node = { 0 };
	struct node_info info;
	int rc = question_record(tree, row, name, &node);

	if (rc == 0)
		rc = node_stat_stored(tree, &node, &info);
	node_release(&node);
	return rc;
}

/* Can NODE's question be asked? */
static int check(const struct tree *tree, const struct node *node)
{
	struct question question = { 0 };
	struct blob name = { 0 };
	int rc;

	rc = question_name(node, &name);
	if (rc == 0 && node->question->near)
		rc = check_record(tree, node->question, name.data);
	else if (rc == 0)
		rc = node->question->parse(node->question, name.data, &question,
		                           NULL);
	question_release(&question);
	blob_release(&name);
	return rc;
}

static int stat_report(const struct tree *tree, const struct node *node,
                       struct node_info *info)
{
	struct blob text = { 0 };
	int rc = question_render(tree, node, &text);

	info->mode = S_IFREG;
	info->size = text.size;
	blob_release(&text);
	return rc;
}

int question_stat_listed(const struct tree *tree, const struct node *node,
                         struct node_info *out)
{
	struct node_info info = { .mode = S_IFDIR,
		                  .mtime = tree->since,
		                  .atime = tree->since };
	struct blob target = { 0 };
	int rc = 0;

	if (node->kind == NODE_ANSWER) {
		rc = question_readlink(node, &target);
		info.mode = S_IFLNK;
		info.size = target.size;
	} else if (node->kind == NODE_REPORT) {
		rc = stat_report(tree, node, &info);
	}
	blob_release(&target);
	if (rc == 0)
		*out = info;
	return rc;
}

int question_stat(const struct tree *tree, const struct node *node,
                  struct node_info *out)
{
	int rc = 0;

	if (node->kind == NODE_QUESTION)
		rc = check(tree, node);
	else if (node->kind == NODE_ANSWER)
		rc = answer_has(tree, node, strrchr(node->path, '/') + 1);
	return rc ? rc : question_stat_listed(tree, node, out);
}

int question_readlink(const struct node *node, struct blob *out)
{
	const char *name = strrchr(node->path, '/') + 1;
	int rc = 0;

	for (const char *at = node->path; rc == 0 && at < name; at++)
		if (*at == '/')
			rc = blob_append_text(out, "../");
	return rc ? rc
	          : blob_printf(out, "%s/%s", node->question->collection, name);
}

static int summarise(const struct tree *tree, const struct node *node,
                     struct key text, struct value **out)
{
	const struct collection *collection =
	    question_collection(node->question);
	struct store *store = stores_get(&tree->stores, collection);
	struct query_summary summary = *node->question->report;

	if (!store)
		return -EIO;
	if (!store->backend->query)
		return -EOPNOTSUPP;
	summary.text = text;
	return store->backend->query->summarise(store, collection, &summary,
	                                        out);
}

int question_render(const struct tree *tree, const struct node *node,
                    struct blob *out)
{
	struct question question = { 0 };
	struct value *list = NULL;
	struct blob name = { 0 };
	int rc = question_name(node, &name);

	if (rc == 0)
		rc = node->question->parse(node->question, name.data, &question,
		                           NULL);
	if (rc == 0)
		rc = summarise(tree, node, question.query.terms[0].text, &list);
	if (rc == 0)
		rc = json_append(list, JSON_STYLE_FILE, JSON_ARRAYS_REFUSE,
		                 REPORT_LIMIT, out);
	value_unref(list);
	question_release(&question);
	blob_release(&name);
	return rc;
}

bool question_explain(const struct node *node, char why[WHY_SIZE])
{
	struct question question = { 0 };
	struct blob name = { 0 };
	int rc = 0;

	if (!question_owns(node) || !node->question || !node->question->parse)
		return false;
	if (node->kind != NODE_VIEWS)
		rc = question_name(node, &name);
	if (rc == 0 && node->kind != NODE_VIEWS)
		rc = node->question->parse(node->question, name.data, &question,
		                           why);
	question_release(&question);
	blob_release(&name);
	return rc == -EINVAL;
}
