/* SPDX-License-Identifier: MIT */
#include "fs/mount_arguments.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

static int add_option(struct fuse_args *args, const char *option)
{
	char *escaped = NULL;
	int rc = fuse_opt_add_opt_escaped(&escaped, option);

	if (rc == 0)
		rc = fuse_opt_add_arg(args, "-o");
	if (rc == 0)
		rc = fuse_opt_add_arg(args, escaped);
	free(escaped);
	return rc;
}

static bool has_option(const struct options *options, const char *name)
{
	for (size_t i = 0; i < options->mount_count; i++)
		if (strncmp(options->mount[i], name, strlen(name)) == 0)
			return true;
	return false;
}

/* The colon makes tools take the file system for a remote one, and leave it
 * alone when they index or make thumbnails. */
int mount_arguments(const struct options *options, const char *store,
                    struct fuse_args *args)
{
	char name[PATH_MAX + 32];
	int rc = fuse_opt_add_arg(args, "engramfs");

	snprintf(name, sizeof(name), "fsname=engramfs:%s", store);
	for (size_t i = 0; rc == 0 && i < options->mount_count; i++)
		rc = add_option(args, options->mount[i]);
	if (rc == 0 && !has_option(options, "fsname="))
		rc = add_option(args, name);
	if (rc == 0 && !has_option(options, "subtype="))
		rc = add_option(args, "subtype=engramfs");
	if (rc == 0)
		rc = add_option(args, "default_permissions");
	if (rc == 0 && options->read_only)
		rc = add_option(args, "ro");
	if (rc == 0 && options->debug)
		rc = fuse_opt_add_arg(args, "-d");
	return rc ? -ENOMEM : 0;
}
