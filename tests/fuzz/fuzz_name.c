/* SPDX-License-Identifier: MIT */
/* Every key has a name of at most LIMIT bytes that is a file name, and leads
 * back to the key; what decodes is the name of its key. */
#include "backends/name.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT 60

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const struct blob *name)
{
	if (name->size == 0 || name->size > LIMIT || name->data[0] == '.' ||
	    strlen(name->data) != name->size || strchr(name->data, '/'))
		abort();
}

static void check_key(const char *key, size_t size)
{
	struct blob name = { 0 };
	struct blob back = { 0 };

	if (name_encode(key, size, LIMIT, &name))
		abort();
	check_name(&name);
	if (name_is_cut(name.data, name.size, LIMIT)) {
		if (name_decode_cut(name.data, name.size, &back) ||
		    back.size > size || memcmp(back.data, key, back.size) != 0)
			abort();
	} else if (name_decode(name.data, name.size, LIMIT, &back) ||
	           back.size != size ||
	           (size && memcmp(back.data, key, size) != 0)) {
		abort();
	}
	blob_release(&name);
	blob_release(&back);
}

static void check_decoded(const char *text, size_t size)
{
	struct blob key = { 0 };
	struct blob name = { 0 };

	if (name_decode(text, size, LIMIT, &key) == 0 &&
	    (name_encode(key.data, key.size, LIMIT, &name) ||
	     name.size != size || memcmp(name.data, text, size) != 0))
		abort();
	blob_release(&key);
	blob_release(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_key((const char *)data, size);
	check_decoded((const char *)data, size);
	return 0;
}
