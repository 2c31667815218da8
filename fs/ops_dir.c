/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include "layout/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define AHEAD 256 /* entries; a request of the kernel takes fewer */

/*
 * An open directory.  Offsets count entries: the one that a reply's last entry
 * carries is the number of entries before the next.  Entry 0 is ".", 1 "..".
 *
 * While the kernel takes a reply, the entries for the next are read.
 */
struct directory {
	struct directory *next; /* of all, in both directions */
	struct directory *previous;
	pthread_mutex_t lock;
	char *path;
	struct node node;
	struct listing *listing;
	off_t position;              /* of PENDING, or of the next entry */
	const struct entry *pending; /* read, and not yet taken */
	struct entry *ahead;         /* read ahead; NULL: none yet */
	size_t ahead_count;
	size_t ahead_next;
	int ahead_error;            /* behind them */
	struct inode_stamps stamps; /* of when LISTING was opened */
};

static struct directory *directory_of(const struct fuse_file_info *file)
{
	return (struct directory *)(uintptr_t)file->fh;
}

static void directory_close(struct directory *directory)
{
	if (!directory)
		return;
	listing_close(directory->listing);
	free(directory->ahead);
	node_release(&directory->node);
	free(directory->path);
	pthread_mutex_destroy(&directory->lock);
	free(directory);
}

/* The kernel does not wait for its RELEASEDIR when it is unmounted: those that
 * are left are closed at the end. */
static void remember(struct fs *fs, struct directory *directory)
{
	pthread_mutex_lock(&fs->directories_lock);
	directory->next = fs->directories;
	if (directory->next)
		directory->next->previous = directory;
	fs->directories = directory;
	pthread_mutex_unlock(&fs->directories_lock);
}

static void forget(struct fs *fs, struct directory *directory)
{
	pthread_mutex_lock(&fs->directories_lock);
	if (directory->next)
		directory->next->previous = directory->previous;
	if (directory->previous)
		directory->previous->next = directory->next;
	else
		fs->directories = directory->next;
	pthread_mutex_unlock(&fs->directories_lock);
}

bool directories_has(struct fs *fs, const char *path)
{
	const struct directory *directory;

	pthread_mutex_lock(&fs->directories_lock);
	directory = fs->directories;
	while (directory && strcmp(directory->path, path) != 0)
		directory = directory->next;
	pthread_mutex_unlock(&fs->directories_lock);
	return directory;
}

void directories_close(struct fs *fs)
{
	while (fs->directories) {
		struct directory *directory = fs->directories;

		forget(fs, directory);
		directory_close(directory);
	}
}

static int list(struct fs *fs, struct directory *directory,
                struct listing **out)
{
	inodes_stamps(&fs->inodes, &directory->stamps);
	return listing_open(&fs->tree, &directory->node, out);
}

static int directory_open(struct fs *fs, fuse_ino_t ino, struct directory **out)
{
	struct directory *directory = calloc(1, sizeof(*directory));
	struct found found;
	int rc;

	if (!directory)
		return -ENOMEM;
	pthread_mutex_init(&directory->lock, NULL);
	directory->path = inodes_path(&fs->inodes, ino, NULL);
	rc = directory->path ? fs_find_id(fs, ino, &found) : -ENOMEM;
	if (rc == 0) {
		directory->node = found.node;
		rc = S_ISDIR(found.info.mode) ? 0 : -ENOTDIR;
	}
	if (rc == 0)
		rc = list(fs, directory, &directory->listing);
	if (rc) {
		directory_close(directory);
		return rc;
	}
	directory->position = 2;
	remember(fs, directory);
	*out = directory;
	return 0;
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct directory *directory;
	int rc = directory_open(fuse_req_userdata(req), ino, &directory);

	if (rc) {
		fuse_reply_err(req, -rc);
		return;
	}
	file->fh = (uint64_t)(uintptr_t)directory;
	fuse_reply_open(req, file);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct directory *directory = directory_of(file);

	(void)ino;
	forget(fuse_req_userdata(req), directory);
	/* Somebody may still read ahead for it. */
	pthread_mutex_lock(&directory->lock);
	pthread_mutex_unlock(&directory->lock);
	directory_close(directory);
	fuse_reply_err(req, 0);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
                 struct fuse_file_info *file)
{
	struct fs *fs = fuse_req_userdata(req);
	const struct node *node = &directory_of(file)->node;
	struct store *store = NULL;

	(void)ino;
	(void)datasync;
	if (node->collection)
		store = stores_get(&fs->tree.stores, node->collection);
	fuse_reply_err(req, store ? -store->backend->sync(store) : 0);
}

/* A reply being filled. */
struct page {
	fuse_req_t req;
	struct fs *fs;
	char *data;
	size_t size;
	size_t used;
	bool plus;
};

/* False: no room. */
static bool add_entry(struct page *page, const char *name,
                      struct fuse_entry_param *entry, off_t next)
{
	char *end = page->data + page->used;
	size_t left = page->size - page->used;
	size_t size = page->plus ? fuse_add_direntry_plus(page->req, end, left,
	                                                  name, entry, next)
	                         : fuse_add_direntry(page->req, end, left, name,
	                                             &entry->attr, next);

	if (size > left)
		return false;
	page->used += size;
	return true;
}

/* "." and "..": the kernel knows them, so they carry no lookup. */
static bool add_dot(struct page *page, const struct directory *directory,
                    const char *name, off_t next)
{
	struct fuse_entry_param entry = { 0 };

	entry.attr.st_mode = S_IFDIR;
	entry.attr.st_ino =
	    directory->path[0] ? inode_number(directory->path) : FUSE_ROOT_ID;
	return add_entry(page, name, &entry, next);
}

/* What was listed before the file changed is not for the kernel to keep: its
 * node may be the new file's by now. */
static int fill_entry(struct page *page, const struct directory *directory,
                      const char *path, const struct entry *found,
                      struct fuse_entry_param *entry)
{
	struct fs *fs = page->fs;
	int rc = fs_fill_entry(fs, path, &found->info, entry);

	if (rc == 0 && !inodes_has_stamp(&fs->inodes, path, &directory->stamps))
		entry->attr_timeout = 0;
	return rc;
}

/* 1: added, 0: no room, or a negative errno value. */
static int add_found(struct page *page, const struct directory *directory,
                     const struct entry *found, off_t next)
{
	struct fuse_entry_param entry = { 0 };
	struct blob path = { 0 };
	int rc = blob_printf(&path, "%s%s%s", directory->path,
	                     directory->path[0] ? "/" : "", found->name);

	if (rc)
		return rc;
	if (page->plus)
		rc = fill_entry(page, directory, path.data, found, &entry);
	else
		fs_fill_stat(page->fs, path.data, &found->info, &entry.attr);
	herald_note(&page->fs->herald, path.data, found->info.expires_ms);
	if (rc == 0) {
		rc = add_entry(page, found->name, &entry, next);
		if (rc == 0 && page->plus) /* the kernel never saw it */
			inodes_forget(&page->fs->inodes, entry.ino, 1);
	}
	blob_release(&path);
	return rc;
}

static int next_entry(struct directory *directory)
{
	int rc = directory->ahead_error;

	if (directory->pending)
		return 0;
	if (directory->ahead_next < directory->ahead_count) {
		directory->pending = &directory->ahead[directory->ahead_next++];
		return 0;
	}
	directory->ahead_count = directory->ahead_next = 0;
	directory->ahead_error = 0;
	return rc ? rc : listing_next(directory->listing, &directory->pending);
}

static void keep_ahead(struct directory *directory, const struct entry *entry)
{
	struct entry *kept = &directory->ahead[directory->ahead_count++];

	memcpy(kept->name, entry->name, strlen(entry->name) + 1);
	kept->info = entry->info;
}

/* The entry that had no room is the first again. */
static void put_back(struct directory *directory)
{
	const struct entry *pending = directory->pending;
	size_t taken = directory->ahead_next;

	directory->pending = NULL;
	directory->ahead_next = 0;
	if (taken == 0) {
		keep_ahead(directory, pending);
		return;
	}
	directory->ahead_count -= taken - 1;
	memmove(directory->ahead, pending,
	        directory->ahead_count * sizeof(*pending));
}

static void look_ahead(struct directory *directory)
{
	const struct entry *entry;

	if (!directory->ahead)
		directory->ahead = calloc(AHEAD, sizeof(*directory->ahead));
	if (!directory->ahead || directory->ahead_error)
		return;
	put_back(directory);
	while (directory->ahead_count < AHEAD) {
		directory->ahead_error =
		    listing_next(directory->listing, &entry);
		if (directory->ahead_error || !entry)
			break;
		keep_ahead(directory, entry);
	}
}

/* Go to OFFSET: usually where the listing stands; else from the start. */
static int seek(struct fs *fs, struct directory *directory, off_t offset)
{
	int rc = 0;

	if (offset < directory->position && directory->position > 2) {
		struct listing *listing;

		rc = list(fs, directory, &listing);
		if (rc)
			return rc;
		listing_close(directory->listing);
		directory->listing = listing;
		directory->pending = NULL;
		directory->ahead_count = directory->ahead_next = 0;
		directory->ahead_error = 0;
		directory->position = 2;
	}
	while (rc == 0 && directory->position < offset) {
		rc = next_entry(directory);
		if (rc || !directory->pending)
			break;
		directory->pending = NULL;
		directory->position++;
	}
	return rc;
}

static int fill(struct page *page, struct directory *directory, off_t offset)
{
	static const char *const dots[] = { ".", ".." };
	int rc = seek(page->fs, directory, offset);

	for (; rc == 0 && offset < 2; offset++)
		if (!add_dot(page, directory, dots[offset], offset + 1))
			return 0;
	while (rc == 0) {
		rc = next_entry(directory);
		if (rc || !directory->pending)
			break;
		rc = add_found(page, directory, directory->pending,
		               directory->position + 1);
		if (rc <= 0)
			return rc;
		rc = 0;
		directory->pending = NULL;
		directory->position++;
	}
	/* What was found before an error is worth more than the error. */
	return page->used ? 0 : rc;
}

static void read_directory(fuse_req_t req, size_t size, off_t offset,
                           struct fuse_file_info *file, bool plus)
{
	struct directory *directory = directory_of(file);
	struct page page = { .req = req,
		             .fs = fuse_req_userdata(req),
		             .data = malloc(size),
		             .size = size,
		             .plus = plus };
	int rc = page.data ? 0 : -ENOMEM;

	pthread_mutex_lock(&directory->lock);
	if (rc == 0)
		rc = fill(&page, directory, offset);
	if (rc)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_buf(req, page.data, page.used);
	if (directory->pending)
		look_ahead(directory);
	pthread_mutex_unlock(&directory->lock);
	free(page.data);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *file)
{
	(void)ino;
	read_directory(req, size, offset, file, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *file)
{
	(void)ino;
	read_directory(req, size, offset, file, true);
}
