/* SPDX-License-Identifier: MIT */
#include "layout/node.h"

#include "backends/npy.h"
#include "backends/outage.h"
#include "layout/ask.h"
#include "layout/control.h"
#include "layout/glimpse.h"
#include "layout/link.h"
#include "layout/question.h"
#include "layout/render.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static void set_from_stat(const struct stat *stat, struct node_info *info)
{
	*info = (struct node_info){
		.mode = stat->st_mode,
		.size = (uint64_t)stat->st_size,
		.mtime = stat->st_mtim,
		.atime = stat->st_atim,
		.scratch = true,
	};
}

static int stat_scratch(const struct tree *tree, const struct node *node,
                        struct node_info *out)
{
	struct stat stat;
	int rc = spool_stat(&tree->spool, node->path, &stat);

	if (rc == 0)
		set_from_stat(&stat, out);
	return rc;
}

static int stat_array(const struct node *node, const struct record *record,
                      struct node_info *info)
{
	const struct record_array *array = record_array(record, node->array);

	if (!array)
		return -ENOENT;
	info->mtime = array->mtime;
	return npy_file_size(&array->info, &info->size);
}

/* TEXT, unless it is NULL, receives what the file has in it. */
static int stat_fields(const struct node *node, const struct record *record,
                       struct node_info *info, struct blob *text)
{
	int rc;

	if (record->fields_dropped)
		return -ENOENT;
	if (!text)
		return render_size(node->collection, record, &info->size);
	rc = render_fields(node->collection, record, text);
	info->size = text->size;
	return rc;
}

static int stat_opaque(const struct node *node, const struct record *record,
                       struct node_info *info)
{
	(void)node;
	info->size = record->opaque_size;
	return record->opaque_size ? 0 : -ENOENT;
}

/* A directory is there while an array is below it; PREFIX "" is the record's
 * own, and the array "" is not in it. */
static bool has_array_below(const struct record *record, const char *prefix)
{
	size_t size = strlen(prefix);

	for (size_t i = 0; i < record->array_count; i++) {
		const char *name = record->arrays[i].name;

		if (name[0] == '\0' || strncmp(name, prefix, size) != 0)
			continue;
		if (size == 0 || name[size] == '/')
			return true;
	}
	return false;
}

static int stat_directory(const struct node *node, const struct record *record,
                          struct node_info *info)
{
	const char *prefix = node->array ? node->array : "";

	info->mode = S_IFDIR;
	if (node->kind == NODE_RECORD &&
	    (node->collection->shape == RECORD_DIRECTORY ||
	     node->collection->relations))
		return 0;
	return has_array_below(record, prefix) ? 0 : -ENOENT;
}

static int stat_record(const struct node *node, const struct record *record,
                       struct node_info *out, struct blob *text)
{
	struct node_info info = {
		.mode = S_IFREG,
		.mtime = record->fields_mtime,
		.atime = record->atime,
		.expires_ms = record->expires_ms,
	};
	int rc = -ENOENT;

	switch (node->kind) {
	case NODE_ARRAY:
		rc = stat_array(node, record, &info);
		break;
	case NODE_FIELDS:
		rc = stat_fields(node, record, &info, text);
		break;
	case NODE_OPAQUE:
		rc = stat_opaque(node, record, &info);
		break;
	case NODE_RECORD:
	case NODE_SUBDIR:
		rc = stat_directory(node, record, &info);
		break;
	default:
		break;
	}
	if (rc == 0)
		*out = info;
	return rc;
}

int node_stat_record(const struct node *node, const struct record *record,
                     struct node_info *out)
{
	return stat_record(node, record, out, NULL);
}

/* A directory is believed in: what is asked for is below it. */
static int stat_unknown(const struct node *node, struct node_info *out)
{
	if (node->kind == NODE_OPAQUE)
		return -EIO;
	*out = (struct node_info){
		.mode = node_is_part(node) ? S_IFREG : S_IFDIR,
		.unknown = true,
	};
	return 0;
}

static int get(const struct tree *tree, const struct node *node,
               struct record *out, struct glimpse *glimpse)
{
	return glimpse ? glimpse_get(tree, node, out, glimpse)
	               : ask_get(&tree->stores, node->collection,
	                         node_key(node), out);
}

static int look_stored(const struct tree *tree, const struct node *node,
                       struct node_info *out, struct glimpse *glimpse)
{
	struct record record = { 0 };
	struct blob text = { 0 };
	int rc;

	if (link_owns(node))
		return link_stat(tree, node, out);
	if (node->named_copy)
		return -ENOENT;
	rc = get(tree, node, &record, glimpse);
	if (rc == -EINVAL) /* a key that this backend cannot hold */
		return -ENOENT;
	if (rc == -EIO &&
	    outage_takes_unknown(stores_get(&tree->stores, node->collection)))
		return stat_unknown(node, out);
	if (rc == 0)
		rc = stat_record(node, &record, out, glimpse ? &text : NULL);
	if (rc == 0 && glimpse)
		glimpse_complete(glimpse, out, &text);
	blob_release(&text);
	record_release(&record);
	if (rc == 0 && link_is_directory(node)) /* as it is listed */
		out->mtime = out->atime = tree->since;
	return rc;
}

int node_stat_stored(const struct tree *tree, const struct node *node,
                     struct node_info *out)
{
	return look_stored(tree, node, out, NULL);
}

static int stat_control(const struct tree *tree, const struct node *node,
                        struct node_info *out)
{
	struct blob text = { 0 };
	int rc = node->control->render(tree, node, &text);

	*out = (struct node_info){ .mode = S_IFREG,
		                   .size = text.size,
		                   .mtime = tree->since,
		                   .atime = tree->since };
	blob_release(&text);
	return rc;
}

static int stat_rejected(const struct tree *tree, const struct node *node,
                         struct node_info *out)
{
	const char *name = strrchr(node->path, '/') + 1;
	struct stat stat;

	if (fstatat(tree->spool.rejected_fd, name, &stat, AT_SYMLINK_NOFOLLOW) <
	    0)
		return -errno;
	set_from_stat(&stat, out);
	return 0;
}

static int stat_fixed(const struct tree *tree, struct node_info *out)
{
	*out = (struct node_info){ .mode = S_IFDIR,
		                   .mtime = tree->since,
		                   .atime = tree->since };
	return 0;
}

int glimpse_stat(const struct tree *tree, const struct node *node,
                 struct node_info *out, struct glimpse *glimpse)
{
	int rc;

	switch (node->kind) {
	case NODE_BRANCH:
	case NODE_COLLECTION:
	case NODE_CONTROL_DIR:
		return stat_fixed(tree, out);
	case NODE_CONTROL:
		return stat_control(tree, node, out);
	case NODE_REJECTED:
		return stat_rejected(tree, node, out);
	case NODE_VIEWS:
	case NODE_QUESTION:
	case NODE_ANSWER:
	case NODE_REPORT:
		return question_stat(tree, node, out);
	case NODE_OTHER:
		return stat_scratch(tree, node, out);
	case NODE_RECORD:
	case NODE_SUBDIR:
	case NODE_LINKS:
		rc = node_stat_stored(tree, node, out);
		return rc == -ENOENT ? stat_scratch(tree, node, out) : rc;
	default: /* a file that is only begun hides the record's */
		rc = stat_scratch(tree, node, out);
		return rc == -ENOENT ? look_stored(tree, node, out, glimpse)
		                     : rc;
	}
}

int node_stat(const struct tree *tree, const struct node *node,
              struct node_info *out)
{
	return glimpse_stat(tree, node, out, NULL);
}
