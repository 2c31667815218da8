/* SPDX-License-Identifier: MIT */
/* A JSON file that is written to a collection, which the first byte chooses:
 * shown again, it is taken again. */
#include "tests/fuzz/feed.h"

#include "layout/render.h"
#include "layout/tree.h"

#include <errno.h>

static size_t collection_count(void)
{
	size_t count = 0;

	while (tree_collections[count].path)
		count++;
	return count;
}

static void check_again(const struct collection *collection,
                        struct fields_file *file)
{
	struct record record = { .fields = file->fields,
		                 .expires_ms = file->expires_ms };
	struct fields_file again;
	struct blob text = { 0 };
	char why[WHY_SIZE] = "";

	if (record.expires_ms < 0)
		record.expires_ms = 0;
	record.key.data = file->key.data;
	record.key.size = file->key.size;
	if (render_fields(collection, &record, &text) == 0) {
		feed_check(render_parse(collection, &record, text.data,
		                        text.size, &again, why) == 0);
		fields_file_release(&again);
	}
	blob_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = { data, size };
	const struct collection *collection =
	    &tree_collections[feed_byte(&feed) % collection_count()];
	struct fields_file file;
	char why[WHY_SIZE] = "";
	int rc = render_parse(collection, NULL,
	                      feed.size ? (const char *)feed.data : "",
	                      feed.size, &file, why);

	feed_check(rc != -EINVAL || why[0]);
	if (rc == 0) {
		check_again(collection, &file);
		fields_file_release(&file);
	}
	return 0;
}
