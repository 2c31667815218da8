/* SPDX-License-Identifier: MIT */
#include "tools/ctl_restore.h"

#include "backends/blob.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define LATEST (INT64_MAX / SECOND - 1)

/* ".25" */
static bool parse_fraction(const char *text, const char **next, int64_t *out)
{
	int64_t unit = SECOND;

	*out = 0;
	*next = text;
	if (*text != '.')
		return true;
	for (text++; isdigit((unsigned char)*text); text++) {
		unit /= 10;
		*out += unit * (*text - '0');
	}
	*next = text;
	return unit < SECOND;
}

int restore_parse_time(const char *text, int64_t *out)
{
	struct tm utc = { 0 };
	const char *next = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
	bool calendar = next != NULL;
	int64_t seconds;
	int64_t fraction = 0;
	char *end;

	seconds = calendar ? timegm(&utc) : strtoll(text, &end, 10);
	if (!calendar)
		next = isdigit((unsigned char)*text) ? end : "?";
	if (!parse_fraction(next, &next, &fraction) ||
	    strcmp(next, calendar ? "Z" : "") != 0 || seconds <= 0 ||
	    seconds > LATEST)
		return restore_complain(text,
		                        "no time; wanted is one like "
		                        "2026-11-20T17:01:02Z, or seconds "
		                        "since 1970");
	*out = seconds * SECOND + fraction;
	if (seconds > time(NULL))
		return restore_complain(text, "is in the future");
	return 0;
}

static int is_backup(const struct dirent *entry)
{
	return manifest_is_backup(entry->d_name);
}

/* Call FN for each backup in DIRECTORY that can be read, oldest first. */
static int each_backup(struct restore *restore, const char *directory,
                       int (*fn)(struct restore *restore, const char *path,
                                 const struct manifest *manifest))
{
	struct dirent **names = NULL;
	int count = scandir(directory, &names, is_backup, alphasort);
	int rc = count < 0 ? restore_complain(directory, strerror(errno)) : 0;

	for (int i = 0; i < count; i++) {
		struct manifest manifest = { 0 };
		char path[PATH_MAX];
		char why[WHY_SIZE];

		if (rc == 0 &&
		    restore_join(path, directory, names[i]->d_name, "") &&
		    restore_read_manifest(restore, path, &manifest, why) == 0)
			rc = fn(restore, path, &manifest);
		manifest_release(&manifest);
		free(names[i]);
	}
	free(names);
	return rc;
}

static int64_t history_of(const struct manifest *manifest)
{
	const struct value *text = value_dict_get(manifest->dict, "history");

	return text && text->type == VALUE_TEXT
	           ? strtoll(text->text.data, NULL, 10)
	           : 0;
}

static bool is_base(const struct restore *restore, const char *path,
                    const struct manifest *manifest)
{
	return manifest->created * 1e9 <= (double)restore->at &&
	       history_of(manifest) && manifest_is_whole(manifest, path);
}

static bool is_own(const struct restore *restore, const char *store)
{
	return strcmp(restore->store, store) == 0;
}

static int find_own(struct restore *restore, const char *path,
                    const struct manifest *manifest)
{
	if (is_own(restore, manifest->store) &&
	    is_base(restore, path, manifest))
		snprintf(restore->owner, sizeof(restore->owner), "%s",
		         manifest->store);
	return 0;
}

/* The last one; where some are of this store, of those.  What is in the store
 * is its own, wherever that was before. */
static int choose_base(struct restore *restore, const char *path,
                       const struct manifest *manifest)
{
	const size_t size = strlen(restore->store);
	bool is_inside =
	    strncmp(path, restore->store, size) == 0 && path[size] == '/';

	if (!is_base(restore, path, manifest))
		return 0;
	if (restore->owner[0] && strcmp(restore->owner, manifest->store) != 0) {
		if (is_own(restore, restore->owner))
			return 0;
		if (!is_inside)
			return restore_complain(
			    path, "is of another store than those before it; "
				  "name the one that is to be restored");
	}
	snprintf(restore->owner, sizeof(restore->owner), "%s", manifest->store);
	snprintf(restore->backup, sizeof(restore->backup), "%s", path);
	return 0;
}

int restore_find_base(struct restore *restore)
{
	char directory[PATH_MAX];
	int rc;

	memcpy(directory, restore->backup, sizeof(directory));
	rc = each_backup(restore, directory, find_own);
	if (rc == 0)
		rc = each_backup(restore, directory, choose_base);
	if (rc == 0 && strcmp(directory, restore->backup) == 0)
		rc = restore_complain(directory,
		                      "no backup before that time with the "
		                      "changes that followed "
		                      "(backup.point_in_time)");
	return rc;
}

static int add_segment(struct restore *restore, const char *directory,
                       const char *name)
{
	size_t size = (restore->segment_count + 1) * sizeof(struct segment);
	struct segment *segments = realloc(restore->segments, size);
	struct segment *segment;

	if (!segments)
		return -ENOMEM;
	restore->segments = segments;
	segment = &segments[restore->segment_count];
	*segment = (struct segment){ 0 };
	if (!history_parse_name(name, &segment->begin, &segment->end))
		return 0;
	segment->name = strdup(name);
	segment->directory = directory ? strdup(directory) : NULL;
	restore->segment_count++;
	return segment->name && (segment->directory || !directory) ? 0
	                                                           : -ENOMEM;
}

static int add_segments(struct restore *restore, const char *path,
                        const struct manifest *manifest)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < manifest_count(manifest); i++) {
		struct manifest_file file = manifest_file(manifest, i);

		if (restore_is_segment(&file))
			rc = add_segment(restore, path,
			                 strrchr(file.place, '/') + 1);
	}
	return rc;
}

/* Those that no backup has yet. */
static int add_own(struct restore *restore)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	DIR *stream;
	int rc = 0;

	if (!restore_join(path, restore->store, HISTORY_PLACE, ""))
		return -ENAMETOOLONG;
	stream = opendir(path);
	while (stream && rc == 0 && (entry = readdir(stream)))
		rc = add_segment(restore, NULL, entry->d_name);
	if (stream)
		closedir(stream);
	return rc;
}

static void release(struct segment *segment)
{
	free(segment->directory);
	free(segment->name);
}

void restore_release_segments(struct restore *restore)
{
	for (size_t i = 0; i < restore->segment_count; i++)
		release(&restore->segments[i]);
	free(restore->segments);
	restore->segments = NULL;
	restore->segment_count = 0;
}

static int complain_hole(int64_t from)
{
	time_t seconds = (time_t)(from / SECOND);
	char text[64];
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return restore_complain(
	    text, "what changed from then on was not kept, or is elsewhere; "
		  "no later point in time can be restored from this backup");
}

/* Sort the segments that lead from FROM to AT to the front: each begins where
 * the one before it ends. */
static int chain(struct restore *restore, int64_t from)
{
	struct segment *segments = restore->segments;
	size_t count = 0;

	while (count == 0 || segments[count - 1].end <= restore->at) {
		size_t i = count;
		struct segment found;

		while (i < restore->segment_count && segments[i].begin != from)
			i++;
		if (i == restore->segment_count)
			return complain_hole(from);
		found = segments[i];
		segments[i] = segments[count];
		segments[count++] = found;
		from = found.end;
	}
	while (restore->segment_count > count)
		release(&segments[--restore->segment_count]);
	return 0;
}

static int check_segment(struct restore *restore, const struct segment *segment)
{
	char path[PATH_MAX];
	uint64_t good;
	int rc;

	if (segment->directory)
		return restore_unpack_segment(restore, segment, NULL);
	if (!restore_join(path, restore->store, HISTORY_PLACE "/",
	                  segment->name))
		return -ENAMETOOLONG;
	rc = history_read(path, restore->at, NULL, NULL,
	                  segment->end == HISTORY_OPEN ? &good : NULL);
	return rc ? restore_complain(path, rc == -EBADMSG ? "is damaged"
	                                                  : strerror(-rc))
	          : 0;
}

int restore_find_segments(struct restore *restore)
{
	int64_t from = history_of(&restore->manifest);
	char parent[PATH_MAX];
	int rc;

	if (from == 0)
		return restore_complain(restore->backup,
		                        "was made without "
		                        "backup.point_in_time");
	if (restore->manifest.created * 1e9 > (double)restore->at)
		return restore_complain(restore->backup,
		                        "was not complete at that time");
	memcpy(parent, restore->backup, sizeof(parent));
	*strrchr(parent, '/') = '\0';
	rc = each_backup(restore, parent[0] ? parent : "/", add_segments);
	if (rc == 0)
		rc = add_own(restore);
	if (rc == -ENOMEM || rc == -ENAMETOOLONG)
		return restore_complain(restore->backup, strerror(-rc));
	if (rc == 0)
		rc = chain(restore, from);
	for (size_t i = 0; rc == 0 && i < restore->segment_count; i++)
		rc = check_segment(restore, &restore->segments[i]);
	return rc;
}
