/* SPDX-License-Identifier: MIT */
/*
 * fault.h - system calls and allocations that fail, or end the process
 *
 * A program that is made with it (engramfs_faults in tests/CMakeLists.txt)
 * counts its calls of these kinds, and has one of them go wrong:
 *
 *   system calls   of the whole program: ours, and those of SQLite, HDF5 and
 *                  all other libraries, which find the definitions here before
 *                  the C library's
 *   allocations    of our own objects alone, by the linker's --wrap.  What a
 *                  library does when its own fail is not ours to mend (libhdf5
 *                  1.10 leaks and crashes).
 *
 * Threads:    any; calls are counted in the thread that armed the fault, or in
 *             all.
 */
#ifndef ENGRAMFS_TESTS_FAULT_H
#define ENGRAMFS_TESTS_FAULT_H

#include <stdbool.h>

/* Of files and directories; pipes, sockets and devices are left alone. */
enum fault_calls {
	FAULT_WRITES = 1 << 0,      /* what takes room where bytes are stored */
	FAULT_NAMES = 1 << 6,       /* rename(2), unlink(2), rmdir(2) */
	FAULT_DATA = 1 << 1,        /* only write(2) and pwrite(2) */
	FAULT_READS = 1 << 2,       /* read(2) and pread(2) */
	FAULT_OPENS = 1 << 3,       /* what makes a descriptor */
	FAULT_MAPS = 1 << 4,        /* mmap(2) */
	FAULT_ALLOCATIONS = 1 << 5, /* malloc and what else takes memory */
};

enum fault_effect {
	FAULT_NONE, /* counted, no more */
	FAULT_FAIL, /* -1 and ERROR as errno; NULL */
	FAULT_PART, /* FAULT_DATA, FAULT_READS: half of it is done */
	FAULT_EXIT, /* the process ends, with ERROR as its status */
};

struct fault {
	unsigned int calls; /* of enum fault_calls */
	enum fault_effect effect;
	int error;
	long at;         /* the first call is 0 */
	bool stays;      /* and all that follow */
	bool everywhere; /* in all threads */

	/* Not NULL: decides instead of EFFECT, and may set ERROR. */
	enum fault_effect (*choose)(unsigned int call, int *error);
};

/* Calls are counted from 0 on. */
void fault_arm(const struct fault *fault);

/* All goes well again.  How many calls were counted. */
long fault_disarm(void);

/* How many calls have gone wrong since the last fault_arm. */
long fault_hits(void);

/* How many allocations of our own objects are not freed. */
long fault_allocated(void);

#endif
