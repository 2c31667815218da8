/* SPDX-License-Identifier: MIT */
/* What a store has to be for its spool to be opened. */
#include "tests/spool_help.h"

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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
