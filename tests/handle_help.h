/* SPDX-License-Identifier: MIT */
/*
 * handle_help.h - open files over the mem backend, for tests of fs/handle.h
 *
 * Every function fails the running test where it cannot do its work.  Arrays
 * are of COUNT doubles that are all the same number.
 */
#ifndef ENGRAMFS_TESTS_HANDLE_HELP_H
#define ENGRAMFS_TESTS_HANDLE_HELP_H

#include "fs/handle.h"
#include "tests/lab.h"

#define HEADER ((size_t)128) /* bytes of such an array's npy header */
#define COUNT 3
#define SIZE (HEADER + COUNT * sizeof(double))

/* *STATE is a struct lab. */
int handle_set_up(void **state);
int handle_tear_down(void **state);

/* handle_open of PATH. */
int try_open(struct lab *lab, const char *path, int flags, struct handle **out);
struct handle *open_path(struct lab *lab, const char *path, int flags);

/* As open(PATH, "w"). */
struct handle *open_new(struct lab *lab, const char *path);

/* As the last close: commit and free. */
int finish(struct handle *handle);

/* As pread(2), with negative errno values. */
ssize_t handle_read(struct handle *handle, uint64_t offset, void *buffer,
                    size_t size);
void write_text(struct handle *handle, uint64_t offset, const char *text);
void write_array(struct handle *handle, double number);
void assert_reads(struct handle *handle, double number);

/* BYTES are those of an array's npy file. */
void assert_bytes(const void *bytes, size_t size, double number);

/* What the store has, whatever waits in the spool. */
void assert_stored(struct lab *lab, const char *path, double number);
bool is_stored(struct lab *lab, const char *path);

/* The size of what waits in the spool as PATH, or -ENOENT. */
int64_t begun_size(struct lab *lab, const char *path);

/* How many files are in rejected/, their reasons left out. */
size_t count_rejected(struct lab *lab);

/* There is one: TEXT, for the REASON. */
void assert_rejected(struct lab *lab, const char *text, const char *reason);

/* errors.jsonl holds TEXT. */
bool has_errors(struct lab *lab, const char *text);

#endif
