/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/journal_disk.h"

#define FILE_NAME "data"
#define LOG_NAME FILE_NAME JOURNAL_SUFFIX

/* A file that is written through a journal, and what it should hold. */
struct desk {
	struct scratch scratch;
	char path[300];
	int fd;
	struct journal *journal;
	struct content wanted;
	struct content committed;
};

static void begin(struct desk *desk, const struct journal_io *io)
{
	desk->fd = open(desk->path, O_RDWR | O_CLOEXEC);
	assert_true(desk->fd >= 0);
	assert_int_equal(flock(desk->fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(journal_new(desk->path, &desk->journal), 0);
	journal_set_io(desk->journal, io);
	assert_int_equal(journal_begin(desk->journal, desk->fd), 0);
}

static void end(struct desk *desk)
{
	assert_int_equal(journal_end(desk->journal), 0);
	journal_free(desk->journal);
	close(desk->fd);
	desk->journal = NULL;
	desk->fd = -1;
}

static int set_up(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));

	assert_non_null(desk);
	desk->fd = -1;
	scratch_init(&desk->scratch);
	snprintf(desk->path, sizeof(desk->path), "%s/" FILE_NAME,
	         desk->scratch.path);
	for (size_t i = 0; i < 50000; i++) {
		unsigned char byte = (unsigned char)dice(256);

		content_write(&desk->wanted, i, &byte, 1);
	}
	scratch_write(&desk->scratch, FILE_NAME, desk->wanted.data,
	              desk->wanted.size);
	content_copy(&desk->committed, &desk->wanted);
	*state = desk;
	return 0;
}

static int tear_down(void **state)
{
	struct desk *desk = *state;

	journal_free(desk->journal);
	if (desk->fd >= 0)
		close(desk->fd);
	disk_end();
	free(desk->wanted.data);
	free(desk->committed.data);
	scratch_release(&desk->scratch);
	free(desk);
	return 0;
}

static void change(struct desk *desk, size_t offset, size_t size)
{
	unsigned char *data = malloc(size);

	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (unsigned char)dice(256);
	content_write(&desk->wanted, offset, data, size);
	(void)journal_write(desk->journal, data, size, offset);
	free(data);
}

static void resize(struct desk *desk, size_t size)
{
	content_cut(&desk->wanted, size);
	journal_resize(desk->journal, size);
}

static int commit(struct desk *desk)
{
	int rc = journal_commit(desk->journal);

	if (rc == 0)
		content_copy(&desk->committed, &desk->wanted);
	return rc;
}

static void check(struct desk *desk, const struct content *wanted)
{
	struct blob found = { 0 };

	assert_true(scratch_read(&desk->scratch, FILE_NAME, &found));
	assert_int_equal(found.size, wanted->size);
	assert_memory_equal(found.data, wanted->data, found.size);
	blob_release(&found);
}

static void check_read(struct desk *desk)
{
	size_t size = desk->wanted.size;
	unsigned char *data = malloc(size);

	assert_non_null(data);
	assert_int_equal(journal_read(desk->journal, data, size, 0), 0);
	assert_memory_equal(data, desk->wanted.data, size);
	free(data);
}

/* What is cut off and written again is zeros in between only on the disk, so
 * that much is not asked for. */
static void some_changes(struct desk *desk)
{
	unsigned int count = 1 + dice(6);

	for (unsigned int i = 0; i < count; i++)
		change(desk, dice((unsigned int)desk->wanted.size + 1),
		       1 + dice(9000));
	check_read(desk);
	if (dice(4) == 0 && desk->wanted.size > 40000)
		resize(desk, 40000);
}

static void run_transactions(struct desk *desk, enum trouble trouble, int count)
{
	disk_start(&desk->scratch, desk->path, &desk->wanted, trouble);
	begin(desk, &disk_io);
	for (int i = 0; i < count; i++) {
		some_changes(desk);
		disk_expect(&desk->wanted);
		assert_int_equal(commit(desk), 0);
		disk_committed();
		check(desk, &desk->wanted);
		disk_try();
	}
	end(desk);
	check(desk, &desk->wanted);
	assert_true(disk_undone() > 10);
}

static void a_kill_at_any_call_leaves_the_old_or_the_new_file(void **state)
{
	run_transactions(*state, KILL, 40);
}

static void a_power_cut_at_any_call_leaves_the_old_or_the_new_file(void **state)
{
	run_transactions(*state, POWER, 100);
}

static void try_errors(struct desk *desk, size_t cut)
{
	bool failed = true;

	disk_start(&desk->scratch, desk->path, &desk->wanted, KILL);
	for (int at = 1; failed; at++) {
		begin(desk, &disk_io);
		disk_fail_at(at);
		change(desk, 3000, 9000);
		change(desk, desk->wanted.size - 10, 5000);
		if (cut > 0)
			resize(desk, cut);
		disk_expect(&desk->wanted);
		failed = commit(desk) != 0;
		/* Cutting it, the last call, may fail. */
		assert_true(failed == disk_has_failed() || cut > 0);
		disk_fail_at(0);
		end(desk);
		if (failed || cut == 0)
			check(desk, &desk->committed);
		content_copy(&desk->wanted, &desk->committed);
	}
	disk_end();
}

static void an_error_at_any_call_leaves_the_old_file(void **state)
{
	try_errors(*state, 0);
	try_errors(*state, 40000);
}

/* More pages than wait in memory, most of them twice. */
static void large_changes(struct desk *desk)
{
	change(desk, 100, (size_t)5 << 20);
	change(desk, 3 << 20, (size_t)3 << 20);
	change(desk, 0, (size_t)5 << 20);
	check_read(desk);
}

static void grow(struct desk *desk)
{
	begin(desk, NULL);
	change(desk, 0, (size_t)6 << 20);
	assert_int_equal(commit(desk), 0);
	end(desk);
}

static void a_large_transaction_happens_or_does_not(void **state)
{
	struct desk *desk = *state;

	grow(desk);
	begin(desk, NULL);
	large_changes(desk);
	assert_true(journal_is_hot(desk->path));
	journal_doom(desk->journal);
	assert_int_equal(journal_commit(desk->journal), -EIO);
	end(desk);
	check(desk, &desk->committed);
	begin(desk, NULL);
	large_changes(desk);
	assert_int_equal(commit(desk), 0);
	end(desk);
	check(desk, &desk->wanted);
}

static int calls; /* before the process ends */

static ssize_t mortal_pwrite(int fd, const void *data, size_t size,
                             off_t offset)
{
	if (calls-- == 0)
		_exit(0);
	return pwrite(fd, data, size, offset);
}

static const struct journal_io mortal = { mortal_pwrite, ftruncate, fdatasync };

static void finish_child(pid_t pid)
{
	int status;

	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* A process that ends at a call of a large change. */
static void break_off(struct desk *desk, int at)
{
	pid_t pid = fork();

	if (pid == 0) {
		begin(desk, &mortal);
		calls = at;
		large_changes(desk);
		_exit(1);
	}
	finish_child(pid);
	assert_true(journal_is_hot(desk->path));
}

static void recovery_may_be_broken_off_too(void **state)
{
	struct desk *desk = *state;
	struct journal_recovery found;

	grow(desk);
	break_off(desk, 1500);
	for (int at = 1; at < 2000; at += 600) {
		pid_t pid = fork();

		if (pid == 0) {
			calls = at;
			journal_recover(desk->path, &mortal, &found);
			_exit(1);
		}
		finish_child(pid);
	}
	assert_int_equal(journal_recover(desk->path, NULL, &found), 0);
	assert_int_equal(found.finding, JOURNAL_UNDONE);
	check(desk, &desk->committed);
	assert_false(journal_is_hot(desk->path));
}

static void what_others_changed_meanwhile_is_not_undone(void **state)
{
	struct desk *desk = *state;
	struct journal_recovery found;
	struct blob kept = { 0 };
	char name[64];
	int fd;

	grow(desk);
	break_off(desk, 1500);
	fd = open(desk->path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "others", 6, 1 << 20), 6);
	close(fd);
	assert_int_equal(journal_recover(desk->path, NULL, &found), 0);
	assert_int_equal(found.finding, JOURNAL_STALE);
	snprintf(name, sizeof(name), FILE_NAME "%s", found.name);
	assert_true(scratch_read(&desk->scratch, name, &kept));
	assert_true(kept.size > 1 << 20);
	blob_release(&kept);
	assert_int_equal(journal_recover(desk->path, NULL, &found), 0);
	assert_int_equal(found.finding, JOURNAL_NONE);
}

static void a_file_that_is_in_use_is_left_alone(void **state)
{
	struct desk *desk = *state;
	struct journal_recovery found;

	grow(desk);
	begin(desk, NULL);
	large_changes(desk);
	assert_int_equal(journal_recover(desk->path, NULL, &found), -EAGAIN);
	assert_int_equal(commit(desk), 0);
	end(desk);
	check(desk, &desk->wanted);
}

static void a_journal_of_another_version_is_kept(void **state)
{
	struct desk *desk = *state;
	struct journal_recovery found;
	const char other[512] = "engramj\0\x63\0\0\0";

	scratch_write(&desk->scratch, LOG_NAME, other, sizeof(other));
	assert_int_equal(journal_recover(desk->path, NULL, &found), -EPROTO);
	assert_true(journal_is_hot(desk->path));
}

static void a_file_of_another_program_is_kept(void **state)
{
	struct desk *desk = *state;
	struct journal_recovery found;
	struct blob kept = { 0 };
	const char other[512] = "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7";

	scratch_write(&desk->scratch, LOG_NAME, other, sizeof(other));
	assert_int_equal(journal_recover(desk->path, NULL, &found), -EBADMSG);
	assert_true(scratch_read(&desk->scratch, LOG_NAME, &kept));
	blob_release(&kept);
}

static void garbage_is_no_journal(void **state)
{
	const char garbage[600] = "engramj\0\1\0\0\0\0\x10\0\0garbage";
	struct desk *desk = *state;
	struct journal_recovery found;

	for (size_t size = 0; size < sizeof(garbage); size += 59) {
		scratch_write(&desk->scratch, LOG_NAME, garbage, size);
		assert_false(journal_is_hot(desk->path));
		assert_int_equal(journal_recover(desk->path, NULL, &found), 0);
		assert_int_equal(found.finding, JOURNAL_NONE);
		check(desk, &desk->committed);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_kill_at_any_call_leaves_the_old_or_the_new_file),
		TEST(a_power_cut_at_any_call_leaves_the_old_or_the_new_file),
		TEST(an_error_at_any_call_leaves_the_old_file),
		TEST(a_large_transaction_happens_or_does_not),
		TEST(recovery_may_be_broken_off_too),
		TEST(what_others_changed_meanwhile_is_not_undone),
		TEST(a_file_that_is_in_use_is_left_alone),
		TEST(a_journal_of_another_version_is_kept),
		TEST(a_file_of_another_program_is_kept),
		TEST(garbage_is_no_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
