/* SPDX-License-Identifier: MIT */
#include "layout/link.h"

#include "backends/file.h"
#include "layout/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".json"
#define FILE_LIMIT ((off_t)1 << 20)

/* The parts of a link's path, and its note: who waits for TARGET. */
struct places {
	struct blob link;   /* <collection>/<source>/<type>/<target> */
	struct blob fields; /* the same with SUFFIX */
	struct blob note;   /* waiting/<collection>/<target>/<source>/<type> */
};

static void places_release(struct places *places)
{
	blob_release(&places->link);
	blob_release(&places->fields);
	blob_release(&places->note);
}

/* SOURCE_TYPE: the two names with the slash between them. */
static int places_init(const struct collection *collection,
                       const char *source_type, const char *target,
                       struct places *out)
{
	struct places places = { 0 };
	int rc = blob_printf(&places.link, "%s/%s/%s", collection->path,
	                     source_type, target);

	if (rc == 0)
		rc = blob_printf(&places.fields, "%s" SUFFIX, places.link.data);
	if (rc == 0)
		rc = blob_printf(&places.note, LINK_WAITING "/%s/%s/%s",
		                 collection->path, target, source_type);
	if (rc)
		places_release(&places);
	else
		*out = places;
	return rc;
}

static int places_of(const struct node *node, struct places *out)
{
	const char *from = node->path + strlen(node->collection->path) + 1;
	const char *target = strrchr(from, '/');
	char *source_type = strndup(from, (size_t)(target - from));
	size_t size = strlen(target + 1);
	char *name;
	int rc;

	if (node->kind == NODE_LINK_FIELDS)
		size -= strlen(SUFFIX);
	name = strndup(target + 1, size);
	rc = source_type && name
	         ? places_init(node->collection, source_type, name, out)
	         : -ENOMEM;
	free(source_type);
	free(name);
	return rc;
}

/* REST, below the directory of COLLECTION, is <source>/<type>/<target>.json,
 * and somebody has noted that it waits. */
static bool is_noted(const struct spool *spool,
                     const struct collection *collection, const char *rest)
{
	const char *target = strrchr(rest, '/');
	size_t size = target ? strlen(target + 1) : 0;
	struct places places = { 0 };
	char *source_type;
	char *name;
	bool noted;

	if (size <= strlen(SUFFIX) ||
	    strcmp(target + 1 + size - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	source_type = strndup(rest, (size_t)(target - rest));
	name = strndup(target + 1, size - strlen(SUFFIX));
	noted = source_type && name &&
	        places_init(collection, source_type, name, &places) == 0 &&
	        faccessat(spool->fd, places.note.data, F_OK,
	                  AT_SYMLINK_NOFOLLOW) == 0;
	places_release(&places);
	free(source_type);
	free(name);
	return noted;
}

bool link_is_waiting(const struct spool *spool, const char *path)
{
	for (const struct collection *row = tree_collections; row->path;
	     row++) {
		size_t size = strlen(row->path);

		if (row->relations && strncmp(path, row->path, size) == 0 &&
		    path[size] == '/')
			return is_noted(spool, row, path + size + 1);
	}
	return false;
}

int link_make_parents(const struct spool *spool, const char *path)
{
	char part[PATH_MAX];

	for (const char *end = strchr(path, '/'); end;
	     end = strchr(end + 1, '/')) {
		if (snprintf(part, sizeof(part), "%.*s", (int)(end - path),
		             path) >= (int)sizeof(part))
			return -ENAMETOOLONG;
		if (mkdirat(spool->fd, part, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int make_note(const struct spool *spool, const char *path)
{
	int rc = link_make_parents(spool, path);
	int fd;

	if (rc)
		return rc;
	fd = openat(spool->fd, path,
	            O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Remove a note, and the directories that it leaves empty. */
static void remove_note(const struct spool *spool, char *path)
{
	char *slash;

	if (unlinkat(spool->fd, path, 0) < 0 && errno != ENOENT)
		return;
	while ((slash = strrchr(path, '/'))) {
		*slash = '\0';
		if (unlinkat(spool->fd, path, AT_REMOVEDIR) < 0)
			break;
	}
}

int link_expect(struct tree *tree, const struct node *node)
{
	struct places places;
	int rc;

	if (node->kind != NODE_LINK && node->kind != NODE_LINK_FIELDS)
		return 0;
	rc = places_of(node, &places);
	if (rc)
		return rc;
	pthread_mutex_lock(&tree->copies);
	rc = make_note(&tree->spool, places.note.data);
	pthread_mutex_unlock(&tree->copies);
	places_release(&places);
	return rc;
}

/* OUT has room for all of the file. */
static int read_whole(int fd, struct blob *out)
{
	ssize_t n = file_read_at(fd, out->data, out->size, 0);

	if (n < 0)
		return (int)n;
	return (size_t)n < out->size ? -EIO : 0;
}

/* The whole file at PATH.  -EINVAL: it is none. */
static int read_spooled(const struct spool *spool, const char *path,
                        struct blob *out)
{
	struct stat stat;
	int fd = spool_open_file(spool, path, O_RDONLY, 0);
	int rc = fd < 0 ? fd : 0;

	if (fd < 0)
		return rc;
	if (fstat(fd, &stat) < 0)
		rc = -errno;
	else if (!S_ISREG(stat.st_mode) || stat.st_size > FILE_LIMIT)
		rc = -EINVAL;
	else
		rc = blob_resize(out, (size_t)stat.st_size);
	if (rc == 0)
		rc = read_whole(fd, out);
	close(fd);
	return rc;
}

/* What RC says of a file that may be there: 1, 0, or the error. */
static int is_there(int rc)
{
	if (rc == 0)
		return 1;
	return rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP || rc == -EINVAL
	           ? 0
	           : rc;
}

/* 1 where the spool has the link itself: a symlink that leads to its name. */
static int has_link(const struct tree *tree, const struct node *node,
                    const char *path, struct relation_change *change)
{
	struct blob found = { 0 };
	struct stat stat;
	int rc = spool_readlink(&tree->spool, path, &found);

	if (rc == 0 && !link_leads_to_its_name(node, found.data))
		rc = -EINVAL;
	if (rc == 0)
		rc = spool_stat(&tree->spool, path, &stat);
	if (rc == 0)
		change->mtime = stat.st_mtim;
	blob_release(&found);
	return is_there(rc);
}

/* 1 where the spool has the JSON file: what it says. */
static int has_fields(const struct tree *tree, const char *path,
                      struct relation_change *change)
{
	char why[WHY_SIZE];
	struct blob text = { 0 };
	struct stat stat;
	int rc = read_spooled(&tree->spool, path, &text);

	if (rc == 0)
		rc =
		    text.size ? spool_stat(&tree->spool, path, &stat) : -ENOENT;
	if (rc == 0)
		rc = link_parse(text.data, text.size, change, why);
	if (rc == 0)
		change->mtime = stat.st_mtim;
	blob_release(&text);
	return is_there(rc);
}

static int store(const struct tree *tree, const struct node *node,
                 const struct relation_change *change)
{
	struct relation_name name = link_name(node);
	struct store *store;
	const struct relation_ops *ops =
	    link_ops(tree, node->collection, &store);

	return ops ? ops->put(store, node->collection, &name, change) : -EIO;
}

/* NODE is the link. */
static int settle_link(struct tree *tree, const struct node *node,
                       struct places *places)
{
	struct relation_change change = { .mtime = { 0, UTIME_OMIT } };
	int link = has_link(tree, node, places->link.data, &change);
	int fields =
	    link < 0 ? link : has_fields(tree, places->fields.data, &change);
	int rc = fields < 0 ? fields : 0;

	if (rc == 0 && (link || fields))
		rc = store(tree, node, &change);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	if (link)
		rc = spool_unlink(&tree->spool, places->link.data);
	if (rc == 0 && fields)
		rc = spool_unlink(&tree->spool, places->fields.data);
	if (rc == 0)
		remove_note(&tree->spool, places->note.data);
	return rc == -ENOENT ? 0 : rc;
}

/* The same, locked. */
static int settle_places(struct tree *tree, struct places *places)
{
	struct node node = { 0 };
	int rc = node_find(tree, places->link.data, &node);

	if (rc)
		return rc;
	if (node.kind == NODE_LINK) {
		pthread_mutex_lock(&tree->copies);
		rc = settle_link(tree, &node, places);
		pthread_mutex_unlock(&tree->copies);
	}
	node_release(&node);
	return rc;
}

static void note_waiting(struct tree *tree, const char *path, int rc)
{
	if (rc)
		spool_error(&tree->spool, path, "link", rc,
		            "the relationship goes on waiting");
}

void link_settle(struct tree *tree, const struct node *node)
{
	struct places places;
	int rc;

	if (node->kind != NODE_LINK && node->kind != NODE_LINK_FIELDS)
		return;
	rc = places_of(node, &places);
	if (rc == 0) {
		rc = settle_places(tree, &places);
		places_release(&places);
	}
	note_waiting(tree, node->path, rc);
}

void link_settle_names(struct tree *tree, const struct collection *collection,
                       const char *source_type, const char *target)
{
	struct places places;
	int rc = places_init(collection, source_type, target, &places);

	if (rc == 0) {
		rc = settle_places(tree, &places);
		places_release(&places);
	}
	note_waiting(tree, source_type, rc);
}
