/* SPDX-License-Identifier: MIT */
#include "backends/resident.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backends/codec.h"
#include "backends/loan.h"
#include "backends/log.h"
#include "backends/version.h"

/* What readers of one origin have in common. */
struct origin {
	atomic_uint readers;
	pthread_mutex_t lock;
	struct blob stored;  /* not decoded yet, or what DATA points to */
	struct value *value; /* has the array that DATA is in, or NULL */
	_Atomic(const char *) data; /* NULL: not decoded yet */
	int failure;                /* of decoding */
	char *name;
};

struct resident {
	struct reader base;
	struct origin *origin;
};

static void origin_unref(struct origin *origin)
{
	if (!origin || atomic_fetch_sub(&origin->readers, 1) > 1)
		return;
	blob_release(&origin->stored);
	value_unref(origin->value);
	free(origin->name);
	pthread_mutex_destroy(&origin->lock);
	free(origin);
}

static bool is_as_told(const struct value *value, const struct array_info *info)
{
	const struct array_info *found = &value->array.info;

	return value->type == VALUE_ARRAY && found->nbytes == info->nbytes &&
	       found->fortran == info->fortran && found->ndim == info->ndim &&
	       dtype_equal(&found->dtype, &info->dtype) &&
	       memcmp(found->shape, info->shape,
	              (size_t)info->ndim * sizeof(info->shape[0])) == 0;
}

static int decode(struct origin *origin, const struct array_info *info)
{
	struct value *value = NULL;
	char why[WHY_SIZE] = "holds another array than its fields say";
	int rc =
	    codec_decode(origin->stored.data, origin->stored.size, &value, why);

	if (rc == 0 && !is_as_told(value, info))
		rc = -EINVAL;
	if (rc) {
		value_unref(value);
		if (rc != -ENOMEM)
			log_error("%s: %s", origin->name, why);
		return rc == -ENOMEM ? rc : -EIO;
	}
	origin->value = value;
	atomic_store(&origin->data, value->array.data);
	blob_release(&origin->stored);
	return 0;
}

/* The first who reads decodes; the log says once why that failed. */
static int make_ready(struct resident *reader)
{
	struct origin *origin = reader->origin;
	int rc;

	if (atomic_load(&origin->data))
		return 0;
	pthread_mutex_lock(&origin->lock);
	rc = origin->failure;
	if (rc == 0 && !atomic_load(&origin->data))
		rc = decode(origin, &reader->base.info);
	origin->failure = rc == -EIO ? rc : 0;
	pthread_mutex_unlock(&origin->lock);
	return rc;
}

static ssize_t resident_read(struct reader *base, uint64_t offset, void *buffer,
                             size_t size)
{
	struct resident *reader = (struct resident *)base;
	int rc = make_ready(reader);

	return rc ? rc
	          : reader_copy(base, atomic_load(&reader->origin->data),
	                        offset, buffer, size);
}

static ssize_t resident_lend(struct reader *base, uint64_t offset, size_t size,
                             struct loan *loan)
{
	struct resident *reader = (struct resident *)base;
	int rc = make_ready(reader);

	return rc ? rc
	          : reader_show(base, atomic_load(&reader->origin->data),
	                        offset, size, loan);
}

static void resident_close(struct reader *base)
{
	struct resident *reader = (struct resident *)base;

	if (!reader)
		return;
	array_info_release(&base->info);
	origin_unref(reader->origin);
	free(reader);
}

static int resident_share(struct reader *base, struct reader **out);

static const struct reader_ops reader_ops = {
	.read = resident_read,
	.lend = resident_lend,
	.share = resident_share,
	.close = resident_close,
};

/* Takes over one reference to ORIGIN. */
static int reader_new(struct origin *origin, const struct array_info *info,
                      struct reader **out)
{
	struct resident *reader = calloc(1, sizeof(*reader));
	int rc = reader ? array_info_copy(&reader->base.info, info) : -ENOMEM;

	if (rc) {
		free(reader);
		return rc;
	}
	reader->base.ops = &reader_ops;
	reader->base.size = info->nbytes;
	reader->origin = origin;
	*out = &reader->base;
	return 0;
}

static int resident_share(struct reader *base, struct reader **out)
{
	struct origin *origin = ((struct resident *)base)->origin;
	struct reader *reader;
	int rc = reader_new(origin, &base->info, &reader);

	if (rc)
		return rc;
	atomic_fetch_add(&origin->readers, 1);
	reader->size = base->size;
	reader->version = base->version;
	*out = reader;
	return 0;
}

static struct origin *origin_new(void)
{
	struct origin *origin = calloc(1, sizeof(*origin));

	if (!origin)
		return NULL;
	atomic_init(&origin->readers, 1);
	pthread_mutex_init(&origin->lock, NULL);
	return origin;
}

/* An array without elements has bytes that nobody looks at. */
static const char *some(const void *data)
{
	return data ? data : "";
}

int resident_array(struct value *value, const struct array *array,
                   uint64_t version, struct reader **out)
{
	struct origin *origin = origin_new();
	int rc = origin ? reader_new(origin, &array->info, out) : -ENOMEM;

	if (rc) {
		origin_unref(origin);
		return rc;
	}
	origin->value = value;
	atomic_init(&origin->data, some(array->data));
	(*out)->version = version;
	return 0;
}

int resident_stored(struct blob *stored, const struct array_info *info,
                    const char *name, struct reader **out)
{
	struct origin *origin = origin_new();
	int rc = -ENOMEM;

	if (origin)
		origin->name = strdup(name);
	if (origin && origin->name)
		rc = reader_new(origin, info, out);
	if (rc) {
		origin_unref(origin);
		return rc;
	}
	(*out)->version = version_of(stored->data, stored->size, 0);
	blob_move(&origin->stored, stored);
	return 0;
}

int resident_bytes(struct blob *bytes, struct reader **out)
{
	static const struct array_info none;
	struct origin *origin = origin_new();
	int rc = origin ? reader_new(origin, &none, out) : -ENOMEM;

	if (rc) {
		origin_unref(origin);
		return rc;
	}
	(*out)->version = version_of(bytes->data, bytes->size, 0);
	(*out)->size = bytes->size;
	blob_move(&origin->stored, bytes);
	atomic_init(&origin->data, some(origin->stored.data));
	return 0;
}
