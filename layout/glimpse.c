/* SPDX-License-Identifier: MIT */
#include "layout/glimpse.h"

#include "backends/glimpse.h"
#include "layout/ask.h"

static uint64_t moment_of(const struct tree *tree, const struct node *node)
{
	struct store *store = stores_get(&tree->stores, node->collection);

	return store && store->backend->glimpse
	           ? store->backend->glimpse->moment(store)
	           : 0;
}

bool glimpse_is_current(const struct tree *tree, const struct node *node,
                        uint64_t moment)
{
	return moment && moment_of(tree, node) == moment;
}

void glimpse_release(struct glimpse *glimpse)
{
	view_release(&glimpse->view);
	*glimpse = (struct glimpse){ 0 };
}

/* The moment comes first: what changes after it counts as changed. */
int glimpse_get(const struct tree *tree, const struct node *node,
                struct record *out, struct glimpse *glimpse)
{
	struct reader *reader = NULL;
	int rc;

	if (node->kind == NODE_ARRAY || node->kind == NODE_FIELDS)
		glimpse->moment = moment_of(tree, node);
	if (node->kind != NODE_ARRAY || glimpse->moment == 0)
		return ask_get(&tree->stores, node->collection, node_key(node),
		               out);
	rc = ask_glimpse(&tree->stores, node->collection, node_key(node),
	                 node->array, out, &reader);
	/* Short of memory one does without. */
	if (rc == 0 && reader)
		(void)view_from_array(reader, &glimpse->view);
	return rc;
}

/* What does not agree with its attributes is asked for again by who opens. */
void glimpse_complete(struct glimpse *glimpse, const struct node_info *info,
                      struct blob *text)
{
	if (glimpse->moment && text->size)
		view_from_text(text, &glimpse->view);
	glimpse->info = *info;
	if (glimpse->view.size != info->size)
		view_release(&glimpse->view);
}
