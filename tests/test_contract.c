/* SPDX-License-Identifier: MIT */
/*
 * The contract of backends/backend.h, promise by promise, over one backend:
 *
 *   test_contract BACKEND [PATTERN]
 *
 * PATTERN selects tests by name, with * and ?.  A backend that is not part of
 * this build, or that has no functions, is skipped (77).  BACKEND may be
 * "rotating": hdf5, whose file is rotated again and again; or "apart_NAME":
 * one in a process of its own.
 */
#include "tests/contract.h"

#include <errno.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/maintenance.h"
#include "backends/worker.h"
#include "layout/tree.h"

#define SKIPPED 77

static const struct contract_test *const groups[] = {
	contract_record_tests,   contract_field_tests,
	contract_derived_tests,  contract_array_tests,
	contract_reader_tests,   contract_glimpse_tests,
	contract_nest_tests,     contract_list_tests,
	contract_key_tests,      contract_number_tests,
	contract_rename_tests,   contract_time_tests,
	contract_expiry_tests,   contract_access_tests,
	contract_relation_tests, contract_thread_tests,
	contract_store_tests,    contract_name_tests,
	contract_value_tests,    NULL,
};

/* The cases of one run. */
struct suite {
	struct contract *contracts;
	struct CMUnitTest *tests;
	size_t count;
};

static int remove_one(const char *path, const struct stat *stat, int type,
                      struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int set_up(void **state)
{
	struct contract *c = *state;
	const char *parent = getenv("TMPDIR");
	char why[WHY_SIZE] = "";
	int rc;

	snprintf(c->directory, sizeof(c->directory), "%s/contract-XXXXXX",
	         parent ? parent : "/tmp");
	if (!mkdtemp(c->directory) || settings_init(&c->settings) != 0)
		return -1;
	c->settings.hdf5.sync_commits = false; /* takes time */
	rc = c->kind->open(c->directory, &c->settings, &c->store, why);
	if (rc)
		print_error("open: %s %s\n", strerror(-rc), why);
	else
		c->backend = c->store->backend;
	return rc;
}

static int tear_down(void **state)
{
	struct contract *c = *state;

	c->kind->close(c->store);
	c->store = NULL;
	settings_release(&c->settings);
	return nftw(c->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void run(void **state)
{
	struct contract *c = *state;

	c->test->run(c);
}

static bool is_deriving(const struct collection *collection)
{
	for (const struct field_row *row = collection->fields; row->name; row++)
		if (row->array)
			return true;
	return false;
}

static bool has_field_of(const struct collection *collection,
                         enum field_type type)
{
	for (const struct field_row *row = collection->fields; row->name; row++)
		if (row->type == type)
			return true;
	return false;
}

/* Nothing outlives the store, and it holds any collection. */
static bool is_mem(const struct backend *backend)
{
	return strcmp(backend->name, "mem") == 0 || backend == &contract_outage;
}

static unsigned int offers(const struct backend *backend,
                           const struct collection *collection)
{
	unsigned int offer = 1U << collection->shape;

	offer |= collection_is_numbered(collection) ? NUMBERED : NAMED;
	offer |= collection->ttl ? EXPIRING : LASTING;
	offer |= is_deriving(collection) ? DERIVING : 0;
	offer |= has_field_of(collection, FIELD_DICT) ? NOTED : 0;
	offer |= has_field_of(collection, FIELD_VALUES) ? METERED : 0;
	offer |= collection_takes_any_name(collection) ? FREE : 0;
	offer |= is_mem(backend) ? 0 : DURABLE;
	offer |= backend == &contract_outage_held ? 0 : GUARDED;
	offer |= backend->access && collection->access_count ? COUNTED : 0;
	offer |= backend->relations && collection->relations ? RELATED : 0;
	return offer;
}

static bool suits(const struct contract_test *test, unsigned int offer)
{
	unsigned int rest = test->needs & ~(unsigned int)ALL;

	return (test->needs & offer & ALL) != 0 && (rest & ~offer) == 0;
}

static void add_case(struct suite *suite, const struct backend *backend,
                     const struct contract_test *test,
                     const struct collection *collection)
{
	static const char *const shapes[] = { "pair", "directory", "nest",
		                              "fields" };
	struct contract *c = &suite->contracts[suite->count];

	*c = (struct contract){ .test = test,
		                .kind = backend,
		                .backend = backend,
		                .collection = *collection };
	c->collection.backend = backend->name;
	snprintf(c->name, sizeof(c->name), "%s (%s, %s)", test->name,
	         collection->path, shapes[collection->shape]);
	suite->tests[suite->count++] =
	    (struct CMUnitTest){ c->name, run, set_up, tear_down, c };
}

/* One collection of each kind; the spool does not hold all of them. */
static bool is_sample(const struct collection *collection, bool held)
{
	static const char *const paths[] = {
		"wm",       "network_states", "activations/layer_outputs",
		"concepts", "episodes",       "learning_traces/performance"
	};

	if (held && strcmp(collection->backend, "sqlite") == 0)
		return false;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcmp(collection->path, paths[i]) == 0)
			return true;
	return false;
}

/* Mem serves the collections of all. */
static bool serves(const struct backend *backend,
                   const struct collection *collection)
{
	if (backend == &contract_outage || backend == &contract_outage_held)
		return is_sample(collection, backend == &contract_outage_held);
	return is_mem(backend) ||
	       strcmp(backend->name, collection->backend) == 0;
}

/* The Nth collection of BACKEND, or NULL. */
static const struct collection *nth_served(const struct backend *backend,
                                           size_t n)
{
	for (const struct collection *row = tree_collections; row->path; row++)
		if (serves(backend, row) && n-- == 0)
			return row;
	return NULL;
}

bool other_collection(const struct contract *c, struct collection *out)
{
	const struct collection *row = nth_served(c->backend, 0);

	for (size_t n = 1; row; row = nth_served(c->backend, n++)) {
		if (strcmp(row->place, c->collection.place) == 0)
			continue;
		*out = *row;
		out->backend = c->backend->name;
		return true;
	}
	return false;
}

static void add_test(struct suite *suite, const struct backend *backend,
                     const struct contract_test *test)
{
	const struct collection *row = nth_served(backend, 0);

	for (size_t n = 1; row; row = nth_served(backend, n++))
		if (suits(test, offers(backend, row)))
			add_case(suite, backend, test, row);
}

static int matches(const char *name, const char *pattern)
{
	while (*pattern == '*') {
		if (matches(name, pattern + 1))
			return 1;
		if (!*name++)
			return 0;
	}
	if (!*name || !*pattern)
		return *name == *pattern;
	return (*pattern == '?' || *pattern == *name) &&
	       matches(name + 1, pattern + 1);
}

static int run_suite(const struct backend *backend, const char *pattern)
{
	const size_t most = 4096;
	struct suite suite = {
		.contracts = calloc(most, sizeof(*suite.contracts)),
		.tests = calloc(most, sizeof(*suite.tests)),
	};
	int failed = 1;

	if (!suite.contracts || !suite.tests)
		goto out;
	for (size_t g = 0; groups[g]; g++)
		for (size_t t = 0; groups[g][t].name; t++)
			if (matches(groups[g][t].name, pattern))
				add_test(&suite, backend, &groups[g][t]);
	failed = _cmocka_run_group_tests(backend->name, suite.tests,
	                                 suite.count, NULL, NULL);
out:
	free(suite.contracts);
	free(suite.tests);
	return failed;
}

/* After every third of some changes; not so often that a long list of records
 * becomes one of files. */
static int put_and_rotate(struct store *store,
                          const struct collection *collection, struct key key,
                          struct change *change, struct blob *key_out)
{
	static atomic_uint puts;
	unsigned int number = atomic_fetch_add(&puts, 1) % 60;
	struct value *found = NULL;
	int rc = store->backend->put(store, collection, key, change, key_out);

	if (rc || number % 3 != 0 || number > 9)
		return rc;
	found = value_new_dict();
	rc = found ? store->backend->maintenance->rotate(store, 0, found)
	           : -ENOMEM;
	value_unref(found);
	return rc;
}

static const struct backend *rotating(struct backend *out)
{
	const struct backend *hdf5 = backend_find("hdf5");

	if (!hdf5 || !hdf5->open)
		return NULL;
	*out = *hdf5;
	out->put = put_and_rotate;
	return out;
}

static int open_mem_apart(const char *directory,
                          const struct settings *settings, struct store **out,
                          char why[WHY_SIZE])
{
	return worker_open(backend_find("mem"), directory, settings, out, why);
}

static int open_hdf5_apart(const char *directory,
                           const struct settings *settings, struct store **out,
                           char why[WHY_SIZE])
{
	return worker_open(backend_find("hdf5"), directory, settings, out, why);
}

/* NAME in a worker, which hands on no more than the functions that all have. */
static const struct backend *apart(const char *name, struct backend *out)
{
	const struct backend *inner = backend_find(name);

	if (!inner || !inner->open)
		return NULL;
	*out = *inner;
	out->open = strcmp(name, "mem") == 0 ? open_mem_apart : open_hdf5_apart;
	out->close = contract_outage.close;
	out->access = NULL;
	out->relations = NULL;
	out->query = NULL;
	return out;
}

static const struct backend *find(const char *name, struct backend *own)
{
	if (strcmp(name, "rotating") == 0)
		return rotating(own);
	if (strncmp(name, "apart_", 6) == 0)
		return apart(name + 6, own);
	if (strcmp(name, contract_outage.name) == 0)
		return &contract_outage;
	if (strcmp(name, contract_outage_held.name) == 0)
		return &contract_outage_held;
	return backend_find(name);
}

int main(int argc, char **argv)
{
	struct backend own;
	const struct backend *backend;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: %s BACKEND [PATTERN]\n", argv[0]);
		return 2;
	}
	backend = find(argv[1], &own);
	if (!backend || !backend->open)
		return SKIPPED;
	return run_suite(backend, argc == 3 ? argv[2] : "*");
}
