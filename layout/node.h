/* SPDX-License-Identifier: MIT */
/*
 * node.h - places in the tree
 *
 * A node is what a path below the mount point means, as far as the rows of
 * tree.h say: it need not exist.  node_stat asks the backend.  Everything that
 * lookup, readdir and getattr know about names comes from here.
 *
 * Paths are relative to the mount point, without a leading slash; the root is
 * "".
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Ownership:  node_find fills a node that node_release frees.
 * Threads:    no shared state of its own.
 */
#ifndef ENGRAMFS_LAYOUT_NODE_H
#define ENGRAMFS_LAYOUT_NODE_H

#include "backends/backend.h"
#include "backends/sandbox.h"
#include "layout/quota.h"
#include "layout/spool.h"
#include "layout/stores.h"

#include <stdbool.h>
#include <sys/stat.h>

struct answers;
struct backups;
struct complaints;
struct control_row;
struct history;
struct jobs;
struct pool;
struct question_row;

/* What a mounted tree consists of. */
struct tree {
	struct stores stores;
	struct spool spool;
	struct blob settings_text;     /* config.json */
	struct timespec since;         /* when it was opened */
	struct jobs *jobs;             /* NULL: none can be run */
	struct history *history;       /* NULL: changes are not kept */
	struct backups *backups;       /* NULL: none can be made */
	pthread_mutex_t copies;        /* held while a named copy settles */
	struct answers *answers;       /* recent ones of views/; may be NULL */
	struct complaints *complaints; /* may be NULL */
	struct quota quota;            /* of scratch files */
	struct pool *packers;          /* packs what is written; may be NULL */
	struct sandbox sandbox;        /* what the process has given up */
};

enum node_kind {
	NODE_BRANCH,     /* a directory of directories: the root, activations */
	NODE_COLLECTION, /* a directory of records */
	NODE_RECORD,     /* a record that is a directory */
	NODE_SUBDIR,     /* a directory inside one */
	NODE_ARRAY,      /* .npy */
	NODE_FIELDS,     /* .json */
	NODE_OPAQUE,     /* .pickle: bytes that cannot be shown as data */
	NODE_OTHER,      /* no record's name: a scratch file, if anything */
	NODE_CONTROL_DIR, /* .engram and what is below */
	NODE_CONTROL,
	NODE_REJECTED,
	NODE_VIEWS,       /* views/ and directories of questions below it */
	NODE_QUESTION,    /* a directory whose name is a question */
	NODE_ANSWER,      /* a symlink in it */
	NODE_REPORT,      /* a .json file whose name is a question */
	NODE_LINKS,       /* relationships of one type (link.h) */
	NODE_LINK,        /* a symlink in it */
	NODE_LINK_FIELDS, /* the .json file beside one */
};

struct node {
	enum node_kind kind;
	char *path;
	const struct collection *collection; /* from NODE_COLLECTION on */
	struct blob key;                     /* from NODE_RECORD to OPAQUE;
	                                      * from NODE_LINKS on */
	char *array; /* ARRAY: its name; SUBDIR: its path in the record */
	struct blob link_type;   /* from NODE_LINKS on; KEY is the source's */
	struct blob link_target; /* NODE_LINK, NODE_LINK_FIELDS */
	const struct control_row *control;
	const struct question_row *question;

	/* Numbered collections: the name is not a number.  What is written
	 * here becomes a record of its own, or a part of the record KEY that a
	 * name beside it stands for; the name becomes a symlink.  Nothing is
	 * found here but scratch files. */
	bool named_copy;

	/* The name ends like a record's but is the name of no key. */
	bool bad_name;
};

/* A node's attributes. */
struct node_info {
	mode_t mode; /* type and permission bits of a scratch file, or type */
	uint64_t size;
	struct timespec mtime;
	struct timespec atime;
	int64_t expires_ms; /* 0: never */
	bool scratch;       /* it lives in the spool */
	/* It may be there: its backend is away, and takes what is written to it
	 * all the same.  It cannot be read, and size and times are zero. */
	bool unknown;
};

int node_find(const struct tree *tree, const char *path, struct node *out);
int node_child(const struct tree *tree, const struct node *parent,
               const char *name, struct node *out);
int node_copy(struct node *out, const struct node *node);
void node_release(struct node *node);

/* -ENOENT: nothing there.  -EIO: its backend is away. */
int node_stat(const struct tree *tree, const struct node *node,
              struct node_info *out);

/* The same without the spool: what the backend has. */
int node_stat_stored(const struct tree *tree, const struct node *node,
                     struct node_info *out);

/* The same when the record is at hand: -ENOENT where it lacks this part. */
int node_stat_record(const struct node *node, const struct record *record,
                     struct node_info *out);

bool node_is_directory(const struct node *node);

/* A file that is a part of a record, or of a relationship. */
bool node_is_part(const struct node *node);

static inline struct key node_key(const struct node *node)
{
	return (struct key){ node->key.data, node->key.size };
}

/* Why no file can be made at NODE, which is in a collection; NULL: one can. */
const char *node_refusal(const struct node *node);

/* Appends the file name (not the path) of a record's part: the stem of KEY
 * plus SUFFIX (".npy", ".json", ".pickle", or "" for a directory). */
int node_part_name(struct key key, const char *suffix, struct blob *out);

/* The key in COLLECTION that STEM, SIZE bytes, stands for.  -EINVAL:
 * none.  Asks the backend only where STEM was cut. */
int node_find_key(const struct tree *tree, const struct collection *collection,
                  const char *stem, size_t size, struct blob *key);

/* The row of SHAPE that shares the path of COLLECTION, or NULL. */
const struct collection *node_sibling_row(const struct collection *collection,
                                          enum record_shape shape);

/* The names that a record has in its collection's directory: SUFFIX behind the
 * key's stem, in collections whose shape is among SHAPES (1 << shape). */
struct node_suffix {
	const char *suffix;
	enum node_kind kind;
	unsigned int shapes;
};

/* Ends with an all-zero row. */
extern const struct node_suffix node_suffixes[];

/* Bytes of a file name that a key's stem may take. */
#define NODE_STEM_LIMIT ((size_t)(255 - 7))

#endif
