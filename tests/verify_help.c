/* SPDX-License-Identifier: MIT */
#include "tests/verify_help.h"

#include "backends/maintenance.h"

#include <errno.h>

static int go_on(void *arg, double progress)
{
	(void)arg;
	(void)progress;
	return 0;
}

int verify_store(struct store *store, size_t *problems)
{
	const struct work work = { .step = go_on, .to = 1 };
	struct value *out = value_new_dict();
	struct value *found = value_new_list(VALUE_LIST);
	int rc = -ENOMEM;

	if (out && found)
		rc = store->backend->maintenance->verify(store, &work, out,
		                                         found);
	if (rc == 0)
		*problems = found->list.count;
	value_unref(found);
	value_unref(out);
	return rc;
}

bool store_is_sound(struct store *store)
{
	size_t problems;

	return verify_store(store, &problems) == 0 && problems == 0;
}
