/* SPDX-License-Identifier: MIT */
#include "tests/fault_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	atomic_bool armed;
	atomic_long calls;
	atomic_long hits;
	struct fault fault;
	pthread_t thread;
} faults;

void fault_arm(const struct fault *fault)
{
	faults.fault = *fault;
	faults.thread = pthread_self();
	atomic_store(&faults.calls, 0);
	atomic_store(&faults.hits, 0);
	atomic_store(&faults.armed, true);
}

long fault_disarm(void)
{
	atomic_store(&faults.armed, false);
	return atomic_load(&faults.calls);
}

long fault_hits(void)
{
	return atomic_load(&faults.hits);
}

static bool is_counted(unsigned int kinds)
{
	return atomic_load(&faults.armed) && (kinds & faults.fault.calls) &&
	       (faults.fault.everywhere ||
	        pthread_equal(faults.thread, pthread_self()));
}

/* What happens to this call, which is counted. */
static enum fault_effect decide(unsigned int kinds, int *error)
{
	const struct fault *fault = &faults.fault;
	long number = atomic_fetch_add(&faults.calls, 1);

	*error = fault->error;
	if (fault->choose)
		return fault->choose(kinds & fault->calls, error);
	if (number != fault->at && (number < fault->at || !fault->stays))
		return FAULT_NONE;
	return fault->effect;
}

static enum fault_effect happen(unsigned int kinds)
{
	int error;
	enum fault_effect effect =
	    is_counted(kinds) ? decide(kinds, &error) : FAULT_NONE;

	if (effect == FAULT_NONE)
		return FAULT_NONE;
	atomic_fetch_add(&faults.hits, 1);
	if (effect == FAULT_EXIT)
		_exit(error);
	if (effect == FAULT_FAIL)
		errno = error;
	return effect;
}

bool fault_fails(unsigned int kinds)
{
	return happen(kinds) == FAULT_FAIL;
}

bool fault_is_file(int fd)
{
	struct stat stat;

	return fstat(fd, &stat) == 0 &&
	       (S_ISREG(stat.st_mode) || S_ISDIR(stat.st_mode));
}

long fault_size(unsigned int kinds, int fd, size_t size)
{
	if (!is_counted(kinds) || !fault_is_file(fd))
		return (long)size;
	switch (happen(kinds)) {
	case FAULT_FAIL:
		return -1;
	case FAULT_PART:
		return (long)(size > 1 ? size / 2 : size);
	default:
		return (long)size;
	}
}
