/* SPDX-License-Identifier: MIT */
/*
 * history_internal.h - what history.c and history_read.c share
 */
#ifndef ENGRAMFS_BACKENDS_HISTORY_INTERNAL_H
#define ENGRAMFS_BACKENDS_HISTORY_INTERNAL_H

#include "backends/history.h"

#define HISTORY_FIRST_LINE "engramfs-history 1\n"
#define HISTORY_FIRST_SIZE (sizeof(HISTORY_FIRST_LINE) - 1)

/* Before each entry's bytes; little endian, as all machines that are meant. */
struct history_head {
	uint32_t magic;
	uint32_t kind;
	int64_t time;
	uint64_t size;
	uint64_t xxh3; /* of the above, then of the bytes with that as seed */
};

#define HISTORY_MAGIC UINT32_C(0x31484e45)

uint64_t history_checksum(const struct history_head *head, const void *bytes);

#endif
