/* SPDX-License-Identifier: MIT */
#include "fs/changes.h"

#include "backends/history.h"
#include "backends/log.h"
#include "backends/watch.h"
#include "fs/fs.h"
#include "fs/record_names.h"
#include "layout/listing.h"
#include "layout/names.h"
#include "layout/tree.h"

#include <string.h>

/* PATH is a file or directory in the collection's own. */
static bool is_in(const struct collection *row, const char *path)
{
	size_t size = strlen(row->path);

	return strncmp(path, row->path, size) == 0 && path[size] == '/';
}

static bool is_of(const struct changes_source *source, const char *path)
{
	for (const struct collection *row = tree_collections; row->path; row++)
		if (strcmp(row->backend, source->backend->name) == 0 &&
		    is_in(row, path))
			return true;
	return false;
}

/* First the herald, which has to know what the kernel knows. */
static void on_record(struct fs *fs, const struct watch_event *event)
{
	struct record_names names;

	herald_check_record(&fs->herald, event->collection, event->key);
	record_names_fill(event->collection, event->key, &names);
	for (size_t i = 0; i < RECORD_NAMES; i++)
		if (names.paths[i])
			notify_attributes(fs, names.paths[i]);
	record_names_release(&names);
}

/* Remember what is in a directory and expires, as far as there is room. */
static void learn_directory(struct fs *fs, const char *path)
{
	struct listing *listing = NULL;
	const struct entry *entry = NULL;
	struct blob name = { 0 };
	struct node node = { 0 };
	bool room = true;
	int rc = node_find(&fs->tree, path, &node);

	if (rc == 0)
		rc = listing_open(&fs->tree, &node, &listing);
	while (rc == 0 && room && !atomic_load(&fs->ended)) {
		rc = listing_next(listing, &entry);
		if (rc || !entry)
			break;
		blob_release(&name);
		rc = blob_printf(&name, "%s/%s", path, entry->name);
		if (rc == 0)
			room = herald_note(&fs->herald, name.data,
			                   entry->info.expires_ms);
	}
	blob_release(&name);
	listing_close(listing);
	node_release(&node);
}

static void learn(const struct changes_source *source)
{
	for (const struct collection *row = tree_collections; row->path; row++)
		if (row->ttl &&
		    strcmp(row->backend, source->backend->name) == 0)
			learn_directory(source->fs, row->path);
}

/* All that the kernel may know of this storage. */
static void forget_all(struct changes_source *source)
{
	struct fs *fs = source->fs;
	struct names names = { 0 };

	for (size_t i = 0; inodes_bucket(&fs->inodes, i, &names); i++) {
		for (size_t j = 0; j < names.count; j++) {
			if (!is_of(source, names.items[j]))
				continue;
			herald_check(&fs->herald, names.items[j]);
			notify_attributes(fs, names.items[j]);
		}
		names_release(&names);
	}
}

/* In the history: others' changes, and our own, which it knows. */
static void keep(const struct changes_source *source,
                 const struct watch_event *event)
{
	const struct history_ops *ops = source->backend->history;
	struct store *store =
	    stores_get(&source->fs->tree.stores, event->collection);

	if (source->fs->tree.history && store && ops && ops->note)
		ops->note(store, event->collection, event->key);
}

static void on_event(const struct watch_event *event, void *arg)
{
	struct changes_source *source = arg;

	if (event->what == WATCH_RECORD) {
		keep(source, event);
		on_record(source->fs, event);
		return;
	}
	forget_all(source);
	if (event->what != WATCH_ENDS)
		learn(source);
}

static void start_source(struct changes_source *source, struct store *store)
{
	const struct watch_ops *ops = source->backend->watch;
	int rc = ops->start(store, tree_collections, on_event, source,
	                    &source->watch);

	if (rc)
		log_warn("%s: changes of others are seen a second later: %s",
		         source->backend->name, strerror(-rc));
}

void changes_start(struct changes *changes, struct fs *fs)
{
	const struct stores *stores = &fs->tree.stores;

	for (size_t i = 0; i < STORES_MAX && stores->slots[i].backend; i++) {
		struct changes_source *source = &changes->sources[i];

		source->fs = fs;
		source->backend = stores->slots[i].backend;
		if (source->backend->watch && stores->slots[i].store)
			start_source(source, stores->slots[i].store);
	}
}

void changes_stop(struct changes *changes)
{
	for (size_t i = 0; i < STORES_MAX; i++) {
		struct changes_source *source = &changes->sources[i];

		if (source->watch)
			source->backend->watch->stop(source->watch);
		source->watch = NULL;
	}
}
