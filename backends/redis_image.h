/* SPDX-License-Identifier: MIT */
/*
 * redis_image.h - one hash as it is read: everything but the array's bytes
 *
 * Errors:     0 or a negative errno value.
 * Ownership:  an image owns what it points to; release accepts all-zero.
 */
#ifndef ENGRAMFS_BACKENDS_REDIS_IMAGE_H
#define ENGRAMFS_BACKENDS_REDIS_IMAGE_H

#include "backends/backend.h"
#include "backends/redis_link.h"
#include "backends/redis_note.h"

struct redis_image {
	struct value *fields;         /* dict: the rows with a value, by name */
	struct redis_version version; /* with the stored size of the array */
	struct redis_note note;       /* all-zero where there is none */
	int64_t expires_ms;           /* 0: never */

	/* What the fields say of the array; see redis_image_judge. */
	struct array_info info;
	bool info_known;  /* its size is exact */
	bool order_known; /* and its order */

	/* What is stored is not an array that can be shown. */
	bool opaque;
};

void redis_image_release(struct redis_image *image);

/* The hash field of the array; "" where COLLECTION has none. */
const char *redis_array_place(const struct collection *collection);

/* The whole key of a record.  Appends to OUT. */
int redis_key(const struct collection *collection, struct key key,
              struct blob *out);

/* Append the commands that read the record at KEY (whole) to BATCH.  Returns
 * their number, which depends on what the server of LINK knows. */
size_t redis_image_ask(const struct redis_link *link,
                       const struct collection *collection,
                       const struct blob *key, struct redis_batch *batch);

/*
 * Make an image of the replies to those commands.  -ENOENT: there is no such
 * record; -EINVAL: the key is of another type than hash; -ESTALE: the expiry
 * could not be read exactly, ask again.
 */
int redis_image_read(const struct redis_link *link,
                     const struct collection *collection,
                     redisReply *const *replies, struct redis_image *out);

/*
 * Look at the stored bytes of the array: sets info, info_known and order_known,
 * or opaque.
 */
int redis_image_look(struct redis_image *image, const void *bytes, size_t size);

/* The record of IMAGE, whose fields are taken over. */
int redis_image_show(const struct collection *collection, struct key key,
                     struct redis_image *image, struct record *out);

#endif
