/* SPDX-License-Identifier: MIT */
#include "backends/hdf5_closer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "backends/hdf5_library.h"

#define LOOK_MS 50

struct hdf5_closer {
	bool (*close)(void *arg);
	void *arg;
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t lock; /* of what follows; taken after the library's */
	pthread_cond_t wake;
	bool opened;
	bool ending;
};

static void look(struct hdf5_closer *closer)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
	bool opened;

	nanosleep(&pause, NULL);
	hdf5_lock();
	opened = closer->close(closer->arg);
	pthread_mutex_lock(&closer->lock);
	closer->opened = opened;
	pthread_mutex_unlock(&closer->lock);
	hdf5_unlock();
}

static void *serve(void *arg)
{
	struct hdf5_closer *closer = arg;

	pthread_mutex_lock(&closer->lock);
	while (!closer->ending) {
		if (!closer->opened) {
			pthread_cond_wait(&closer->wake, &closer->lock);
			continue;
		}
		pthread_mutex_unlock(&closer->lock);
		look(closer);
		pthread_mutex_lock(&closer->lock);
	}
	pthread_mutex_unlock(&closer->lock);
	return NULL;
}

int hdf5_closer_new(bool (*close)(void *arg), void *arg,
                    struct hdf5_closer **out)
{
	struct hdf5_closer *closer = calloc(1, sizeof(*closer));

	if (!closer)
		return -ENOMEM;
	closer->close = close;
	closer->arg = arg;
	pthread_mutex_init(&closer->lock, NULL);
	pthread_cond_init(&closer->wake, NULL);
	*out = closer;
	return 0;
}

void hdf5_closer_free(struct hdf5_closer *closer)
{
	if (!closer)
		return;
	if (closer->has_thread) {
		pthread_mutex_lock(&closer->lock);
		closer->ending = true;
		pthread_cond_signal(&closer->wake);
		pthread_mutex_unlock(&closer->lock);
		pthread_join(closer->thread, NULL);
	}
	pthread_cond_destroy(&closer->wake);
	pthread_mutex_destroy(&closer->lock);
	free(closer);
}

/* The thread is made when it is first needed: the process may fork before. */
int hdf5_closer_wake(struct hdf5_closer *closer)
{
	int error;

	pthread_mutex_lock(&closer->lock);
	closer->opened = true;
	pthread_cond_signal(&closer->wake);
	pthread_mutex_unlock(&closer->lock);
	if (closer->has_thread)
		return 0;
	error = pthread_create(&closer->thread, NULL, serve, closer);
	closer->has_thread = error == 0;
	return -error;
}
