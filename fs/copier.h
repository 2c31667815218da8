/* SPDX-License-Identifier: MIT */
/*
 * copier.h - programs whose reading is no use of a memory
 *
 * Opening an array is an access of its record, which the record shows.  A
 * program that copies, compares, archives or indexes whatever there is does
 * not recall anything, and its copy must equal the original: it is not
 * counted.  Such programs are known by the name that the kernel has for them
 * (/proc/PID/comm).
 */
#ifndef ENGRAMFS_FS_COPIER_H
#define ENGRAMFS_FS_COPIER_H

#include <stdbool.h>
#include <sys/types.h>

/* Is PID one?  PID 0, of a process that cannot be seen from here, is none. */
bool copier_is(pid_t pid);

/* The same of a name. */
bool copier_has_name(const char *name);

#endif
