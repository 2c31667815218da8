/* SPDX-License-Identifier: MIT */
#include "layout/packing.h"

#include <errno.h>
#include <stdlib.h>

#include "backends/npy.h"
#include "backends/packer.h"

/* What the plan is made from: the header and the first elements. */
#define SAMPLE ((size_t)128 << 10)

void packing_release(struct packing *packing)
{
	packer_free(packing->packer);
	*packing = (struct packing){ 0 };
}

void packing_give_up(struct packing *packing)
{
	packing_release(packing);
	packing->given_up = true;
}

/* A file that is in memory is small: the backend packs it at once. */
static bool is_packable(const struct node *node, const struct draft *draft)
{
	return node->kind == NODE_ARRAY && draft->fd >= 0;
}

static int plan(struct tree *tree, const struct node *node,
                const struct array_info *info, const char *sample, size_t size,
                struct packed_plan *out)
{
	struct store *store = stores_get(&tree->stores, node->collection);
	const struct packed_ops *ops =
	    store ? store_bottom(store)->backend->packed : NULL;

	if (!ops)
		return -ENOTSUP;
	return ops->plan(store, node->collection, info, sample, size, out);
}

static int start(struct packing *packing, struct tree *tree,
                 const struct node *node, const struct draft *draft,
                 const char *bytes, size_t size)
{
	struct packer_source source = { .fd = draft->fd };
	struct array_info info = { 0 };
	struct packed_plan planned;
	char why[WHY_SIZE];
	size_t header;
	int rc = npy_parse_header(bytes, size, &info, &header, why);

	if (rc)
		return rc;
	source.offset = header;
	source.nbytes = info.nbytes;
	rc = plan(tree, node, &info, bytes + header, size - header, &planned);
	array_info_release(&info);
	if (rc == 0)
		rc = packer_new(tree->packers, tree->spool.fd, &planned,
		                &source, &packing->packer);
	packing->header = header;
	packing->whole = header + source.nbytes;
	return rc;
}

static int begin(struct packing *packing, struct tree *tree,
                 const struct node *node, const struct draft *draft)
{
	char *bytes = malloc(SAMPLE);
	ssize_t n = bytes ? draft_read(draft, 0, bytes, SAMPLE) : -ENOMEM;
	int rc = (int)n;

	if (n >= 0)
		rc = start(packing, tree, node, draft, bytes, (size_t)n);
	free(bytes);
	return rc;
}

static void pack_more(struct packing *packing, struct tree *tree,
                      const struct node *node, const struct draft *draft)
{
	if (!packing->packer && begin(packing, tree, node, draft))
		packing_give_up(packing);
	else
		packer_reach(packing->packer, packing->end - packing->header);
}

int packing_write(struct packing *packing, struct tree *tree,
                  const struct node *node, struct draft *draft, uint64_t offset,
                  const void *data, size_t size)
{
	int rc;

	if (!tree->packers || offset != packing->end)
		packing_give_up(packing);
	rc = draft_write(draft, offset, data, size);
	if (packing->given_up)
		return rc;
	if (rc) {
		packing_give_up(packing);
		return rc;
	}
	packing->end = offset + size;
	if (is_packable(node, draft))
		pack_more(packing, tree, node, draft);
	return 0;
}

bool packing_finish(struct packing *packing, const struct draft *draft,
                    struct packed *out)
{
	return packing->packer && packing->end == packing->whole &&
	       draft->size == packing->whole &&
	       packer_finish(packing->packer, out) == 0;
}
