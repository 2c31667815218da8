/* SPDX-License-Identifier: MIT */
#include "tests/handle_help.h"

#include <dirent.h>
#include <fcntl.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/loan_help.h"

int handle_set_up(void **state)
{
	*state = calloc(1, sizeof(struct lab));
	assert_non_null(*state);
	lab_init(*state);
	return 0;
}

int handle_tear_down(void **state)
{
	lab_release(*state);
	free(*state);
	return 0;
}

int try_open(struct lab *lab, const char *path, int flags, struct handle **out)
{
	struct node node;
	struct node_info info;
	int rc;

	assert_int_equal(node_find(&lab->tree, path, &node), 0);
	rc = node_stat(&lab->tree, &node, &info);
	if (rc == 0 || rc == -ENOENT)
		rc = handle_open(&lab->tree, &node, rc == 0 ? &info : NULL,
		                 flags, 0644, out);
	node_release(&node);
	return rc;
}

struct handle *open_path(struct lab *lab, const char *path, int flags)
{
	struct handle *handle = NULL;

	assert_int_equal(try_open(lab, path, flags, &handle), 0);
	return handle;
}

struct handle *open_new(struct lab *lab, const char *path)
{
	return open_path(lab, path, O_WRONLY | O_CREAT | O_TRUNC);
}

int finish(struct handle *handle)
{
	int rc = handle_commit(handle, true);

	handle_close(handle);
	return rc;
}

ssize_t handle_read(struct handle *handle, uint64_t offset, void *buffer,
                    size_t size)
{
	struct loan loan;
	ssize_t n;

	loan_init(&loan);
	n = handle_lend(handle, offset, size, &loan);
	if (n > 0)
		copy_loan(&loan, buffer, (size_t)n);
	loan_end(&loan);
	return n;
}

void write_text(struct handle *handle, uint64_t offset, const char *text)
{
	assert_int_equal(handle_write(handle, offset, text, strlen(text)), 0);
}

void write_array(struct handle *handle, double number)
{
	struct blob file = { 0 };

	lab_npy(COUNT, number, &file);
	assert_int_equal(file.size, SIZE);
	assert_int_equal(handle_write(handle, 0, file.data, file.size), 0);
	blob_release(&file);
}

void assert_bytes(const void *bytes, size_t size, double number)
{
	struct blob file = { 0 };

	lab_npy(COUNT, number, &file);
	assert_int_equal(size, file.size);
	assert_memory_equal(bytes, file.data, size);
	blob_release(&file);
}

void assert_reads(struct handle *handle, double number)
{
	char bytes[2 * SIZE];

	assert_int_equal(handle_read(handle, 0, bytes, sizeof(bytes)), SIZE);
	assert_bytes(bytes, SIZE, number);
}

void assert_stored(struct lab *lab, const char *path, double number)
{
	struct blob file = { 0 };

	assert_true(lab_read(lab, path, &file));
	assert_bytes(file.data, file.size, number);
	blob_release(&file);
}

bool is_stored(struct lab *lab, const char *path)
{
	struct blob file = { 0 };
	bool stored = lab_read(lab, path, &file);

	blob_release(&file);
	return stored;
}

int64_t begun_size(struct lab *lab, const char *path)
{
	struct stat stat;
	int rc = spool_stat(&lab->tree.spool, path, &stat);

	return rc ? rc : stat.st_size;
}

/* How many refused files there are; NAME receives one's, in the store. */
static size_t find_rejected(struct lab *lab, char name[512])
{
	char path[512];
	size_t count = 0;
	DIR *stream;

	snprintf(path, sizeof(path), "%s/rejected", lab->scratch.path);
	stream = opendir(path);
	assert_non_null(stream);
	for (const struct dirent *entry; (entry = readdir(stream));) {
		if (entry->d_name[0] == '.' ||
		    strstr(entry->d_name, ".reason.json"))
			continue;
		snprintf(name, 512, "rejected/%s", entry->d_name);
		count++;
	}
	closedir(stream);
	return count;
}

size_t count_rejected(struct lab *lab)
{
	char name[512];

	return find_rejected(lab, name);
}

void assert_rejected(struct lab *lab, const char *text, const char *reason)
{
	struct blob bytes = { 0 };
	char name[512];

	assert_int_equal(find_rejected(lab, name), 1);
	assert_true(scratch_read(&lab->scratch, name, &bytes));
	assert_string_equal(bytes.data, text);
	snprintf(name + strlen(name), sizeof(name) - strlen(name),
	         ".reason.json");
	assert_true(scratch_read(&lab->scratch, name, &bytes));
	assert_non_null(strstr(bytes.data, reason));
	blob_release(&bytes);
}

bool has_errors(struct lab *lab, const char *text)
{
	struct blob lines = { 0 };
	bool has = scratch_read(&lab->scratch, "spool/errors.jsonl", &lines) &&
	           strstr(lines.data, text);

	blob_release(&lines);
	return has;
}
