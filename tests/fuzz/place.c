/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/place.h"

#include "tests/fuzz/feed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_LINE                                                               \
	"engramfs-key 1 000102030405060708090a0b0c0d0e0f"                      \
	"101112131415161718191a1b1c1d1e1f\n"

/* A fuzzer has nothing else that lives from one input to the next. */
static char root[] = "/dev/shm/engramfs-fuzz-XXXXXX";
static bool made;

static int remove_one(const char *path, const struct stat *stat, int type,
                      struct FTW *at)
{
	(void)stat;
	(void)type;
	(void)at;
	return remove(path);
}

static void remove_all(void)
{
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void place_path(const char *name, char path[PLACE_PATH_SIZE])
{
	if (!made) {
		feed_check(mkdtemp(root) != NULL);
		made = true;
		atexit(remove_all);
	}
	feed_check(snprintf(path, PLACE_PATH_SIZE, "%s%s%s", root,
	                    name[0] ? "/" : "", name) < PLACE_PATH_SIZE);
}

void place_mkdir(const char *name)
{
	char path[PLACE_PATH_SIZE];

	place_path(name, path);
	feed_check(mkdir(path, 0700) == 0 || errno == EEXIST);
}

void place_write(const char *name, const void *data, size_t size)
{
	char path[PLACE_PATH_SIZE];
	int fd;

	place_path(name, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	feed_check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

bool place_read(const char *name, struct blob *out)
{
	char path[PLACE_PATH_SIZE];
	struct stat status;
	int fd;

	place_path(name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	feed_check(fstat(fd, &status) == 0 &&
	           blob_resize(out, (size_t)status.st_size) == 0);
	feed_check(read(fd, out->data, out->size) == (ssize_t)out->size);
	close(fd);
	return true;
}

void place_clear(const char *name)
{
	const struct dirent *entry;
	char path[PLACE_PATH_SIZE];
	DIR *stream;

	place_path(name, path);
	stream = opendir(path);
	feed_check(stream != NULL);
	while ((entry = readdir(stream)))
		(void)unlinkat(dirfd(stream), entry->d_name, 0);
	closedir(stream);
}

struct seal_key *place_key(void)
{
	char path[PLACE_PATH_SIZE];
	char why[WHY_SIZE];
	struct seal_key *key = NULL;

	place_write("key", KEY_LINE, sizeof(KEY_LINE) - 1);
	place_path("key", path);
	feed_check(seal_key_load(path, &key, why) == 0);
	return key;
}
