/* SPDX-License-Identifier: MIT */
#include "backends/codec_internal.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "backends/compress.h"
#include "backends/json.h"
#include "backends/npy.h"
#include "backends/pickle.h"

/* So many unpacked bytes tell what they are. */
#define SNIFF_SIZE 64

const struct packer codec_packers[] = {
	[PACKING_NONE] = { 0 },
	[PACKING_ZSTD] = { compress_zstd, decompress_zstd,
	                   decompress_zstd_start, decompress_zstd_size },
	[PACKING_ZLIB] = { compress_zlib, decompress_zlib,
	                   decompress_zlib_start, decompress_zlib_size },
};

int codec_invalid(char why[WHY_SIZE], const char *what)
{
	if (why)
		snprintf(why, WHY_SIZE, "%s", what);
	return -EINVAL;
}

enum packing codec_packing(const void *bytes, size_t size)
{
	const unsigned char *start = bytes;

	if (size >= 4 && memcmp(start, "\x28\xb5\x2f\xfd", 4) == 0)
		return PACKING_ZSTD;
	/* The low two of these bytes are check bits. */
	if (size >= 2 && start[0] == 0x78 && start[1] &&
	    strchr("\x01\x5e\x9c\xda", start[1]))
		return PACKING_ZLIB;
	return PACKING_NONE;
}

static size_t skip_space(const char *text, size_t size)
{
	size_t i = 0;

	while (i < size && codec_is_space(text[i]))
		i++;
	return i;
}

/* Pickles of protocol 0 start with N and I as well: "N.", "I5". */
static bool is_json(const char *text, size_t size)
{
	if (*text == 'N' || *text == 'I')
		return size > 1 && (text[1] == 'a' || text[1] == 'n');
	return *text && strchr("{[\"-0123456789tfn", *text);
}

/* Protocols from 2 on say so; before, a pickle starts with what it makes. */
static bool is_pickle(const unsigned char *bytes, size_t size)
{
	if (bytes[0] == 0x80)
		return size < 2 || bytes[1] <= 5;
	return bytes[0] && strchr("(c])}NIJKLMFGSTUVX", bytes[0]);
}

int codec_content(const void *bytes, size_t size, enum content *out)
{
	size_t magic = size < NPY_MAGIC_SIZE ? size : NPY_MAGIC_SIZE;
	size_t space = skip_space(bytes, size);
	const char *text = (const char *)bytes + space;

	if (space == size)
		return -EAGAIN;
	if (memcmp(bytes, NPY_MAGIC, magic) == 0)
		*out = CONTENT_NPY;
	else if (is_json(text, size - space))
		*out = CONTENT_JSON;
	else if (is_pickle(bytes, size))
		*out = CONTENT_PICKLE;
	else
		return -EINVAL;
	return 0;
}

int codec_sniff(const void *bytes, size_t size, struct codec_form *out)
{
	enum packing packing = codec_packing(bytes, size);
	struct blob start = { 0 };
	enum content content;
	bool ended;
	int rc = 0;

	if (packing != PACKING_NONE) {
		rc = codec_packers[packing].unpack_start(
		    bytes, size, SNIFF_SIZE, &start, &ended);
		bytes = start.data;
		size = start.size;
	}
	if (rc == 0)
		rc = codec_content(bytes, size, &content);
	blob_release(&start);
	/* zstd unpacks no part of a block, and nobody packs pickles with it. */
	if (rc == -EAGAIN && packing == PACKING_ZSTD) {
		content = CONTENT_NPY;
		rc = 0;
	}
	if (rc)
		return rc == -EAGAIN ? -EINVAL : rc;
	out->packing = packing;
	out->encoding =
	    content == CONTENT_PICKLE ? ENCODING_PICKLE : ENCODING_NPY;
	return 0;
}

/* An array that has its bytes in UNPACKED takes them over, else a copy. */
static int decode_npy(const void *bytes, size_t size, struct blob *unpacked,
                      struct value **out, char *why)
{
	struct array array = { 0 };
	struct array copy;
	int rc = npy_parse(bytes, size, &array, why);

	if (rc)
		return rc;
	if (unpacked->data) {
		blob_move(&array.owned, unpacked);
	} else {
		rc = array_copy(&copy, &array);
		array_release(&array);
		if (rc)
			return rc;
		array = copy;
	}
	*out = value_new_array(&array);
	if (*out)
		return 0;
	array_release(&array);
	return -ENOMEM;
}

static int decode(const void *bytes, size_t size, struct blob *unpacked,
                  struct value **out, char *why)
{
	enum content content;

	if (codec_content(bytes, size, &content))
		return codec_invalid(why, CODEC_UNKNOWN);
	switch (content) {
	case CONTENT_NPY:
		return decode_npy(bytes, size, unpacked, out, why);
	case CONTENT_JSON:
		return json_parse(bytes, size, JSON_ARRAYS_INLINE, out, why);
	default:
		return pickle_decode(bytes, size, CODEC_MAX_UNPACKED, out, why);
	}
}

int codec_decode(const void *bytes, size_t size, struct value **out,
                 char why[WHY_SIZE])
{
	enum packing packing = codec_packing(bytes, size);
	struct blob unpacked = { 0 };
	int rc;

	if (packing == PACKING_NONE)
		return decode(bytes, size, &unpacked, out, why);
	rc = codec_packers[packing].unpack(bytes, size, CODEC_MAX_UNPACKED,
	                                   &unpacked);
	if (rc == -EINVAL)
		codec_invalid(why, CODEC_DAMAGED);
	if (rc == 0)
		rc = decode(unpacked.data, unpacked.size, &unpacked, out, why);
	blob_release(&unpacked);
	return rc;
}

/* Append BYTES, packed where they are longer than THRESHOLD. */
static int append_packed(struct blob *bytes, enum encoding encoding,
                         size_t threshold, struct blob *out)
{
	enum packing packing =
	    encoding == ENCODING_PICKLE ? PACKING_ZLIB : PACKING_ZSTD;

	if (bytes->size > threshold)
		return codec_packers[packing].pack(bytes->data, bytes->size,
		                                   out);
	if (out->size)
		return blob_append(out, bytes->data, bytes->size);
	blob_move(out, bytes);
	return 0;
}

int codec_encode(const struct value *value, enum encoding encoding,
                 size_t threshold, struct blob *out)
{
	struct blob bytes = { 0 };
	int rc;

	if (value->type == VALUE_ARRAY)
		return codec_encode_array(&value->array, encoding, threshold,
		                          out);
	rc = encoding == ENCODING_PICKLE
	         ? pickle_append(value, &bytes)
	         : json_append(value, JSON_STYLE_PYTHON, JSON_ARRAYS_INLINE,
	                       CODEC_MAX_UNPACKED, &bytes);
	if (rc == 0)
		rc = append_packed(&bytes, encoding, threshold, out);
	blob_release(&bytes);
	return rc;
}

int codec_encode_array(const struct array *array, enum encoding encoding,
                       size_t threshold, struct blob *out)
{
	struct blob bytes = { 0 };
	int rc = encoding == ENCODING_PICKLE
	             ? pickle_append_array(array, &bytes)
	             : npy_append(array, &bytes);

	if (rc == 0)
		rc = append_packed(&bytes, encoding, threshold, out);
	blob_release(&bytes);
	return rc;
}
