/* SPDX-License-Identifier: MIT */
#include "fs/rename.h"

#include "backends/file.h"
#include "layout/commit.h"
#include "layout/complaint.h"
#include "layout/draft.h"
#include "layout/link.h"
#include "layout/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Write a whole view to FD, which is closed. */
static int copy_view(struct view *view, struct timespec mtime, int fd)
{
	const struct timespec times[2] = { { 0, UTIME_OMIT }, mtime };
	char buffer[65536];
	uint64_t offset = 0;
	ssize_t n = 1;
	int rc = 0;

	while (rc == 0 && n > 0) {
		n = view_read(view, offset, buffer, sizeof(buffer));
		if (n < 0)
			rc = (int)n;
		else
			rc = file_write_all(fd, buffer, (size_t)n);
		offset += n > 0 ? (uint64_t)n : 0;
	}
	if (rc == 0 && futimens(fd, times) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

/* The bytes of the record's file as the file NAME of the spool. */
static int copy_to_spool(struct rename *rename, char name[SPOOL_NEW_SIZE])
{
	struct tree *tree = &rename->fs->tree;
	struct view view;
	int rc = view_open(tree, &rename->from.node, &view);
	int fd;

	if (rc)
		return rc;
	fd = rc = spool_new(&tree->spool, name);
	if (fd >= 0) {
		rc = copy_view(&view, rename->from.info.mtime, fd);
		if (rc)
			spool_drop(&tree->spool, name);
	}
	view_release(&view);
	return rc;
}

/* What had the name trades places with the copy, until the record has lost the
 * part. */
int rename_record_to_scratch(struct rename *rename)
{
	struct tree *tree = &rename->fs->tree;
	unsigned int flags = rename->to_exists ? RENAME_EXCHANGE : 0;
	char name[SPOOL_NEW_SIZE];
	int rc = copy_to_spool(rename, name);

	if (rc)
		return rc;
	rc = spool_take(&tree->spool, name, rename->to_path, flags);
	if (rc == 0) {
		rc = commit_remove(tree, &rename->from.node);
		if (rc && !flags)
			spool_unlink(&tree->spool, rename->to_path);
		else if (rc &&
		         spool_take(&tree->spool, name, rename->to_path, flags))
			spool_error(&tree->spool, rename->to_path, "rename", rc,
			            "what had this name is lost");
	}
	spool_drop(&tree->spool, name);
	return rc;
}

/* They wait under their new name. */
static int keep_begun(struct rename *rename)
{
	struct tree *tree = &rename->fs->tree;
	int rc = link_expect(tree, &rename->to.node);

	if (rc == 0)
		rc = spool_rename(&tree->spool, rename->from_path,
		                  rename->to_path, 0);
	if (rc == 0)
		link_settle(tree, &rename->to.node);
	return rc;
}

/* The record has the bytes: the rename is done, whatever becomes of the
 * file. */
static void drop_old_name(struct rename *rename)
{
	struct spool *spool = &rename->fs->tree.spool;
	int rc = spool_unlink(spool, rename->from_path);

	if (rc)
		spool_error(spool, rename->from_path, "rename", rc,
		            "the old name stays");
}

/* The bytes of a file become the part that TO names. */
static int commit_bytes(struct rename *rename, const void *bytes, size_t size,
                        struct timespec mtime)
{
	struct tree *tree = &rename->fs->tree;
	const struct part part = { bytes, size, mtime, NULL, -1 };
	char why[WHY_SIZE] = "";
	int rc = commit_is_begun(&rename->to.node, bytes, size)
	             ? 1
	             : link_is_awaited(tree, &rename->to.node, bytes, size);

	if (rc > 0)
		return keep_begun(rename);
	if (rc == 0)
		rc = commit_part(tree, &rename->to.node, &part, why);
	if (rc) {
		const struct refusal refusal = {
			.path = rename->to_path,
			.bytes = bytes,
			.size = size,
			.cause = rc,
			.reason = why[0] ? why : strerror(-rc),
		};

		spool_reject(&tree->spool, &refusal, NULL);
		complaints_add(tree->complaints, rename->from_path,
		               refusal.reason);
		complaints_add(tree->complaints, rename->to_path,
		               refusal.reason);
		return rc;
	}
	complaints_drop(tree->complaints, rename->from_path);
	complaints_drop(tree->complaints, rename->to_path);
	/* A file that was begun under the new name is complete now. */
	if (strcmp(rename->to.node.path, rename->to_path) == 0)
		spool_unlink(&tree->spool, rename->to_path);
	drop_old_name(rename);
	return 0;
}

int rename_scratch_to_record(struct rename *rename)
{
	int fd = spool_open_file(&rename->fs->tree.spool, rename->from_path,
	                         O_RDONLY, 0);
	struct stat stat;
	void *map = NULL;
	int rc = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, &stat) < 0)
		rc = -errno;
	if (rc == 0 && stat.st_size > 0) {
		map = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED,
		           fd, 0);
		rc = map == MAP_FAILED ? -errno : 0;
	}
	close(fd);
	if (rc)
		return rc;
	rc = commit_bytes(rename, map ? map : "", (size_t)stat.st_size,
	                  stat.st_mtim);
	if (map)
		munmap(map, (size_t)stat.st_size);
	return rc;
}

/* The new name has the array.  It goes again where the old one must stay. */
static int remove_old(struct rename *rename)
{
	struct tree *tree = &rename->fs->tree;
	int rc = commit_remove(tree, &rename->from.node);

	if (rc && !rename->to_exists && commit_remove(tree, &rename->to.node))
		spool_error(&tree->spool, rename->to_path, "rename", rc,
		            "both names have the array now");
	return rc;
}

int rename_array_to_array(struct rename *rename)
{
	struct tree *tree = &rename->fs->tree;
	struct draft draft;
	struct view view;
	char why[WHY_SIZE] = "";
	char buffer[65536];
	const void *bytes;
	ssize_t n = 1;
	int rc = view_open(tree, &rename->from.node, &view);

	if (rc)
		return rc;
	draft_init(&draft, tree->spool.fd);
	while (rc == 0 && n > 0) {
		n = view_read(&view, draft.size, buffer, sizeof(buffer));
		rc = n < 0 ? (int)n
		           : draft_write(&draft, draft.size, buffer, (size_t)n);
	}
	if (rc == 0)
		rc = draft_map(&draft, &bytes);
	if (rc == 0) {
		const struct part part = {
			.bytes = bytes,
			.size = (size_t)draft.size,
			.mtime = rename->from.info.mtime,
		};

		rc = commit_part(tree, &rename->to.node, &part, why);
		draft_unmap(&draft, bytes);
		if (rc == -EINVAL)
			spool_error(&tree->spool, rename->to_path, "rename", rc,
			            why);
	}
	if (rc == 0)
		rc = remove_old(rename);
	draft_release(&draft);
	view_release(&view);
	return rc;
}
