/* SPDX-License-Identifier: MIT */
#include "layout/link.h"

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

/* Make the directories that lead to PATH in the spool, and PATH. */
static int make_note(const struct spool *spool, const char *path)
{
	char part[PATH_MAX];
	int fd;

	for (const char *end = strchr(path, '/'); end;
	     end = strchr(end + 1, '/')) {
		if (snprintf(part, sizeof(part), "%.*s", (int)(end - path),
		             path) >= (int)sizeof(part))
			return -ENAMETOOLONG;
		if (mkdirat(spool->fd, part, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
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

/* Append the whole file at PATH, if it is one. */
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
	if (rc == 0 && read(fd, out->data, out->size) != (ssize_t)out->size)
		rc = -EIO;
	close(fd);
	return rc;
}

/* The spool has the link itself: a symlink that leads to its name. */
static bool has_link(const struct tree *tree, const struct node *node,
                     const char *path, struct relation_change *change)
{
	struct blob found = { 0 };
	struct stat stat;
	bool same = spool_readlink(&tree->spool, path, &found) == 0 &&
	            link_leads_to_its_name(node, found.data);

	if (same && spool_stat(&tree->spool, path, &stat) == 0)
		change->mtime = stat.st_mtim;
	blob_release(&found);
	return same;
}

/* What the spool's JSON file says; false: there is none. */
static bool has_fields(const struct tree *tree, const char *path,
                       struct relation_change *change)
{
	char why[WHY_SIZE];
	struct blob text = { 0 };
	struct stat stat;
	bool found = read_spooled(&tree->spool, path, &text) == 0 &&
	             text.size > 0 &&
	             spool_stat(&tree->spool, path, &stat) == 0 &&
	             link_parse(text.data, text.size, change, why) == 0;

	if (found)
		change->mtime = stat.st_mtim;
	blob_release(&text);
	return found;
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
	bool link = has_link(tree, node, places->link.data, &change);
	bool fields = has_fields(tree, places->fields.data, &change);
	int rc = link || fields ? store(tree, node, &change) : 0;

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

/* The same, locked; what cannot be stored goes on waiting. */
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
	if (rc)
		spool_error(&tree->spool, node.path, "link", rc,
		            "the relationship goes on waiting");
	node_release(&node);
	return rc;
}

int link_settle(struct tree *tree, const struct node *node)
{
	struct places places;
	int rc;

	if (node->kind != NODE_LINK && node->kind != NODE_LINK_FIELDS)
		return 0;
	rc = places_of(node, &places);
	if (rc)
		return rc;
	rc = settle_places(tree, &places);
	places_release(&places);
	return rc;
}

int link_settle_names(struct tree *tree, const struct collection *collection,
                      const char *source_type, const char *target)
{
	struct places places;
	int rc = places_init(collection, source_type, target, &places);

	if (rc)
		return rc;
	rc = settle_places(tree, &places);
	places_release(&places);
	return rc;
}
