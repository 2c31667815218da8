/* SPDX-License-Identifier: MIT */
/*
 * Random faults in a whole daemon, as somebody outside wants them: the file
 * named by ENGRAMFS_FAULT_PAGE is this page.
 */
#include "tests/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define KINDS 7

struct fault_page {
	atomic_uint_fast64_t
	    one_in; /* calls that fail: one in so many; 0: none */
	atomic_uint_fast64_t seed;
	/* What happened, by the bits of enum fault_calls. */
	atomic_uint_fast64_t calls[KINDS];
	atomic_uint_fast64_t hits[KINDS];
};

static struct fault_page *page;

/* SplitMix64. */
static uint64_t mix(uint64_t number)
{
	number += UINT64_C(0x9e3779b97f4a7c15);
	number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
	return number ^ number >> 31;
}

/* The lowest of the bits says what the call is. */
static int kind_of(unsigned int call)
{
	int kind = 0;

	while (!(call >> kind & 1))
		kind++;
	return kind;
}

static enum fault_effect happen(unsigned int call, uint64_t dice, int *error)
{
	static const int disk[] = { ENOSPC, EIO };

	if (call & (FAULT_DATA | FAULT_READS) && dice % 3 == 0)
		return FAULT_PART;
	if (call & (FAULT_ALLOCATIONS | FAULT_MAPS))
		*error = ENOMEM;
	else if (call & FAULT_OPENS)
		*error = EMFILE;
	else
		*error = call & FAULT_WRITES ? disk[dice / 3 % 2] : EIO;
	return FAULT_FAIL;
}

static enum fault_effect choose(unsigned int call, int *error)
{
	int kind = kind_of(call);
	uint64_t one_in = atomic_load(&page->one_in);
	uint64_t dice;

	atomic_fetch_add(&page->calls[kind], 1);
	if (one_in == 0)
		return FAULT_NONE;
	/* There are a hundred times as many allocations as there are others. */
	if (call & FAULT_ALLOCATIONS)
		one_in *= 100;
	dice = mix(atomic_fetch_add(&page->seed, 1));
	if (dice % one_in != 0)
		return FAULT_NONE;
	atomic_fetch_add(&page->hits[kind], 1);
	return happen(call, mix(dice), error);
}

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("ENGRAMFS_FAULT_PAGE");
	const struct fault fault = { .calls = FAULT_WRITES | FAULT_NAMES |
		                              FAULT_READS | FAULT_OPENS |
		                              FAULT_MAPS | FAULT_ALLOCATIONS,
		                     .everywhere = true,
		                     .choose = choose };
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	           0);
	close(fd);
	if (map == MAP_FAILED)
		return;
	page = map;
	fault_arm(&fault);
}
