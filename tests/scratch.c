/* SPDX-License-Identifier: MIT */
#include "tests/scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

void scratch_init(struct scratch *scratch)
{
	const char *parent = getenv("TMPDIR");

	snprintf(scratch->path, sizeof(scratch->path),
	         "%s/engramfs-test-XXXXXX", parent ? parent : "/tmp");
	assert_non_null(mkdtemp(scratch->path));
}

static int remove_one(const char *path, const struct stat *stat, int type,
                      struct FTW *at)
{
	(void)stat;
	(void)type;
	(void)at;
	return remove(path);
}

void scratch_release(struct scratch *scratch)
{
	nftw(scratch->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void full_path(const struct scratch *scratch, const char *name,
                      char path[512])
{
	snprintf(path, 512, "%s/%s", scratch->path, name);
}

void scratch_python(struct scratch *scratch, const char *script)
{
	char program[] = "/usr/bin/python3";
	char option[] = "-c";
	struct blob text = { 0 };
	char *arguments[] = { program, option, NULL, NULL };
	char *environment[] = { NULL };
	int status = -1;
	pid_t pid;

	assert_int_equal(blob_printf(&text, "import os; os.chdir('%s')\n%s",
	                             scratch->path, script),
	                 0);
	arguments[2] = text.data;
	assert_int_equal(
	    posix_spawn(&pid, program, NULL, NULL, arguments, environment), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	blob_release(&text);
	assert_int_equal(status, 0);
}

bool scratch_read(struct scratch *scratch, const char *name, struct blob *out)
{
	char path[512];
	char buffer[65536];
	size_t got;
	FILE *file;

	full_path(scratch, name, path);
	file = fopen(path, "rb");
	if (!file)
		return false;
	assert_int_equal(blob_set(out, "", 0), 0);
	while ((got = fread(buffer, 1, sizeof(buffer), file)) > 0)
		assert_int_equal(blob_append(out, buffer, got), 0);
	fclose(file);
	return true;
}

void scratch_write(struct scratch *scratch, const char *name, const void *data,
                   size_t size)
{
	char path[512];
	FILE *file;

	full_path(scratch, name, path);
	file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}
