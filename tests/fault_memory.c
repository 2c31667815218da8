/* SPDX-License-Identifier: MIT */
/*
 * The allocations that may fail: the linker has our objects call __wrap_malloc
 * for malloc (--wrap), and so on.  Those that are not freed are counted.
 */
#include "tests/fault_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_long allocated;

long fault_allocated(void)
{
	return atomic_load(&allocated);
}

static void *taken(void *memory)
{
	if (memory)
		atomic_fetch_add(&allocated, 1);
	return memory;
}

#define WRAP(type, name, failed, result, declared, passed)                     \
	type __real_##name declared;                                           \
	type __wrap_##name declared;                                           \
	type __wrap_##name declared                                            \
	{                                                                      \
		if (fault_fails(FAULT_ALLOCATIONS))                            \
			return failed;                                         \
		return result(__real_##name passed);                           \
	}

WRAP(void *, malloc, NULL, taken, (size_t size), (size))
WRAP(void *, calloc, NULL, taken, (size_t count, size_t size), (count, size))
WRAP(char *, strdup, NULL, taken, (const char *text), (text))
WRAP(char *, strndup, NULL, taken, (const char *text, size_t size),
     (text, size))
/* Not memory, but as scarce: EAGAIN. */
WRAP(int, pthread_create, EAGAIN, ,
     (pthread_t * thread, const pthread_attr_t *attributes,
      void *(*run)(void *), void *arg),
     (thread, attributes, run, arg))

#define DECLARE(type, name, declared)                                          \
	type __real_##name declared;                                           \
	type __wrap_##name declared

DECLARE(void, free, (void *memory));
DECLARE(void *, realloc, (void *memory, size_t size));
DECLARE(void *, reallocarray, (void *memory, size_t count, size_t size));
DECLARE(int, posix_memalign, (void **out, size_t alignment, size_t size));
int __wrap_asprintf(char **out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void __wrap_free(void *memory)
{
	if (memory)
		atomic_fetch_sub(&allocated, 1);
	__real_free(memory);
}

/* Where there was some, there is again. */
static void *retaken(const void *was, void *memory)
{
	return was ? memory : taken(memory);
}

void *__wrap_realloc(void *memory, size_t size)
{
	const bool was = memory != NULL;

	if (fault_fails(FAULT_ALLOCATIONS))
		return NULL;
	return retaken(was ? "" : NULL, __real_realloc(memory, size));
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
	const bool was = memory != NULL;

	if (fault_fails(FAULT_ALLOCATIONS))
		return NULL;
	return retaken(was ? "" : NULL,
	               __real_reallocarray(memory, count, size));
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
	int rc = ENOMEM;

	if (!fault_fails(FAULT_ALLOCATIONS))
		rc = __real_posix_memalign(out, alignment, size);
	if (rc == 0)
		taken(*out);
	return rc;
}

int __wrap_asprintf(char **out, const char *format, ...)
{
	va_list values;
	int size;

	if (fault_fails(FAULT_ALLOCATIONS))
		return -1;
	va_start(values, format);
	size = vasprintf(out, format, values);
	va_end(values);
	if (size >= 0)
		taken(*out);
	return size;
}
