/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_volumes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/journal.h"
#include "backends/log.h"

#define IDLE_MS 100 /* then a file is closed */
#define LOOK_MS 250 /* how long what is in the directory is believed */
#define OPEN_MAX 8  /* files at once */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool close_idle(void *arg)
{
	const struct hdf5_store *store = arg;
	bool open = false;

	for (struct hdf5_volume *volume = store->volumes; volume;
	     volume = volume->next)
		open |= hdf5_file_rest(volume->file, IDLE_MS);
	return open;
}

static void volume_free(struct hdf5_volume *volume)
{
	if (!volume)
		return;
	hdf5_file_free(volume->file);
	hdf5_names_free(volume->names);
	free(volume);
}

static int volume_new(struct hdf5_store *store, const char *path,
                      uint64_t number, struct hdf5_volume **out)
{
	struct hdf5_volume *volume = calloc(1, sizeof(*volume));
	int rc = volume ? hdf5_file_new(path, store->read_only, store->closer,
	                                &volume->file)
	                : -ENOMEM;

	if (rc) {
		free(volume);
		return rc;
	}
	journal_set_synced(hdf5_file_journal(volume->file),
	                   store->settings.sync_commits);
	volume->number = number;
	*out = volume;
	return 0;
}

/* Behind the current one, among the rotated ones. */
static void insert(struct hdf5_store *store, struct hdf5_volume *volume)
{
	struct hdf5_volume **link = &store->volumes->next;

	while (*link && (*link)->number > volume->number)
		link = &(*link)->next;
	volume->next = *link;
	*link = volume;
}

/* The file that was the current one is at PATH now: it goes on under the same
 * address, so that those who read from it can. */
static int adopt(struct hdf5_store *store, const char *path, uint64_t number)
{
	struct hdf5_volume *old = store->volumes;
	struct hdf5_volume *current = NULL;
	int rc = volume_new(store, store->path, 0, &current);

	if (rc == 0)
		rc = hdf5_file_follow(old->file, path);
	if (rc) {
		volume_free(current);
		return rc;
	}
	current->next = old->next;
	store->volumes = current;
	store->file = current->file;
	old->number = number;
	insert(store, old);
	return 0;
}

static struct hdf5_volume *volume_at(const struct hdf5_store *store,
                                     const char *path)
{
	struct hdf5_volume *volume = store->volumes->next;

	while (volume && strcmp(hdf5_file_path(volume->file), path) != 0)
		volume = volume->next;
	return volume;
}

static int visit_rotated(const char *path, uint64_t number, void *arg)
{
	struct hdf5_store *store = arg;
	struct hdf5_volume *volume = volume_at(store, path);
	struct stat status;
	int rc;

	if (stat(path, &status) != 0)
		return 0; /* it has just gone */
	if (volume) {
		volume->gone = false;
		return 0;
	}
	if (hdf5_file_is(store->file, &status))
		return adopt(store, path, number);
	rc = volume_new(store, path, number, &volume);
	if (rc == 0)
		insert(store, volume);
	return rc;
}

void hdf5_volumes_look(struct hdf5_store *store)
{
	struct hdf5_volume *volume;
	int rc;

	for (volume = store->volumes->next; volume; volume = volume->next)
		volume->gone = true;
	rc = hdf5_rotated_visit(store->path, visit_rotated, store);
	if (rc)
		log_error("hdf5: cannot look for the rotated files of %s: %s",
		          store->path, strerror(-rc));
	for (volume = store->volumes; volume; volume = volume->next)
		hdf5_file_look(volume->file);
	store->looked_ms = now_ms();
}

/* The current file is another one than it was. */
static bool was_moved(const struct hdf5_store *store)
{
	struct stat status;

	if (hdf5_file_session(store->file) != 0)
		return false; /* it is open */
	return stat(store->path, &status) != 0 ||
	       !hdf5_file_is(store->file, &status);
}

void hdf5_volumes_enter(struct hdf5_store *store)
{
	hdf5_lock();
	for (struct hdf5_volume *volume = store->volumes; volume;
	     volume = volume->next)
		hdf5_file_renew(volume->file);
	if (now_ms() - store->looked_ms >= LOOK_MS || was_moved(store))
		hdf5_volumes_look(store);
}

bool hdf5_volumes_is_one(const struct hdf5_store *store)
{
	return !store->volumes->next;
}

/* Close the one that was not used for longest, where too many are open. */
static void limit_open(struct hdf5_store *store,
                       const struct hdf5_volume *wanted)
{
	struct hdf5_volume *oldest = NULL;
	size_t count = 0;

	if (hdf5_file_session(wanted->file) != 0)
		return;
	for (struct hdf5_volume *volume = store->volumes->next; volume;
	     volume = volume->next) {
		if (hdf5_file_session(volume->file) == 0)
			continue;
		count++;
		if (!oldest || volume->used < oldest->used)
			oldest = volume;
	}
	if (count >= OPEN_MAX)
		hdf5_file_rest(oldest->file, 0);
}

int hdf5_volume_join(struct hdf5_store *store, struct hdf5_volume *volume,
                     enum hdf5_access access)
{
	bool rotated = volume != store->volumes;
	int rc;

	if (volume->gone ||
	    volume->broken == hdf5_file_generation(volume->file) + 1)
		return -ENOENT;
	if (rotated)
		limit_open(store, volume);
	volume->used = now_ms();
	rc = hdf5_file_join(volume->file, access);
	if (rc == 0 || rc == -ENOENT || rc == -ENOMEM)
		return rc;
	if (rc == -EAGAIN || !rotated || access == HDF5_WRITE)
		return rc == -EAGAIN ? -EIO : rc;
	log_error("hdf5: the records in %s are missing",
	          hdf5_file_path(volume->file));
	volume->broken = hdf5_file_generation(volume->file) + 1;
	return -ENOENT;
}

/* 0: VOLUME has the record, and is joined. */
static int try_volume(struct hdf5_store *store, struct hdf5_volume *volume,
                      const struct collection *collection, struct key key,
                      enum hdf5_access access)
{
	bool named = true;
	int rc = 0;

	if (volume != store->volumes)
		rc = hdf5_names_have(store, volume, collection, key, &named);
	if (rc == 0)
		rc = named ? hdf5_volume_join(store, volume, access) : -ENOENT;
	return rc ? rc : hdf5_find_record(volume->file, collection, key);
}

int hdf5_volumes_find_from(struct hdf5_store *store, struct hdf5_volume *volume,
                           const struct collection *collection, struct key key,
                           enum hdf5_access access, struct hdf5_volume **out)
{
	int rc = -ENOENT;

	for (; rc == -ENOENT && volume; volume = volume->next) {
		rc = try_volume(store, volume, collection, key, access);
		if (rc == 0)
			*out = volume;
	}
	return rc;
}

int hdf5_volumes_find(struct hdf5_store *store,
                      const struct collection *collection, struct key key,
                      enum hdf5_access access, struct hdf5_volume **out)
{
	int rc;

	if (!hdf5_volumes_is_one(store))
		return hdf5_volumes_find_from(store, store->volumes, collection,
		                              key, access, out);
	rc = hdf5_volume_join(store, store->volumes, access);
	if (rc == 0)
		*out = store->volumes;
	return rc;
}

int hdf5_enter_record(struct hdf5_store *store,
                      const struct collection *collection, struct key key,
                      enum hdf5_access access, struct hdf5_file **out)
{
	struct hdf5_volume *volume = NULL;
	int rc;

	hdf5_volumes_enter(store);
	rc = hdf5_volumes_find(store, collection, key, access, &volume);
	if (rc == 0)
		*out = volume->file;
	else
		hdf5_unlock();
	return rc;
}

int hdf5_enter_volume(struct hdf5_store *store, struct hdf5_file *file)
{
	int rc;

	hdf5_volumes_enter(store);
	rc = hdf5_file_join(file, HDF5_READ);
	if (rc)
		hdf5_unlock();
	return rc == -EAGAIN ? -EIO : rc;
}

static int enter_change(struct hdf5_store *store,
                        const struct collection *collection, struct key key,
                        struct hdf5_file **out)
{
	struct hdf5_volume *volume = NULL;
	int rc;

	hdf5_volumes_enter(store);
	rc = hdf5_volumes_find(store, collection, key, HDF5_WRITE, &volume);
	if (rc == -ENOENT) {
		volume = store->volumes;
		rc = hdf5_volume_join(store, volume, HDF5_WRITE);
	}
	if (rc == 0)
		*out = volume->file;
	else
		hdf5_unlock();
	return rc;
}

int hdf5_enter_change(struct hdf5_store *store,
                      const struct collection *collection, struct key key,
                      struct hdf5_file **out)
{
	int rc = enter_change(store, collection, key, out);

	if (rc != -ENOENT)
		return rc;
	rc = hdf5_renew(store);
	if (rc == 0)
		rc = enter_change(store, collection, key, out);
	return rc == -ENOENT ? -EIO : rc;
}

int hdf5_volumes_list(struct hdf5_store *store, struct hdf5_file ***files,
                      size_t *count)
{
	struct hdf5_file **found;
	size_t all = 0;
	size_t here = 0;

	hdf5_volumes_enter(store);
	for (struct hdf5_volume *volume = store->volumes; volume;
	     volume = volume->next)
		all++;
	found = calloc(all, sizeof(struct hdf5_file *));
	for (struct hdf5_volume *volume = store->volumes; found && volume;
	     volume = volume->next)
		if (!volume->gone)
			found[here++] = volume->file;
	hdf5_unlock();
	if (!found)
		return -ENOMEM;
	*files = found;
	*count = here;
	return 0;
}

int hdf5_volumes_open(struct hdf5_store *store, const char *path)
{
	int rc = hdf5_closer_new(close_idle, store, &store->closer);

	if (rc == 0) {
		store->path = strdup(path);
		rc = store->path ? 0 : -ENOMEM;
	}
	if (rc == 0)
		rc = volume_new(store, path, 0, &store->volumes);
	if (rc == 0)
		store->file = store->volumes->file;
	return rc;
}

void hdf5_volumes_close(struct hdf5_store *store)
{
	struct hdf5_volume *volume = store->volumes;

	hdf5_closer_free(store->closer);
	while (volume) {
		struct hdf5_volume *next = volume->next;

		volume_free(volume);
		volume = next;
	}
}
