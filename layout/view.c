/* SPDX-License-Identifier: MIT */
#include "layout/view.h"

#include "backends/npy.h"
#include "backends/version.h"
#include "layout/ask.h"
#include "layout/control.h"
#include "layout/link.h"
#include "layout/question.h"
#include "layout/render.h"

#include <errno.h>
#include <string.h>

void view_release(struct view *view)
{
	if (view->reader)
		view->reader->ops->close(view->reader);
	blob_release(&view->head);
	*view = (struct view){ 0 };
}

static uint64_t version(const struct view *view)
{
	uint64_t head = version_of(view->head.data, view->head.size, 0);

	if (!view->reader)
		return head;
	return view->reader->version
	           ? version_of(&view->reader->version,
	                        sizeof(view->reader->version), head)
	           : 0;
}

/* Head and reader are there. */
static void complete(struct view *view)
{
	view->size = view->head.size + (view->reader ? view->reader->size : 0);
	view->version = version(view);
}

int view_from_array(struct reader *reader, struct view *out)
{
	struct view view = { .reader = reader };
	int rc = npy_append_header(&reader->info, &view.head);

	if (rc) {
		view_release(&view);
		return rc;
	}
	complete(&view);
	*out = view;
	return 0;
}

void view_from_text(struct blob *text, struct view *out)
{
	struct view view = { 0 };

	blob_move(&view.head, text);
	complete(&view);
	*out = view;
}

int view_share(const struct view *view, struct view *out)
{
	struct view copy = { .size = view->size, .version = view->version };
	int rc = 0;

	if (view->reader && !view->reader->ops->share)
		return -EOPNOTSUPP;
	if (view->reader)
		rc = view->reader->ops->share(view->reader, &copy.reader);
	if (rc == 0)
		rc = blob_append(&copy.head, view->head.data, view->head.size);
	if (rc)
		view_release(&copy);
	else
		*out = copy;
	return rc;
}

static int open_array(const struct tree *tree, const struct node *node,
                      struct view *view)
{
	int rc = ask_open_array(&tree->stores, node->collection, node_key(node),
	                        node->array, &view->reader);

	if (rc == 0)
		rc = npy_append_header(&view->reader->info, &view->head);
	return rc;
}

static int open_opaque(struct store *store, const struct node *node,
                       struct view *view)
{
	if (!store->backend->open_opaque)
		return -ENOENT;
	return store->backend->open_opaque(store, node->collection,
	                                   node_key(node), &view->reader);
}

static int open_fields(const struct tree *tree, const struct node *node,
                       struct view *view)
{
	struct record record = { 0 };
	int rc =
	    ask_get(&tree->stores, node->collection, node_key(node), &record);

	if (rc == 0)
		rc =
		    record.fields_dropped
			? -ENOENT
			: render_fields(node->collection, &record, &view->head);
	record_release(&record);
	return rc;
}

static int open_part(const struct tree *tree, const struct node *node,
                     struct view *view)
{
	struct store *store = stores_get(&tree->stores, node->collection);

	if (node->named_copy)
		return -ENOENT;
	if (!store)
		return -EIO;
	switch (node->kind) {
	case NODE_ARRAY:
		return open_array(tree, node, view);
	case NODE_FIELDS:
		return open_fields(tree, node, view);
	default:
		return open_opaque(store, node, view);
	}
}

int view_open(const struct tree *tree, const struct node *node,
              struct view *out)
{
	struct view view = { 0 };
	int rc;

	if (node->kind == NODE_CONTROL)
		rc = node->control->render(tree, node, &view.head);
	else if (node->kind == NODE_REPORT)
		rc = question_render(tree, node, &view.head);
	else if (node->kind == NODE_LINK_FIELDS)
		rc = link_render(tree, node, &view.head);
	else
		rc = open_part(tree, node, &view);

	if (rc) {
		view_release(&view);
		return rc == -EINVAL ? -ENOENT : rc;
	}
	complete(&view);
	*out = view;
	return 0;
}

/* How many of SIZE bytes at OFFSET the head has. */
static size_t in_head(const struct view *view, uint64_t offset, size_t size)
{
	size_t left = 0;

	if (offset < view->head.size)
		left = view->head.size - (size_t)offset;
	return left < size ? left : size;
}

ssize_t view_lend(struct view *view, uint64_t offset, size_t size,
                  struct loan *loan)
{
	size_t done = in_head(view, offset, size);
	ssize_t n = 0;

	if (done > 0 && !loan_append(loan, view->head.data + offset, done))
		return -ENOBUFS;
	if (done < size && view->reader)
		n = loan_from_reader(loan, view->reader,
		                     offset + done - view->head.size,
		                     size - done);
	return n < 0 ? n : (ssize_t)done + n;
}

ssize_t view_read(struct view *view, uint64_t offset, void *buffer, size_t size)
{
	size_t done = in_head(view, offset, size);
	ssize_t n = 0;

	if (done > 0)
		memcpy(buffer, view->head.data + offset, done);
	if (done < size && view->reader)
		n = view->reader->ops->read(view->reader,
		                            offset + done - view->head.size,
		                            (char *)buffer + done, size - done);
	return n < 0 ? n : (ssize_t)done + n;
}

bool view_why(struct view *view, char why[WHY_SIZE])
{
	why[0] = '\0';
	if (view->reader && view->reader->ops->why)
		view->reader->ops->why(view->reader, why);
	return why[0] != '\0';
}
