/* SPDX-License-Identifier: MIT */
/*
 * notify.h - telling the kernel that attributes have changed
 *
 * Only attributes, which needs no lock and waits for no page: safe in a handler
 * and in threads of ours.  Names are never taken back: the kernel takes the
 * lock of the directory for that, which whoever makes a request there holds
 * until it is answered, and a thread that waits so in a daemon that is killed
 * keeps /dev/fuse open, and so that request from ending.  A name that leads
 * elsewhere is found out when it is used: ESTALE makes the kernel look it up
 * again.
 *
 * Threads:    any; notify_init, notify_end and notify_release once.
 */
#ifndef ENGRAMFS_FS_NOTIFY_H
#define ENGRAMFS_FS_NOTIFY_H

#include <stdint.h>

struct fs;

void notify_init(struct fs *fs);
void notify_release(struct fs *fs);

/* Nothing is sent any more, nor being sent: the connection may be closed, and
 * the number of its descriptor belong to another file. */
void notify_end(struct fs *fs);

/* The attributes of PATH have changed. */
void notify_attributes(struct fs *fs, const char *path);
void notify_node(struct fs *fs, uint64_t id);

#endif
