/* SPDX-License-Identifier: MIT */
#define FUSE_USE_VERSION 314
#include "bench_null.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_SIZE ((off_t)4096)
#define FIRST_FILE ((fuse_ino_t)FUSE_ROOT_ID + 1)
#define VALID_SECONDS 1.0

static const char zeros[FILE_SIZE];

static unsigned long count_of(fuse_req_t req)
{
	return *(const unsigned long *)fuse_req_userdata(req);
}

static struct stat stat_of(fuse_ino_t ino)
{
	return (struct stat){
		.st_ino = ino,
		.st_mode =
		    ino == FUSE_ROOT_ID ? S_IFDIR | 0700 : S_IFREG | 0600,
		.st_nlink = 1,
		.st_size = ino == FUSE_ROOT_ID ? 0 : FILE_SIZE,
	};
}

static struct fuse_entry_param entry_of(fuse_ino_t ino)
{
	return (struct fuse_entry_param){
		.ino = ino,
		.attr = stat_of(ino),
		.attr_timeout = VALID_SECONDS,
		.entry_timeout = VALID_SECONDS,
	};
}

static void null_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	char *end;
	unsigned long number = strtoul(name, &end, 10);
	struct fuse_entry_param entry = entry_of(FIRST_FILE + number);

	(void)parent;
	if (strcmp(end, ".json") != 0 || number >= count_of(req))
		fuse_reply_err(req, ENOENT);
	else
		fuse_reply_entry(req, &entry);
}

static void null_getattr(fuse_req_t req, fuse_ino_t ino,
                         struct fuse_file_info *file)
{
	struct stat stat = stat_of(ino);

	(void)file;
	fuse_reply_attr(req, &stat, VALID_SECONDS);
}

static void null_open(fuse_req_t req, fuse_ino_t ino,
                      struct fuse_file_info *file)
{
	(void)ino;
	fuse_reply_open(req, file);
}

static void null_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                      struct fuse_file_info *file)
{
	size_t left = offset < FILE_SIZE ? (size_t)(FILE_SIZE - offset) : 0;

	(void)ino;
	(void)file;
	fuse_reply_buf(req, zeros, size < left ? size : left);
}

/* Entries from OFFSET on, as many as fit into SIZE bytes. */
static void null_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
                             off_t offset, struct fuse_file_info *file)
{
	unsigned long count = count_of(req);
	char *buffer = malloc(size);
	size_t used = 0;

	(void)ino;
	(void)file;
	if (!buffer) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	for (unsigned long i = (unsigned long)offset; i < count; i++) {
		struct fuse_entry_param entry = entry_of(FIRST_FILE + i);
		char name[32];
		size_t need;

		snprintf(name, sizeof(name), "%lu.json", i);
		need = fuse_add_direntry_plus(req, buffer + used, size - used,
		                              name, &entry, (off_t)(i + 1));
		if (need > size - used)
			break;
		used += need;
	}
	fuse_reply_buf(req, buffer, used);
	free(buffer);
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = null_lookup,
	.getattr = null_getattr,
	.open = null_open,
	.read = null_read,
	.opendir = null_open,
	.readdirplus = null_readdirplus,
};

int bench_null(const char *mountpoint, unsigned long count)
{
	char name[] = "engram-bench";
	char *arguments[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, arguments);
	struct fuse_session *session =
	    fuse_session_new(&args, &operations, sizeof(operations), &count);
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int rc = 1;

	if (session && config && fuse_set_signal_handlers(session) == 0) {
		if (fuse_session_mount(session, mountpoint) == 0) {
			rc = fuse_session_loop_mt(session, config) < 0;
			fuse_session_unmount(session);
		}
		fuse_remove_signal_handlers(session);
	}
	if (session)
		fuse_session_destroy(session);
	fuse_loop_cfg_destroy(config);
	return rc;
}
