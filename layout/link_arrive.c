/* SPDX-License-Identifier: MIT */
#include "layout/link_walk.h"

#include "layout/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool link_walk_skips(const char *name)
{
	return name[0] == '.';
}

static int walk_inside(struct link_walk *walk, int directory, const char *name)
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

		if (link_walk_skips(found->d_name))
			continue;
		rc = blob_printf(&pair, "%s/%s", name, found->d_name);
		if (rc == 0)
			rc = walk->visit(walk, pair.data);
		blob_release(&pair);
	}
	closedir(stream);
	return rc;
}

static int walk_pairs(struct link_walk *walk, DIR *stream)
{
	const struct dirent *found;
	int rc = 0;

	while (rc == 0 && stream && (found = readdir(stream)))
		if (!link_walk_skips(found->d_name))
			rc = walk_inside(walk, dirfd(stream), found->d_name);
	if (stream)
		closedir(stream);
	return rc;
}

/* PAIR is "<source>/<type>" of somebody who waits for the record. */
static int visit_waiting(struct link_walk *walk, const char *pair)
{
	link_settle_names(walk->tree, walk->collection, pair, walk->stem);
	return 0;
}

/* PAIR is "<type>/<target>" in the record's own directory. */
int link_walk_find(const struct link_walk *walk, const char *pair,
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

static int visit_own(struct link_walk *walk, const char *pair)
{
	struct node node = { 0 };
	int rc = link_walk_find(walk, pair, &node);

	if (rc == 0)
		link_settle(walk->tree, &node);
	node_release(&node);
	return rc;
}

int link_walk_own(struct link_walk *walk)
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

/* The directory STORE/spool/KIND/<collection>/NAME.  NULL in *OUT: there is
 * none. */
int link_walk_open(const struct link_walk *walk, const char *kind,
                   const char *name, DIR **out)
{
	struct blob path = { 0 };
	int fd;
	int rc =
	    blob_printf(&path, "%s/%s/%s", kind, walk->collection->path, name);

	*out = NULL;
	if (rc)
		return rc;
	fd = openat(walk->tree->spool.fd, path.data,
	            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		rc = errno == ENOENT ? 0 : -errno;
	blob_release(&path);
	if (fd < 0)
		return rc;
	*out = fdopendir(fd);
	if (*out)
		return 0;
	rc = -errno;
	close(fd);
	return rc;
}

static int walk_waiting(struct link_walk *walk)
{
	DIR *stream;
	int rc = link_walk_open(walk, LINK_WAITING, walk->stem, &stream);

	return rc ? rc : walk_pairs(walk, stream);
}

void link_walk_note(const struct link_walk *walk, int rc)
{
	if (rc)
		spool_error(&walk->tree->spool, walk->collection->path, "link",
		            rc, "relationships go on waiting");
}

static int settle_targets(struct link_walk *walk, DIR *stream)
{
	const struct dirent *found;
	int rc = 0;

	walk->visit = visit_waiting;
	while (rc == 0 && (found = readdir(stream))) {
		walk->stem = found->d_name;
		if (!link_walk_skips(found->d_name))
			rc = walk_waiting(walk);
	}
	return rc;
}

void link_arrived(struct tree *tree, const struct collection *collection,
                  struct key key)
{
	struct link_walk walk = { .tree = tree, .collection = collection };
	struct blob stem = { 0 };
	int rc = node_part_name(key, "", &stem);

	if (rc == 0) {
		walk.stem = stem.data;
		walk.visit = visit_own;
		rc = link_walk_own(&walk);
	}
	if (rc == 0) {
		walk.visit = visit_waiting;
		rc = walk_waiting(&walk);
	}
	blob_release(&stem);
	link_walk_note(&walk, rc);
}

/* What waits for any record of the collection. */
static void settle_collection(struct link_walk *walk)
{
	DIR *stream;
	int rc = link_walk_open(walk, LINK_WAITING, "", &stream);

	if (rc == 0 && stream)
		rc = settle_targets(walk, stream);
	if (stream)
		closedir(stream);
	link_walk_note(walk, rc);
}

void link_settle_all(struct tree *tree)
{
	const struct collection *row = tree_collections;

	for (; row->path; row++) {
		struct link_walk walk = { .tree = tree, .collection = row };

		if (!row->relations)
			continue;
		link_finish_moves(&walk);
		settle_collection(&walk);
	}
}
