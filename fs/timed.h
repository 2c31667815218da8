/* SPDX-License-Identifier: MIT */
/*
 * timed.h - the handlers of ops.h, counted and timed (layout/metrics.h)
 */
#ifndef ENGRAMFS_FS_TIMED_H
#define ENGRAMFS_FS_TIMED_H

#include "fs/ops.h"

void timed_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void timed_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file);
void timed_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int mask,
                   struct fuse_file_info *file);
void timed_readlink(fuse_req_t req, fuse_ino_t ino);
void timed_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
                 mode_t mode);
void timed_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void timed_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void timed_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
                   const char *name);
void timed_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
                  fuse_ino_t new_parent, const char *new_name,
                  unsigned int flags);
void timed_create(fuse_req_t req, fuse_ino_t parent, const char *name,
                  mode_t mode, struct fuse_file_info *file);
void timed_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file);
void timed_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *file);
void timed_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
                 off_t offset, struct fuse_file_info *file);
void timed_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file);
void timed_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
                 struct fuse_file_info *file);
void timed_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file);
void timed_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                   struct fuse_file_info *file);
void timed_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
                       off_t offset, struct fuse_file_info *file);
void timed_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
                    size_t size);
void timed_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
                    const char *value, size_t size, int flags);

#endif
