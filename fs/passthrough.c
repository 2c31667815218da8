/* SPDX-License-Identifier: MIT */
#include "fs/passthrough.h"

#include "backends/log.h"
#include "fs/fs.h"
#include "fs/handle.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void passthrough_init(struct passthrough *passthrough, bool wanted)
{
	*passthrough = (struct passthrough){ .enabled = wanted };
	pthread_mutex_init(&passthrough->lock, NULL);
}

#ifdef FUSE_CAP_PASSTHROUGH

#include <errno.h>

/* A node whose open files the kernel reads and writes in FILE. */
struct passed {
	struct passed *next;
	fuse_ino_t ino;
	dev_t device;
	ino_t file;
	int id; /* the kernel's for FILE */
	unsigned int users;
};

void passthrough_release(struct passthrough *passthrough)
{
	while (passthrough->passed) {
		struct passed *passed = passthrough->passed;

		passthrough->passed = passed->next;
		free(passed);
	}
	pthread_mutex_destroy(&passthrough->lock);
}

void passthrough_negotiate(struct passthrough *passthrough,
                           struct fuse_conn_info *conn)
{
	if (!passthrough->enabled)
		return;
	passthrough->enabled =
	    geteuid() == 0 && fuse_set_feature_flag(conn, FUSE_CAP_PASSTHROUGH);
	log_info("scratch files are passed through to the kernel: %s",
	         passthrough->enabled ? "yes" : "no");
}

/* The kernel opens the file again, as the user did. */
static bool can_pass(const struct handle *handle)
{
	int flags;

	if (handle->fd < 0 || !(handle->flags & O_DIRECT))
		return handle->fd >= 0;
	flags = fcntl(handle->fd, F_GETFL);
	return flags >= 0 &&
	       fcntl(handle->fd, F_SETFL, flags | O_DIRECT) == 0 &&
	       fcntl(handle->fd, F_SETFL, flags) == 0;
}

static bool suits(const struct passed *passed, const struct handle *handle)
{
	struct stat stat;

	return can_pass(handle) && fstat(handle->fd, &stat) == 0 &&
	       stat.st_dev == passed->device && stat.st_ino == passed->file;
}

static struct passed *find_locked(const struct passthrough *passthrough,
                                  fuse_ino_t ino)
{
	struct passed *passed = passthrough->passed;

	while (passed && passed->ino != ino)
		passed = passed->next;
	return passed;
}

static bool visit_other(struct handle *handle, void *arg)
{
	return handle != arg;
}

/* NULL: it goes through requests. */
static struct passed *add_locked(struct passthrough *passthrough,
                                 fuse_req_t req, fuse_ino_t ino,
                                 const struct handle *handle)
{
	struct passed *passed = calloc(1, sizeof(*passed));
	struct stat stat;

	if (!passed || fstat(handle->fd, &stat) < 0) {
		free(passed);
		return NULL;
	}
	*passed =
	    (struct passed){ .next = passthrough->passed,
		             .ino = ino,
		             .device = stat.st_dev,
		             .file = stat.st_ino,
		             .id = fuse_passthrough_open(req, handle->fd) };
	if (passed->id <= 0) {
		passthrough->enabled = false;
		log_info("scratch files are not passed through: refused");
		free(passed);
		return NULL;
	}
	passthrough->passed = passed;
	return passed;
}

int passthrough_open(struct fs *fs, fuse_req_t req, fuse_ino_t ino,
                     struct handle *handle, struct fuse_file_info *file)
{
	struct passthrough *passthrough = &fs->passthrough;
	struct passed *passed;
	int rc = 0;

	pthread_mutex_lock(&passthrough->lock);
	passed = find_locked(passthrough, ino);
	if (passed && !suits(passed, handle))
		rc = -ESTALE;
	else if (!passed && passthrough->enabled && can_pass(handle) &&
	         !inodes_visit(&fs->inodes, ino, visit_other, handle))
		passed = add_locked(passthrough, req, ino, handle);
	if (rc == 0 && passed) {
		passed->users++;
		handle->passed = passed;
		file->backing_id = passed->id;
		/* The kernel has no pages of its own of it. */
		file->direct_io = 0;
		file->keep_cache = 0;
	}
	pthread_mutex_unlock(&passthrough->lock);
	if (rc) {
		inodes_detach(&fs->inodes, ino, handle);
		inodes_set_aside(&fs->inodes, ino);
	}
	return rc;
}

void passthrough_make_room(struct fs *fs, const char *path,
                           const struct handle *handle)
{
	struct passthrough *passthrough = &fs->passthrough;
	uint64_t id = inodes_known(&fs->inodes, path);
	const struct passed *passed;

	pthread_mutex_lock(&passthrough->lock);
	passed = id ? find_locked(passthrough, id) : NULL;
	if (passed && !suits(passed, handle))
		inodes_set_aside(&fs->inodes, id);
	pthread_mutex_unlock(&passthrough->lock);
}

static void remove_locked(struct passthrough *passthrough,
                          struct passed *passed)
{
	struct passed **slot = &passthrough->passed;

	while (*slot != passed)
		slot = &(*slot)->next;
	*slot = passed->next;
	free(passed);
}

void passthrough_close(struct fs *fs, fuse_req_t req, struct handle *handle)
{
	struct passthrough *passthrough = &fs->passthrough;
	struct passed *passed = handle->passed;

	if (!passed)
		return;
	pthread_mutex_lock(&passthrough->lock);
	if (--passed->users == 0) {
		fuse_passthrough_close(req, passed->id);
		remove_locked(passthrough, passed);
	}
	pthread_mutex_unlock(&passthrough->lock);
}

#else

void passthrough_release(struct passthrough *passthrough)
{
	pthread_mutex_destroy(&passthrough->lock);
}

void passthrough_negotiate(struct passthrough *passthrough,
                           struct fuse_conn_info *conn)
{
	(void)conn;
	passthrough->enabled = false;
}

int passthrough_open(struct fs *fs, fuse_req_t req, fuse_ino_t ino,
                     struct handle *handle, struct fuse_file_info *file)
{
	(void)fs;
	(void)req;
	(void)ino;
	(void)handle;
	(void)file;
	return 0;
}

void passthrough_make_room(struct fs *fs, const char *path,
                           const struct handle *handle)
{
	(void)fs;
	(void)path;
	(void)handle;
}

void passthrough_close(struct fs *fs, fuse_req_t req, struct handle *handle)
{
	(void)fs;
	(void)req;
	(void)handle;
}

#endif
