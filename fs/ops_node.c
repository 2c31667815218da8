/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include "fs/handle.h"
#include "fs/links.h"
#include "layout/commit.h"
#include "layout/link.h"
#include "layout/question.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static bool visit_info(struct handle *handle, void *arg)
{
	handle_info(handle, arg);
	return true;
}

/* The name that our own process is about to remove.  Who has the file open
 * keeps it as it was: its size above all, for another would cut mapped memory
 * off.  Without open files any will do. */
static int lookup_removed(struct fs *fs, const char *path,
                          struct fuse_entry_param *out)
{
	struct node_info info = { .mode = S_IFREG };
	int rc;

	inodes_visit_path(&fs->inodes, path, visit_info, &info);
	rc = fs_fill_entry(fs, path, &info, out);
	out->entry_timeout = out->attr_timeout = 0;
	return rc;
}

static bool has_writer(struct handle *handle, void *arg)
{
	(void)arg;
	return (handle->flags & O_ACCMODE) != O_RDONLY ||
	       handle_is_unborn(handle);
}

static void tell(struct fs *fs, const struct fuse_entry_param *entry,
                 const struct found *found, struct glimpse *glimpse)
{
	fs_tell(fs, entry->ino, found, entry->attr_timeout);
	inodes_keep_glimpse(&fs->inodes, entry->ino, found->stamp, glimpse);
}

/* What may turn out to be no record must not stay in the kernel.  A name of
 * which nothing is known, for its backend is away, is there: the kernel does
 * not say who only wants to write it.  Those who read are told by open. */
static int lookup(struct fs *fs, const char *path, pid_t pid,
                  struct fuse_entry_param *out)
{
	struct glimpse glimpse = { 0 };
	struct found found;
	bool unborn;
	int rc = fs_look(fs, path, &found, &glimpse);

	unborn = rc == -ENOENT && fs_find_unborn(fs, path, &found) == 0;
	if (rc == -ENOENT && !unborn) {
		absent_note(&fs->absent, path, pid, found.stamp);
		sharing_came_back(&fs->sharing, inode_number(path), pid);
	}
	if (rc && !unborn) {
		glimpse_release(&glimpse);
		return rc;
	}
	if (sharing_is_sent(&fs->sharing, inode_number(path), pid))
		inodes_reserve(&fs->inodes, path, pid);
	rc = fs_fill_entry(fs, path, &found.info, out);
	/* What is being written will be on another node once it is there. */
	if (inodes_visit_path(&fs->inodes, path, has_writer, NULL))
		out->entry_timeout = 0;
	if (unborn)
		out->entry_timeout = out->attr_timeout = 0;
	else if (rc == 0 && inodes_stamp(&fs->inodes, path) != found.stamp)
		out->attr_timeout = 0; /* of before a change */
	else if (rc == 0)
		tell(fs, out, &found, &glimpse);
	glimpse_release(&glimpse);
	node_release(&found.node);
	return rc;
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fuse_req_userdata(req);
	struct fuse_entry_param entry;
	int rc;
	char *path = fs_child_path(fs, parent, name, &rc);
	pid_t pid = fuse_req_ctx(req)->pid;

	if (path && herald_is(&fs->herald, pid) &&
	    herald_removes(&fs->herald, path))
		rc = lookup_removed(fs, path, &entry);
	else if (path && makers_has(&fs->makers, path, pid))
		rc = -ENOENT;
	else if (path)
		rc = lookup(fs, path, pid, &entry);
	free(path);
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_entry(req, &entry);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	struct fs *fs = fuse_req_userdata(req);

	inodes_forget(&fs->inodes, ino, lookups);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count,
                     struct fuse_forget_data *forgets)
{
	struct fs *fs = fuse_req_userdata(req);

	for (size_t i = 0; i < count; i++)
		inodes_forget(&fs->inodes, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* Times of a file that is being written are for its commit; futimens(2) does
 * not say through which descriptor it came. */
static bool visit_touch(struct handle *handle, void *arg)
{
	return handle_touch_uncommitted(handle, *(struct timespec *)arg);
}

/* The kernel still has a name for what has gone: ESTALE makes it look the name
 * up again, and then it may be made. */
static int name_again(int rc)
{
	return rc == -ENOENT ? -ESTALE : rc;
}

/* While somebody writes, the kernel must not keep the attributes. */
static int find_attr(struct fs *fs, fuse_ino_t ino, const char *path,
                     struct found *found, double *valid)
{
	bool writer = inodes_visit(&fs->inodes, ino, has_writer, NULL);
	int rc;

	if (fs_told(fs, ino, path, found, valid)) {
		*valid = writer ? 0 : *valid;
		return 0;
	}
	rc = fs_find_id(fs, ino, found);
	if (rc)
		return rc;
	*valid = writer ? 0 : fs_valid(&found->info);
	if (!writer)
		fs_tell(fs, ino, found, *valid);
	return 0;
}

static void reply_attr(fuse_req_t req, fuse_ino_t ino, bool changed)
{
	struct fs *fs = fuse_req_userdata(req);
	bool gone = false;
	char *path = inodes_path(&fs->inodes, ino, &gone);
	struct found found;
	struct stat stat;
	double valid;
	int rc = path ? 0 : -ENOMEM;

	if (path && changed)
		inodes_untell(&fs->inodes, path);
	if (path)
		rc = find_attr(fs, ino, path, &found, &valid);
	/* A record that was replaced: its name leads to another node, and
	 * only who opens it need look it up again. */
	if (rc == -ENOENT && gone && fs_find(fs, path, &found) == 0) {
		gone = false;
		valid = 0;
		rc = 0;
	}
	/* fstat(2) of a directory that was removed: opendir(3) calls it. */
	if (rc == -ENOENT && directories_has(fs, path)) {
		found = (struct found){ .info.mode = S_IFDIR };
		gone = true;
		valid = 0;
		rc = 0;
	}
	if (rc == 0) {
		fs_fill_stat(fs, path, &found.info, &stat);
		if (gone)
			stat.st_nlink = 0;
		inodes_tell_size(&fs->inodes, ino, found.info.size);
		node_release(&found.node);
		fuse_reply_attr(req, &stat, valid);
	} else {
		fuse_reply_err(req, -name_again(rc));
	}
	free(path);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	(void)file;
	reply_attr(req, ino, false);
}

static struct handle *handle_of(const struct fuse_file_info *file)
{
	return file ? (struct handle *)(uintptr_t)file->fh : NULL;
}

/* truncate(2): open, cut and commit at once. */
static int truncate_node(struct fs *fs, const struct found *found,
                         uint64_t size)
{
	struct handle *handle;
	int rc = handle_open(&fs->tree, &found->node, &found->info, O_RDWR, 0,
	                     &handle);

	if (rc)
		return rc;
	if (size == 0 && node_is_part(&found->node) && !found->info.scratch)
		rc = -EINVAL; /* an empty file is no record */
	if (rc == 0)
		rc = handle_truncate(handle, size);
	if (rc == 0)
		rc = handle_commit(handle, true);
	handle_close(handle);
	return rc;
}

static int set_size(struct fs *fs, const struct found *found,
                    struct handle *handle, off_t size)
{
	if (size < 0)
		return -EINVAL;
	if (node_is_directory(&found->node) && S_ISDIR(found->info.mode))
		return -EISDIR;
	if (handle)
		return handle_truncate(handle, (uint64_t)size);
	return truncate_node(fs, found, (uint64_t)size);
}

static int touch_spooled(struct fs *fs, const struct node *node,
                         struct timespec atime, struct timespec mtime)
{
	const struct timespec times[2] = { atime, mtime };

	return spool_touch(&fs->tree.spool, node->path, times);
}

static int set_times(struct fs *fs, fuse_ino_t ino, const struct found *found,
                     const struct stat *attr, int mask)
{
	struct timespec mtime = attr->st_mtim;
	struct timespec atime = attr->st_atim;

	if (mask & FUSE_SET_ATTR_MTIME_NOW)
		mtime.tv_nsec = UTIME_NOW;
	else if (!(mask & FUSE_SET_ATTR_MTIME))
		mtime.tv_nsec = UTIME_OMIT;
	if (mask & FUSE_SET_ATTR_ATIME_NOW)
		atime.tv_nsec = UTIME_NOW;
	else if (!(mask & FUSE_SET_ATTR_ATIME))
		atime.tv_nsec = UTIME_OMIT;
	if (mtime.tv_nsec != UTIME_OMIT &&
	    inodes_visit(&fs->inodes, ino, visit_touch, &mtime) &&
	    !found->info.scratch) /* what waits has its own, too */
		return 0;
	if (found->info.scratch)
		return touch_spooled(fs, &found->node, atime, mtime);
	if (mtime.tv_nsec == UTIME_OMIT)
		return 0;
	if (found->node.kind == NODE_LINK)
		return link_touch(&fs->tree, &found->node, mtime);
	if (node_is_part(&found->node))
		return commit_touch(&fs->tree, &found->node, mtime);
	return 0; /* directories have no times of their own */
}

/* Records have the mount's permissions; scratch files their own. */
static int set_mode(struct fs *fs, const struct found *found, mode_t mode)
{
	if (!found->info.scratch || !S_ISREG(found->info.mode))
		return 0;
	return spool_chmod(&fs->tree.spool, found->node.path, mode & 0777);
}

static int set_owner(const struct fs *fs, const struct stat *attr, int mask)
{
	if (mask & FUSE_SET_ATTR_UID && attr->st_uid != fs->uid)
		return -EPERM;
	if (mask & FUSE_SET_ATTR_GID && attr->st_gid != fs->gid)
		return -EPERM;
	return 0;
}

#define SET_TIMES                                                              \
	(FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW | \
	 FUSE_SET_ATTR_MTIME_NOW)

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int mask,
                struct fuse_file_info *file)
{
	struct fs *fs = fuse_req_userdata(req);
	struct handle *handle = handle_of(file);
	struct found found;
	int rc = fs_find_id(fs, ino, &found);

	if (rc) {
		fuse_reply_err(req, -name_again(rc));
		return;
	}
	if (question_owns(&found.node))
		rc = -EROFS;
	if (rc == 0 && mask & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		rc = set_owner(fs, attr, mask);
	if (rc == 0 && mask & FUSE_SET_ATTR_MODE)
		rc = set_mode(fs, &found, attr->st_mode);
	if (rc == 0 && mask & FUSE_SET_ATTR_SIZE)
		rc = set_size(fs, &found, handle, attr->st_size);
	if (rc == 0 && mask & SET_TIMES)
		rc = set_times(fs, ino, &found, attr, mask);
	if (rc == 0 && mask & SET_TIMES && found.node.kind == NODE_LINK)
		links_note_maker(fs, &found.node, fuse_req_ctx(req)->pid);
	node_release(&found.node);
	if (rc)
		fuse_reply_err(req, -rc);
	else
		reply_attr(req, ino, true);
}

/* The links in views/ and of relationships are made; others are in the
 * spool. */
static int read_link(struct fs *fs, const char *path, struct blob *out)
{
	struct node node;
	int rc = node_find(&fs->tree, path, &node);

	if (rc)
		return rc;
	rc = node.kind == NODE_ANSWER
	         ? question_readlink(&node, out)
	         : spool_readlink(&fs->tree.spool, path, out);
	if (rc == -ENOENT && node.kind == NODE_LINK)
		rc = link_readlink(&fs->tree, &node, out);
	node_release(&node);
	return rc;
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fuse_req_userdata(req);
	char *path = inodes_path(&fs->inodes, ino, NULL);
	struct blob target = { 0 };
	int rc = path ? read_link(fs, path, &target) : -ENOMEM;

	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_readlink(req, target.data);
	blob_release(&target);
	free(path);
}

/* The figures of the file system that the store is on: never a backend's. */
void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fuse_req_userdata(req);
	struct statvfs stat;

	(void)ino;
	if (fstatvfs(fs->tree.spool.store_fd, &stat) < 0) {
		fuse_reply_err(req, errno);
		return;
	}
	quota_show(&fs->tree.quota, &stat);
	stat.f_namemax = 255;
	if (herald_is(&fs->herald, fuse_req_ctx(req)->pid))
		stat.f_files = fs->herald.process.secret;
	fuse_reply_statfs(req, &stat);
}
