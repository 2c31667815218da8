/* SPDX-License-Identifier: MIT */
/* The manifest of a backup, a NUL, and the bytes of each file of the backup.
 * No name leads out of it, no place out of the store, and no time of it stops
 * the schedules.  Signed, it is read as it is unsigned; with another byte in
 * it, not.  What is read is written in such a way that it is read as the
 * same. */
#include "tests/fuzz/feed.h"
#include "tests/fuzz/place.h"

#include "backends/json.h"
#include "backends/manifest.h"
#include "layout/backup_rules.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define BACKUP "backup"
#define AGAIN "again"
#define FILES_MAX 4 /* that are unpacked */

static int read_it(const char *name, const struct seal_key *key,
                   struct manifest *out)
{
	char path[PLACE_PATH_SIZE];
	char why[WHY_SIZE] = "";
	int rc;

	place_path(name, path);
	rc = manifest_read(path, key, out, why);
	feed_check(rc == 0 || (rc == -EINVAL && why[0]));
	return rc;
}

static void unpack(const struct manifest *manifest,
                   const struct manifest_file *file, const struct seal_key *key)
{
	const struct parcel_form how = { .key = key };
	char directory[PLACE_PATH_SIZE];
	char to[PLACE_PATH_SIZE];
	struct blob bytes = { 0 };
	int rc;

	place_path(BACKUP, directory);
	place_path("to", to);
	unlink(to);
	rc = manifest_unpack(manifest, directory, file, &how, to);
	feed_check(place_read("to", &bytes) == (rc == 0));
	feed_check(rc || bytes.size == file->size);
	if (!manifest->key || key)
		feed_check(manifest_unpack(manifest, directory, file, &how,
		                           NULL) == rc);
	blob_release(&bytes);
}

static void check_file(const struct manifest *manifest, size_t i,
                       const struct feed *feed, const struct seal_key *key)
{
	struct manifest_file file = manifest_file(manifest, i);
	char path[PLACE_PATH_SIZE];

	feed_check(file.name[0] && !strchr(file.name, '/') &&
	           strcmp(file.name, "..") != 0);
	feed_check(file.place[0] && !strstr(file.place, ".."));
	if (i >= FILES_MAX || strlen(file.name) > 40 ||
	    strcmp(file.name, ".") == 0)
		return;
	snprintf(path, sizeof(path), BACKUP "/%s", file.name);
	place_write(path, feed->data, feed->size);
	unpack(manifest, &file, key);
	unpack(manifest, &file, NULL);
}

/* With the rules of all schedules. */
static void check_times(const struct manifest *manifest)
{
	const double now = 1.8e9;
	struct backup_rules rules = { .since = now };
	const struct backup_entry entry = { .schedules = ~BACKUP_OTHER,
		                            .created = manifest->created,
		                            .whole = true };
	char why[WHY_SIZE];

	feed_check(schedule_parse("real_time hourly daily weekly monthly",
	                          rules.list, &rules.count, why) == 0);
	feed_check(
	    isfinite(backup_rules_next(&rules, &entry, 1, manifest->created)));
	feed_check(!backup_rules_expired(&rules, &entry, 1, 0, now));
}

static void check_same(const struct value *a, const struct value *b)
{
	struct blob texts[2] = { { 0 } };

	feed_check(json_append(a, JSON_STYLE_FILE, JSON_ARRAYS_REFUSE, SIZE_MAX,
	                       &texts[0]) == 0);
	feed_check(json_append(b, JSON_STYLE_FILE, JSON_ARRAYS_REFUSE, SIZE_MAX,
	                       &texts[1]) == 0);
	feed_check(blob_equal(&texts[0], &texts[1]));
	blob_release(&texts[0]);
	blob_release(&texts[1]);
}

static void check_again(const struct manifest *manifest,
                        const struct seal_key *key)
{
	struct manifest again = { 0 };
	char path[PLACE_PATH_SIZE];

	place_mkdir(AGAIN);
	place_clear(AGAIN);
	place_path(AGAIN, path);
	feed_check(manifest_write(path, manifest->dict, key) == 0);
	feed_check(read_it(AGAIN, key, &again) == 0);
	check_same(again.dict, manifest->dict);
	manifest_release(&again);
}

static void check_signature(const struct blob *text, const struct seal_key *key)
{
	struct manifest manifest = { 0 };
	struct blob changed = { 0 };
	char mac[SEAL_MAC_SIZE];

	seal_sign(key, text->data, text->size, mac);
	place_write(BACKUP "/" MANIFEST_SEAL, mac, sizeof(mac) - 1);
	if (read_it(BACKUP, key, &manifest) || !manifest.key) {
		manifest_release(&manifest);
		return;
	}
	check_again(&manifest, key);
	manifest_release(&manifest);
	feed_check(blob_set(&changed, text->data, text->size) == 0 &&
	           blob_append(&changed, "\n", 1) == 0);
	place_write(BACKUP "/" MANIFEST_NAME, changed.data, changed.size);
	feed_check(read_it(BACKUP, key, &manifest) == -EINVAL);
	blob_release(&changed);
}

static void check(const struct feed *feed, const struct seal_key *key)
{
	struct manifest manifest = { 0 };

	if (read_it(BACKUP, NULL, &manifest))
		return;
	(void)manifest_stored(&manifest);
	for (size_t i = 0; i < manifest_count(&manifest); i++)
		check_file(&manifest, i, feed, key);
	check_times(&manifest);
	check_again(&manifest, NULL);
	manifest_release(&manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seal_key *key;
	struct feed feed = { data, size };
	struct blob text = { 0 };

	if (!key)
		key = place_key();
	feed_text(&feed, '\0', &text);
	place_mkdir(BACKUP);
	place_clear(BACKUP);
	place_write(BACKUP "/" MANIFEST_NAME, text.data, text.size);
	check(&feed, key);
	place_write(BACKUP "/" MANIFEST_NAME, text.data, text.size);
	check_signature(&text, key);
	blob_release(&text);
	return 0;
}
