/* SPDX-License-Identifier: MIT */
/* Chunks that are packed while their bytes arrive unpack to the same bytes, and
 * are stored as they are. */
#include "backends/packer.h"

#include "tests/hdf5_bench.h"

#include "backends/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SNAPSHOTS bench_collection("network_states", RECORD_DIRECTORY)
#define CHUNK ((uint64_t)64 << 10)
#define HEADER 128
#define NBYTES (10 * CHUNK + 808)

struct fixture {
	struct bench *bench;
	struct pool *pool;
	int directory;
	int fd; /* of the source */
	char *elements;
	struct packer_source source;
};

static const struct packed_plan plan = {
	.chunk = CHUNK,
	.pipeline = { .count = 3,
	              .steps = { { .kind = STEP_SHUFFLE, .element = 8 },
	                         { .kind = STEP_PACK,
	                           .packer = CHUNK_GZIP,
	                           .level = 6,
	                           .optional = true },
	                         { .kind = STEP_SUM } } },
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	void *bench = NULL;

	assert_non_null(fixture);
	assert_int_equal(bench_set_up(&bench), 0);
	fixture->bench = bench;
	bench_open(fixture->bench);
	assert_int_equal(pool_new(&fixture->pool), 0);
	fixture->directory =
	    open(fixture->bench->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fixture->fd = openat(fixture->directory, ".", O_TMPFILE | O_RDWR, 0600);
	assert_true(fixture->fd >= 0);
	fixture->elements = malloc(NBYTES);
	assert_non_null(fixture->elements);
	for (size_t i = 0; i < NBYTES; i++)
		fixture->elements[i] = (char)(i / 8 * 37 >> i % 8);
	fixture->source = (struct packer_source){ fixture->fd, HEADER, NBYTES };
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	void *bench = fixture->bench;

	pool_free(fixture->pool);
	close(fixture->fd);
	close(fixture->directory);
	free(fixture->elements);
	free(fixture);
	bench_close(bench);
	return bench_tear_down(&bench);
}

/* The elements from FROM to END come into the file. */
static void arrive(struct fixture *fixture, uint64_t from, uint64_t end)
{
	ssize_t n = pwrite(fixture->fd, fixture->elements + from,
	                   (size_t)(end - from), (off_t)(HEADER + from));

	assert_int_equal(n, end - from);
}

static struct packer *open_packer(struct fixture *fixture)
{
	struct packer *packer = NULL;

	assert_int_equal(packer_new(fixture->pool, fixture->directory, &plan,
	                            &fixture->source, &packer),
	                 0);
	return packer;
}

static void check_chunk(const struct fixture *fixture,
                        const struct packed *packed, uint64_t index)
{
	const struct packed_chunk *chunk = &packed->chunks[index];
	uint64_t start = index * CHUNK;
	size_t there = NBYTES - start < CHUNK ? NBYTES - start : CHUNK;
	struct chunk_work work = { 0 };
	char *out = malloc(CHUNK);
	const char *why = "";

	assert_non_null(out);
	assert_true(chunk->offset + chunk->size <= packed->size);
	assert_int_equal(chunk_decode(&packed->plan.pipeline, chunk->mask,
	                              &work, packed->bytes + chunk->offset,
	                              chunk->size, out, CHUNK, &why),
	                 0);
	assert_memory_equal(out, fixture->elements + start, there);
	for (size_t i = there; i < CHUNK; i++)
		assert_int_equal(out[i], 0);
	chunk_work_release(&work);
	free(out);
}

static void chunks_unpack_to_the_bytes_that_arrived(void **state)
{
	struct fixture *fixture = *state;
	struct packer *packer = open_packer(fixture);
	struct packed packed;

	for (uint64_t end = 0; end < NBYTES;) {
		uint64_t from = end;

		end = end + 100000 < NBYTES ? end + 100000 : NBYTES;
		arrive(fixture, from, end);
		packer_reach(packer, end);
	}
	assert_int_equal(packer_finish(packer, &packed), 0);
	assert_int_equal(packed.count, 11);
	for (uint64_t i = 0; i < packed.count; i++)
		check_chunk(fixture, &packed, i);
	packer_free(packer);
}

static void who_gives_up_in_the_middle_waits_for_no_more(void **state)
{
	struct fixture *fixture = *state;
	struct packer *packer = open_packer(fixture);

	arrive(fixture, 0, 5 * CHUNK);
	packer_reach(packer, 5 * CHUNK);
	packer_free(packer);
	packer_free(NULL);
}

static void packed_chunks_need_a_place(void **state)
{
	struct fixture *fixture = *state;
	struct packer *packer = NULL;

	assert_int_equal(
	    packer_new(fixture->pool, -1, &plan, &fixture->source, &packer),
	    -EBADF);
	assert_null(packer);
}

/* Put zeros as ARRAY, with chunks that were packed from other numbers: what is
 * read back tells which were stored. */
static void put_packed(struct fixture *fixture, const struct packed *packed,
                       double expected)
{
	struct array array;
	struct array read = { 0 };
	double first;

	bench_doubles(&array, NBYTES / 8, 0);
	memset(array.owned.data, 0, array.owned.size);
	array.packed = packed;
	bench_put_array(fixture->bench, SNAPSHOTS, "net", "adjacency", &array);
	bench_read(fixture->bench, SNAPSHOTS, "net", "adjacency", &read);
	memcpy(&first, (const char *)read.data + 80, sizeof(first));
	assert_true(first == expected);
	array_release(&array);
	array_release(&read);
}

static void pack_sevens(struct fixture *fixture, const struct packed_plan *how,
                        struct packer **packer, struct packed *packed)
{
	const double seven = 7;

	for (size_t i = 0; i < NBYTES / 8; i++)
		memcpy(fixture->elements + 8 * i, &seven, 8);
	arrive(fixture, 0, NBYTES);
	assert_int_equal(packer_new(fixture->pool, fixture->directory, how,
	                            &fixture->source, packer),
	                 0);
	assert_int_equal(packer_finish(*packer, packed), 0);
}

static void plan_for(struct fixture *fixture, struct packed_plan *out)
{
	struct array array;

	bench_doubles(&array, NBYTES / 8, 0);
	assert_int_equal(hdf5_backend.packed->plan(fixture->bench->store,
	                                           SNAPSHOTS, &array.info,
	                                           array.data, NBYTES, out),
	                 0);
	array_release(&array);
}

static void what_was_packed_as_planned_is_stored(void **state)
{
	struct fixture *fixture = *state;
	struct packed_plan planned;
	struct packer *packer;
	struct packed packed;

	plan_for(fixture, &planned);
	pack_sevens(fixture, &planned, &packer, &packed);
	put_packed(fixture, &packed, 7);
	packer_free(packer);
}

static void what_was_packed_otherwise_is_packed_anew(void **state)
{
	struct fixture *fixture = *state;
	struct packed_plan planned;
	struct packer *packer;
	struct packed packed;

	plan_for(fixture, &planned);
	planned.pipeline.steps[1].level = 1;
	pack_sevens(fixture, &planned, &packer, &packed);
	put_packed(fixture, &packed, 0);
	packer_free(packer);

	plan_for(fixture, &planned);
	planned.chunk /= 2;
	pack_sevens(fixture, &planned, &packer, &packed);
	put_packed(fixture, &packed, 0);
	packer_free(packer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    chunks_unpack_to_the_bytes_that_arrived, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    who_gives_up_in_the_middle_waits_for_no_more, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(packed_chunks_need_a_place,
		                                set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_was_packed_as_planned_is_stored, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    what_was_packed_otherwise_is_packed_anew, set_up,
		    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
