/* SPDX-License-Identifier: MIT */
#include "layout/link_walk.h"

#include "layout/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* It has another path now. */
static int visit_moved(struct link_walk *walk, const char *pair)
{
	struct node node = { 0 };
	int rc = link_walk_find(walk, pair, &node);

	if (rc == 0)
		rc = link_expect(walk->tree, &node);
	node_release(&node);
	return rc;
}

/* The scratch directory with the waiting links of FROM becomes that of TO. */
static int move_directory(struct link_walk *walk, const char *from,
                          const char *to)
{
	const char *names[] = { from, to };
	struct blob paths[2] = { 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < 2; i++)
		rc = blob_printf(&paths[i], "%s/%s", walk->collection->path,
		                 names[i]);
	if (rc == 0)
		rc = spool_rename(&walk->tree->spool, paths[0].data,
		                  paths[1].data, 0);
	blob_release(&paths[0]);
	blob_release(&paths[1]);
	return rc;
}

/* STORE/spool/moving/<collection>/<to>, a symlink to <from>, is there while a
 * record is renamed whose links wait: the next mount sees how far that went. */
#define MOVING "moving"

static int moving_path(const struct link_walk *walk, const char *to,
                       struct blob *out)
{
	return blob_printf(out, MOVING "/%s/%s", walk->collection->path, to);
}

static int note_moving(const struct link_walk *walk, const char *from,
                       const char *to)
{
	const struct spool *spool = &walk->tree->spool;
	struct blob path = { 0 };
	int rc = moving_path(walk, to, &path);

	if (rc == 0)
		rc = link_make_parents(spool, path.data);
	if (rc == 0 && symlinkat(from, spool->fd, path.data) < 0)
		rc = -errno;
	blob_release(&path);
	return rc;
}

static bool is_moving(const struct link_walk *walk, const char *to, int *rc)
{
	struct blob path = { 0 };
	bool is = false;

	*rc = moving_path(walk, to, &path);
	if (*rc == 0)
		is = faccessat(walk->tree->spool.fd, path.data, F_OK,
		               AT_SYMLINK_NOFOLLOW) == 0;
	blob_release(&path);
	return is;
}

static void forget_moving(const struct link_walk *walk, const char *to)
{
	struct blob path = { 0 };
	int rc = moving_path(walk, to, &path);

	if (rc == 0 && unlinkat(walk->tree->spool.fd, path.data, 0) < 0 &&
	    errno != ENOENT)
		rc = -errno;
	link_walk_note(walk, rc);
	blob_release(&path);
}

/* The directory moves, and what is said about what waits in it. */
static int move_waiting(struct link_walk *walk, const char *from,
                        const char *to)
{
	int rc = move_directory(walk, from, to);

	if (rc)
		return rc;
	walk->stem = to;
	walk->visit = visit_moved;
	rc = link_walk_own(walk);
	if (rc)
		link_walk_note(walk, move_directory(walk, to, from));
	return rc;
}

static int follow(struct link_walk *walk, const char *from, const char *to)
{
	int rc = note_moving(walk, from, to);

	if (rc == 0)
		rc = move_waiting(walk, from, to);
	if (rc == 0)
		return 0;
	forget_moving(walk, to);
	if (rc == -EEXIST || rc == -ENOTEMPTY) { /* both have some */
		link_walk_note(walk, rc);
		return 0;
	}
	return rc;
}

static bool has_waiting(const struct link_walk *walk, const char *stem, int *rc)
{
	struct blob path = { 0 };
	struct stat stat;

	*rc = blob_printf(&path, "%s/%s", walk->collection->path, stem);
	if (*rc == 0)
		*rc = spool_stat(&walk->tree->spool, path.data, &stat);
	blob_release(&path);
	if (*rc == -ENOENT)
		*rc = 0;
	else if (*rc == 0)
		return true;
	return false;
}

/* Both names' stems. */
static int stems_of(const struct node *from, const struct node *to,
                    struct blob stems[2])
{
	int rc = node_part_name(node_key(from), "", &stems[0]);

	return rc ? rc : node_part_name(node_key(to), "", &stems[1]);
}

int link_follow(struct tree *tree, const struct node *from,
                const struct node *to)
{
	struct link_walk walk = { .tree = tree, .collection = to->collection };
	struct blob stems[2] = { 0 };
	int rc = stems_of(from, to, stems);

	if (rc == 0 && has_waiting(&walk, stems[0].data, &rc))
		rc = follow(&walk, stems[0].data, stems[1].data);
	blob_release(&stems[0]);
	blob_release(&stems[1]);
	return rc;
}

void link_followed(struct tree *tree, const struct node *from,
                   const struct node *to, bool renamed)
{
	struct link_walk walk = { .tree = tree, .collection = to->collection };
	struct blob stems[2] = { 0 };
	int rc = stems_of(from, to, stems);
	bool moving = rc == 0 && is_moving(&walk, stems[1].data, &rc);

	if (moving && !renamed)
		rc = move_waiting(&walk, stems[1].data, stems[0].data);
	if (moving && rc == 0)
		forget_moving(&walk, stems[1].data);
	link_walk_note(&walk, rc);
	blob_release(&stems[0]);
	blob_release(&stems[1]);
}

/* -ENOENT: there is no such record. */
static int find_record(const struct link_walk *walk, const char *stem)
{
	struct record record = { 0 };
	struct blob path = { 0 };
	struct node node = { 0 };
	int rc = blob_printf(&path, "%s/%s", walk->collection->path, stem);

	if (rc == 0)
		rc = node_find(walk->tree, path.data, &node);
	if (rc == 0)
		rc = ask_get(&walk->tree->stores, walk->collection,
		             node_key(&node), &record);
	record_release(&record);
	node_release(&node);
	blob_release(&path);
	return rc;
}

/* What waits goes where the record is. */
static int finish_move(struct link_walk *walk, int fd, const char *to)
{
	char from[NAME_MAX + 1];
	ssize_t size = readlinkat(fd, to, from, sizeof(from) - 1);
	int rc = size < 0 ? -errno : 0;

	if (rc)
		return rc;
	from[size] = '\0';
	rc = find_record(walk, from);
	if (rc == 0)
		rc = move_waiting(walk, to, from);
	else if (rc == -ENOENT)
		rc = move_waiting(walk, from, to);
	if (rc == 0 || rc == -ENOENT || rc == -EEXIST || rc == -ENOTEMPTY)
		forget_moving(walk, to);
	return rc == -ENOENT ? 0 : rc;
}

void link_finish_moves(struct link_walk *walk)
{
	const struct dirent *found;
	DIR *stream;
	int rc = link_walk_open(walk, MOVING, "", &stream);

	while (rc == 0 && stream && (found = readdir(stream)))
		if (!link_walk_skips(found->d_name))
			rc = finish_move(walk, dirfd(stream), found->d_name);
	if (stream)
		closedir(stream);
	link_walk_note(walk, rc);
}
