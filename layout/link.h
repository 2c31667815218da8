/* SPDX-License-Identifier: MIT */
/*
 * link.h - relationships (backends/relation.h) as files
 *
 *   <collection>/<source>/                      NODE_RECORD: looked up, it is
 *                                               there with its record; listed,
 *                                               where it holds something
 *   <collection>/<source>/<type>/               NODE_LINKS
 *   <collection>/<source>/<type>/<target>       NODE_LINK: a symlink to
 *                                               ../../<target>.json (made
 *                                               with or without the .json)
 *   <collection>/<source>/<type>/<target>.json  NODE_LINK_FIELDS: its strength
 *
 * A relationship whose source or target is not there yet waits: its link and
 * its JSON file are in the spool, and become the relationship when the record
 * is stored that was missing.  STORE/spool/waiting/<collection>/<target>/
 * <source>/<type> says who waits for a target; a source's own are in its
 * scratch directory.
 *
 * A symlink in such a directory whose name is not that of its target is a
 * scratch file (programs make them on the way to the right name).
 *
 * Errors:     int functions return 0 or a negative errno value; -EINVAL fills
 *             WHY.
 * Threads:    calls may overlap.
 */
#ifndef ENGRAMFS_LAYOUT_LINK_H
#define ENGRAMFS_LAYOUT_LINK_H

#include "backends/relation.h"
#include "layout/node.h"

/* Who waits for whom, in STORE/spool. */
#define LINK_WAITING "waiting"

/* ---- link_find.c ---- */

/* What REST, a path below the directory of NODE's record, means. */
int link_find(const struct tree *tree, const char *rest, struct node *node);

/* ---- link.c ---- */

/* NODE is one of the three kinds below a source's directory. */
bool link_owns(const struct node *node);
/* NODE is a source's directory, or one of a type. */
bool link_is_directory(const struct node *node);

/* What the backend has.  -ENOENT. */
int link_stat(const struct tree *tree, const struct node *node,
              struct node_info *out);
/* A source's directory is to be listed: there are relationships.  -ENOENT. */
int link_has_any(const struct tree *tree, const struct node *node);

int link_readlink(const struct tree *tree, const struct node *node,
                  struct blob *out);
/* The JSON file. */
int link_render(const struct tree *tree, const struct node *node,
                struct blob *out);

/* All that a relationship has, so that it can be made again. */
int link_recall(const struct tree *tree, const struct node *node,
                struct relation_change *out);

/* symlink(2): TARGET under the name of NODE, a NODE_LINK; CHANGE says what a
 * new relationship has.  -EEXIST, unless CHANGE is not exclusive. */
int link_make(struct tree *tree, const struct node *node, const char *target,
              const struct relation_change *change, char why[WHY_SIZE]);

/* Store a JSON file. */
int link_commit(struct tree *tree, const struct node *node, const void *bytes,
                size_t size, struct timespec mtime, char why[WHY_SIZE]);
/* 1 where BYTES are a sound JSON file of NODE (of any kind), but one of the
 * records is missing: it is to wait in the spool.  Else 0, or an error. */
int link_is_awaited(const struct tree *tree, const struct node *node,
                    const void *bytes, size_t size);

/* The relationship goes, with both files. */
int link_remove(struct tree *tree, const struct node *node);
/* Its JSON file goes: what is left is a link as symlink(2) makes it. */
int link_reset(struct tree *tree, const struct node *node);
int link_touch(struct tree *tree, const struct node *node,
               struct timespec mtime);
int link_rename(struct tree *tree, const struct node *from,
                const struct node *to, bool keep, char why[WHY_SIZE]);
/* -ENOTEMPTY. */
int link_rmdir(struct tree *tree, const struct node *node);

/* ---- link_xattr.c ---- */

/* Extended attributes of a JSON file, as xattr.h has them: user.strength and
 * user.origin. */
int link_get_xattr(const struct tree *tree, const struct node *node,
                   const char *name, struct blob *out);
int link_list_xattr(const struct tree *tree, const struct node *node,
                    struct blob *out);
int link_set_xattr(struct tree *tree, const struct node *node, const char *name,
                   double number);

/* ---- link_wait.c ---- */

/* PATH, in the scratch tree, is the JSON file of a relationship that waits. */
bool link_is_waiting(const struct spool *spool, const char *path);
/* NODE (of any kind) is about to be put into the spool. */
int link_expect(struct tree *tree, const struct node *node);
/* Make the directories that lead to PATH in STORE/spool. */
int link_make_parents(const struct spool *spool, const char *path);
/* What waits under NODE's name becomes a relationship, if it can.  Else it goes
 * on waiting, where a request or the next mount finds it; why is noted. */
void link_settle(struct tree *tree, const struct node *node);
/* The same by names: SOURCE_TYPE is "<source>/<type>". */
void link_settle_names(struct tree *tree, const struct collection *collection,
                       const char *source_type, const char *target);

/* ---- link_arrive.c ---- */

/* The record of KEY was stored or got its name: so does all that waits for
 * it.  What cannot goes on waiting, and that is noted. */
void link_arrived(struct tree *tree, const struct collection *collection,
                  struct key key);
/* A record is to be renamed: what waits in its directory goes with it. */
int link_follow(struct tree *tree, const struct node *from,
                const struct node *to);
/* After each successful link_follow; not RENAMED: it goes back. */
void link_followed(struct tree *tree, const struct node *from,
                   const struct node *to, bool renamed);
/* All that waits and need not any more: a daemon that was killed may have left
 * it so. */
void link_settle_all(struct tree *tree);

/* ---- link_fields.c ---- */

/* Append the JSON file of RELATION: `strength` and `created_at`; the rest is in
 * its path. */
int link_render_fields(const struct relation *relation, struct blob *out);
/* Parse a JSON file; OUT->mtime is untouched. */
int link_parse(const void *bytes, size_t size, struct relation_change *out,
               char why[WHY_SIZE]);

/* What NODE names. */
struct relation_name link_name(const struct node *node);
/* TARGET, the text of a symlink, is that of NODE, or would do for it. */
bool link_leads_to_its_name(const struct node *node, const char *target);
/* The text of its symlink. */
int link_text(const struct node *node, struct blob *out);
/* The relationship that NODE is.  -ENOENT. */
int link_get(const struct tree *tree, const struct node *node,
             struct relation *out);

/* NULL where the backend of NODE is away or knows no relationships. */
const struct relation_ops *link_ops(const struct tree *tree,
                                    const struct collection *collection,
                                    struct store **store);

#endif
