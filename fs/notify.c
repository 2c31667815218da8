/* SPDX-License-Identifier: MIT */
#include "fs/notify.h"

#include "fs/fs.h"

#include <stdlib.h>
#include <string.h>

struct notice {
	struct notice *next;
	char path[];
};

static struct notice *take(struct notifier *notifier)
{
	struct notice *notice;

	pthread_mutex_lock(&notifier->lock);
	while (!notifier->first && !notifier->stop)
		pthread_cond_wait(&notifier->wake, &notifier->lock);
	notice = notifier->stop ? NULL : notifier->first;
	if (notice) {
		notifier->first = notice->next;
		if (!notifier->first)
			notifier->last = NULL;
	}
	pthread_mutex_unlock(&notifier->lock);
	return notice;
}

void notify_name(struct fs *fs, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	uint64_t parent = FUSE_ROOT_ID;

	if (slash) {
		char *directory = strndup(path, (size_t)(slash - path));

		parent = directory ? inodes_known(&fs->inodes, directory) : 0;
		free(directory);
	}
	if (parent && !atomic_load(&fs->ended))
		fuse_lowlevel_notify_inval_entry(fs->session, parent, name,
		                                 strlen(name));
}

void notify_node(struct fs *fs, uint64_t id)
{
	if (!atomic_load(&fs->ended))
		fuse_lowlevel_notify_inval_inode(fs->session, id, -1, 0);
}

void notify_attributes(struct fs *fs, const char *path)
{
	uint64_t id = inodes_untell(&fs->inodes, path);

	if (id)
		notify_node(fs, id);
}

static void *run(void *arg)
{
	struct notifier *notifier = arg;
	struct notice *notice;

	while ((notice = take(notifier))) {
		notify_name(notifier->fs, notice->path);
		free(notice);
	}
	return NULL;
}

int notifier_start(struct notifier *notifier, struct fs *fs)
{
	int rc;

	*notifier = (struct notifier){ .fs = fs };
	pthread_mutex_init(&notifier->lock, NULL);
	pthread_cond_init(&notifier->wake, NULL);
	rc = pthread_create(&notifier->thread, NULL, run, notifier);
	notifier->running = rc == 0;
	return -rc;
}

void notifier_stop(struct notifier *notifier)
{
	if (!notifier->running)
		return;
	pthread_mutex_lock(&notifier->lock);
	notifier->stop = true;
	pthread_cond_signal(&notifier->wake);
	pthread_mutex_unlock(&notifier->lock);
	pthread_join(notifier->thread, NULL);
	while (notifier->first) {
		struct notice *notice = notifier->first;

		notifier->first = notice->next;
		free(notice);
	}
	pthread_cond_destroy(&notifier->wake);
	pthread_mutex_destroy(&notifier->lock);
	notifier->running = false;
}

void notifier_forget(struct notifier *notifier, const char *path)
{
	size_t size = strlen(path) + 1;
	struct notice *notice = malloc(sizeof(*notice) + size);

	if (!notice) /* the kernel forgets by itself a second later */
		return;
	notice->next = NULL;
	memcpy(notice->path, path, size);
	pthread_mutex_lock(&notifier->lock);
	if (notifier->last)
		notifier->last->next = notice;
	else
		notifier->first = notice;
	notifier->last = notice;
	pthread_cond_signal(&notifier->wake);
	pthread_mutex_unlock(&notifier->lock);
}
