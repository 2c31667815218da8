/* SPDX-License-Identifier: MIT */
#include "layout/array_name.h"

#include "backends/name.h"
#include "layout/ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int array_name_show(const struct collection *collection, const char *part,
                    size_t size, struct blob *out)
{
	if (collection_takes_any_name(collection))
		return name_encode(part, size, NODE_STEM_LIMIT, out);
	return blob_append(out, part, size);
}

typedef int part_fn(const char *part, size_t size, struct blob *out);

/* OUT gets what FN makes of each part, with slashes between. */
static int each_part(const char *path, size_t size, part_fn *fn,
                     struct blob *out)
{
	const char *end = path + size;
	int rc = blob_append(out, "", 0);

	for (const char *part = path; rc == 0; part++) {
		const char *slash = memchr(part, '/', (size_t)(end - part));
		const char *stop = slash ? slash : end;

		rc = fn(part, (size_t)(stop - part), out);
		if (!slash)
			break;
		if (rc == 0)
			rc = blob_append(out, "/", 1);
		part = stop;
	}
	return rc;
}

static int show_part(const char *part, size_t size, struct blob *out)
{
	return name_encode(part, size, NODE_STEM_LIMIT, out);
}

/* A slash is between parts, never in one. */
static int read_part(const char *part, size_t size, struct blob *out)
{
	size_t before = out->size;
	int rc = name_decode(part, size, NODE_STEM_LIMIT, out);

	if (rc == 0 && (memchr(out->data + before, '/', out->size - before) ||
	                memchr(out->data + before, '\0', out->size - before)))
		return -EINVAL;
	return rc;
}

static int refuse_cut(const char *part, size_t size, struct blob *out)
{
	(void)out;
	return name_is_cut(part, size, NODE_STEM_LIMIT) ? -ENAMETOOLONG : 0;
}

static bool has_cut_part(const char *path, size_t size)
{
	struct blob none = { 0 };
	bool cut = each_part(path, size, refuse_cut, &none) == -ENAMETOOLONG;

	blob_release(&none);
	return cut;
}

/* What is left of NAME where its path, SHOWN, is at or below PATH. */
static size_t shared_size(const char *name, const struct blob *shown,
                          const char *path, size_t size)
{
	const char *end = name;

	if (shown->size < size || memcmp(shown->data, path, size) != 0 ||
	    (shown->size > size && shown->data[size] != '/'))
		return 0;
	for (size_t i = 0; i <= size; i++)
		if (i == size || path[i] == '/')
			end += strcspn(end, "/") + (i < size);
	return (size_t)(end - name);
}

/* The array, or the directory on the way to one, whose path was cut. */
static int find_among(const struct record *record, const char *path,
                      size_t size, struct blob *out)
{
	for (size_t i = 0; i < record->array_count; i++) {
		const char *name = record->arrays[i].name;
		struct blob shown = { 0 };
		int rc = each_part(name, strlen(name), show_part, &shown);
		size_t shared = rc ? 0 : shared_size(name, &shown, path, size);

		blob_release(&shown);
		if (rc)
			return rc;
		if (shared)
			return blob_set(out, name, shared);
	}
	return -ENOENT;
}

static int find_cut(const struct tree *tree, const struct node *node,
                    const char *path, size_t size, struct blob *out)
{
	struct record record = { 0 };
	int rc =
	    ask_get(&tree->stores, node->collection, node_key(node), &record);

	if (rc == 0)
		rc = find_among(&record, path, size, out);
	record_release(&record);
	return rc;
}

static int find_name(const struct tree *tree, const struct node *node,
                     const char *path, size_t size, struct blob *out)
{
	int rc = -ENOENT;

	if (!collection_takes_any_name(node->collection))
		return blob_append(out, path, size);
	if (has_cut_part(path, size))
		rc = find_cut(tree, node, path, size, out);
	return rc == -ENOENT ? each_part(path, size, read_part, out) : rc;
}

int array_name_find(const struct tree *tree, const struct node *node,
                    const char *path, size_t size, char **out)
{
	struct blob name = { 0 };
	int rc = find_name(tree, node, path, size, &name);

	if (rc == 0) {
		*out = strndup(name.data, name.size);
		rc = *out ? 0 : -ENOMEM;
	}
	blob_release(&name);
	return rc;
}
