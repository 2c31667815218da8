/* SPDX-License-Identifier: MIT */
/*
 * file.h - whole files: copies and checksums
 *
 * Errors:     int functions return 0 or a negative errno value.
 */
#ifndef ENGRAMFS_BACKENDS_FILE_H
#define ENGRAMFS_BACKENDS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FILE_CHECKSUM_SIZE 17

/* Called between two steps of a mebibyte, with what is done (0 to 1). */
typedef int file_step_fn(void *arg, double done);

/* Make the file TO, which must not exist, a copy of FROM on stable storage.
 * STEP may be NULL. */
int file_copy(const char *from, const char *to, file_step_fn *step, void *arg);

/* XXH3 (64 bits) of the file's bytes, in hex. */
int file_checksum(const char *path, char out[FILE_CHECKSUM_SIZE],
                  uint64_t *size, file_step_fn *step, void *arg);

/* NAME is that of a rotated file of NAME CURRENT: with `_<digits>` before its
 * extension.  NUMBER: the digits. */
bool file_is_rotated(const char *name, const char *current, uint64_t *number);

/* Write all of SIZE bytes, whatever interrupts it. */
int file_write_all(int fd, const void *bytes, size_t size);
/* The same at OFFSET, and the file's own position stays. */
int file_write_at(int fd, const void *bytes, size_t size, off_t offset);
/* Read up to SIZE bytes at OFFSET: fewer at the end of the file only.  How many,
 * or a negative errno value. */
ssize_t file_read_at(int fd, void *bytes, size_t size, off_t offset);

/* What was written to the file or directory is on stable storage. */
int file_sync(const char *path);

#endif
