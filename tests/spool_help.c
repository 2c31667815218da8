/* SPDX-License-Identifier: MIT */
#include "tests/spool_help.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

int set_up_store(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	scratch_init(&fixture->scratch);
	*state = fixture;
	return 0;
}

int tear_down_store(void **state)
{
	struct fixture *fixture = *state;

	chmod(fixture->scratch.path, 0700);
	scratch_release(&fixture->scratch);
	free(fixture);
	return 0;
}

int set_up_spool(void **state)
{
	struct fixture *fixture;

	set_up_store(state);
	fixture = *state;
	assert_int_equal(
	    spool_open(fixture->scratch.path, false, &fixture->spool, NULL), 0);
	return 0;
}

int tear_down_spool(void **state)
{
	struct fixture *fixture = *state;

	spool_close(&fixture->spool);
	return tear_down_store(state);
}

void make_file(const struct spool *spool, const char *path, const char *text)
{
	ssize_t size = (ssize_t)strlen(text);
	int fd =
	    spool_open_file(spool, path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, (size_t)size), size);
	close(fd);
}

void assert_file(const struct spool *spool, const char *path, const char *text)
{
	char bytes[64] = "";
	int fd = spool_open_file(spool, path, O_RDONLY, 0);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, bytes, sizeof(bytes) - 1), strlen(text));
	assert_string_equal(bytes, text);
	close(fd);
}

bool exists(const struct fixture *fixture, const char *name)
{
	char path[512];
	struct stat stat;

	snprintf(path, sizeof(path), "%s/%s", fixture->scratch.path, name);
	return lstat(path, &stat) == 0;
}
