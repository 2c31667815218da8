/* SPDX-License-Identifier: MIT */
#include "backends/codec_internal.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <zstd.h>

#include "backends/json.h"
#include "backends/npy.h"
#include "backends/pickle.h"

/* Unpacked bytes to begin with; four times as many where they are too few. */
#define FIRST_WINDOW ((size_t)4096)

/* Unpacked bytes: HAND of SIZE are there, SIZE_MAX where SIZE is not known. */
struct stored {
	const char *bytes;
	size_t hand;
	size_t size;
};

static int npy_info(const struct stored *stored, struct array_info *out,
                    char *why)
{
	struct array_info info;
	size_t header;
	int rc =
	    npy_parse_header(stored->bytes, stored->hand, &info, &header, why);

	if (rc == -EAGAIN && stored->hand == stored->size)
		return codec_invalid(why, "npy: truncated header");
	if (rc)
		return rc;
	if (stored->size != SIZE_MAX && stored->size - header != info.nbytes) {
		array_info_release(&info);
		return codec_invalid(why, "npy: another size than its header "
		                          "says");
	}
	*out = info;
	return 0;
}

/* JSON is an array only where it is {"$npy": ...}. */
static int json_info(const struct stored *stored, struct array_info *out,
                     char *why)
{
	static const char npy[] = "{\"$npy\"";
	struct value *value;
	size_t matched = 0;
	int rc;

	for (size_t i = 0; i < stored->hand && npy[matched]; i++) {
		if (codec_is_space(stored->bytes[i]) && matched < 2)
			continue;
		if (stored->bytes[i] != npy[matched++])
			return -ENODATA;
	}
	if (stored->hand < stored->size)
		return -EAGAIN;
	rc = json_parse(stored->bytes, stored->size, JSON_ARRAYS_INLINE, &value,
	                why);
	if (rc)
		return rc;
	rc = value->type == VALUE_ARRAY
	         ? array_info_copy(out, &value->array.info)
	         : -ENODATA;
	value_unref(value);
	return rc;
}

static int pickle_info(const struct stored *stored, struct array_info *out,
                       char *why)
{
	return pickle_array_info(stored->bytes, stored->hand, stored->size,
	                         CODEC_MAX_UNPACKED, out, why);
}

static int stored_info(const struct stored *stored, struct array_info *out,
                       char *why)
{
	static int (*const infos[])(const struct stored *, struct array_info *,
	                            char *) = {
		[CONTENT_NPY] = npy_info,
		[CONTENT_JSON] = json_info,
		[CONTENT_PICKLE] = pickle_info,
	};
	enum content content;
	int rc = codec_content(stored->bytes, stored->hand, &content);

	if (rc == -EAGAIN && stored->hand < stored->size)
		return rc;
	if (rc)
		return codec_invalid(why, CODEC_UNKNOWN);
	return infos[content](stored, out, why);
}

/* The size that packed bytes unpack to: what they say, or what they do where
 * all of them are at hand; else SIZE_MAX. */
static int unpacked_size(const void *bytes, size_t prefix, size_t size,
                         size_t *out)
{
	enum packing packing = codec_packing(bytes, prefix);
	unsigned long long claimed = ZSTD_CONTENTSIZE_UNKNOWN;

	if (packing == PACKING_ZSTD)
		claimed = ZSTD_getFrameContentSize(bytes, prefix);
	*out = SIZE_MAX;
	if (claimed < CODEC_MAX_UNPACKED)
		*out = (size_t)claimed;
	else if (prefix == size)
		return codec_packers[packing].unpacked_size(
		    bytes, size, CODEC_MAX_UNPACKED, out);
	return 0;
}

/* Unpack up to WINDOW bytes of SIZE and look.  *MORE: a larger window shows
 * more. */
static int window_info(const struct stored *packed, size_t window, size_t size,
                       struct array_info *out, char *why, bool *more)
{
	enum packing packing = codec_packing(packed->bytes, packed->hand);
	struct blob start = { 0 };
	struct stored stored;
	bool ended;
	int rc = codec_packers[packing].unpack_start(
	    packed->bytes, packed->hand, window, &start, &ended);

	if (rc)
		return rc == -EINVAL ? codec_invalid(why, CODEC_DAMAGED) : rc;
	stored = (struct stored){
		.bytes = start.data,
		.hand = start.size,
		.size = ended ? start.size : size,
	};
	*more = !ended && start.size == window;
	rc = stored.hand <= stored.size ? stored_info(&stored, out, why)
	                                : codec_invalid(why, CODEC_DAMAGED);
	blob_release(&start);
	return rc;
}

static int packed_info(const struct stored *packed, struct array_info *out,
                       char *why)
{
	size_t window = FIRST_WINDOW;
	bool more = true;
	size_t size;
	int rc =
	    unpacked_size(packed->bytes, packed->hand, packed->size, &size);

	if (rc)
		return rc == -EINVAL ? codec_invalid(why, CODEC_DAMAGED) : rc;
	for (rc = -EAGAIN;
	     rc == -EAGAIN && more && window <= CODEC_MAX_UNPACKED; window *= 4)
		rc = window_info(packed, window, size, out, why, &more);
	if (rc != -EAGAIN)
		return rc;
	if (more)
		return -EFBIG;
	return packed->hand < packed->size ? -EAGAIN
	                                   : codec_invalid(why, CODEC_DAMAGED);
}

int codec_array_info(const void *bytes, size_t prefix, size_t size,
                     struct array_info *out, char why[WHY_SIZE])
{
	struct stored stored = { bytes, prefix, size };

	if (prefix < 4 && prefix < size)
		return -EAGAIN;
	if (codec_packing(bytes, prefix) == PACKING_NONE)
		return stored_info(&stored, out, why);
	return packed_info(&stored, out, why);
}
