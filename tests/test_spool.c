/* SPDX-License-Identifier: MIT */
/* Scratch files. */
#include "tests/spool_help.h"

#include "layout/link.h"
#include "layout/quota.h"

#include <errno.h>
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

static void scratch_files_are_plain_files(void **state)
{
	struct fixture *fixture = *state;
	const struct spool *spool = &fixture->spool;
	struct stat stat;

	make_file(spool, "wm/deep/down/.a.swp", "text");
	assert_file(spool, "wm/deep/down/.a.swp", "text");
	assert_int_equal(spool_stat(spool, "wm/deep/down/.a.swp", &stat), 0);
	assert_true(S_ISREG(stat.st_mode));
	assert_int_equal(stat.st_size, 4);
	assert_int_equal(spool_stat(spool, "wm/deep", &stat), 0);
	assert_true(S_ISDIR(stat.st_mode));
	assert_int_equal(spool_stat(spool, "", &stat), 0);
	assert_true(S_ISDIR(stat.st_mode));
	assert_int_equal(spool_open_file(spool, "wm/deep/down/.a.swp",
	                                 O_WRONLY | O_CREAT | O_EXCL, 0600),
	                 -EEXIST);
	assert_int_equal(spool_unlink(spool, "wm/deep"), -EISDIR);
	assert_int_equal(spool_unlink(spool, "wm/deep/down/.a.swp"), 0);
	assert_int_equal(spool_unlink(spool, "wm/deep/down/.a.swp"), -ENOENT);
}

static void old_scratch_files_are_removed_and_what_waits_is_not(void **state)
{
	struct fixture *fixture = *state;
	const struct spool *spool = &fixture->spool;
	time_t now = time(NULL);
	struct stat stat;

	make_file(spool, "wm/deep/a.tmp", "text");
	make_file(spool, "concepts/a/like/b.json", "{}");
	make_file(spool, "concepts/a/like/c.json", "{}");
	assert_int_equal(link_make_parents(spool, "waiting/concepts/b/a/like/"),
	                 0);
	assert_int_equal(spool_symlink(spool, "43.json", "episodes/run.json"),
	                 0);
	assert_int_equal(quota_clean(spool, now - 10), 0);
	assert_file(spool, "wm/deep/a.tmp", "text");
	assert_int_equal(quota_clean(spool, now + 10), 0);
	assert_int_equal(spool_stat(spool, "wm/deep/a.tmp", &stat), -ENOENT);
	assert_int_equal(spool_stat(spool, "concepts/a/like/b.json", &stat), 0);
	assert_int_equal(spool_stat(spool, "concepts/a/like/c.json", &stat),
	                 -ENOENT);
	assert_int_equal(spool_stat(spool, "wm/deep", &stat), 0);
	assert_int_equal(spool_stat(spool, "episodes/run.json", &stat), 0);
}

static void what_is_removed_counts_no_more(void **state)
{
	struct fixture *fixture = *state;
	const struct spool *spool = &fixture->spool;
	struct quota quota;
	int fd;

	make_file(spool, "wm/a.tmp", "text");
	quota_init(&quota, spool, 10);
	fd = spool_open_file(spool, "wm/b.tmp", O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(quota_take(&quota, spool, fd, 7), -ENOSPC);
	assert_int_equal(quota_take(&quota, spool, fd, UINT64_MAX), -ENOSPC);
	assert_int_equal(quota_take(&quota, spool, fd, 6), 0);
	assert_int_equal(ftruncate(fd, 6), 0);
	assert_int_equal(quota_take(&quota, spool, fd, 5), 0);
	assert_int_equal(spool_unlink(spool, "wm/a.tmp"), 0);
	assert_int_equal(quota_take(&quota, spool, fd, 10), 0);
	close(fd);
	quota_release(&quota);
}

static void what_is_below_a_file_is_not_there(void **state)
{
	struct fixture *fixture = *state;
	const struct spool *spool = &fixture->spool;
	struct stat stat;
	DIR *stream;

	make_file(spool, "wm/a", "");
	assert_int_equal(spool_stat(spool, "wm/a/b", &stat), -ENOENT);
	assert_int_equal(spool_list(spool, "wm/a", &stream), 0);
	assert_null(stream);
	assert_int_equal(spool_list(spool, "wm/none", &stream), 0);
	assert_null(stream);
	assert_int_equal(spool_mkdir(spool, "wm/a/b", 0700), -ENOTDIR);
}

static void scratch_directories_are_plain_directories(void **state)
{
	struct fixture *fixture = *state;
	const struct spool *spool = &fixture->spool;
	size_t count = 0;
	DIR *stream;

	assert_int_equal(spool_mkdir(spool, "wm/d", 0), 0);
	assert_int_equal(spool_mkdir(spool, "wm/d", 0700), -EEXIST);
	make_file(spool, "wm/d/a", "");
	make_file(spool, "wm/d/b", "");
	assert_int_equal(spool_list(spool, "wm/d", &stream), 0);
	assert_non_null(stream);
	for (const struct dirent *entry; (entry = readdir(stream));)
		count += entry->d_name[0] != '.';
	closedir(stream);
	assert_int_equal(count, 2);
	assert_int_equal(spool_rmdir(spool, "wm/d"), -ENOTEMPTY);
	assert_int_equal(spool_unlink(spool, "wm/d/a"), 0);
	assert_int_equal(spool_unlink(spool, "wm/d/b"), 0);
	assert_int_equal(spool_rmdir(spool, "wm/d"), 0);
	assert_int_equal(spool_rmdir(spool, "wm/d"), -ENOENT);
}

static void scratch_files_are_renamed(void **state)
{
	struct fixture *fixture = *state;
	const struct spool *spool = &fixture->spool;

	make_file(spool, "wm/a", "a");
	make_file(spool, "wm/b", "b");
	assert_int_equal(spool_rename(spool, "wm/a", "wm/b", RENAME_NOREPLACE),
	                 -EEXIST);
	assert_int_equal(spool_rename(spool, "wm/a", "wm/b", RENAME_EXCHANGE),
	                 0);
	assert_file(spool, "wm/a", "b");
	assert_int_equal(spool_rename(spool, "wm/a", "concepts/x/c", 0), 0);
	assert_file(spool, "concepts/x/c", "b");
	assert_int_equal(spool_rename(spool, "wm/a", "wm/d", 0), -ENOENT);
}

static void symlinks_are_kept_as_they_are(void **state)
{
	struct fixture *fixture = *state;
	const struct spool *spool = &fixture->spool;
	struct blob target = { 0 };
	struct stat stat;

	assert_int_equal(spool_symlink(spool, "43.json", "episodes/r.json"), 0);
	assert_int_equal(spool_symlink(spool, "x", "episodes/r.json"), -EEXIST);
	assert_int_equal(spool_stat(spool, "episodes/r.json", &stat), 0);
	assert_true(S_ISLNK(stat.st_mode));
	assert_int_equal(spool_readlink(spool, "episodes/r.json", &target), 0);
	assert_string_equal(target.data, "43.json");
	make_file(spool, "episodes/a", "");
	assert_int_equal(spool_readlink(spool, "episodes/a", &target), -EINVAL);
	assert_int_equal(spool_readlink(spool, "episodes/b", &target), -ENOENT);
	assert_string_equal(target.data, "43.json");
	blob_release(&target);
}

/* A symlink "wm/link" to a directory outside, where there is a file "old". */
static void make_way_out(struct fixture *fixture, const char *target)
{
	scratch_python(&fixture->scratch,
	               "os.mkdir('outside'); open('outside/old', 'w'); "
	               "os.chmod('outside/old', 0o600)");
	assert_int_equal(spool_symlink(&fixture->spool, target, "wm/link"), 0);
	make_file(&fixture->spool, "wm/a", "");
}

static void assert_no_way_out(struct fixture *fixture)
{
	const struct spool *spool = &fixture->spool;
	const struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	struct blob target = { 0 };
	struct stat stat;
	DIR *stream = NULL;

	assert_true(spool_stat(spool, "wm/link/old", &stat) < 0);
	assert_true(spool_open_file(spool, "wm/link/old", O_RDONLY, 0) < 0);
	assert_true(
	    spool_open_file(spool, "wm/link/new", O_RDWR | O_CREAT, 0600) < 0);
	assert_true(spool_open_file(spool, "wm/link", O_RDONLY, 0) < 0);
	assert_true(spool_unlink(spool, "wm/link/old") < 0);
	assert_true(spool_mkdir(spool, "wm/link/new", 0700) < 0);
	assert_true(spool_mkdir(spool, "wm/link/new/er", 0700) < 0);
	assert_true(spool_rename(spool, "wm/a", "wm/link/new", 0) < 0);
	assert_true(spool_rename(spool, "wm/link/old", "wm/b", 0) < 0);
	assert_true(spool_symlink(spool, "x", "wm/link/new") < 0);
	assert_true(spool_readlink(spool, "wm/link/old", &target) < 0);
	assert_true(spool_chmod(spool, "wm/link/old", 0777) < 0);
	assert_true(spool_chmod(spool, "wm/link", 0777) < 0);
	assert_true(spool_touch(spool, "wm/link/old", times) < 0);
	assert_int_equal(spool_list(spool, "wm/link", &stream), 0);
	assert_null(stream);
	scratch_python(&fixture->scratch,
	               "s = os.stat('outside/old')\n"
	               "assert s.st_mode & 0o777 == 0o600 and s.st_mtime > 9");
	assert_true(exists(fixture, "outside/old"));
	assert_false(exists(fixture, "outside/new"));
	blob_release(&target);
}

static void no_symlink_leads_out_of_the_scratch_tree(void **state)
{
	struct fixture *fixture = *state;

	make_way_out(fixture, "../../../outside");
	assert_no_way_out(fixture);
}

static void no_absolute_symlink_is_followed(void **state)
{
	struct fixture *fixture = *state;
	char target[512];

	snprintf(target, sizeof(target), "%s/outside", fixture->scratch.path);
	make_way_out(fixture, target);
	assert_no_way_out(fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(scratch_files_are_plain_files),
		SPOOL_TEST(old_scratch_files_are_removed_and_what_waits_is_not),
		SPOOL_TEST(what_is_removed_counts_no_more),
		SPOOL_TEST(what_is_below_a_file_is_not_there),
		SPOOL_TEST(scratch_directories_are_plain_directories),
		SPOOL_TEST(scratch_files_are_renamed),
		SPOOL_TEST(symlinks_are_kept_as_they_are),
		SPOOL_TEST(no_symlink_leads_out_of_the_scratch_tree),
		SPOOL_TEST(no_absolute_symlink_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
