/* SPDX-License-Identifier: MIT */
#include "backends/wire.h"

#include "backends/settings.h"

#include <errno.h>
#include <stdlib.h>

static void wire_array_row(struct wire *wire, struct array_row *row)
{
	wire_text(wire, &row->name);
	wire_text(wire, &row->place);
	wire_text(wire, &row->stamped);
}

static void wire_field_row(struct wire *wire, struct field_row *row)
{
	unsigned int type = row->type;
	unsigned int fallback = row->fallback;
	unsigned int rule = row->rule;

	wire_text(wire, &row->name);
	wire_choice(wire, &type, FIELD_VALUES + 1);
	wire_text(wire, &row->place);
	wire_choice(wire, &fallback, DEFAULT_TEXT + 1);
	wire_text(wire, &row->text);
	wire_choice(wire, &rule, FIELD_ARRAYS + 1);
	wire_text(wire, &row->array);
	row->type = type;
	row->fallback = fallback;
	row->rule = rule;
}

/* A table of COUNT rows and an all-zero one, which is the caller's to free. */
static void *make_rows(struct wire *wire, size_t count, size_t size)
{
	void *rows = wire->rc ? NULL : calloc(count + 1, size);

	if (!rows)
		wire_fail(wire, -ENOMEM);
	return rows;
}

static void wire_array_rows(struct wire *wire, struct collection *collection)
{
	const struct array_row *given = collection->arrays;
	struct array_row *rows = NULL;
	size_t count = 0;

	while (given && (given[count].name || given[count].place))
		count++;
	wire_count(wire, &count);
	if (wire_is_reader(wire))
		collection->arrays = rows =
		    make_rows(wire, count, sizeof(*rows));
	for (size_t i = 0; wire->rc == 0 && i < count; i++) {
		struct array_row row = rows ? rows[i] : given[i];

		wire_array_row(wire, &row);
		if (rows)
			rows[i] = row;
	}
}

static void wire_field_rows(struct wire *wire, struct collection *collection)
{
	const struct field_row *given = collection->fields;
	struct field_row *rows = NULL;
	size_t count = 0;

	while (given && given[count].name)
		count++;
	wire_count(wire, &count);
	if (wire_is_reader(wire))
		collection->fields = rows =
		    make_rows(wire, count, sizeof(*rows));
	for (size_t i = 0; wire->rc == 0 && i < count; i++) {
		struct field_row row = rows ? rows[i] : given[i];

		wire_field_row(wire, &row);
		if (rows)
			rows[i] = row;
	}
}

void wire_collection(struct wire *wire, struct collection *collection)
{
	unsigned int shape;
	int ttl;

	if (wire_is_reader(wire))
		*collection = (struct collection){ 0 };
	shape = collection->shape;
	ttl = (int)collection->ttl;
	wire_text(wire, &collection->path);
	wire_text(wire, &collection->backend);
	wire_choice(wire, &shape, RECORD_FIELDS + 1);
	wire_text(wire, &collection->place);
	wire_text(wire, &collection->key_field);
	wire_int(wire, &ttl);
	wire_text(wire, &collection->timestamp);
	wire_text(wire, &collection->access_count);
	wire_text(wire, &collection->last_access);
	wire_text(wire, &collection->relations);
	collection->shape = shape;
	collection->ttl = (unsigned int)ttl;
	wire_array_rows(wire, collection);
	wire_field_rows(wire, collection);
}

void collection_rows_free(struct collection *collection)
{
	union {
		const struct array_row *rows;
		void *memory;
	} arrays = { collection->arrays };

	union {
		const struct field_row *rows;
		void *memory;
	} fields = { collection->fields };

	free(arrays.memory);
	free(fields.memory);
}

void wire_settings(struct wire *wire, struct settings *settings)
{
	struct hdf5_settings *hdf5 = &settings->hdf5;
	unsigned int encoding = settings->encoding;

	wire_choice(wire, &encoding, ENCODE_PICKLE + 1);
	settings->encoding = encoding;
	wire_flag(wire, &settings->read_only);
	wire_u64(wire, &settings->scratch_quota);
	if (wire_is_reader(wire)) {
		free(hdf5->file_path);
		free(hdf5->compression);
	}
	wire_string(wire, &hdf5->file_path);
	wire_string(wire, &hdf5->compression);
	wire_int(wire, &hdf5->compression_opts);
	wire_flag(wire, &hdf5->compression_opts_given);
	wire_u64(wire, &hdf5->chunk_size);
	wire_flag(wire, &hdf5->chunk_size_given);
	wire_u64(wire, &hdf5->cache_size);
	wire_u64(wire, &hdf5->max_file_size);
	wire_flag(wire, &hdf5->enable_swmr);
	wire_flag(wire, &hdf5->sync_commits);
	if (!hdf5->file_path || !hdf5->compression)
		wire_fail(wire, -EPROTO);
}
