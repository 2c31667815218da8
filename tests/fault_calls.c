/* SPDX-License-Identifier: MIT */
/*
 * The system calls that may fail.  Each is defined in the program under the C
 * library's name, hands on to the next of that name, and fails before it does
 * anything.
 */
#include "tests/fault_internal.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A function and a pointer to an object are not the same to the standard. */
static void find(const char *name, void *function)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	memcpy(function, &symbol, sizeof(symbol));
}

/* FAILED is what NAME returns when it may not happen. */
#define FORWARD(type, name, may, failed, declared, passed)                     \
	type name declared                                                     \
	{                                                                      \
		static type(*next) declared;                                   \
                                                                               \
		if (!(may))                                                    \
			return failed;                                         \
		if (!next)                                                     \
			find(#name, &next);                                    \
		return next passed;                                            \
	}

#define WRITING !fault_fails(FAULT_WRITES)
#define NAMING !fault_fails(FAULT_NAMES)
#define OPENING !fault_fails(FAULT_OPENS)
#define MAPPING !fault_fails(FAULT_MAPS)
#define IS_THERE(fd) (faccessat(fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
#define MAKING(fd) (IS_THERE(fd) || WRITING)
#define CHANGING(fd) (!fault_is_file(fd) || WRITING)

FORWARD(int, ftruncate, CHANGING(fd), -1, (int fd, off_t size), (fd, size))
FORWARD(int, ftruncate64, CHANGING(fd), -1, (int fd, off64_t size), (fd, size))
FORWARD(int, fsync, CHANGING(fd), -1, (int fd), (fd))
FORWARD(int, fdatasync, CHANGING(fd), -1, (int fd), (fd))
FORWARD(int, fallocate, WRITING, -1,
        (int fd, int mode, off_t offset, off_t size), (fd, mode, offset, size))
FORWARD(int, rename, NAMING, -1, (const char *from, const char *to), (from, to))
FORWARD(int, renameat, NAMING, -1,
        (int from_fd, const char *from, int to_fd, const char *to),
        (from_fd, from, to_fd, to))
FORWARD(int, renameat2, NAMING, -1,
        (int from_fd, const char *from, int to_fd, const char *to,
         unsigned int flags),
        (from_fd, from, to_fd, to, flags))
FORWARD(int, unlink, NAMING, -1, (const char *path), (path))
FORWARD(int, unlinkat, NAMING, -1, (int fd, const char *path, int flags),
        (fd, path, flags))
FORWARD(int, mkdir, MAKING(AT_FDCWD), -1, (const char *path, mode_t mode),
        (path, mode))
FORWARD(int, mkdirat, MAKING(fd), -1, (int fd, const char *path, mode_t mode),
        (fd, path, mode))
FORWARD(int, symlinkat, WRITING, -1,
        (const char *target, int fd, const char *path), (target, fd, path))
FORWARD(int, linkat, WRITING, -1,
        (int from_fd, const char *from, int to_fd, const char *to, int flags),
        (from_fd, from, to_fd, to, flags))
FORWARD(int, futimens, WRITING, -1, (int fd, const struct timespec times[2]),
        (fd, times))
FORWARD(int, utimensat, WRITING, -1,
        (int fd, const char *path, const struct timespec times[2], int flags),
        (fd, path, times, flags))

FORWARD(DIR *, opendir, OPENING, NULL, (const char *path), (path))
FORWARD(FILE *, fopen, OPENING, NULL, (const char *path, const char *mode),
        (path, mode))
FORWARD(FILE *, fopen64, OPENING, NULL, (const char *path, const char *mode),
        (path, mode))
FORWARD(int, dup, OPENING, -1, (int fd), (fd))
FORWARD(int, eventfd, OPENING, -1, (unsigned int value, int flags),
        (value, flags))
FORWARD(int, socket, OPENING, -1, (int domain, int type, int protocol),
        (domain, type, protocol))

FORWARD(void *, mmap, MAPPING, MAP_FAILED,
        (void *at, size_t size, int access, int flags, int fd, off_t offset),
        (at, size, access, flags, fd, offset))
FORWARD(void *, mmap64, MAPPING, MAP_FAILED,
        (void *at, size_t size, int access, int flags, int fd, off64_t offset),
        (at, size, access, flags, fd, offset))

#define WRITTEN                                                                \
	long part = fault_size(FAULT_WRITES | FAULT_DATA, fd, size);           \
                                                                               \
	if (part < 0)                                                          \
	return -1
#define READ                                                                   \
	long part = fault_size(FAULT_READS, fd, size);                         \
                                                                               \
	if (part < 0)                                                          \
	return -1
#define HAND_ON(name, ...)                                                     \
	if (!next)                                                             \
		find(#name, &next);                                            \
	return next(fd, __VA_ARGS__)

ssize_t write(int fd, const void *data, size_t size)
{
	static ssize_t (*next)(int, const void *, size_t);
	WRITTEN;
	HAND_ON(write, data, (size_t)part);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
	static ssize_t (*next)(int, const void *, size_t, off_t);
	WRITTEN;
	HAND_ON(pwrite, data, (size_t)part, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
	static ssize_t (*next)(int, const void *, size_t, off64_t);
	WRITTEN;
	HAND_ON(pwrite64, data, (size_t)part, offset);
}

ssize_t read(int fd, void *data, size_t size)
{
	static ssize_t (*next)(int, void *, size_t);
	READ;
	HAND_ON(read, data, (size_t)part);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
	static ssize_t (*next)(int, void *, size_t, off_t);
	READ;
	HAND_ON(pread, data, (size_t)part, offset);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
	static ssize_t (*next)(int, void *, size_t, off64_t);
	READ;
	HAND_ON(pread64, data, (size_t)part, offset);
}

/* The mode is there where the flags say so.  A new file takes room. */
#define MAKES (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))
#define TAKE_MODE(fd)                                                          \
	va_list more;                                                          \
	mode_t mode;                                                           \
                                                                               \
	va_start(more, flags);                                                 \
	mode = flags & MAKES ? va_arg(more, mode_t) : 0;                       \
	va_end(more);                                                          \
	if (fault_fails((flags & O_CREAT && !IS_THERE(fd)) ||                  \
	                        (flags & O_TMPFILE) == O_TMPFILE               \
	                    ? FAULT_OPENS | FAULT_WRITES                       \
	                    : FAULT_OPENS))                                    \
	return -1

int open(const char *path, int flags, ...)
{
	static int (*next)(const char *, int, ...);
	TAKE_MODE(AT_FDCWD);
	if (!next)
		find("open", &next);
	return next(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	static int (*next)(const char *, int, ...);
	TAKE_MODE(AT_FDCWD);
	if (!next)
		find("open64", &next);
	return next(path, flags, mode);
}

int openat(int fd, const char *path, int flags, ...)
{
	static int (*next)(int, const char *, int, ...);
	TAKE_MODE(fd);
	HAND_ON(openat, path, flags, mode);
}

int openat64(int fd, const char *path, int flags, ...)
{
	static int (*next)(int, const char *, int, ...);
	TAKE_MODE(fd);
	HAND_ON(openat64, path, flags, mode);
}

/* openat2(2) has no name of its own in the C library. */
long syscall(long number, ...)
{
	static long (*next)(long, ...);
	long values[6];
	va_list more;

	va_start(more, number);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		values[i] = va_arg(more, long);
	va_end(more);
	if (number == SYS_openat2 && fault_fails(FAULT_OPENS))
		return -1;
	if (!next)
		find("syscall", &next);
	return next(number, values[0], values[1], values[2], values[3],
	            values[4], values[5]);
}
