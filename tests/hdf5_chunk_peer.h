/* SPDX-License-Identifier: MIT */
/*
 * hdf5_chunk_peer.h - h5py on chunks, for tests: hdf5_chunk_peer.py
 */
#ifndef ENGRAMFS_TESTS_HDF5_CHUNK_PEER_H
#define ENGRAMFS_TESTS_HDF5_CHUNK_PEER_H

#include "tests/hdf5_bench.h"

#include <stdio.h>
#include <stdlib.h>

/* Run COMMAND on the file of BENCH; the exit status. */
static inline int chunk_peer(const struct bench *bench, const char *command,
                             const char *argument)
{
	char line[1024];

	snprintf(line, sizeof(line),
	         "/usr/bin/python3 %s/hdf5_chunk_peer.py %s %s %s",
	         TESTS_DIRECTORY, command, bench->file, argument);
	return system(line);
}

#endif
