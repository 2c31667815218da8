/* SPDX-License-Identifier: MIT */
/* Lines that are written to .engram/control.  The jobs that they make wait,
 * and are forgotten. */
#include "tests/fuzz/feed.h"

#include "layout/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tree tree = { 0 };
	struct blob reply = { 0 };
	char why[WHY_SIZE] = "";
	int rc;

	feed_check(jobs_new(&tree.jobs) == 0);
	rc = command_write(&tree, data, size, &reply, why);
	feed_check(rc == 0 ? reply.size > 0 : why[0] != '\0');
	blob_release(&reply);
	jobs_free(tree.jobs);
	return 0;
}
