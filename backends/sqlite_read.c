/* SPDX-License-Identifier: MIT */
#include "backends/sqlite_internal.h"

#include <errno.h>
#include <string.h>

#include "backends/log.h"
#include "backends/nest.h"
#include "backends/resident.h"
#include "backends/version.h"

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
                      const struct sqlite_row *row, struct value **out)
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

static int find_array(const struct collection *collection,
                      const struct value *value, const char *name,
                      const struct array **out)
{
	const char *only = collection->arrays[0].name;

	if (!only)
		return nest_find(value, name, out);
	if (strcmp(only, name) != 0 || value->type != VALUE_ARRAY)
		return -ENOENT;
	*out = &value->array;
	return 0;
}

/* Takes over VALUE. */
static int open_value(const struct collection *collection, struct value *value,
                      const char *name, struct reader **out)
{
	const struct array *array;
	int rc = find_array(collection, value, name, &array);

	if (rc == 0)
		rc = resident_array(
		    value, array,
		    version_of(array->data, array->info.nbytes, 0), out);
	if (rc)
		value_unref(value);
	return rc;
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
	int rc = read_row(base, collection, key, SQLITE_WHOLE, &row);

	if (rc == 0 && !row.opaque)
		rc = -ENOENT;
	if (rc == 0)
		rc = resident_bytes(&row.head, out);
	sqlite_row_release(&row);
	return rc;
}

/* The array NAME, where all of the blob was read, or *OUT is NULL. */
static int open_read(const struct collection *collection,
                     const struct sqlite_row *row, const char *name,
                     struct reader **out)
{
	struct value *value;
	int rc;

	*out = NULL;
	if (!row->nest && (!row->has_array || row->head.size < row->size))
		return 0;
	rc = take_value(collection, row, &value);
	if (rc == 0)
		rc = open_value(collection, value, name, out);
	return rc == -ENOMEM ? rc : 0;
}

static int sqlite_glimpse(struct store *base,
                          const struct collection *collection, struct key key,
                          const char *name, struct record *out,
                          struct reader **reader)
{
	struct sqlite_row row = { 0 };
	struct reader *found = NULL;
	int rc = read_row(base, collection, key, SQLITE_SMALL, &row);

	if (rc == 0 && sqlite_sql_blob(collection))
		rc = open_read(collection, &row, name, &found);
	if (rc == 0)
		rc = sqlite_row_show(collection, &row, out);
	if (rc && found)
		found->ops->close(found);
	if (rc == 0)
		*reader = found;
	sqlite_row_release(&row);
	return rc;
}

const struct glimpse_ops sqlite_glimpse_ops = {
	.get = sqlite_glimpse,
	.moment = sqlite_moment,
};
