/* SPDX-License-Identifier: MIT */
/*
 * notify.h - telling the kernel to forget names
 *
 * The kernel takes the lock of the directory to forget a name in it, and a
 * handler may be holding up whoever has that lock: so a thread of its own
 * sends these messages, and nobody waits for it.
 *
 * Threads:    any.
 */
#ifndef ENGRAMFS_FS_NOTIFY_H
#define ENGRAMFS_FS_NOTIFY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct fs;
struct notice;

struct notifier {
	struct fs *fs;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct notice *first;
	struct notice *last;
	bool stop;
};

/* Start the thread; a negative errno value. */
int notifier_start(struct notifier *notifier, struct fs *fs);

/* What is queued is dropped.  Accepts one that was never started. */
void notifier_stop(struct notifier *notifier);

/* The name PATH leads to another file now. */
void notifier_forget(struct notifier *notifier, const char *path);

/* What it does with PATH.  For threads that nobody waits for: never in a
 * handler. */
void notify_name(struct fs *fs, const char *path);

/* The attributes of PATH have changed.  Safe in a handler: no page is waited
 * for. */
void notify_attributes(struct fs *fs, const char *path);
void notify_node(struct fs *fs, uint64_t id);

#endif
