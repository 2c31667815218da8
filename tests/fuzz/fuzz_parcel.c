/* SPDX-License-Identifier: MIT */
/* A file of a backup.  The first byte says how it is packed, and whether what
 * follows is the file, or is encrypted first, as nobody guesses what a key
 * makes, or is to be packed; then comes a short, the limit.  What is unpacked
 * keeps to it, what is not leaves nothing, and what was packed is unpacked. */
#include "tests/fuzz/feed.h"
#include "tests/fuzz/place.h"

#include "backends/parcel.h"

#include <errno.h>
#include <unistd.h>

enum form {
	FORM_COMPRESSED = 1,
	FORM_ENCRYPTED = 2,
	FORM_ENCRYPT = 4, /* the input is what was encrypted */
	FORM_PACK = 8,    /* the input is what was packed */
};

static int pack(const char *from, const char *to,
                const struct parcel_form *form)
{
	char paths[2][PLACE_PATH_SIZE];
	struct parcel made;

	place_path(from, paths[0]);
	place_path(to, paths[1]);
	unlink(paths[1]);
	return parcel_write(paths[0], paths[1], form, &made);
}

/* "packed" becomes "unpacked". */
static int unpack(const struct parcel_form *form, uint64_t limit)
{
	char paths[2][PLACE_PATH_SIZE];
	struct parcel looked = { 0 };
	struct parcel found = { 0 };
	struct blob bytes = { 0 };
	int rc;

	place_path("packed", paths[0]);
	place_path("unpacked", paths[1]);
	unlink(paths[1]);
	rc = parcel_read(paths[0], paths[1], form, limit, &found);
	feed_check(rc == 0 || rc == -EBADMSG);
	feed_check(parcel_read(paths[0], NULL, form, limit, &looked) == rc);
	feed_check(place_read("unpacked", &bytes) == (rc == 0));
	feed_check(looked.size == found.size && found.size == bytes.size &&
	           found.size <= limit);
	blob_release(&bytes);
	return rc;
}

static void check_packing(const struct parcel_form *form,
                          const struct feed *feed)
{
	struct blob bytes = { 0 };

	place_write("plain", feed->data, feed->size);
	feed_check(pack("plain", "packed", form) == 0);
	feed_check(unpack(form, feed->size) == 0);
	feed_check(place_read("unpacked", &bytes));
	feed_check(bytes.size == feed->size &&
	           (feed->size == 0 ||
	            memcmp(bytes.data, feed->data, feed->size) == 0));
	blob_release(&bytes);
}

static void check_unpacking(const struct parcel_form *form,
                            const struct feed *feed, bool encrypt,
                            uint64_t limit)
{
	struct parcel_form sealed = *form;

	sealed.compressed = false;
	place_write(encrypt ? "plain" : "packed", feed->data, feed->size);
	feed_check(!encrypt || pack("plain", "packed", &sealed) == 0);
	(void)unpack(form, limit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seal_key *key;
	struct feed feed = { data, size };
	unsigned int choice = feed_byte(&feed);
	size_t limit = feed_short(&feed);
	struct parcel_form form = { .label = "20261120T170102Z/file" };

	if (!key)
		key = place_key();
	form.compressed = choice & FORM_COMPRESSED;
	form.key = choice & FORM_ENCRYPTED ? key : NULL;
	if (choice & FORM_PACK)
		check_packing(&form, &feed);
	else
		check_unpacking(&form, &feed, choice & FORM_ENCRYPT, limit);
	return 0;
}
