/* SPDX-License-Identifier: MIT */
/*
 * parcel_internal.h - what parcel.c and parcel_read.c share
 */
#ifndef ENGRAMFS_BACKENDS_PARCEL_INTERNAL_H
#define ENGRAMFS_BACKENDS_PARCEL_INTERNAL_H

#include "backends/parcel.h"

#include <sodium.h>
#include <xxhash.h>
#include <zstd.h>

#define PARCEL_MAGIC "engramfs-sealed 1\n"
#define PARCEL_MAGIC_SIZE (sizeof(PARCEL_MAGIC) - 1)
#define PARCEL_HEADER_SIZE crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define PARCEL_SEALED                                                          \
	(PARCEL_CHUNK + crypto_secretstream_xchacha20poly1305_ABYTES)
#define PARCEL_WINDOW_LOG 23 /* of zstd: 8 MiB at most */

/* The file that is read, in steps of a chunk. */
struct parcel_source {
	int fd;
	uint64_t size;
	uint64_t done;
	const struct parcel_form *packing;
};

int parcel_source_open(struct parcel_source *source, const char *path,
                       const struct parcel_form *packing);
void parcel_source_close(struct parcel_source *source);
/* Up to SIZE bytes, fewer only at the end; 0 there. */
ssize_t parcel_source_read(struct parcel_source *source, void *buffer,
                           size_t size);

/* A new file, or nothing at all where PATH is NULL: FD is -1 then. */
int parcel_create(const char *path, int *fd);
/* Sync and close it; where RC is an error, remove it.  Returns the first
 * error. */
int parcel_finish(const char *path, int fd, int rc);

#endif
