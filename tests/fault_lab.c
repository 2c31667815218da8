/* SPDX-License-Identifier: MIT */
#include "tests/fault_lab.h"

#include "backends/mem.h"
#include "backends/version.h"
#include "layout/answer.h"
#include "layout/complaint.h"
#include "layout/link.h"
#include "layout/listing.h"
#include "layout/metrics.h"
#include "layout/outages.h"
#include "layout/view.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* The names of the real backends, where the mem store is behind each. */
static const struct backend names[] = {
	{ .name = "redis" },
	{ .name = "sqlite" },
	{ .name = "hdf5" },
};

#define NAMES (sizeof(names) / sizeof(names[0]))

static int open_mem(struct fault_lab *lab)
{
	struct stores *stores = &lab->tree.stores;
	int rc = 0;

	stores->metrics = calloc(1, sizeof(*stores->metrics));
	stores->directory = strdup(lab->scratch.path);
	if (!stores->metrics || !stores->directory)
		rc = -ENOMEM;
	for (size_t i = 0; rc == 0 && i < NAMES; i++) {
		stores->slots[i].backend = &names[i];
		stores->slots[i].store = lab->mem;
	}
	return rc;
}

static void free_mem(struct stores *stores)
{
	free(stores->metrics);
	free(stores->directory);
}

static int open_real(struct fault_lab *lab)
{
	char why[WHY_SIZE] = "";
	int rc = stores_open(lab->scratch.path, &lab->settings,
	                     &lab->tree.stores, why);

	return rc ? rc : outages_open(&lab->tree);
}

int fault_lab_open(struct fault_lab *lab)
{
	struct tree *tree = &lab->tree;
	int rc;

	*tree = (struct tree){ 0 };
	rc = spool_open(lab->scratch.path, false, &tree->spool, NULL);
	if (rc)
		return rc;
	pthread_mutex_init(&tree->copies, NULL);
	tree->answers = answers_new();
	tree->complaints = complaints_new();
	quota_init(&tree->quota, &tree->spool, 0);
	rc = lab->ground->mem ? open_mem(lab) : open_real(lab);
	if (rc == 0)
		link_settle_all(tree);
	if (rc)
		fault_lab_close(lab);
	return rc;
}

void fault_lab_close(struct fault_lab *lab)
{
	struct tree *tree = &lab->tree;

	if (lab->ground->mem)
		free_mem(&tree->stores);
	else
		stores_close(&tree->stores);
	answers_free(tree->answers);
	complaints_free(tree->complaints);
	quota_release(&tree->quota);
	pthread_mutex_destroy(&tree->copies);
	spool_close(&tree->spool);
}

void fault_lab_prepare(struct fault_lab *lab, const struct fault_ground *ground)
{
	*lab = (struct fault_lab){ .ground = ground };
	assert_int_equal(settings_init(&lab->settings), 0);
	lab->settings.one_process = true; /* faults are in this one */
	lab->settings.encoding = ground->encoding;
	lab->settings.hdf5.sync_commits = false;
	lab->settings.redis.retry_attempts = 1;
	lab->settings.redis.host =
	    strdup(ground->redis ? ground->redis : "/nowhere/redis");
}

void fault_lab_init(struct fault_lab *lab, const struct fault_ground *ground)
{
	char why[WHY_SIZE];

	fault_lab_prepare(lab, ground);
	scratch_init(&lab->scratch);
	if (ground->mem)
		assert_int_equal(mem_backend.open(lab->scratch.path,
		                                  &lab->settings, &lab->mem,
		                                  why),
		                 0);
	assert_int_equal(fault_lab_open(lab), 0);
}

void fault_lab_release(struct fault_lab *lab)
{
	fault_lab_close(lab);
	mem_backend.close(lab->mem);
	settings_release(&lab->settings);
	scratch_release(&lab->scratch);
}

static bool is_volatile(const char *line, size_t size)
{
	static const char *const words[] = { "\"id\"",    "expires_at",
		                             "timestamp", "created_at",
		                             "cached_at", "creation_time" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (memmem(line, size, words[i], strlen(words[i])))
			return true;
	return false;
}

static void add_lines(const struct blob *file, struct blob *out)
{
	const char *line = file->data;
	const char *end = line + file->size;

	while (line < end) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t size = (size_t)((stop ? stop + 1 : end) - line);

		if (!is_volatile(line, size))
			assert_int_equal(blob_append(out, line, size), 0);
		line += size;
	}
}

static void add_sum(const struct blob *file, struct blob *out)
{
	blob_printf(out, "%zu bytes, %016" PRIx64 "\n", file->size,
	            version_of(file->data, file->size, 1));
}

static void dump_view(struct fault_lab *lab, const struct node *node,
                      struct blob *out)
{
	struct blob file = { 0 };
	struct view view;

	if (view_open(&lab->tree, node, &view) != 0) {
		blob_append_text(out, "cannot be read\n");
		return;
	}
	assert_int_equal(blob_resize(&file, (size_t)view.size), 0);
	if (view_read(&view, 0, file.data, file.size) == (ssize_t)file.size)
		node->kind == NODE_ARRAY ? add_sum(&file, out)
					 : add_lines(&file, out);
	else
		blob_append_text(out, "cannot be read\n");
	view_release(&view);
	blob_release(&file);
}

static void dump_node(struct fault_lab *lab, const char *path,
                      struct blob *out);

/* Names come in any order. */
static int compare(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void dump_names(struct fault_lab *lab, const char *path, char **list,
                       size_t count, struct blob *out)
{
	if (count)
		qsort(list, count, sizeof(*list), compare);
	for (size_t i = 0; i < count; i++) {
		char child[512];

		snprintf(child, sizeof(child), "%s%s%s", path,
		         path[0] ? "/" : "", list[i]);
		free(list[i]);
		dump_node(lab, child, out);
	}
}

static void dump_directory(struct fault_lab *lab, const struct node *node,
                           struct blob *out)
{
	char *list[64];
	size_t count = 0;
	struct listing *listing;
	const struct entry *entry;
	int rc = listing_open(&lab->tree, node, &listing);

	if (rc) {
		blob_printf(out, "%s: %d\n", node->path, rc);
		return;
	}
	while ((rc = listing_next(listing, &entry)) == 0 && entry) {
		assert_true(count < 64);
		list[count++] = strdup(entry->name);
	}
	if (rc)
		blob_printf(out, "%s: %d\n", node->path, rc);
	listing_close(listing);
	dump_names(lab, node->path, list, count, out);
}

static void dump_node(struct fault_lab *lab, const char *path, struct blob *out)
{
	struct node node;
	struct node_info info;

	assert_int_equal(node_find(&lab->tree, path, &node), 0);
	if (node.kind == NODE_VIEWS) {
		node_release(&node);
		return;
	}
	assert_int_equal(node_stat(&lab->tree, &node, &info), 0);
	blob_printf(out, "%s %o%s\n", path, info.mode & S_IFMT,
	            info.scratch ? " waits" : "");
	if (S_ISDIR(info.mode))
		dump_directory(lab, &node, out);
	else if (S_ISREG(info.mode) && !info.scratch)
		dump_view(lab, &node, out);
	node_release(&node);
}

void fault_lab_dump(struct fault_lab *lab, struct blob *out)
{
	blob_resize(out, 0);
	dump_node(lab, "", out);
}
