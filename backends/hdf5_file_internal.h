/* SPDX-License-Identifier: MIT */
/*
 * hdf5_file_internal.h - what hdf5_file.c and hdf5_file_commit.c share
 */
#ifndef ENGRAMFS_BACKENDS_HDF5_FILE_INTERNAL_H
#define ENGRAMFS_BACKENDS_HDF5_FILE_INTERNAL_H

#include "backends/hdf5_closer.h"
#include "backends/hdf5_file.h"
#include "backends/journal.h"

#include <stdatomic.h>
#include <sys/stat.h>

struct hdf5_file {
	char *path;
	char *former; /* path, which others may be reading */
	bool read_only;
	hid_t id; /* negative: closed */
	bool writable;
	atomic_bool locked;      /* another program did not let us in */
	struct journal *journal; /* what is written goes through it */
	unsigned int pins;       /* long works under way */
	uint64_t session;
	uint64_t failures; /* hdf5_failures when it was opened */
	uint64_t unread;   /* hdf5_unread then */
	uint64_t generation;
	uint64_t flushes;
	struct stat seen; /* the file as it was left, or found at opening */
	int64_t used_ms;
	struct hdf5_closer *closer; /* borrowed */
};

/* Let go of the file, if it is open; what was not committed is undone. */
void hdf5_file_close(struct hdf5_file *file);

#endif
