/* SPDX-License-Identifier: MIT */
/* Names below views/, as long as names are: the first byte says of which
 * question. */
#include "tests/fuzz/feed.h"

#include "layout/question.h"

#include <errno.h>

static size_t row_count(void)
{
	size_t count = 0;

	while (question_rows[count].path)
		count++;
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = { data, size };
	const struct question_row *row =
	    &question_rows[feed_byte(&feed) % row_count()];
	struct question question = { 0 };
	struct blob name = { 0 };
	char why[WHY_SIZE] = "";
	int rc;

	feed_text(&feed, '\0', &name);
	if (row->parse && name.size > 0 && name.size <= 255) {
		rc = row->parse(row, name.data, &question, why);
		feed_check(rc == 0 || (rc == -EINVAL && why[0]));
		question_release(&question);
	}
	blob_release(&name);
	return 0;
}
