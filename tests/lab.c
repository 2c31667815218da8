/* SPDX-License-Identifier: MIT */
#include "tests/lab.h"

#include "backends/mem.h"
#include "backends/npy.h"
#include "layout/commit.h"
#include "layout/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* The names of the real backends; the store behind each is the same. */
static const struct backend names[] = {
	{ .name = "redis" },
	{ .name = "sqlite" },
	{ .name = "hdf5" },
};

void lab_init(struct lab *lab)
{
	char why[WHY_SIZE];

	*lab = (struct lab){ 0 };
	scratch_init(&lab->scratch);
	assert_int_equal(settings_init(&lab->settings), 0);
	assert_int_equal(mem_backend.open(lab->scratch.path, &lab->settings,
	                                  &lab->store, why),
	                 0);
	assert_int_equal(
	    spool_open(lab->scratch.path, false, &lab->tree.spool, NULL), 0);
	pthread_mutex_init(&lab->tree.copies, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		lab->tree.stores.slots[i].backend = &names[i];
		lab->tree.stores.slots[i].store = lab->store;
	}
}

void lab_release(struct lab *lab)
{
	mem_backend.close(lab->store);
	spool_close(&lab->tree.spool);
	pthread_mutex_destroy(&lab->tree.copies);
	settings_release(&lab->settings);
	scratch_release(&lab->scratch);
}

static int write_bytes(struct lab *lab, const char *path, const void *bytes,
                       size_t size, char *why)
{
	const struct part part = { bytes, size, { 0, UTIME_NOW }, NULL, -1 };
	struct node node;
	char reason[WHY_SIZE] = "";
	int rc;

	assert_int_equal(node_find(&lab->tree, path, &node), 0);
	rc = commit_part(&lab->tree, &node, &part, reason);
	node_release(&node);
	if (why)
		memcpy(why, reason, WHY_SIZE);
	return rc;
}

int lab_write(struct lab *lab, const char *path, const char *text, char *why)
{
	return write_bytes(lab, path, text, strlen(text), why);
}

void lab_npy(uint64_t count, double number, struct blob *out)
{
	struct array array = { .info = { .ndim = 1, .shape = { count } } };
	double *elements = calloc(count ? count : 1, sizeof(double));

	assert_non_null(elements);
	for (uint64_t i = 0; i < count; i++)
		elements[i] = number;
	dtype_plain(&array.info.dtype, 'f', sizeof(double));
	assert_int_equal(array_info_measure(&array.info), 0);
	array.data = elements;
	assert_int_equal(npy_append(&array, out), 0);
	array_release(&array);
	free(elements);
}

int lab_write_array(struct lab *lab, const char *path, uint64_t count,
                    double number)
{
	struct blob file = { 0 };
	int rc;

	lab_npy(count, number, &file);
	rc = write_bytes(lab, path, file.data, file.size, NULL);
	blob_release(&file);
	return rc;
}

bool lab_read(struct lab *lab, const char *path, struct blob *out)
{
	struct node node;
	struct view view;
	int rc;

	assert_int_equal(node_find(&lab->tree, path, &node), 0);
	rc = view_open(&lab->tree, &node, &view);
	node_release(&node);
	if (rc)
		return false;
	assert_int_equal(blob_resize(out, (size_t)view.size), 0);
	assert_int_equal(view_read(&view, 0, out->data, out->size), out->size);
	view_release(&view);
	return true;
}

bool lab_exists(struct lab *lab, const char *path)
{
	struct node node;
	struct node_info info;
	bool exists;

	assert_int_equal(node_find(&lab->tree, path, &node), 0);
	exists = node_stat(&lab->tree, &node, &info) == 0;
	node_release(&node);
	return exists;
}
