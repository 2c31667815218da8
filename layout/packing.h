/* SPDX-License-Identifier: MIT */
/*
 * packing.h - the chunks of an npy file that is being written
 *
 * As long as a draft grows from its beginning to its end, what is there of the
 * array is packed as the backend would store it.  A write anywhere else, and
 * whatever goes wrong, ends that: the backend packs by itself then.
 *
 * Threads:    one user at a time.
 */
#ifndef ENGRAMFS_LAYOUT_PACKING_H
#define ENGRAMFS_LAYOUT_PACKING_H

#include "backends/packed.h"
#include "layout/draft.h"
#include "layout/node.h"

struct packer;

/* All-zero: nothing is known of the file yet. */
struct packing {
	struct packer *packer; /* NULL: not begun, or given up */
	bool given_up;
	uint64_t header; /* bytes before the array */
	uint64_t whole;  /* bytes of the file, with it */
	uint64_t end;    /* bytes of the file that were written in order */
};

/* Write SIZE bytes at OFFSET of DRAFT, the file of NODE.  -ENOSPC and the like:
 * as draft_write. */
int packing_write(struct packing *packing, struct tree *tree,
                  const struct node *node, struct draft *draft, uint64_t offset,
                  const void *data, size_t size);

/* The draft is about to be changed in another way. */
void packing_give_up(struct packing *packing);

/* The chunks of the array, now that DRAFT is whole: until packing_release, or
 * more is written.  False: there are none. */
bool packing_finish(struct packing *packing, const struct draft *draft,
                    struct packed *out);

void packing_release(struct packing *packing);

#endif
