/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include "fs/handle.h"
#include "layout/complaint.h"
#include "layout/xattr.h"

#include <errno.h>
#include <string.h>

/* Only records' files have attributes; all others answer at once. */
static int find_part(struct fs *fs, fuse_ino_t ino, struct found *found)
{
	int rc = fs_find_id(fs, ino, found);

	if (rc) /* the kernel is to look the name up again */
		return rc == -ENOENT ? -ESTALE : rc;
	if (node_is_part(&found->node) && !found->info.scratch)
		return 0;
	node_release(&found->node);
	return -EOPNOTSUPP;
}

/* SIZE 0 asks how long the value is. */
static void reply_value(fuse_req_t req, const struct blob *value, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, value->size);
	else if (value->size > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, value->data ? value->data : "",
		               value->size);
}

/* Why the file was refused: what a scratch file has to say, too. */
static int get_complaint(struct fs *fs, fuse_ino_t ino, struct blob *out)
{
	struct found found;
	int rc = fs_find_id(fs, ino, &found);

	if (rc)
		return rc == -ENOENT ? -ESTALE : rc;
	rc = complaint_get(&fs->tree, &found.node, out);
	node_release(&found.node);
	return rc;
}

static int get_value(struct fs *fs, fuse_ino_t ino, const char *name,
                     struct blob *out)
{
	struct found found;
	int rc;

	if (strcmp(name, COMPLAINT_NAME) == 0)
		return get_complaint(fs, ino, out);
	rc = find_part(fs, ino, &found);
	if (rc == 0) {
		rc = xattr_get(&fs->tree, &found.node, name, out);
		node_release(&found.node);
	}
	return rc;
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct fs *fs = fuse_req_userdata(req);
	struct blob value = { 0 };
	int rc;

	/* ls -l asks for security.selinux of every file, until it hears that
	 * the file system does not have such. */
	if (strncmp(name, "user.", 5) != 0) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	rc = get_value(fs, ino, name, &value);
	if (rc)
		fuse_reply_err(req, rc == -EOPNOTSUPP ? ENODATA : -rc);
	else
		reply_value(req, &value, size);
	blob_release(&value);
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct fs *fs = fuse_req_userdata(req);
	struct blob names = { 0 };
	struct blob complaint = { 0 };
	struct found found;
	int rc = find_part(fs, ino, &found);

	if (rc == 0) {
		rc = xattr_list(&fs->tree, &found.node, &names);
		node_release(&found.node);
	}
	if (rc == -EOPNOTSUPP)
		rc = 0;
	if (rc == 0 && get_complaint(fs, ino, &complaint) == 0)
		rc =
		    blob_append(&names, COMPLAINT_NAME, sizeof(COMPLAINT_NAME));
	if (rc)
		fuse_reply_err(req, -rc);
	else
		reply_value(req, &names, size);
	blob_release(&complaint);
	blob_release(&names);
}

static bool is_uncommitted(struct handle *handle, void *arg)
{
	(void)arg;
	return handle_is_uncommitted(handle);
}

/* cp -a sets what it found on the original while the copy is being written:
 * the time that was left then is not the copy's. */
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
                 const char *value, size_t size, int flags)
{
	struct fs *fs = fuse_req_userdata(req);
	struct found found;
	int rc = -EOPNOTSUPP;

	(void)flags;
	if (!inodes_visit(&fs->inodes, ino, is_uncommitted, NULL))
		rc = find_part(fs, ino, &found);
	if (rc == 0) {
		rc = xattr_set(&fs->tree, &found.node, name, value, size);
		if (rc == 0)
			fs_forget_attributes(fs, &found.node);
		node_release(&found.node);
	}
	fuse_reply_err(req, -rc);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	(void)ino;
	fuse_reply_err(req,
	               strncmp(name, "user.", 5) == 0 ? EPERM : EOPNOTSUPP);
}
