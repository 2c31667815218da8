/* SPDX-License-Identifier: MIT */
/* The outage store over mem, as backends of their own for the contract. */
#include "tests/contract.h"

#include "backends/mem.h"
#include "backends/outage.h"
#include "layout/tree.h"

static int open_through(const char *directory, const struct settings *settings,
                        struct store **out, char why[WHY_SIZE])
{
	const struct outage_options options = { .directory = directory,
		                                .rows = tree_collections };
	struct store *inner;
	int rc = mem_backend.open(directory, settings, &inner, why);

	if (rc)
		return rc;
	rc = outage_open(&options, inner, out);
	if (rc)
		mem_backend.close(inner);
	return rc;
}

/* Nothing can be handed on: a replica. */
static int open_held(const char *directory, const struct settings *settings,
                     struct store **out, char why[WHY_SIZE])
{
	struct settings replica = *settings;

	replica.read_only = true;
	return open_through(directory, &replica, out, why);
}

static void close_store(struct store *store)
{
	if (store)
		store->backend->close(store);
}

/* Everything passes. */
const struct backend contract_outage = {
	.name = "outage",
	.open = open_through,
	.close = close_store,
};

/* Everything written stays in the spool. */
const struct backend contract_outage_held = {
	.name = "outage_held",
	.open = open_held,
	.close = close_store,
};
