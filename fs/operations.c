/* SPDX-License-Identifier: MIT */
#include "fs/timed.h"

/* What the kernel offers and we want. */
static const unsigned long wanted[] = {
	FUSE_CAP_ATOMIC_O_TRUNC, /* open(O_TRUNC) is one request */
	FUSE_CAP_ASYNC_READ,     /* read ahead in parallel */
	FUSE_CAP_PARALLEL_DIROPS,
#ifdef FUSE_CAP_HANDLE_KILLPRIV_V2
	/* No file has bits to kill: a write need not ask for them. */
	FUSE_CAP_HANDLE_KILLPRIV_V2,
#endif
	FUSE_CAP_READDIRPLUS, /* names and attributes in one reply, where */
	FUSE_CAP_READDIRPLUS_AUTO, /* somebody asks for both */
};

static void want(struct fuse_conn_info *conn, unsigned long flag)
{
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
	fuse_set_feature_flag(conn, flag);
#else
	conn->want |= conn->capable & (unsigned int)flag;
#endif
}

static void do_not_want(struct fuse_conn_info *conn, unsigned long flag)
{
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
	fuse_unset_feature_flag(conn, flag);
#else
	conn->want &= ~(unsigned int)flag;
#endif
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct fs *fs = userdata;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		want(conn, wanted[i]);
	/* Other programs change the stores: sizes and times are theirs. */
	do_not_want(conn, FUSE_CAP_WRITEBACK_CACHE);
	passthrough_negotiate(&fs->passthrough, conn);
	conn->max_write = FS_MAX_TRANSFER;
	conn->max_read = 0;
	if (fs->ready)
		fs->ready(fs->ready_arg);
}

const struct fuse_lowlevel_ops fs_operations = {
	.init = op_init,
	.lookup = timed_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = timed_getattr,
	.setattr = timed_setattr,
	.readlink = timed_readlink,
	.mkdir = timed_mkdir,
	.unlink = timed_unlink,
	.rmdir = timed_rmdir,
	.symlink = timed_symlink,
	.mknod = op_mknod,
	.link = op_link,
	.rename = timed_rename,
	.open = timed_open,
	.read = timed_read,
	.write = timed_write,
	.flush = timed_flush,
	.release = op_release,
	.fsync = timed_fsync,
	.opendir = timed_opendir,
	.readdir = timed_readdir,
	.readdirplus = timed_readdirplus,
	.releasedir = op_releasedir,
	.fsyncdir = op_fsyncdir,
	.statfs = op_statfs,
	.setxattr = timed_setxattr,
	.getxattr = timed_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.create = timed_create,
	.fallocate = op_fallocate,
};
