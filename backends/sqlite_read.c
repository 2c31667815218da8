/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/loan.h"
#include "backends/log.h"
#include "backends/nest.h"
#include "backends/version.h"

/* Bytes as they were when they were opened. */
struct sqlite_reader {
	struct reader base;
	struct value *value; /* has the array that DATA is in */
	struct blob bytes;   /* or these are they */
	const char *data;
};

static ssize_t reader_read(struct reader *base, uint64_t offset, void *buffer,
                           size_t size)
{
	const struct sqlite_reader *reader = (struct sqlite_reader *)base;

	return reader_copy(base, reader->data, offset, buffer, size);
}

static ssize_t reader_lend(struct reader *base, uint64_t offset, size_t size,
                           struct loan *loan)
{
	const struct sqlite_reader *reader = (struct sqlite_reader *)base;

	return reader_show(base, reader->data, offset, size, loan);
}

static void reader_close(struct reader *base)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)base;

	if (!reader)
		return;
	array_info_release(&base->info);
	value_unref(reader->value);
	blob_release(&reader->bytes);
	free(reader);
}

static const struct reader_ops reader_ops = {
	.read = reader_read,
	.lend = reader_lend,
	.close = reader_close,
};

static struct sqlite_reader *reader_new(void)
{
	struct sqlite_reader *reader = calloc(1, sizeof(*reader));

	if (reader)
		reader->base.ops = &reader_ops;
	return reader;
}

static int read_row(struct store *base, const struct collection *collection,
                    struct key key, enum sqlite_depth depth,
                    struct sqlite_row *out)
{
	struct sqlite_store *store = sqlite_store(base);
	struct sqlite_db *db;
	int rc = sqlite_pool_take(store, &db);

	if (rc)
		return rc;
	rc = sqlite_row_get(store, db, collection, key, depth, out);
	sqlite_pool_give(store, db);
	return rc;
}

int sqlite_get(struct store *base, const struct collection *collection,
               struct key key, struct record *out)
{
	struct sqlite_row row = { 0 };
	int rc = read_row(base, collection, key, SQLITE_SHOWN, &row);

	if (rc == 0)
		rc = sqlite_row_show(collection, &row, out);
	sqlite_row_release(&row);
	return rc;
}

/* The value in ROW's blob. */
static int take_value(const struct collection *collection,
                      struct sqlite_row *row, struct value **out)
{
	char why[WHY_SIZE];
	int rc;

	if (row->nest) {
		*out = value_ref(row->nest);
		return 0;
	}
	if (!row->has_array)
		return -ENOENT;
	rc = codec_decode(row->head.data, row->head.size, out, why);
	if (rc == 0 || rc == -ENOMEM)
		return rc;
	log_error("sqlite: %s/%.*s: %s", collection->path, (int)row->key.size,
	          row->key.data, why);
	return -EIO;
}

static const struct array *find_array(const struct collection *collection,
                                      const struct value *value,
                                      const char *name)
{
	const char *only = collection->arrays[0].name;

	if (!only)
		return nest_find(value, name);
	return strcmp(only, name) == 0 && value->type == VALUE_ARRAY
	           ? &value->array
	           : NULL;
}

/* Takes over VALUE. */
static int open_value(const struct collection *collection, struct value *value,
                      const char *name, struct reader **out)
{
	const struct array *array = find_array(collection, value, name);
	struct sqlite_reader *reader = array ? reader_new() : NULL;
	int rc = array ? -ENOMEM : -ENOENT;

	if (reader)
		rc = array_info_copy(&reader->base.info, &array->info);
	if (rc) {
		free(reader);
		value_unref(value);
		return rc;
	}
	reader->value = value;
	reader->data = array->data;
	reader->base.size = array->info.nbytes;
	reader->base.version = version_of(array->data, array->info.nbytes, 0);
	*out = &reader->base;
	return 0;
}

int sqlite_open_array(struct store *base, const struct collection *collection,
                      struct key key, const char *name, struct reader **out)
{
	struct sqlite_row row = { 0 };
	struct value *value;
	int rc;

	if (!sqlite_sql_blob(collection))
		return -ENOENT;
	rc = read_row(base, collection, key, SQLITE_WHOLE, &row);
	if (rc == 0)
		rc = take_value(collection, &row, &value);
	sqlite_row_release(&row);
	return rc ? rc : open_value(collection, value, name, out);
}

int sqlite_open_opaque(struct store *base, const struct collection *collection,
                       struct key key, struct reader **out)
{
	struct sqlite_row row = { 0 };
	struct sqlite_reader *reader = NULL;
	int rc = read_row(base, collection, key, SQLITE_WHOLE, &row);

	if (rc == 0 && !row.opaque)
		rc = -ENOENT;
	if (rc == 0) {
		reader = reader_new();
		rc = reader ? 0 : -ENOMEM;
	}
	if (rc == 0) {
		blob_move(&reader->bytes, &row.head);
		reader->data = reader->bytes.data;
		reader->base.size = reader->bytes.size;
		reader->base.version =
		    version_of(reader->data, reader->bytes.size, 0);
		*out = &reader->base;
	}
	sqlite_row_release(&row);
	return rc;
}
