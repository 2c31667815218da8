/* SPDX-License-Identifier: MIT */
#include "layout/spool.h"

#include "layout/quota.h"

#include "tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

struct fixture {
	struct scratch scratch;
	struct spool spool;
};

/* A store without a spool. */
static int set_up_store(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	scratch_init(&fixture->scratch);
	*state = fixture;
	return 0;
}

static int tear_down_store(void **state)
{
	struct fixture *fixture = *state;

	chmod(fixture->scratch.path, 0700);
	scratch_release(&fixture->scratch);
	free(fixture);
	return 0;
}

static int set_up(void **state)
{
	struct fixture *fixture;

	set_up_store(state);
	fixture = *state;
	assert_int_equal(
	    spool_open(fixture->scratch.path, false, &fixture->spool, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	spool_close(&fixture->spool);
	return tear_down_store(state);
}

static bool exists(const struct fixture *fixture, const char *name)
{
	char path[512];
	struct stat stat;

	snprintf(path, sizeof(path), "%s/%s", fixture->scratch.path, name);
	return lstat(path, &stat) == 0;
}

/* Make a scratch file that holds TEXT. */
static void make_file(const struct spool *spool, const char *path,
                      const char *text)
{
	ssize_t size = (ssize_t)strlen(text);
	int fd =
	    spool_open_file(spool, path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, (size_t)size), size);
	close(fd);
}

static void assert_file(const struct spool *spool, const char *path,
                        const char *text)
{
	char bytes[64] = "";
	int fd = spool_open_file(spool, path, O_RDONLY, 0);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, bytes, sizeof(bytes) - 1), strlen(text));
	assert_string_equal(bytes, text);
	close(fd);
}

static void opening_makes_what_is_not_there(void **state)
{
	struct fixture *fixture = *state;

	assert_true(exists(fixture, "spool/scratch"));
	assert_true(exists(fixture, "spool/lock"));
	assert_true(exists(fixture, "rejected"));
	assert_false(exists(fixture, "spool/errors.jsonl"));
}

static void a_store_that_is_not_there_is_an_error(void **state)
{
	struct fixture *fixture = *state;
	struct spool spool;
	char path[512];

	snprintf(path, sizeof(path), "%s/none", fixture->scratch.path);
	assert_int_equal(spool_open(path, false, &spool, NULL), -ENOENT);
	scratch_write(&fixture->scratch, "none", "", 0);
	assert_int_equal(spool_open(path, false, &spool, NULL), -ENOTDIR);
}

static void a_mounted_store_says_where_it_is_mounted(void **state)
{
	struct fixture *fixture = *state;
	const char *directory = fixture->scratch.path;
	struct spool second;
	struct blob where = { 0 };

	assert_int_equal(spool_open(directory, false, &second, &where), -EBUSY);
	assert_int_equal(where.size, 0);
	assert_int_equal(
	    spool_note_mount(&fixture->spool, "/a/very/long/place"), 0);
	assert_int_equal(spool_note_mount(&fixture->spool, "/mnt/lab"), 0);
	assert_int_equal(spool_open(directory, false, &second, &where), -EBUSY);
	assert_string_equal(where.data, "/mnt/lab");
	assert_int_equal(spool_open(directory, false, &second, NULL), -EBUSY);
	assert_int_equal(spool_open(directory, true, &second, &where), -EBUSY);
	assert_string_equal(where.data, "/mnt/lab");
	blob_release(&where);
}

/* As an old kernel, or a container that does not know the call. */
static int deny_openat2(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		         offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = 4, .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno
	                                                                : 0;
}

static void a_kernel_without_openat2_is_told_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct spool spool;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(deny_openat2() == 0 &&
		              spool_open(fixture->scratch.path, false, &spool,
		                         NULL) == -ENOSYS
		          ? 0
		          : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_store_can_be_opened_again_once_it_is_closed(void **state)
{
	struct fixture *fixture = *state;
	const char *directory = fixture->scratch.path;
	struct spool spool;

	make_file(&fixture->spool, "wm/.a.swp", "kept");
	spool_close(&fixture->spool);
	spool_close(&fixture->spool);
	assert_int_equal(spool_open(directory, true, &spool, NULL), 0);
	assert_int_equal(spool_note_mount(&spool, "/mnt"), 0);
	assert_file(&spool, "wm/.a.swp", "kept");
	spool_close(&spool);
	assert_int_equal(spool_open(directory, false, &fixture->spool, NULL),
	                 0);
	assert_file(&fixture->spool, "wm/.a.swp", "kept");
}

static void assert_empty_and_read_only(const char *directory)
{
	struct spool spool;
	struct stat stat;
	DIR *stream;

	assert_int_equal(spool_open(directory, true, &spool, NULL), 0);
	assert_int_equal(spool_note_mount(&spool, "/mnt"), 0);
	assert_int_equal(spool_stat(&spool, "wm/a", &stat), -ENOENT);
	assert_int_equal(spool_list(&spool, "wm", &stream), 0);
	assert_null(stream);
	assert_int_equal(spool_open_file(&spool, "wm/a", O_RDONLY, 0), -ENOENT);
	spool_close(&spool);
}

static void reading_only_makes_nothing(void **state)
{
	struct fixture *fixture = *state;

	assert_empty_and_read_only(fixture->scratch.path);
	assert_int_equal(chmod(fixture->scratch.path, 0700), 0);
	assert_int_equal(rmdir(fixture->scratch.path), 0); /* it is empty */
	assert_int_equal(mkdir(fixture->scratch.path, 0700), 0);
}

/* Nothing stops root from writing. */
static void become_nobody(void)
{
	if (geteuid() == 0)
		assert_int_equal(seteuid(NOBODY), 0);
}

static void become_oneself(void)
{
	assert_int_equal(seteuid(getuid()), 0);
}

static void a_store_that_cannot_be_written_can_be_read(void **state)
{
	struct fixture *fixture = *state;
	const char *directory = fixture->scratch.path;
	struct spool spool;
	int rc;

	assert_int_equal(chmod(directory, 0555), 0);
	become_nobody();
	rc = spool_open(directory, false, &spool, NULL);
	if (rc == -EACCES)
		assert_empty_and_read_only(directory);
	become_oneself();
	assert_int_equal(rc, -EACCES);
}

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

static void old_scratch_files_are_removed_and_links_are_not(void **state)
{
	struct fixture *fixture = *state;
	const struct spool *spool = &fixture->spool;
	time_t now = time(NULL);
	struct stat stat;

	make_file(spool, "wm/deep/a.tmp", "text");
	assert_int_equal(spool_symlink(spool, "43.json", "episodes/run.json"),
	                 0);
	assert_int_equal(quota_clean(spool, now - 10), 0);
	assert_file(spool, "wm/deep/a.tmp", "text");
	assert_int_equal(quota_clean(spool, now + 10), 0);
	assert_int_equal(spool_stat(spool, "wm/deep/a.tmp", &stat), -ENOENT);
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
	               "os.mkdir('outside'); open('outside/old', 'w')");
	assert_int_equal(spool_symlink(&fixture->spool, target, "wm/link"), 0);
	make_file(&fixture->spool, "wm/a", "");
}

static void assert_no_way_out(struct fixture *fixture)
{
	const struct spool *spool = &fixture->spool;
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
	assert_int_equal(spool_list(spool, "wm/link", &stream), 0);
	assert_null(stream);
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

#define STORE_TEST(function)                                                   \
	cmocka_unit_test_setup_teardown(function, set_up_store, tear_down_store)
#define SPOOL_TEST(function)                                                   \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(opening_makes_what_is_not_there),
		STORE_TEST(a_store_that_is_not_there_is_an_error),
		SPOOL_TEST(a_mounted_store_says_where_it_is_mounted),
		SPOOL_TEST(a_store_can_be_opened_again_once_it_is_closed),
		STORE_TEST(a_kernel_without_openat2_is_told_at_once),
		STORE_TEST(reading_only_makes_nothing),
		STORE_TEST(a_store_that_cannot_be_written_can_be_read),
		SPOOL_TEST(scratch_files_are_plain_files),
		SPOOL_TEST(old_scratch_files_are_removed_and_links_are_not),
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
