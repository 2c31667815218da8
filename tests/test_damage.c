/* SPDX-License-Identifier: MIT */
/*
 * HDF5 files that somebody has damaged: cut at any length, bytes replaced, runs
 * of bytes zeroed.  Whatever libhdf5 makes of them in its worker, each call here
 * ends, with an answer or an error, and the next store works.
 *
 *   ENGRAMFS_DAMAGES   how many variants (default 120)
 *   ENGRAMFS_SEED      the first of them
 */
#include "tests/hdf5_bench.h"
#include "tests/verify_help.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backends/worker.h"
#include "layout/tree.h"

#define VARIANTS 120
#define LONGEST_S 600.0 /* a hang; each call that spins takes PATIENCE */
#define PATIENCE "3"

struct counts {
	unsigned long variants;
	unsigned long unopened;  /* nothing of it could be read */
	unsigned long untouched; /* no call failed */
	unsigned long answers;
	unsigned long failures; /* calls that were -EIO */
	unsigned long others;   /* other errors */
	unsigned long ends;     /* of workers */
	unsigned long killing;  /* variants that ended any */
	double longest_s;
};

#define MOST_PLACES 4096

struct damage {
	struct bench *bench;
	size_t places[MOST_PLACES]; /* of the library's own structures */
	size_t place_count;
	struct blob whole;
	struct blob bytes;
	struct store *store;
	struct counts counts;
	unsigned long failed; /* of this variant */
	uint64_t random;
};

/* splitmix64 */
static uint64_t next(struct damage *damage)
{
	uint64_t z = damage->random += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

static size_t below(struct damage *damage, size_t limit)
{
	return (size_t)(next(damage) % limit);
}

static void replace_bytes(struct damage *damage)
{
	size_t count = (size_t)1 << below(damage, 10);

	for (size_t i = 0; i < count; i++)
		damage->bytes.data[below(damage, damage->bytes.size)] =
		    (char)next(damage);
}

/* Most of what makes a library stumble is near other such things. */
static void replace_neighbours(struct damage *damage)
{
	size_t start = below(damage, damage->bytes.size - 512);

	for (int i = 0; i < 8; i++)
		damage->bytes.data[start + below(damage, 512)] =
		    (char)next(damage);
}

/* Behind the signature of a structure: its sizes, counts and addresses. */
static void replace_structure(struct damage *damage)
{
	size_t count = 1 + below(damage, 4);

	while (count-- > 0) {
		size_t place =
		    damage->places[below(damage, damage->place_count)];
		size_t at = place + below(damage, 160);

		if (at < damage->bytes.size)
			damage->bytes.data[at] = (char)next(damage);
	}
}

static void fill_run(struct damage *damage)
{
	size_t start = below(damage, damage->bytes.size - 4096);

	memset(damage->bytes.data + start, (int)(next(damage) & 1 ? 0 : 0xff),
	       1 + below(damage, 4096));
}

static void cut(struct damage *damage)
{
	damage->bytes.size = below(damage, damage->bytes.size);
}

static void flip_bit(struct damage *damage)
{
	damage->bytes.data[below(damage, damage->bytes.size)] ^=
	    (char)(1 << below(damage, 8));
}

static void damage_file(struct damage *damage, uint64_t seed)
{
	static void (*const kinds[])(struct damage *) = {
		cut,      replace_bytes,     replace_neighbours, fill_run,
		flip_bit, replace_structure, replace_structure
	};

	damage->random = seed;
	assert_int_equal(
	    blob_set(&damage->bytes, damage->whole.data, damage->whole.size),
	    0);
	kinds[seed % (sizeof(kinds) / sizeof(kinds[0]))](damage);
	bench_write_file(damage->bench->file, &damage->bytes);
}

/* What a call returned: any answer will do, and any error. */
static bool note(struct damage *damage, int64_t rc)
{
	assert_true(rc >= -4095);
	if (rc == -EIO) {
		damage->counts.failures++;
		damage->failed++;
	} else if (rc < 0 && rc != -ENOENT) {
		damage->counts.others++;
	} else {
		damage->counts.answers++;
	}
	return rc >= 0;
}

static void read_array(struct damage *damage,
                       const struct collection *collection, struct key key,
                       const char *name)
{
	static char buffer[3 << 19];
	struct reader *reader;
	uint64_t at = 0;
	ssize_t got;

	if (!note(damage, damage->store->backend->open_array(
			      damage->store, collection, key, name, &reader)))
		return;
	do {
		got = reader->ops->read(reader, at, buffer, sizeof(buffer));
		note(damage, got);
		assert_true(got <= (ssize_t)sizeof(buffer));
		at += got > 0 ? (uint64_t)got : 0;
	} while (got > 0 && at < (uint64_t)64 << 20);
	reader->ops->close(reader);
}

static void read_record(struct damage *damage,
                        const struct collection *collection, struct key key)
{
	struct record record;

	if (!note(damage, damage->store->backend->get(damage->store, collection,
	                                              key, &record)))
		return;
	for (size_t i = 0; i < record.array_count; i++)
		read_array(damage, collection, key, record.arrays[i].name);
	record_release(&record);
}

static void read_collection(struct damage *damage,
                            const struct collection *collection)
{
	struct record_list list = { 0 };
	struct cursor cursor = { 0 };
	bool listed = true;

	while (listed && !cursor.end)
		listed = note(
		    damage, damage->store->backend->list(
				damage->store, collection, &cursor, 50, &list));
	for (size_t i = 0; i < list.count; i++)
		read_record(damage, collection,
		            (struct key){ list.items[i].key.data,
		                          list.items[i].key.size });
	cursor_release(&cursor);
	record_list_release(&list);
}

static void verify(struct damage *damage)
{
	size_t problems;

	note(damage, verify_store(damage->store, &problems));
}

static void write_record(struct damage *damage)
{
	struct store *store = damage->store;
	const struct collection *collection =
	    bench_collection("network_states", RECORD_DIRECTORY);
	struct key key = bench_key("written");
	struct array array;
	struct change change = { .array_action = PART_SET,
		                 .array_name = "weights",
		                 .array = &array,
		                 .array_mtime = { .tv_nsec = UTIME_NOW },
		                 .expires_ms = EXPIRES_KEEP };

	bench_doubles(&array, 1000, 10);
	if (note(damage,
	         store->backend->put(store, collection, key, &change, NULL))) {
		read_record(damage, collection, key);
		note(damage, store->backend->remove(store, collection, key));
	}
	array_release(&array);
}

static void use_store(struct damage *damage)
{
	for (const struct collection *row = tree_collections; row->path; row++)
		if (strcmp(row->backend, "hdf5") == 0)
			read_collection(damage, row);
	write_record(damage);
	verify(damage);
	note(damage, damage->store->backend->sync(damage->store));
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void count_variant(struct damage *damage, double began)
{
	struct counts *counts = &damage->counts;
	struct worker_figures figures;
	double took = seconds() - began;

	assert_true(worker_describe(damage->store, &figures));
	counts->variants++;
	counts->ends += figures.ends;
	counts->killing += figures.ends > 0;
	counts->untouched += damage->failed == 0;
	if (took > counts->longest_s)
		counts->longest_s = took;
	assert_true(took < LONGEST_S);
}

static void try_variant(struct damage *damage, uint64_t seed)
{
	const struct backend *inner = backend_find("hdf5");
	char journal[192];
	char why[WHY_SIZE] = "";
	double began = seconds();
	int rc;

	snprintf(journal, sizeof(journal), "%s-journal", damage->bench->file);
	unlink(journal);
	damage_file(damage, seed);
	damage->failed = 0;
	rc = worker_open(inner, damage->bench->directory,
	                 &damage->bench->settings, &damage->store, why);
	if (rc) {
		print_message("variant %lu: %s %s\n", (unsigned long)seed,
		              strerror(-rc), why);
		damage->counts.variants++;
		damage->counts.unopened++;
		return;
	}
	use_store(damage);
	count_variant(damage, began);
	damage->store->backend->close(damage->store);
	damage->store = NULL;
}

static unsigned long number_from(const char *name, unsigned long fallback)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : fallback;
}

static void find_places(struct damage *damage)
{
	static const char *const names[] = {
		"\x89HDF", "TREE", "SNOD", "HEAP",
		"OHDR",    "GCOL", "FRHP", "BTHD"
	};
	const struct blob *whole = &damage->whole;

	for (size_t at = 0; at + 4 < whole->size; at++)
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (memcmp(whole->data + at, names[i], 4) == 0 &&
			    damage->place_count < MOST_PLACES)
				damage->places[damage->place_count++] = at;
	assert_true(damage->place_count > 10);
}

/* The files of the Python classes, and some that we have made. */
static void make_whole(struct damage *damage)
{
	struct bench *bench = damage->bench;
	const struct collection *maps =
	    bench_collection("activations/attention_maps", RECORD_PAIR);
	struct array array;

	bench_use_legacy(bench);
	bench_open(bench);
	bench_put_snapshot(bench, "ours");
	bench_doubles(&array, 40000, 200);
	bench_put_array(bench,
	                bench_collection("network_states", RECORD_DIRECTORY),
	                "ours", "weights", &array);
	bench_put_array(bench, maps, "ours", maps->arrays[0].name, &array);
	array_release(&array);
	bench_close(bench);
	bench_read_file(bench->file, &damage->whole);
	find_places(damage);
}

static void report(const struct counts *counts)
{
	print_message(
	    "%lu variants: %lu not opened, %lu without a failed "
	    "call, %lu ended %lu workers; calls: %lu answers, %lu "
	    "EIO, %lu other errors; the longest variant took %.1f s\n",
	    counts->variants, counts->unopened, counts->untouched,
	    counts->killing, counts->ends, counts->answers, counts->failures,
	    counts->others, counts->longest_s);
}

static void a_damaged_file_costs_no_more_than_its_own_records(void **state)
{
	struct damage damage = { .bench = *state };
	unsigned long count = number_from("ENGRAMFS_DAMAGES", VARIANTS);
	unsigned long first = number_from("ENGRAMFS_SEED", 1);

	make_whole(&damage);
	for (unsigned long i = 0; i < count; i++) {
		try_variant(&damage, first + i);
		if (i % 100 == 99)
			report(&damage.counts);
	}
	report(&damage.counts);
	blob_release(&damage.whole);
	blob_release(&damage.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    a_damaged_file_costs_no_more_than_its_own_records,
		    bench_set_up, bench_tear_down),
	};

	setenv("ENGRAMFS_WORKER_PATIENCE", PATIENCE, 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
