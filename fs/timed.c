/* SPDX-License-Identifier: MIT */
/*
 * The handlers again, with a clock around each.  When a handler returns it has
 * replied, and the request is gone: what is needed of it is taken before.
 */
#include "fs/timed.h"

#include "layout/metrics.h"

struct timing {
	struct metrics *metrics;
	uint64_t started;
};

static struct timing begin(fuse_req_t req)
{
	const struct fs *fs = fuse_req_userdata(req);

	return (struct timing){ fs->tree.stores.metrics, metrics_now() };
}

static void end(const struct timing *timing, enum metric metric)
{
	metrics_done(timing->metrics, metric, timing->started);
}

void timed_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct timing timing = begin(req);

	op_lookup(req, parent, name);
	end(&timing, METRIC_LOOKUP);
}

void timed_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct timing timing = begin(req);

	op_getattr(req, ino, file);
	end(&timing, METRIC_GETATTR);
}

void timed_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int mask,
                   struct fuse_file_info *file)
{
	struct timing timing = begin(req);

	op_setattr(req, ino, attr, mask, file);
	end(&timing, METRIC_SETATTR);
}

void timed_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct timing timing = begin(req);

	op_readlink(req, ino);
	end(&timing, METRIC_READLINK);
}

void timed_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
                 mode_t mode)
{
	struct timing timing = begin(req);

	op_mkdir(req, parent, name, mode);
	end(&timing, METRIC_MKDIR);
}

void timed_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct timing timing = begin(req);

	op_unlink(req, parent, name);
	end(&timing, METRIC_UNLINK);
}

void timed_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct timing timing = begin(req);

	op_rmdir(req, parent, name);
	end(&timing, METRIC_RMDIR);
}

void timed_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
                   const char *name)
{
	struct timing timing = begin(req);

	op_symlink(req, target, parent, name);
	end(&timing, METRIC_SYMLINK);
}

void timed_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
                  fuse_ino_t new_parent, const char *new_name,
                  unsigned int flags)
{
	struct timing timing = begin(req);

	op_rename(req, parent, name, new_parent, new_name, flags);
	end(&timing, METRIC_RENAME);
}

void timed_create(fuse_req_t req, fuse_ino_t parent, const char *name,
                  mode_t mode, struct fuse_file_info *file)
{
	struct timing timing = begin(req);

	op_create(req, parent, name, mode, file);
	end(&timing, METRIC_CREATE);
}

void timed_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct timing timing = begin(req);

	op_open(req, ino, file);
	end(&timing, METRIC_OPEN);
}

void timed_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *file)
{
	struct timing timing = begin(req);

	op_read(req, ino, size, offset, file);
	end(&timing, METRIC_READ);
}

void timed_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size,
                 off_t offset, struct fuse_file_info *file)
{
	struct timing timing = begin(req);

	op_write(req, ino, data, size, offset, file);
	end(&timing, METRIC_WRITE);
}

void timed_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct timing timing = begin(req);

	op_flush(req, ino, file);
	end(&timing, METRIC_FLUSH);
}

void timed_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
                 struct fuse_file_info *file)
{
	struct timing timing = begin(req);

	op_fsync(req, ino, datasync, file);
	end(&timing, METRIC_FSYNC);
}

void timed_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct timing timing = begin(req);

	op_opendir(req, ino, file);
	end(&timing, METRIC_OPENDIR);
}

void timed_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                   struct fuse_file_info *file)
{
	struct timing timing = begin(req);

	op_readdir(req, ino, size, offset, file);
	end(&timing, METRIC_READDIR);
}

void timed_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
                       off_t offset, struct fuse_file_info *file)
{
	struct timing timing = begin(req);

	op_readdirplus(req, ino, size, offset, file);
	end(&timing, METRIC_READDIR);
}

void timed_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
                    size_t size)
{
	struct timing timing = begin(req);

	op_getxattr(req, ino, name, size);
	end(&timing, METRIC_GETXATTR);
}

void timed_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
                    const char *value, size_t size, int flags)
{
	struct timing timing = begin(req);

	op_setxattr(req, ino, name, value, size, flags);
	end(&timing, METRIC_SETXATTR);
}
