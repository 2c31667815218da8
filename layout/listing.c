/* SPDX-License-Identifier: MIT */
#include "layout/listing.h"

#include "layout/answer.h"
#include "layout/ask.h"
#include "layout/control.h"
#include "layout/link_listing.h"
#include "layout/names.h"
#include "layout/question.h"
#include "layout/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_RECORDS 256

struct listing {
	const struct tree *tree;
	struct node node;

	/* A directory's entries come from three sources, one after the other;
	 * SOURCE is the place in the table of them. */
	size_t source;

	/* Fixed names, and those inside one record. */
	struct names names;
	size_t name_next;
	struct record inside; /* of NODE_RECORD and NODE_SUBDIR */

	/* The records of each row that shares the directory's path. */
	const struct collection *row; /* NULL: no more */
	struct cursor cursor;
	struct record_list page;
	size_t record; /* next of the page */
	size_t suffix; /* next of the record's names */

	struct answer *answer; /* of a question */
	size_t answer_next;

	struct link_listing links; /* where there are relationships */

	DIR *stream; /* what lives in the spool, or rejected/ */
	struct entry entry;
};

/* Fills listing->entry.  1: it did; 0: this source has no more; < 0: errno. */
typedef int source_fn(struct listing *listing);

/* The directories below one of views/, or the texts that it lists. */
static int start_views(struct listing *listing)
{
	const struct node *node = &listing->node;

	if (!node->question)
		return names_of_views(node, &listing->names);
	return node->question->lists
	           ? answer_ask(listing->tree, node, &listing->answer)
	           : 0;
}

static int close_after(int fd, int rc)
{
	close(fd);
	return rc;
}

static int start_control(struct listing *listing)
{
	int fd;

	if (strcmp(listing->node.path, CONTROL_NAME) == 0)
		return names_of_control(&listing->names);
	if (strcmp(listing->node.path, CONTROL_NAME "/jobs") == 0)
		return names_of_jobs(listing->tree, &listing->names);
	fd = openat(listing->tree->spool.rejected_fd, ".",
	            O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	listing->stream = fdopendir(fd);
	return listing->stream ? 0 : close_after(fd, -errno);
}

static int start_inside(struct listing *listing)
{
	struct node *node = &listing->node;
	int rc;

	if (node->named_copy)
		return 0;
	rc = ask_get(&listing->tree->stores, node->collection, node_key(node),
	             &listing->inside);
	if (rc == 0)
		rc = names_of_record(node, &listing->inside, &listing->names);
	return rc == -ENOENT ? 0 : rc;
}

/* The next row at the directory's path, from ROW on; NULL behind the last. */
static const struct collection *next_row(const struct collection *row,
                                         const char *path)
{
	while (row->path && strcmp(row->path, path) != 0)
		row++;
	return row->path ? row : NULL;
}

static int start(struct listing *listing)
{
	const struct node *node = &listing->node;
	int rc = 0;

	switch (node->kind) {
	case NODE_BRANCH:
		rc = names_of_branch(node, &listing->names);
		break;
	case NODE_CONTROL_DIR:
		return start_control(listing);
	case NODE_VIEWS:
		return start_views(listing);
	case NODE_QUESTION:
		return answer_ask(listing->tree, node, &listing->answer);
	case NODE_COLLECTION:
		listing->row = next_row(tree_collections, node->path);
		break;
	case NODE_RECORD:
	case NODE_SUBDIR:
		rc = start_inside(listing);
		break;
	default:
		break;
	}
	return rc ? rc
	          : spool_list(&listing->tree->spool, node->path,
	                       &listing->stream);
}

int listing_open(const struct tree *tree, const struct node *node,
                 struct listing **out)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	int rc = listing ? node_copy(&listing->node, node) : -ENOMEM;

	if (rc == 0) {
		listing->tree = tree;
		rc = start(listing);
	}
	if (rc) {
		listing_close(listing);
		return rc;
	}
	*out = listing;
	return 0;
}

void listing_close(struct listing *listing)
{
	if (!listing)
		return;
	names_release(&listing->names);
	if (listing->stream)
		closedir(listing->stream);
	answer_put(listing->answer);
	link_listing_release(&listing->links);
	cursor_release(&listing->cursor);
	record_list_release(&listing->page);
	record_release(&listing->inside);
	node_release(&listing->node);
	free(listing);
}

static void set_name(struct listing *listing, const char *name)
{
	snprintf(listing->entry.name, sizeof(listing->entry.name), "%s", name);
}

static int next_name(struct listing *listing)
{
	int rc = 0;

	while (rc == 0 && listing->name_next < listing->names.count) {
		const char *name = listing->names.items[listing->name_next++];
		struct node child = { 0 };

		rc = node_child(listing->tree, &listing->node, name, &child);
		if (rc == 0)
			rc = listing->inside.fields
			         ? node_stat_record(&child, &listing->inside,
			                            &listing->entry.info)
			         : node_stat(listing->tree, &child,
			                     &listing->entry.info);
		node_release(&child);
		set_name(listing, name);
		if (rc == 0)
			return 1;
		rc = rc == -ENOENT ? 0 : rc;
	}
	return rc;
}

/* A question, or a link: what answer_has would find. */
static int next_answer(struct listing *listing)
{
	struct node child = { 0 };
	const char *name;
	int rc;

	if (!listing->answer ||
	    listing->answer_next == answer_count(listing->answer))
		return 0;
	name = answer_name(listing->answer, listing->answer_next++);
	rc = node_child(listing->tree, &listing->node, name, &child);
	if (rc == 0)
		rc = question_stat_listed(listing->tree, &child,
		                          &listing->entry.info);
	node_release(&child);
	set_name(listing, name);
	return rc ? rc : 1;
}

/* One of the names of a record, if the record has that part. */
static int record_name(struct listing *listing, const struct record *record,
                       const struct node_suffix *suffix)
{
	char lone[] = "";
	struct node part = {
		.kind = suffix->kind,
		.collection = listing->row,
		.array = suffix->kind == NODE_ARRAY ? lone : NULL,
	};
	struct key key = { record->key.data, record->key.size };
	struct blob name = { 0 };
	int rc = node_stat_record(&part, record, &listing->entry.info);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	rc = node_part_name(key, suffix->suffix, &name);
	if (rc == 0) {
		set_name(listing, name.data);
		rc = 1;
	}
	blob_release(&name);
	return rc;
}

/* The names of the page's records, from where the listing stands. */
static int next_of_page(struct listing *listing)
{
	while (listing->record < listing->page.count) {
		const struct record *record =
		    &listing->page.items[listing->record];
		const struct node_suffix *suffix =
		    &node_suffixes[listing->suffix++];
		int rc = 0;

		if (!suffix->suffix) {
			listing->record++;
			listing->suffix = 0;
		} else if (1U << listing->row->shape & suffix->shapes) {
			rc = record_name(listing, record, suffix);
		}
		if (rc)
			return rc;
	}
	return 0;
}

static int load_page(struct listing *listing)
{
	record_list_release(&listing->page);
	listing->record = 0;
	listing->suffix = 0;
	return ask_list(&listing->tree->stores, listing->row, &listing->cursor,
	                PAGE_RECORDS, &listing->page);
}

static int next_record(struct listing *listing)
{
	int rc = 0;

	while (rc == 0 && listing->row) {
		rc = next_of_page(listing);
		if (rc)
			return rc;
		if (listing->cursor.end) {
			cursor_release(&listing->cursor);
			record_list_release(&listing->page);
			listing->record = 0;
			listing->row =
			    next_row(listing->row + 1, listing->node.path);
			continue;
		}
		rc = load_page(listing);
	}
	return rc;
}

/* Directories of relationships, and what is in them. */
static int next_link(struct listing *listing)
{
	const struct node *node = &listing->node;
	struct blob name = { 0 };
	int rc;

	if (!node->collection || !node->collection->relations)
		return 0;
	rc = link_listing_next(&listing->links, listing->tree, node, &name,
	                       &listing->entry.info);
	if (rc == 1)
		set_name(listing, name.data);
	blob_release(&name);
	return rc;
}

/* 0: another source lists CHILD.  -ENOENT: none does.  A source of
 * relationships can be looked up whether or not there are any. */
static int find_stored(const struct listing *listing, const struct node *child)
{
	struct node_info stored = { 0 };
	int rc;

	if (child->kind == NODE_RECORD && child->collection->relations)
		return link_has_any(listing->tree, child);
	rc = node_stat_stored(listing->tree, child, &stored);
	return rc == 0 && stored.unknown ? -ENOENT : rc;
}

/* The same of any name in the spool.  What cannot be asked now (-EIO) was not
 * listed either. */
static int find_elsewhere(const struct listing *listing,
                          const struct node *child)
{
	int rc = -ENOENT;

	if (child->kind == NODE_BRANCH || child->kind == NODE_COLLECTION)
		return 0;
	if (child->collection && child->kind != NODE_OTHER)
		rc = find_stored(listing, child);
	return rc == -EIO ? -ENOENT : rc;
}

/* 1 unless another source has listed NAME already. */
static int stat_spooled(struct listing *listing, const char *name)
{
	struct node child = { 0 };
	int rc = node_child(listing->tree, &listing->node, name, &child);

	if (rc)
		return rc;
	rc = find_elsewhere(listing, &child);
	if (rc == 0)
		rc = -ENOENT;
	else if (rc == -ENOENT)
		rc = node_stat(listing->tree, &child, &listing->entry.info);
	node_release(&child);
	set_name(listing, name);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	return 1;
}

static int next_spooled(struct listing *listing)
{
	int rc = 0;

	while (rc == 0 && listing->stream) {
		struct dirent *found = readdir(listing->stream);

		if (!found)
			break;
		if (strcmp(found->d_name, ".") != 0 &&
		    strcmp(found->d_name, "..") != 0)
			rc = stat_spooled(listing, found->d_name);
	}
	return rc;
}

static source_fn *const sources[] = { next_name, next_answer, next_record,
	                              next_link, next_spooled };

#define SOURCE_COUNT (sizeof(sources) / sizeof(sources[0]))

int listing_next(struct listing *listing, const struct entry **out)
{
	int rc = 0;

	while (rc == 0 && listing->source < SOURCE_COUNT) {
		rc = sources[listing->source](listing);
		if (rc == 0)
			listing->source++;
	}
	if (rc < 0)
		return rc;
	*out = rc ? &listing->entry : NULL;
	return 0;
}
