/* SPDX-License-Identifier: MIT */
#include "layout/names.h"

#include "layout/array_name.h"
#include "layout/control.h"
#include "layout/question.h"
#include "layout/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void names_release(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
	*names = (struct names){ 0 };
}

static bool has_name(const struct names *names, const char *name, size_t size)
{
	for (size_t i = 0; i < names->count; i++)
		if (strncmp(names->items[i], name, size) == 0 &&
		    names->items[i][size] == '\0')
			return true;
	return false;
}

int names_add(struct names *names, const char *name, size_t size)
{
	char **items;

	if (has_name(names, name, size))
		return 0;
	items = reallocarray(names->items, names->count + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	names->items = items;
	items[names->count] = strndup(name, size);
	if (!items[names->count])
		return -ENOMEM;
	names->count++;
	return 0;
}

static int add_text(struct names *names, const char *name)
{
	return names_add(names, name, strlen(name));
}

int names_of_branch(const struct node *node, struct names *out)
{
	const char *path = node->path;
	size_t size = strlen(path);
	int rc = 0;

	for (const struct collection *row = tree_collections;
	     rc == 0 && row->path; row++) {
		const char *name = row->path + size + (size ? 1 : 0);

		if (size == 0 || (strncmp(row->path, path, size) == 0 &&
		                  row->path[size] == '/'))
			rc = names_add(out, name, strcspn(name, "/"));
	}
	return rc || size ? rc : add_text(out, QUESTION_NAME);
}

int names_of_views(const struct node *node, struct names *out)
{
	const char *rest = node->path + strlen(QUESTION_NAME);
	size_t size = strlen(rest);
	int rc = 0;

	for (const struct question_row *row = question_rows;
	     rc == 0 && row->path; row++) {
		bool below =
		    size == 0 || (strncmp(row->path, rest + 1, size - 1) == 0 &&
		                  row->path[size - 1] == '/');

		if (below && question_collection(row))
			rc = names_add(out, row->path + size,
			               strcspn(row->path + size, "/"));
	}
	return rc;
}

int names_of_control(struct names *out)
{
	int rc = 0;

	for (const struct control_row *row = control_rows; rc == 0 && row->name;
	     row++)
		rc = add_text(out, row->name);
	if (rc == 0)
		rc = add_text(out, "jobs");
	return rc ? rc : add_text(out, "rejected");
}

static int add_job(const char *name, void *arg)
{
	return add_text(arg, name);
}

int names_of_jobs(const struct tree *tree, struct names *out)
{
	return control_visit_jobs(tree, add_job, out);
}

/* The next part of the name of an array, from REST on. */
static int add_part(const struct node *node, const char *rest,
                    struct names *out)
{
	size_t size = strcspn(rest, "/");
	struct blob name = { 0 };
	int rc = array_name_show(node->collection, rest, size, &name);

	if (rc == 0)
		rc = blob_append_text(&name, rest[size] ? "" : ".npy");
	if (rc == 0)
		rc = names_add(out, name.data, name.size);
	blob_release(&name);
	return rc;
}

int names_of_record(const struct node *node, const struct record *record,
                    struct names *out)
{
	const char *prefix = node->array ? node->array : "";
	size_t size = strlen(prefix);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < record->array_count; i++) {
		const char *path = record->arrays[i].name;
		const char *rest = path + size + (size ? 1 : 0);
		bool below = path[0] && strncmp(path, prefix, size) == 0 &&
		             (size == 0 || path[size] == '/');

		if (below)
			rc = add_part(node, rest, out);
	}
	if (rc == 0 && node->kind == NODE_RECORD &&
	    node->collection->shape == RECORD_DIRECTORY)
		rc = add_text(out, "metadata.json");
	return rc;
}
