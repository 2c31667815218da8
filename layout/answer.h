/* SPDX-License-Identifier: MIT */
/*
 * answer.h - what a question in views/ is answered with
 *
 * An answer is a list of names, best first.  Listing a directory asks anew;
 * looking up a name in it uses an answer that is less than a second old, so
 * that `ls -l` of a thousand names asks once.
 *
 * Errors:     int functions return 0 or a negative errno value; -EINVAL: the
 *             question is none.
 * Ownership:  answer_put gives back what answer_get and answer_ask returned.
 * Threads:    answers do not change and may be shared.
 */
#ifndef ENGRAMFS_LAYOUT_ANSWER_H
#define ENGRAMFS_LAYOUT_ANSWER_H

#include "layout/node.h"

struct answer;
struct answers;

/* Those that are kept; a tree may do without (NULL). */
struct answers *answers_new(void);
/* Accepts NULL. */
void answers_free(struct answers *answers);

/* Answer NODE: a NODE_QUESTION, or a NODE_VIEWS that lists texts. */
int answer_ask(const struct tree *tree, const struct node *node,
               struct answer **out);
/* The same, or one that is less than a second old.  NODE_ANSWER: of its
 * directory. */
int answer_get(const struct tree *tree, const struct node *node,
               struct answer **out);
/* Accepts NULL. */
void answer_put(struct answer *answer);

size_t answer_count(const struct answer *answer);
const char *answer_name(const struct answer *answer, size_t place);

/* -ENOENT unless NAME is in the answer to NODE's question. */
int answer_has(const struct tree *tree, const struct node *node,
               const char *name);

#endif
