/* SPDX-License-Identifier: MIT */
/*
 * question.h - views/: directories whose names are questions
 *
 * A question is the name of a directory below one of question_rows; its
 * answer is symlinks to records, best first (answer.h).  What lies below views/
 * is found by name and cannot be changed.
 *
 * Errors:     int functions return 0 or a negative errno value; -EINVAL fills
 *             WHY (when it is not NULL) with one line.
 * Threads:    no shared state; answers are kept as answer.h says.
 */
#ifndef ENGRAMFS_LAYOUT_QUESTION_H
#define ENGRAMFS_LAYOUT_QUESTION_H

#include "backends/query.h"
#include "layout/node.h"

#define QUESTION_NAME "views"

struct question_row;

/* What a name asks. */
struct question {
	struct query query;
	struct blob text; /* what the query borrows from */
};

/* Turn NAME into a question.  -EINVAL: it is none. */
typedef int question_parse_fn(const struct question_row *row, const char *name,
                              struct question *out, char why[WHY_SIZE]);

/* One view.  It has a parse (its answers are those of the query), or it is
 * near: then the name is that of a record.  One with a report has files
 * <question>.json instead of directories. */
struct question_row {
	const char *path;       /* below views/ */
	const char *collection; /* its path; without it the row is not there */
	question_parse_fn *parse;
	const char *field; /* what the name is about; NULL: time, or the key */
	const char *order; /* NULL: the collection's timestamp */
	const struct query_summary *report;
	bool near;
	bool lists; /* the texts of FIELD are listed */
};

/* Ends with an all-zero row. */
extern const struct question_row question_rows[];

void question_release(struct question *question);

/* The first row of the tree that ROW asks about, or NULL. */
const struct collection *question_collection(const struct question_row *row);

/* Set the kind of NODE from REST, its path below views/. */
void question_find(const char *rest, struct node *node);

/* The name of NODE's question (NODE_QUESTION, NODE_ANSWER, NODE_REPORT). */
int question_name(const struct node *node, struct blob *out);

/* The record that a near question is about.  -ENOENT: its name is none. */
int question_record(const struct tree *tree, const struct question_row *row,
                    const char *name, struct node *out);

/* Attributes of any node below views/. */
int question_stat(const struct tree *tree, const struct node *node,
                  struct node_info *out);

/* The same of what an answer lists: nothing is asked. */
int question_stat_listed(const struct tree *tree, const struct node *node,
                         struct node_info *out);

/* Where NODE_ANSWER leads. */
int question_readlink(const struct node *node, struct blob *out);

/* The text of NODE_REPORT. */
int question_render(const struct tree *tree, const struct node *node,
                    struct blob *out);

/* Is it below views/? */
bool question_owns(const struct node *node);

/* Why -EINVAL was the answer to NODE; false: it was not for its question. */
bool question_explain(const struct node *node, char why[WHY_SIZE]);

#endif
