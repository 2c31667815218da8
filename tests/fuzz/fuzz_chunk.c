/* SPDX-License-Identifier: MIT */
/* A chunk of an HDF5 file: the pipeline, the mask and the size of the chunk
 * come first, then what is stored.  What unpacks fills the chunk and no more;
 * what is packed unpacks. */
#include "tests/fuzz/feed.h"

#include "backends/chunk_filter.h"

#include <errno.h>

static void take_step(struct feed *feed, struct chunk_step *out)
{
	unsigned int kind = feed_byte(feed);

	*out = (struct chunk_step){
		.kind = (enum chunk_step_kind)(kind % 3),
		.optional = kind & 0x80,
		.element = feed_byte(feed) % 33,
	};
	out->packer = (enum chunk_packer)(feed_byte(feed) % 3);
	out->level = 1 + (int)(out->element % 3);
}

/* At most one packer, as the header says. */
static void take_pipeline(struct feed *feed, struct chunk_pipeline *out)
{
	size_t count = feed_byte(feed) % (CHUNK_MAX_FILTERS + 1);
	bool packed = false;

	*out = (struct chunk_pipeline){ 0 };
	for (size_t i = 0; i < count; i++) {
		struct chunk_step step;

		take_step(feed, &step);
		if (step.kind == STEP_PACK && packed)
			continue;
		packed |= step.kind == STEP_PACK;
		out->steps[out->count++] = step;
	}
}

static void check_packing(const struct chunk_pipeline *pipeline,
                          struct chunk_work *work, const struct feed *feed)
{
	const char *why = "";
	const char *packed = NULL;
	size_t size = 0;
	uint32_t mask = 0;
	char *copy;
	char *back = malloc(feed->size);

	feed_check(back &&
	           chunk_encode(pipeline, work, (const char *)feed->data,
	                        feed->size, &packed, &size, &mask) == 0);
	feed_check(size <= chunk_stored_most(pipeline, feed->size));
	copy = malloc(size);
	feed_check(copy != NULL);
	memcpy(copy, packed, size);
	feed_check(chunk_decode(pipeline, mask, work, copy, size, back,
	                        feed->size, &why) == 0);
	feed_check(memcmp(back, feed->data, feed->size) == 0);
	free(copy);
	free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = { data, size };
	struct chunk_pipeline pipeline;
	struct chunk_work work = { 0 };
	const char *why = NULL;
	uint32_t mask;
	size_t chunk;
	char *out;
	int rc;

	take_pipeline(&feed, &pipeline);
	mask = feed_byte(&feed);
	chunk = feed_short(&feed) + 1;
	out = malloc(chunk);
	if (!out || feed.size == 0)
		goto out;
	rc = chunk_decode(&pipeline, mask, &work, (const char *)feed.data,
	                  feed.size, out, chunk, &why);
	feed_check(rc == 0 || (rc == -EIO && why));
	check_packing(&pipeline, &work, &feed);
out:
	chunk_work_release(&work);
	free(out);
	return 0;
}
