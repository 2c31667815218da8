/* SPDX-License-Identifier: MIT */
#include "tests/fault_acts.h"

#include "tests/handle_help.h"

#include "backends/version.h"
#include "fs/handle.h"
#include "fs/rename.h"
#include "layout/commit.h"
#include "layout/link.h"
#include "layout/listing.h"
#include "layout/xattr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define TEXT_MAX 2048
#define NUMBERS 300 /* some kibibytes: packed where that is done */
#define MANY 150000 /* more than a draft keeps in memory */

static int find(struct fault_lab *lab, const char *path, struct node *node,
                struct node_info *info)
{
	int rc = node_find(&lab->tree, path, node);

	if (rc)
		return rc;
	rc = node_stat(&lab->tree, node, info);
	if (rc)
		node_release(node);
	return rc;
}

/* Part of what the act answers. */
static void note(struct fault_lab *lab, const void *bytes, size_t size)
{
	lab->answer += version_of(bytes, size, 1);
}

static int open_file(struct fault_lab *lab, const char *path, int flags,
                     struct handle **out)
{
	struct node node;
	struct node_info info;
	int rc = node_find(&lab->tree, path, &node);

	if (rc)
		return rc;
	rc = node_stat(&lab->tree, &node, &info);
	if (rc == 0 || rc == -ENOENT)
		rc = handle_open(&lab->tree, &node, rc ? NULL : &info, flags,
		                 0600, out);
	node_release(&node);
	return rc;
}

static int save(struct fault_lab *lab, const char *path, const void *bytes,
                size_t size)
{
	struct handle *handle;
	int rc = open_file(lab, path, O_WRONLY | O_CREAT | O_TRUNC, &handle);

	if (rc)
		return rc;
	rc = handle_write(handle, 0, bytes, size);
	if (rc == 0)
		rc = handle_commit(handle, true);
	handle_close(handle);
	return rc;
}

int act_save_text(struct fault_lab *lab, const struct act *act)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text), "%s\n", act->other);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	return save(lab, act->path, text, strlen(text));
}

/* An npy file of doubles, made by hand: the codec's memory may fail. */
static size_t make_npy(char *file, size_t count, double number)
{
	double *numbers = (double *)(void *)(file + 128);

	memset(file, ' ', 128);
	memcpy(file, "\x93NUMPY\x01\x00\x76\x00", 10);
	file[10 + snprintf(file + 10, 117,
	                   "{'descr': '<f8', 'fortran_order': False, "
	                   "'shape': (%zu,), }",
	                   count)] = ' ';
	file[127] = '\n';
	for (size_t i = 0; i < count; i++)
		numbers[i] = number;
	return 128 + count * sizeof(double);
}

int act_save_array(struct fault_lab *lab, const struct act *act)
{
	_Alignas(16) char file[128 + NUMBERS * sizeof(double)];

	return save(lab, act->path, file,
	            make_npy(file, NUMBERS, strtod(act->other, NULL)));
}

int act_save_many(struct fault_lab *lab, const struct act *act)
{
	static _Alignas(16) char file[128 + MANY * sizeof(double)];

	return save(lab, act->path, file,
	            make_npy(file, MANY, strtod(act->other, NULL)));
}

int act_update(struct fault_lab *lab, const struct act *act)
{
	struct handle *handle;
	double number = strtod(act->other, NULL);
	int rc = open_file(lab, act->path, O_RDWR, &handle);

	if (rc)
		return rc;
	rc = handle_write(handle, 128, &number, sizeof(number));
	if (rc == 0)
		rc = handle_commit(handle, true);
	handle_close(handle);
	return rc;
}

int act_read_file(struct fault_lab *lab, const struct act *act)
{
	char buffer[1000];
	struct handle *handle;
	uint64_t done = 0;
	ssize_t n = 1;
	int rc = open_file(lab, act->path, O_RDONLY, &handle);

	while (rc == 0 && n > 0) {
		n = handle_read(handle, done, buffer, sizeof(buffer));
		rc = n < 0 ? (int)n : 0;
		if (n > 0 && strstr(act->path, ".npy"))
			note(lab, buffer, (size_t)n);
		done += n > 0 ? (uint64_t)n : 0;
	}
	if (rc == 0 || n < 0)
		handle_close(handle);
	return rc;
}

int act_list(struct fault_lab *lab, const struct act *act)
{
	struct node node;
	struct listing *listing = NULL;
	const struct entry *entry;
	int rc = node_find(&lab->tree, act->path, &node);

	if (rc)
		return rc;
	rc = listing_open(&lab->tree, &node, &listing);
	while (rc == 0 && (rc = listing_next(listing, &entry)) == 0 && entry)
		note(lab, entry->name, strlen(entry->name));
	listing_close(listing);
	node_release(&node);
	return rc;
}

int act_look(struct fault_lab *lab, const struct act *act)
{
	struct blob names = { 0 };
	struct node node;
	struct node_info info;
	int rc = find(lab, act->path, &node, &info);

	if (rc)
		return rc;
	rc = xattr_list(&lab->tree, &node, &names);
	for (size_t at = 0; rc == 0 && at < names.size;
	     at += strlen(names.data + at) + 1) {
		struct blob value = { 0 };

		rc = xattr_get(&lab->tree, &node, names.data + at, &value);
		blob_release(&value);
	}
	blob_release(&names);
	node_release(&node);
	return rc;
}

int act_set_strength(struct fault_lab *lab, const struct act *act)
{
	struct node node;
	struct node_info info;
	int rc = find(lab, act->path, &node, &info);

	if (rc)
		return rc;
	rc = xattr_set(&lab->tree, &node, "user.strength", act->other,
	               strlen(act->other));
	node_release(&node);
	return rc;
}

int act_touch(struct fault_lab *lab, const struct act *act)
{
	const struct timespec when = { 1000000000, 0 };
	struct node node;
	struct node_info info;
	int rc = find(lab, act->path, &node, &info);

	if (rc)
		return rc;
	rc = commit_touch(&lab->tree, &node, when);
	node_release(&node);
	return rc;
}

int act_remove_part(struct fault_lab *lab, const struct act *act)
{
	struct node node;
	struct node_info info;
	int rc = find(lab, act->path, &node, &info);

	if (rc)
		return rc;
	if (info.scratch)
		rc = spool_unlink(&lab->tree.spool, act->path);
	else if (node.kind == NODE_LINK)
		rc = link_remove(&lab->tree, &node);
	else
		rc = commit_remove(&lab->tree, &node);
	node_release(&node);
	return rc;
}

int act_make_directory(struct fault_lab *lab, const struct act *act)
{
	char why[WHY_SIZE];
	struct node node;
	int rc = node_find(&lab->tree, act->path, &node);

	if (rc)
		return rc;
	rc = commit_mkdir(&lab->tree, &node, why);
	node_release(&node);
	return rc;
}

int act_make_link(struct fault_lab *lab, const struct act *act)
{
	const struct relation_change change = { .mtime = { 0, UTIME_OMIT },
		                                .exclusive = true };
	char why[WHY_SIZE];
	struct node node;
	int rc = node_find(&lab->tree, act->path, &node);

	if (rc)
		return rc;
	rc = link_make(&lab->tree, &node, act->other, &change, why);
	node_release(&node);
	return rc;
}

int act_read_link(struct fault_lab *lab, const struct act *act)
{
	struct blob target = { 0 };
	struct node node;
	struct node_info info;
	int rc = find(lab, act->path, &node, &info);

	if (rc)
		return rc;
	rc = link_readlink(&lab->tree, &node, &target);
	blob_release(&target);
	node_release(&node);
	return rc;
}

int act_rename_key(struct fault_lab *lab, const struct act *act)
{
	struct node from;
	struct node to;
	struct node_info info;
	int rc = find(lab, act->path, &from, &info);

	if (rc)
		return rc;
	rc = node_find(&lab->tree, act->other, &to);
	if (rc == 0) {
		rc = commit_rename(&lab->tree, &from, &to, RENAME_REPLACE);
		node_release(&to);
	}
	node_release(&from);
	return rc;
}

/* rename(2) where bytes move: FN is one of fs/rename.h. */
static int move_bytes(struct fault_lab *lab, const struct act *act,
                      int (*fn)(struct rename *rename))
{
	struct fs fs = { .tree = lab->tree };
	struct rename rename = { .fs = &fs,
		                 .from_path = act->path,
		                 .to_path = act->other };
	int rc = find(lab, act->path, &rename.from.node, &rename.from.info);

	if (rc)
		return rc;
	rc = node_find(&lab->tree, act->other, &rename.to.node);
	if (rc == 0) {
		rc = fn(&rename);
		node_release(&rename.to.node);
	}
	node_release(&rename.from.node);
	return rc;
}

int act_replace(struct fault_lab *lab, const struct act *act)
{
	return move_bytes(lab, act, rename_scratch_to_record);
}

int act_move_out(struct fault_lab *lab, const struct act *act)
{
	return move_bytes(lab, act, rename_record_to_scratch);
}

int act_move_array(struct fault_lab *lab, const struct act *act)
{
	return move_bytes(lab, act, rename_array_to_array);
}

int act_begin(struct fault_lab *lab, const struct act *act)
{
	return save(lab, act->path, "", 0);
}

int act_append(struct fault_lab *lab, const struct act *act)
{
	struct handle *handle;
	int rc = open_file(lab, act->path, O_WRONLY | O_CREAT, &handle);

	if (rc)
		return rc;
	rc = handle_write(handle, 0, act->other, strlen(act->other));
	if (rc == 0)
		rc = handle_truncate(handle, 2);
	if (rc == 0)
		rc = handle_commit(handle, true);
	handle_close(handle);
	return rc;
}
