/* SPDX-License-Identifier: MIT */
#include "backends/worker_call.h"

#include "backends/maintenance.h"
#include "backends/settings.h"

#include <errno.h>
#include <stdlib.h>

typedef void part_fn(struct wire *wire, struct worker_call *call);

/* What a request can have. */
enum takes {
	COLLECTION = 1 << 0,
	KEY = 1 << 1,
	SECOND = 1 << 2,
	NAME = 1 << 3,
	PATH = 1 << 4,
	CURSOR = 1 << 5,
	NUMBER = 1 << 6,
	RANGE = 1 << 7,
	REAL = 1 << 8,
	CHANGE = 1 << 9,
	SETTINGS = 1 << 10,
	WORK = 1 << 11,
	ROWS = 1 << 12,
	INFO = 1 << 13,
	ELEMENTS = 1 << 14,
	PACKED = 1 << 15,
};

/* What a reply can have. */
enum gives {
	KEY_OUT = 1 << 0,
	RECORD = 1 << 1,
	LIST = 1 << 2,
	NEXT = 1 << 3,
	OPENED = 1 << 4,
	STATUS = 1 << 5,
	VALUE = 1 << 6,
	PROBLEMS = 1 << 7,
	COUNTS = 1 << 8,
	PLAN = 1 << 9,
	IN_SLOT = 1 << 10,
};

/* clang-format off */
const struct worker_row worker_operations[WORKER_OPERATIONS] = {
	[WORKER_OPEN] = { "open", NAME | PATH | NUMBER | RANGE | SETTINGS, 0,
	                  false },
	[WORKER_CLOSE] = { "close", 0, 0, false },
	[WORKER_GET] = { "get", COLLECTION | KEY, RECORD, true },
	[WORKER_LIST] = { "list", COLLECTION | CURSOR | NUMBER, LIST | NEXT,
	                  true },
	[WORKER_FIND] = { "find", COLLECTION | KEY, KEY_OUT, true },
	[WORKER_OPEN_ARRAY] = { "open array", COLLECTION | KEY | NAME,
	                        OPENED | IN_SLOT, true },
	[WORKER_OPEN_OPAQUE] = { "open opaque", COLLECTION | KEY,
	                         OPENED | IN_SLOT, true },
	[WORKER_READ] = { "read", NUMBER | RANGE, IN_SLOT, false },
	[WORKER_CLOSE_READER] = { "close reader", NUMBER, 0, false },
	[WORKER_PLAN] = { "plan", COLLECTION | INFO | ELEMENTS, PLAN, true },
	[WORKER_PUT] = { "put",
	                 COLLECTION | KEY | CHANGE | ELEMENTS | PACKED, KEY_OUT,
	                 false },
	[WORKER_REMOVE] = { "remove", COLLECTION | KEY, 0, false },
	[WORKER_RENAME] = { "rename", COLLECTION | KEY | SECOND | NUMBER, 0,
	                    false },
	[WORKER_SYNC] = { "sync", 0, 0, true },
	[WORKER_STATUS] = { "status", 0, STATUS, false },
	[WORKER_STATISTICS] = { "statistics", 0, VALUE, true },
	[WORKER_USAGE] = { "usage", COLLECTION | WORK, COUNTS, false },
	[WORKER_VACUUM] = { "vacuum", WORK, VALUE, false },
	[WORKER_COMPACT] = { "compact", WORK, VALUE, false },
	[WORKER_ROTATE] = { "rotate", NUMBER, VALUE, false },
	[WORKER_IS_FULL] = { "is full", 0, COUNTS, false },
	[WORKER_REMOVE_BEFORE] = { "remove before", COLLECTION | KEY | REAL, 0,
	                           false },
	[WORKER_CLEAR_EXPIRED] = { "clear expired", COLLECTION | WORK, COUNTS,
	                           false },
	[WORKER_FLUSH] = { "flush", COLLECTION | WORK, COUNTS, false },
	[WORKER_VERIFY] = { "verify", WORK, VALUE | PROBLEMS, false },
	[WORKER_BACKUP] = { "backup", PATH | WORK | ROWS, VALUE, false },
	[WORKER_RESTORE] = { "restore", PATH, 0, false },
};

/* clang-format on */

static void wire_known(struct wire *wire, struct worker_collections *known,
                       const struct collection **collection)
{
	struct blob spelled = { 0 };
	struct collection copy;
	struct wire inner;
	const void *bytes;
	size_t size;

	if (wire_is_reader(wire)) {
		wire_bytes(wire, &bytes, &size);
		if (wire->rc == 0)
			wire_fail(wire, worker_collections_get(
					    known, bytes, size, collection));
		return;
	}
	copy = **collection;
	wire_write_to(&inner, &spelled);
	wire_collection(&inner, &copy);
	wire_fail(wire, inner.rc);
	bytes = spelled.data;
	size = spelled.size;
	wire_bytes(wire, &bytes, &size);
	blob_release(&spelled);
}

static void collection_part(struct wire *wire, struct worker_call *call)
{
	wire_known(wire, call->known, &call->collection);
}

static void key_part(struct wire *wire, struct worker_call *call)
{
	wire_key(wire, &call->key);
}

static void second_part(struct wire *wire, struct worker_call *call)
{
	wire_key(wire, &call->second);
}

static void name_part(struct wire *wire, struct worker_call *call)
{
	wire_text(wire, &call->name);
	if (!call->name)
		wire_fail(wire, -EPROTO);
}

static void path_part(struct wire *wire, struct worker_call *call)
{
	wire_text(wire, &call->path);
	if (!call->path)
		wire_fail(wire, -EPROTO);
}

static void cursor_part(struct wire *wire, struct worker_call *call)
{
	wire_cursor(wire, &call->cursor);
}

static void number_part(struct wire *wire, struct worker_call *call)
{
	wire_u64(wire, &call->number);
}

static void range_part(struct wire *wire, struct worker_call *call)
{
	wire_u64(wire, &call->offset);
	wire_u64(wire, &call->size);
}

static void real_part(struct wire *wire, struct worker_call *call)
{
	wire_double(wire, &call->real);
}

static void change_part(struct wire *wire, struct worker_call *call)
{
	if (wire_is_reader(wire))
		call->change = &call->own_change;
	wire_change(wire, call->change, &call->room);
}

static void settings_part(struct wire *wire, struct worker_call *call)
{
	wire_settings(wire, call->settings);
}

static void work_part_of(struct wire *wire, struct worker_call *call)
{
	if (call->work) {
		call->work_from = call->work->from;
		call->work_to = call->work->to;
	}
	wire_double(wire, &call->work_from);
	wire_double(wire, &call->work_to);
}

static void rows_part(struct wire *wire, struct worker_call *call)
{
	size_t count = 0;

	while (!wire_is_reader(wire) && call->rows[count].path)
		count++;
	wire_count(wire, &count);
	if (wire_is_reader(wire)) {
		call->own_rows = calloc(count + 1, sizeof(*call->own_rows));
		call->rows = call->own_rows;
		if (!call->rows)
			wire_fail(wire, -ENOMEM);
	}
	for (size_t i = 0; wire->rc == 0 && i < count; i++) {
		const struct collection *row = &call->rows[i];

		wire_known(wire, call->known, &row);
		if (wire_is_reader(wire) && wire->rc == 0)
			call->own_rows[i] = *row;
	}
}

static void info_part(struct wire *wire, struct worker_call *call)
{
	if (wire_is_reader(wire))
		call->info = &call->own_info;
	wire_info(wire, call->info);
}

/* Where they are; the exchange puts them there. */
static void wire_place(struct wire *wire, struct worker_bytes *bytes)
{
	wire_u64(wire, &bytes->size);
	wire_flag(wire, &bytes->in_file);
	wire_u64(wire, &bytes->offset);
}

static void elements_part(struct wire *wire, struct worker_call *call)
{
	wire_place(wire, &call->elements);
}

/* The table of chunks, as it is in memory. */
static void wire_chunks(struct wire *wire, struct worker_call *call)
{
	struct packed *packed = call->packed;
	const void *table = packed->chunks;
	size_t size = packed->count * sizeof(*packed->chunks);

	wire_bytes(wire, &table, &size);
	if (!wire_is_reader(wire))
		return;
	wire_fail(wire, blob_set(&call->own_chunks, table, size));
	packed->chunks = (const void *)call->own_chunks.data;
	packed->count = size / sizeof(*packed->chunks);
	if (size % sizeof(*packed->chunks))
		wire_fail(wire, -EPROTO);
}

static void packed_part(struct wire *wire, struct worker_call *call)
{
	bool given = call->packed != NULL;

	wire_flag(wire, &given);
	if (!given)
		return;
	if (wire_is_reader(wire))
		call->packed = &call->own_packed;
	wire_plan(wire, &call->packed->plan);
	wire_chunks(wire, call);
	wire_place(wire, &call->chunks);
}

static void plan_part(struct wire *wire, struct worker_call *call)
{
	wire_plan(wire, &call->plan);
}

static void key_out_part(struct wire *wire, struct worker_call *call)
{
	wire_blob(wire, &call->key_out);
}

static void record_part(struct wire *wire, struct worker_call *call)
{
	wire_record(wire, &call->record);
}

static void list_part(struct wire *wire, struct worker_call *call)
{
	wire_records(wire, &call->list);
}

static void next_part(struct wire *wire, struct worker_call *call)
{
	wire_cursor(wire, &call->next);
}

static void opened_part(struct wire *wire, struct worker_call *call)
{
	bool is_array = call->opened.info.dtype.kind != '\0';

	wire_u64(wire, &call->opened.handle);
	wire_flag(wire, &is_array);
	if (is_array)
		wire_info(wire, &call->opened.info);
	wire_u64(wire, &call->opened.size);
	wire_u64(wire, &call->opened.version);
}

static void status_part(struct wire *wire, struct worker_call *call)
{
	wire_status(wire, &call->status);
}

static void value_part(struct wire *wire, struct worker_call *call)
{
	wire_value(wire, &call->value);
}

static void problems_part(struct wire *wire, struct worker_call *call)
{
	wire_value(wire, &call->problems);
}

static void counts_part(struct wire *wire, struct worker_call *call)
{
	wire_u64(wire, &call->counts[0]);
	wire_u64(wire, &call->counts[1]);
}

static void in_slot_part(struct wire *wire, struct worker_call *call)
{
	wire_u64(wire, &call->in_slot);
}

/* In the order of their bits. */
static part_fn *const take_parts[] = {
	collection_part, key_part,    second_part,   name_part,
	path_part,       cursor_part, number_part,   range_part,
	real_part,       change_part, settings_part, work_part_of,
	rows_part,       info_part,   elements_part, packed_part,
};

static part_fn *const give_parts[] = {
	key_out_part, record_part, list_part,    next_part,
	opened_part,  status_part, value_part,   problems_part,
	counts_part,  plan_part,   in_slot_part,
};

static void wire_parts(struct wire *wire, struct worker_call *call,
                       unsigned int bits, part_fn *const *parts)
{
	for (; bits; bits >>= 1, parts++)
		if (bits & 1)
			(*parts)(wire, call);
}

void worker_wire_request(struct wire *wire, struct worker_call *call)
{
	wire_parts(wire, call, worker_operations[call->operation].takes,
	           take_parts);
}

/* Errors that Linux has; more the kernel takes from nobody who serves it. */
#define MAX_ERRNO 511

void worker_wire_reply(struct wire *wire, struct worker_call *call)
{
	wire_i64(wire, &call->rc);
	if (call->rc > 0 || call->rc < -MAX_ERRNO)
		wire_fail(wire, -EPROTO);
	wire_line(wire, call->why, sizeof(call->why));
	if (call->rc >= 0)
		wire_parts(wire, call, worker_operations[call->operation].gives,
		           give_parts);
}

void worker_wire_question(struct wire *wire, struct worker_question *question)
{
	wire_flag(wire, &question->is_step);
	wire_double(wire, &question->progress);
	wire_key(wire, &question->key);
}

void worker_call_release(struct worker_call *call)
{
	blob_release(&call->key_out);
	record_release(&call->record);
	record_list_release(&call->list);
	cursor_release(&call->next);
	array_info_release(&call->opened.info);
	value_unref(call->value);
	value_unref(call->problems);
	blob_release(&call->bytes);
	array_info_release(&call->own_info);
	blob_release(&call->own_chunks);
	if (call->change == &call->own_change)
		change_room_release(&call->room);
	free(call->own_rows);
}
