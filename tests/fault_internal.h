/* SPDX-License-Identifier: MIT */
/*
 * fault_internal.h - between the calls that may fail and who decides
 */
#ifndef ENGRAMFS_TESTS_FAULT_INTERNAL_H
#define ENGRAMFS_TESTS_FAULT_INTERNAL_H

#include "tests/fault.h"

#include <stddef.h>

/* Count a call that is of KINDS.  True: it is to fail, errno is set. */
bool fault_fails(unsigned int kinds);

/* The same of SIZE bytes to or from FD: how many are to be done, or -1. */
long fault_size(unsigned int kinds, int fd, size_t size);

/* FD is a file or a directory. */
bool fault_is_file(int fd);

#endif
