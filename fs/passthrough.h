/* SPDX-License-Identifier: MIT */
/*
 * passthrough.h - scratch files that the kernel reads and writes by itself
 *
 * With libfuse 3.17 and Linux 6.9 the reply to OPEN or CREATE may name a file
 * of another file system.  Then read, write and mmap go there, and no request
 * comes for them.  That suits scratch files, which are files of the spool; not
 * where a quota counts what is written to them.
 *
 * All open files of a node must be passed through to one file, or none: the
 * kernel fails an open that is unlike the others with EIO.  So the first one
 * decides, those that can follow it do, and one that cannot gets another node.
 *
 * It takes root's rights.  Without them, with an older library or kernel, and
 * once the kernel has refused a file, everything goes through requests.
 *
 * Errors:     int functions return 0 or a negative errno value.
 * Threads:    any.
 */
#ifndef ENGRAMFS_FS_PASSTHROUGH_H
#define ENGRAMFS_FS_PASSTHROUGH_H

#define FUSE_USE_VERSION 314

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>

struct fs;
struct handle;
struct passed;

struct passthrough {
	pthread_mutex_t lock;
	struct passed *passed; /* the nodes that are */
	bool enabled;
};

void passthrough_init(struct passthrough *passthrough, bool wanted);
/* The kernel has forgotten it all. */
void passthrough_release(struct passthrough *passthrough);

/* At INIT. */
void passthrough_negotiate(struct passthrough *passthrough,
                           struct fuse_conn_info *conn);

/* FILE is about to be the reply for HANDLE, which is attached to the node INO.
 * -ESTALE: it cannot share the node with the open files that there are; it is
 * detached, and the name leads to another node from now on. */
int passthrough_open(struct fs *fs, fuse_req_t req, fuse_ino_t ino,
                     struct handle *handle, struct fuse_file_info *file);

/* For sharing_make_room alone. */
void passthrough_make_room(struct fs *fs, const char *path,
                           const struct handle *handle);

/* HANDLE was released. */
void passthrough_close(struct fs *fs, fuse_req_t req, struct handle *handle);

#endif
