/* SPDX-License-Identifier: MIT */
/*
 * For programs that open the HDF5 files themselves: what a mount does before it
 * opens one, for every journal in the store's directory, and for a file that
 * is elsewhere.
 */
#include "tools/ctl.h"

#include "backends/journal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WAIT_MS 2000
#define WAIT_STEP_MS 20

/* Words of its own, where strerror's would not tell what to do. */
static const char *reason(int rc)
{
	if (rc == -EAGAIN)
		return "another program has the file open; close it first";
	if (rc == -EPROTO)
		return "the journal is one of another version of engramfs";
	return strerror(-rc);
}

static int recover_file(const char *path)
{
	const struct timespec pause = { .tv_nsec = WAIT_STEP_MS * 1000000L };
	struct journal_recovery found;
	int rc = journal_recover(path, NULL, &found);

	/* The worker of a daemon that was killed may be just ending. */
	for (int ms = 0; rc == -EAGAIN && ms < WAIT_MS; ms += WAIT_STEP_MS) {
		nanosleep(&pause, NULL);
		rc = journal_recover(path, NULL, &found);
	}
	if (rc == -EBADMSG)
		return 0; /* a journal of SQLite, say */
	if (rc)
		fprintf(stderr, "engramctl: %s: %s\n", path, reason(rc));
	else if (found.finding == JOURNAL_UNDONE)
		printf("%s: undid a write that was broken off (%llu pages)\n",
		       path, (unsigned long long)found.pages);
	else if (found.finding == JOURNAL_STALE)
		fprintf(
		    stderr,
		    "engramctl: %s: a write was broken off, and then others "
		    "changed the file; nothing was undone, and the journal "
		    "is %s%s now\n",
		    path, path, found.name);
	return rc || found.finding == JOURNAL_STALE ? -EIO : 0;
}

/* Of the files in STORE that have a journal. */
static int recover_all(const char *store, DIR *stream)
{
	const size_t suffix = strlen(JOURNAL_SUFFIX);
	const struct dirent *entry;
	char path[PATH_MAX];
	int rc = 0;

	while ((entry = readdir(stream))) {
		size_t size = strlen(entry->d_name);
		int one;

		if (size <= suffix ||
		    strcmp(entry->d_name + size - suffix, JOURNAL_SUFFIX) != 0)
			continue;
		one = snprintf(path, sizeof(path), "%s/%.*s", store,
		               (int)(size - suffix), entry->d_name) < PATH_MAX
		          ? recover_file(path)
		          : -ENAMETOOLONG;
		rc = rc ? rc : one;
	}
	return rc;
}

enum exit_code ctl_recover(const char *store, char **files)
{
	DIR *stream = opendir(store);
	int rc;

	if (!stream) {
		fprintf(stderr, "engramctl: %s: %s\n", store, strerror(errno));
		return EXIT_FAILED;
	}
	rc = recover_all(store, stream);
	closedir(stream);
	for (; *files; files++) {
		int one = recover_file(*files);

		rc = rc ? rc : one;
	}
	return rc ? EXIT_FAILED : EXIT_OK;
}
