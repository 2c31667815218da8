/* SPDX-License-Identifier: MIT */
#include "tests/outage_hurry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static atomic_bool held;
static atomic_bool parked;

int __real_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until);

static int wait_a_moment(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	struct timespec soon;

	clock_gettime(CLOCK_MONOTONIC, &soon);
	soon.tv_nsec += 1000000;
	soon.tv_sec += soon.tv_nsec / 1000000000;
	soon.tv_nsec %= 1000000000;
	return __real_pthread_cond_timedwait(cond, mutex, &soon);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
	int rc = wait_a_moment(cond, mutex);

	(void)until;
	while (atomic_load(&held)) {
		atomic_store(&parked, true);
		rc = wait_a_moment(cond, mutex);
	}
	atomic_store(&parked, false);
	return rc;
}

void outage_hurry_hold(void)
{
	atomic_store(&held, true);
	while (!atomic_load(&parked))
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
}

void outage_hurry_release(void)
{
	atomic_store(&held, false);
}
