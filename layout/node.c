/* SPDX-License-Identifier: MIT */
#include "layout/node.h"

#include "backends/name.h"
#include "layout/array_name.h"
#include "layout/control.h"
#include "layout/link.h"
#include "layout/question.h"
#include "layout/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTORY_SHAPES (1U << RECORD_DIRECTORY | 1U << RECORD_NEST)

const struct node_suffix node_suffixes[] = {
	{ ".npy", NODE_ARRAY, 1U << RECORD_PAIR | 1U << RECORD_NEST },
	{ ".json", NODE_FIELDS,
	  1U << RECORD_PAIR | 1U << RECORD_NEST | 1U << RECORD_FIELDS },
	{ ".pickle", NODE_OPAQUE, 1U << RECORD_PAIR | 1U << RECORD_NEST },
	{ "", NODE_RECORD, DIRECTORY_SHAPES },
	{ 0 },
};

void node_release(struct node *node)
{
	free(node->path);
	free(node->array);
	blob_release(&node->key);
	blob_release(&node->link_type);
	blob_release(&node->link_target);
	*node = (struct node){ 0 };
}

static int copy_blob(struct blob *out, const struct blob *blob)
{
	return blob_set(out, blob->data, blob->size);
}

int node_copy(struct node *out, const struct node *node)
{
	struct node copy = *node;

	copy.key = (struct blob){ 0 };
	copy.link_type = (struct blob){ 0 };
	copy.link_target = (struct blob){ 0 };
	copy.array = node->array ? strdup(node->array) : NULL;
	copy.path = strdup(node->path);
	if (!copy.path || (node->array && !copy.array) ||
	    copy_blob(&copy.key, &node->key) ||
	    copy_blob(&copy.link_type, &node->link_type) ||
	    copy_blob(&copy.link_target, &node->link_target)) {
		node_release(&copy);
		return -ENOMEM;
	}
	*out = copy;
	return 0;
}

bool node_is_directory(const struct node *node)
{
	return node->kind <= NODE_SUBDIR || node->kind == NODE_CONTROL_DIR ||
	       node->kind == NODE_VIEWS || node->kind == NODE_QUESTION ||
	       node->kind == NODE_LINKS;
}

bool node_is_part(const struct node *node)
{
	return node->kind == NODE_ARRAY || node->kind == NODE_FIELDS ||
	       node->kind == NODE_OPAQUE || node->kind == NODE_LINK_FIELDS;
}

const char *node_refusal(const struct node *node)
{
	size_t size = strlen(node->path);

	if (node->bad_name)
		return "the name ends like a record's but no record here can "
		       "have it (a % must be followed by two upper-case hex "
		       "digits)";
	if (size > 4 && strcmp(node->path + size - 4, ".npz") == 0)
		return "an .npz archive is no record: save each array as a "
		       ".npy file";
	return NULL;
}

int node_part_name(struct key key, const char *suffix, struct blob *out)
{
	int rc = name_encode(key.data, key.size, NODE_STEM_LIMIT, out);

	return rc ? rc : blob_append_text(out, suffix);
}

/* NAME, or what follows NAME and a slash; NULL where PATH is elsewhere. */
static const char *path_below(const char *path, const char *name)
{
	size_t size = strlen(name);

	if (strncmp(path, name, size) != 0)
		return NULL;
	if (path[size] == '\0')
		return path + size;
	return path[size] == '/' ? path + size + 1 : NULL;
}

const struct collection *node_sibling_row(const struct collection *collection,
                                          enum record_shape shape)
{
	for (const struct collection *row = tree_collections; row->path; row++)
		if (row->shape == shape &&
		    strcmp(row->path, collection->path) == 0)
			return row;
	return NULL;
}

/* The first row at the path of COLLECTION whose shape is among SHAPES. */
static const struct collection *row_among(const struct collection *collection,
                                          unsigned int shapes)
{
	for (const struct collection *row = tree_collections; row->path; row++)
		if (1U << row->shape & shapes &&
		    strcmp(row->path, collection->path) == 0)
			return row;
	return NULL;
}

struct cut {
	const char *name;
	size_t size;
};

static bool has_cut_name(struct key key, void *arg)
{
	const struct cut *cut = arg;
	struct blob name = { 0 };
	bool same =
	    name_encode(key.data, key.size, NODE_STEM_LIMIT, &name) == 0 &&
	    name.size == cut->size &&
	    memcmp(name.data, cut->name, cut->size) == 0;

	blob_release(&name);
	return same;
}

/* The key whose cut name is NAME; -ENOENT where no record has it. */
static int find_cut(const struct tree *tree,
                    const struct collection *collection, const char *name,
                    size_t size, struct blob *key)
{
	struct store *store = stores_get(&tree->stores, collection);
	struct cut cut = { name, size };
	struct blob prefix = { 0 };
	int rc;

	if (!store)
		return -EIO;
	rc = name_decode(name, size - NAME_CUT_TAIL, NODE_STEM_LIMIT, &prefix);
	if (rc == 0)
		rc = store->backend->find(
		    store, collection, (struct key){ prefix.data, prefix.size },
		    has_cut_name, &cut, key);
	blob_release(&prefix);
	return rc;
}

static bool is_number(const char *name, size_t size)
{
	if (size == 0 || size > 19 || name[0] == '0')
		return false;
	return strspn(name, "0123456789") >= size;
}

/* Where a named copy beside STEM leads: the number in its symlink. */
static int follow_copy(const struct tree *tree, const char *directory,
                       const char *stem, size_t size, struct blob *key)
{
	static const char *const endings[] = { ".npy", ".json", "", NULL };
	struct blob link = { 0 };
	struct blob target = { 0 };
	int rc = -ENOENT;

	for (size_t i = 0; rc == -ENOENT && endings[i]; i++) {
		blob_release(&link);
		rc = blob_printf(&link, "%s/%.*s%s", directory, (int)size, stem,
		                 endings[i]);
		if (rc == 0)
			rc = spool_readlink(&tree->spool, link.data, &target);
		/* A scratch file, or a name that only such a file can have. */
		if (rc == -EINVAL || rc == -ENAMETOOLONG)
			rc = -ENOENT;
	}
	if (rc == 0) {
		size_t digits = strspn(target.data, "0123456789");

		rc = is_number(target.data, digits)
		         ? blob_set(key, target.data, digits)
		         : -ENOENT;
	}
	blob_release(&link);
	blob_release(&target);
	return rc;
}

int node_find_key(const struct tree *tree, const struct collection *collection,
                  const char *stem, size_t size, struct blob *key)
{
	int rc = -ENOENT;

	if (name_is_cut(stem, size, NODE_STEM_LIMIT))
		rc = find_cut(tree, collection, stem, size, key);
	return rc == -ENOENT ? name_decode(stem, size, NODE_STEM_LIMIT, key)
	                     : rc;
}

/* The key that STEM names in the node's collection. */
static int decode_stem(const struct tree *tree, const char *stem, size_t size,
                       struct node *node)
{
	int rc;

	if (collection_is_numbered(node->collection)) {
		if (is_number(stem, size))
			return blob_set(&node->key, stem, size);
		node->named_copy = true;
		rc = follow_copy(tree, node->collection->path, stem, size,
		                 &node->key);
		return rc == -ENOENT ? 0 : rc;
	}
	return node_find_key(tree, node->collection, stem, size, &node->key);
}

/* A file in a collection's own directory: "<key>.npy" and such. */
static int find_file(const struct tree *tree, const char *name,
                     struct node *node, bool *found)
{
	size_t size = strlen(name);

	*found = false;
	for (const struct node_suffix *row = node_suffixes; row->suffix[0];
	     row++) {
		size_t tail = strlen(row->suffix);
		const struct collection *collection =
		    row_among(node->collection, row->shapes);
		int rc;

		if (size <= tail || !collection ||
		    strcmp(name + size - tail, row->suffix) != 0)
			continue;
		*found = true;
		node->collection = collection;
		node->kind = row->kind;
		rc = decode_stem(tree, name, size - tail, node);
		if (rc != -EINVAL)
			return rc;
		node->kind = NODE_OTHER;
		node->bad_name = name[0] != '.';
		return 0;
	}
	return 0;
}

/* Below "<key>/": arrays by name, and the fields of directories. */
static int find_inside(const struct tree *tree, const char *rest,
                       struct node *node)
{
	size_t size = strlen(rest);
	bool ends_npy = size > 4 && strcmp(rest + size - 4, ".npy") == 0;
	int rc;

	if (node->collection->shape == RECORD_DIRECTORY &&
	    strcmp(rest, "metadata.json") == 0) {
		node->kind = NODE_FIELDS;
		return 0;
	}
	rc = array_name_find(tree, node, rest, ends_npy ? size - 4 : size,
	                     &node->array);
	if (rc == -EINVAL) {
		node->kind = NODE_OTHER;
		node->bad_name =
		    ends_npy && rest[0] != '.' && !strstr(rest, "/.");
		return 0;
	}
	if (rc)
		return rc;
	if (!collection_array(node->collection, node->array))
		node->kind = NODE_OTHER;
	else if (ends_npy)
		node->kind = NODE_ARRAY;
	else
		node->kind =
		    node->collection->arrays[0].name ? NODE_OTHER : NODE_SUBDIR;
	return 0;
}

/* A path below a collection's directory. */
static int find_in_collection(const struct tree *tree, const char *rest,
                              struct node *node)
{
	const char *slash = strchr(rest, '/');
	size_t size = slash ? (size_t)(slash - rest) : strlen(rest);
	const struct collection *directories =
	    node->collection->relations
		? node->collection
		: row_among(node->collection, DIRECTORY_SHAPES);
	bool found = false;
	int rc = 0;

	if (!slash)
		rc = find_file(tree, rest, node, &found);
	if (rc || found)
		return rc;
	node->kind = NODE_OTHER;
	if (!directories || rest[0] == '.')
		return 0;
	node->collection = directories;
	rc = decode_stem(tree, rest, size, node);
	if (rc == -EINVAL) {
		node->bad_name = !directories->relations;
		return 0;
	}
	node->kind = NODE_RECORD;
	if (rc || !slash)
		return rc;
	return directories->relations ? link_find(tree, slash + 1, node)
	                              : find_inside(tree, slash + 1, node);
}

/* The directories that collections are in. */
static bool is_branch(const char *path)
{
	if (path[0] == '\0')
		return true;
	for (const struct collection *row = tree_collections; row->path; row++)
		if (path_below(row->path, path))
			return true;
	return false;
}

static int find_in_tree(const struct tree *tree, const char *path,
                        struct node *node)
{
	for (const struct collection *row = tree_collections; row->path;
	     row++) {
		const char *rest = path_below(path, row->path);

		if (!rest)
			continue;
		node->collection = row;
		node->kind = NODE_COLLECTION;
		return rest[0] ? find_in_collection(tree, rest, node) : 0;
	}
	node->kind = is_branch(path) ? NODE_BRANCH : NODE_OTHER;
	return 0;
}

int node_find(const struct tree *tree, const char *path, struct node *out)
{
	struct node node = { .path = strdup(path) };
	const char *control = path_below(path, CONTROL_NAME);
	const char *question = path_below(path, QUESTION_NAME);
	int rc = 0;

	if (!node.path)
		return -ENOMEM;
	if (control)
		control_find(control, &node);
	else if (question)
		question_find(question, &node);
	else
		rc = find_in_tree(tree, path, &node);
	if (rc) {
		node_release(&node);
		return rc;
	}
	/* The array of a pair, and the whole of a nest, have the name "". */
	if (node.kind == NODE_ARRAY && !node.array) {
		node.array = strdup("");
		if (!node.array) {
			node_release(&node);
			return -ENOMEM;
		}
	}
	*out = node;
	return 0;
}

int node_child(const struct tree *tree, const struct node *parent,
               const char *name, struct node *out)
{
	struct blob path = { 0 };
	int rc = blob_printf(&path, "%s%s%s", parent->path,
	                     parent->path[0] ? "/" : "", name);

	if (rc == 0)
		rc = node_find(tree, path.data, out);
	blob_release(&path);
	return rc;
}
