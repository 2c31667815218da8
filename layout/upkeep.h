/* SPDX-License-Identifier: MIT */
/*
 * upkeep.h - the jobs that keep a store in order
 *
 * Errors:     int functions return 0 or a negative errno value; what they found
 *             out is the job's result, and why they failed its error.
 * Threads:    upkeep_* are run by the jobs' thread.
 */
#ifndef ENGRAMFS_LAYOUT_UPKEEP_H
#define ENGRAMFS_LAYOUT_UPKEEP_H

#include "layout/jobs.h"
#include "layout/node.h"

int upkeep_statistics(struct job *job, struct tree *tree,
                      const struct value *arguments);
int upkeep_vacuum(struct job *job, struct tree *tree,
                  const struct value *arguments);
int upkeep_compact(struct job *job, struct tree *tree,
                   const struct value *arguments);
int upkeep_clear_expired(struct job *job, struct tree *tree,
                         const struct value *arguments);
int upkeep_flush(struct job *job, struct tree *tree,
                 const struct value *arguments);
int upkeep_verify(struct job *job, struct tree *tree,
                  const struct value *arguments);

/* upkeep_rotate.c */
int upkeep_rotate(struct job *job, struct tree *tree,
                  const struct value *arguments);
int upkeep_check_size(struct job *job, struct tree *tree,
                      const struct value *arguments);
/* For any thread: STORE was written to, and may have to be rotated. */
void upkeep_after_change(struct tree *tree, struct store *store);

/* Add the figures of one backend to OUT. */
int upkeep_measure(struct store *store, const struct work *work,
                   struct value *out);

/* upkeep_cleanup.c */
int upkeep_cleanup(struct job *job, struct tree *tree,
                   const struct value *arguments);
int upkeep_check_cleanup(const struct value *arguments, char why[WHY_SIZE]);

#endif
