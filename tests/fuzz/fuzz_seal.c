/* SPDX-License-Identifier: MIT */
/* A key file, and up to a newline before it a signature.  A key is one line and
 * nothing else; no signature but its own fits what a key has signed. */
#include "tests/fuzz/feed.h"
#include "tests/fuzz/place.h"

#include "backends/seal.h"

#include <errno.h>

static const char words[] = "engramfs-key 1 ";

static void check_key(const struct feed *feed)
{
	const size_t prefix = sizeof(words) - 1;
	const size_t size = prefix + 2 * (size_t)SEAL_STREAM_KEY_SIZE;

	feed_check(feed->size == size ||
	           (feed->size == size + 1 && feed->data[size] == '\n'));
	feed_check(memcmp(feed->data, words, prefix) == 0);
	for (size_t i = prefix; i < size; i++)
		feed_check(feed->data[i] &&
		           strchr("0123456789abcdefABCDEF", feed->data[i]));
}

static void check_seal(const struct seal_key *key, const struct blob *given)
{
	char mac[SEAL_MAC_SIZE];

	feed_check(strlen(seal_key_id(key)) == SEAL_ID_SIZE - 1);
	seal_sign(key, given->data, given->size, mac);
	feed_check(strlen(mac) == SEAL_MAC_SIZE - 1);
	feed_check(seal_check(key, given->data, given->size, mac));
	feed_check(seal_check(key, given->data, given->size, given->data) ==
	           (strcmp(given->data, mac) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = { data, size };
	struct blob given = { 0 };
	struct seal_key *key = NULL;
	char path[PLACE_PATH_SIZE];
	char why[WHY_SIZE] = "";
	int rc;

	feed_text(&feed, '\n', &given);
	place_write("key", feed.size ? (const void *)feed.data : "", feed.size);
	place_path("key", path);
	rc = seal_key_load(path, &key, why);
	feed_check(rc == 0 || (rc == -EINVAL && why[0]));
	if (rc == 0) {
		check_key(&feed);
		check_seal(key, &given);
	}
	seal_key_free(key);
	blob_release(&given);
	return 0;
}
