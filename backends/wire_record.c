/* SPDX-License-Identifier: MIT */
#include "backends/wire.h"

#include "backends/packed.h"

#include <errno.h>
#include <stdlib.h>

static void wire_record_array(struct wire *wire, struct record_array *array)
{
	wire_string(wire, &array->name);
	wire_info(wire, &array->info);
	wire_time(wire, &array->mtime);
	if (!array->name)
		wire_fail(wire, -EPROTO);
}

static void wire_record_arrays(struct wire *wire, struct record *record)
{
	size_t count = record->array_count;

	wire_count(wire, &count);
	wire_make(wire, count, sizeof(*record->arrays));
	if (wire_is_reader(wire) && wire->rc == 0 && count) {
		record->arrays = calloc(count, sizeof(*record->arrays));
		if (!record->arrays)
			wire_fail(wire, -ENOMEM);
	}
	for (size_t i = 0; wire->rc == 0 && i < count; i++) {
		record->array_count = wire_is_reader(wire) ? i + 1 : count;
		wire_record_array(wire, &record->arrays[i]);
	}
}

void wire_record(struct wire *wire, struct record *record)
{
	if (wire_is_reader(wire))
		*record = (struct record){ 0 };
	wire_blob(wire, &record->key);
	wire_blob(wire, &record->volume);
	wire_value(wire, &record->fields);
	wire_flag(wire, &record->fields_dropped);
	wire_time(wire, &record->fields_mtime);
	wire_time(wire, &record->atime);
	wire_record_arrays(wire, record);
	wire_i64(wire, &record->expires_ms);
	wire_u64(wire, &record->opaque_size);
	if (record->expires_ms < 0 || !record->fields ||
	    record->fields->type != VALUE_DICT)
		wire_fail(wire, -EPROTO);
}

void wire_records(struct wire *wire, struct record_list *list)
{
	size_t count = list->count;

	if (wire_is_reader(wire))
		*list = (struct record_list){ 0 };
	wire_count(wire, &count);
	for (size_t i = 0; wire->rc == 0 && i < count; i++) {
		struct record record;

		if (!wire_is_reader(wire)) {
			wire_record(wire, &list->items[i]);
			continue;
		}
		wire_record(wire, &record);
		if (wire->rc == 0)
			wire_fail(wire, record_list_append(list, &record));
		record_release(&record);
	}
}

static void wire_action(struct wire *wire, enum part_action *action)
{
	unsigned int number = *action;

	wire_choice(wire, &number, PART_TOUCH + 1);
	*action = (enum part_action)number;
}

static void wire_change_array(struct wire *wire, struct change *change,
                              struct change_room *room)
{
	bool given = change->array != NULL;

	wire_flag(wire, &given);
	if (!given)
		return;
	if (wire_is_reader(wire)) {
		wire_info(wire, &room->array.info);
		change->array = &room->array;
	} else {
		room->array.info = change->array->info; /* borrowed */
		wire_info(wire, &room->array.info);
	}
}

static void wire_ticket(struct wire *wire, struct change *change,
                        struct change_room *room)
{
	if (!wire_is_reader(wire) && change->ticket)
		room->ticket = *change->ticket;
	wire_text(wire, &room->ticket.owner);
	wire_u64(wire, &room->ticket.number);
	if (wire_is_reader(wire) && room->ticket.owner)
		change->ticket = &room->ticket;
}

/* A writer only looks at the value. */
static void wire_change_fields(struct wire *wire, struct change *change,
                               struct change_room *room)
{
	union {
		const struct value *given;
		struct value *value;
	} fields = { change->fields };

	wire_value(wire, &fields.value);
	if (!wire_is_reader(wire))
		return;
	room->fields = fields.value;
	change->fields = fields.value;
}

void wire_change(struct wire *wire, struct change *change,
                 struct change_room *room)
{
	if (wire_is_reader(wire)) {
		*change = (struct change){ 0 };
		*room = (struct change_room){ 0 };
	}
	wire_action(wire, &change->fields_action);
	wire_change_fields(wire, change, room);
	wire_time(wire, &change->fields_mtime);
	wire_action(wire, &change->array_action);
	wire_text(wire, &change->array_name);
	wire_change_array(wire, change, room);
	wire_time(wire, &change->array_mtime);
	wire_i64(wire, &change->expires_ms);
	wire_flag(wire, &change->exclusive);
	wire_flag(wire, &change->must_exist);
	wire_time(wire, &change->written);
	wire_ticket(wire, change, room);
}

void change_room_release(struct change_room *room)
{
	value_unref(room->fields);
	array_release(&room->array);
	*room = (struct change_room){ 0 };
}

void wire_cursor(struct wire *wire, struct cursor *cursor)
{
	if (wire_is_reader(wire))
		*cursor = (struct cursor){ 0 };
	wire_flag(wire, &cursor->end);
	wire_u64(wire, &cursor->position);
	wire_blob(wire, &cursor->token);
}

void wire_status(struct wire *wire, struct backend_status *status)
{
	if (wire_is_reader(wire))
		*status = (struct backend_status){ 0 };
	wire_flag(wire, &status->healthy);
	wire_flag(wire, &status->away);
	wire_line(wire, status->detail, sizeof(status->detail));
	wire_u64(wire, &status->bytes_used);
}

void wire_plan(struct wire *wire, struct packed_plan *plan)
{
	struct chunk_pipeline *pipeline = &plan->pipeline;

	wire_u64(wire, &plan->chunk);
	if (plan->chunk == 0 || plan->chunk > CHUNK_MAX_SIZE)
		wire_fail(wire, -EPROTO);
	wire_size(wire, &pipeline->count);
	if (pipeline->count > CHUNK_MAX_FILTERS) {
		wire_fail(wire, -EPROTO);
		pipeline->count = 0;
	}
	for (size_t i = 0; i < pipeline->count; i++) {
		struct chunk_step *step = &pipeline->steps[i];
		unsigned int kind = step->kind;
		unsigned int packer = step->packer;

		wire_choice(wire, &kind, STEP_PACK + 1);
		wire_size(wire, &step->element);
		wire_choice(wire, &packer, CHUNK_ZSTD + 1);
		wire_int(wire, &step->level);
		wire_flag(wire, &step->optional);
		step->kind = kind;
		step->packer = packer;
	}
}
