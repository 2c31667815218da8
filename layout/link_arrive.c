/* SPDX-License-Identifier: MIT */
#include "layout/link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Calls VISIT with A/B for each B in A for each A in DIRECTORY, which is closed
 * then. */
struct walk {
	struct tree *tree;
	const struct collection *collection;
	const char *stem; /* of the record that arrived */
	int (*visit)(struct walk *walk, const char *pair);
};

static bool is_dot(const char *name)
{
	return name[0] == '.';
}

static int walk_inside(struct walk *walk, int directory, const char *name)
{
	int fd = openat(directory, name,
	                O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;
	int rc = 0;

	if (!stream) {
		rc = errno == ENOTDIR || errno == ENOENT || errno == ELOOP
		         ? 0
		         : -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (found = readdir(stream))) {
		struct blob pair = { 0 };

		if (is_dot(found->d_name))
			continue;
		rc = blob_printf(&pair, "%s/%s", name, found->d_name);
		if (rc == 0)
			rc = walk->visit(walk, pair.data);
		blob_release(&pair);
	}
	closedir(stream);
	return rc;
}

static int walk_pairs(struct walk *walk, DIR *stream)
{
	const struct dirent *found;
	int rc = 0;

	while (rc == 0 && stream && (found = readdir(stream)))
		if (!is_dot(found->d_name))
			rc = walk_inside(walk, dirfd(stream), found->d_name);
	if (stream)
		closedir(stream);
	return rc;
}

/* PAIR is "<source>/<type>" of somebody who waits for the record. */
static int visit_waiting(struct walk *walk, const char *pair)
{
	return link_settle_names(walk->tree, walk->collection, pair,
	                         walk->stem);
}

/* PAIR is "<type>/<target>" in the record's own directory. */
static int own_link(const struct walk *walk, const char *pair,
                    struct node *node)
{
	struct blob path = { 0 };
	int rc = blob_printf(&path, "%s/%s/%s", walk->collection->path,
	                     walk->stem, pair);

	if (rc == 0)
		rc = node_find(walk->tree, path.data, node);
	blob_release(&path);
	return rc;
}

static int visit_own(struct walk *walk, const char *pair)
{
	struct node node = { 0 };
	int rc = own_link(walk, pair, &node);

	if (rc == 0)
		rc = link_settle(walk->tree, &node);
	node_release(&node);
	return rc;
}

/* It has another path now. */
static int visit_moved(struct walk *walk, const char *pair)
{
	struct node node = { 0 };
	int rc = own_link(walk, pair, &node);

	if (rc == 0)
		rc = link_expect(walk->tree, &node);
	if (rc == 0)
		rc = link_settle(walk->tree, &node);
	node_release(&node);
	return rc;
}

static int walk_own(struct walk *walk)
{
	struct blob path = { 0 };
	DIR *stream = NULL;
	int rc =
	    blob_printf(&path, "%s/%s", walk->collection->path, walk->stem);

	if (rc == 0)
		rc = spool_list(&walk->tree->spool, path.data, &stream);
	if (rc == 0)
		rc = walk_pairs(walk, stream);
	blob_release(&path);
	return rc;
}

static int walk_waiting(struct walk *walk)
{
	struct blob path = { 0 };
	DIR *stream;
	int fd;
	int rc = blob_printf(&path, LINK_WAITING "/%s/%s",
	                     walk->collection->path, walk->stem);

	if (rc)
		return rc;
	fd = openat(walk->tree->spool.fd, path.data,
	            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		rc = errno == ENOENT ? 0 : -errno;
	blob_release(&path);
	if (fd < 0)
		return rc;
	stream = fdopendir(fd);
	if (!stream) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return walk_pairs(walk, stream);
}

int link_arrived(struct tree *tree, const struct collection *collection,
                 struct key key)
{
	struct walk walk = { .tree = tree, .collection = collection };
	struct blob stem = { 0 };
	int rc = node_part_name(key, "", &stem);

	if (rc == 0) {
		walk.stem = stem.data;
		walk.visit = visit_own;
		rc = walk_own(&walk);
	}
	if (rc == 0) {
		walk.visit = visit_waiting;
		rc = walk_waiting(&walk);
	}
	blob_release(&stem);
	return rc;
}

int link_follow(struct tree *tree, const struct node *from,
                const struct node *to)
{
	struct walk walk = { .tree = tree,
		             .collection = to->collection,
		             .visit = visit_moved };
	struct blob stems[2] = { 0 };
	struct blob paths[2] = { 0 };
	const struct node *nodes[] = { from, to };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < 2; i++) {
		rc = node_part_name(node_key(nodes[i]), "", &stems[i]);
		if (rc == 0)
			rc = blob_printf(&paths[i], "%s/%s",
			                 to->collection->path, stems[i].data);
	}
	if (rc == 0)
		rc =
		    spool_rename(&tree->spool, paths[0].data, paths[1].data, 0);
	walk.stem = stems[1].data;
	if (rc == 0)
		rc = walk_own(&walk);
	for (size_t i = 0; i < 2; i++) {
		blob_release(&stems[i]);
		blob_release(&paths[i]);
	}
	return rc == -ENOENT ? 0 : rc;
}
