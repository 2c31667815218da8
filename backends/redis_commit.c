/* SPDX-License-Identifier: MIT */
#include "backends/redis_put.h"
#include "backends/redis_text.h"
#include "backends/redis_ticket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What HSET and HDEL will say. */
struct edit {
	struct setting {
		const char *place;
		struct blob text;
	} * sets;

	size_t set_count;
	const char **drops;
	size_t drop_count;
	struct redis_version version;
	struct redis_note note;
	struct blob note_text;
};

static void edit_release(struct edit *edit)
{
	for (size_t i = 0; i < edit->set_count; i++)
		blob_release(&edit->sets[i].text);
	free(edit->sets);
	free(edit->drops);
	blob_release(&edit->version.timestamp);
	redis_note_release(&edit->note);
	blob_release(&edit->note_text);
}

static int edit_init(struct edit *edit, const struct collection *collection)
{
	size_t count = 0;

	while (collection->fields[count].name)
		count++;
	edit->sets = calloc(count + 1, sizeof(*edit->sets));
	edit->drops = calloc(count + 1, sizeof(*edit->drops));
	return edit->sets && edit->drops ? 0 : -ENOMEM;
}

static bool follows_change(const struct redis_put *put,
                           const struct field_row *row)
{
	enum part_action action = put->change->array_action;

	return (action == PART_SET || action == PART_DROP) && row->array;
}

static int edit_field(struct edit *edit, const struct redis_put *put,
                      const struct field_row *row)
{
	const struct value *before =
	    put->exists ? value_dict_get(put->image.fields, row->name) : NULL;
	const struct value *after =
	    value_dict_get(put->result.fields, row->name);
	struct setting *set = &edit->sets[edit->set_count];

	if (!after) {
		if (before || follows_change(put, row))
			edit->drops[edit->drop_count++] = row->place;
		return 0;
	}
	if (after == before)
		return 0;
	set->place = row->place;
	edit->set_count++;
	return redis_text_append(row, after, &set->text);
}

static const struct blob *text_of(const struct edit *edit, const char *place)
{
	for (size_t i = 0; i < edit->set_count; i++)
		if (strcmp(edit->sets[i].place, place) == 0)
			return &edit->sets[i].text;
	return NULL;
}

/* The version of the record after the change. */
static int edit_version(struct edit *edit, const struct redis_put *put)
{
	const struct collection *collection = put->collection;
	const struct field_row *row =
	    collection->timestamp
		? collection_field(collection, collection->timestamp)
		: NULL;
	const struct blob *text = row ? text_of(edit, row->place) : NULL;

	edit->version.size = put->image.version.size;
	if (put->change->array_action == PART_DROP)
		edit->version.size = 0;
	if (put->change->array_action == PART_SET)
		edit->version.size = put->bytes.size;
	if (!text && row && value_dict_get(put->result.fields, row->name))
		text = &put->image.version.timestamp;
	return text ? blob_append(&edit->version.timestamp, text->data,
	                          text->size)
	            : 0;
}

/* Can the dtype be told from the field that holds its name? */
static int name_tells(const struct redis_put *put, bool *out)
{
	const struct dtype *dtype = &put->change->array->info.dtype;
	const struct field_row *row = put->collection->fields;
	struct dtype parsed = { 0 };
	struct blob name = { 0 };
	char why[WHY_SIZE];
	int rc;

	*out = false;
	while (row->name && row->rule != FIELD_DTYPE)
		row++;
	if (!row->name)
		return 0;
	rc = dtype_append_name(dtype, &name);
	if (rc == 0 &&
	    dtype_parse_name(name.data, name.size, &parsed, why) == 0)
		*out = dtype_equal(dtype, &parsed);
	dtype_release(&parsed);
	blob_release(&name);
	return rc;
}

static bool has_shape_row(const struct collection *collection)
{
	const struct field_row *row = collection->fields;

	while (row->name && row->rule != FIELD_SHAPE)
		row++;
	return row->name;
}

static int note_array(struct redis_note *note, const struct redis_put *put)
{
	const struct array_info *info = &put->change->array->info;
	bool told;
	int rc = name_tells(put, &told);

	note->array_is_ours = true;
	note->encoding = put->encoding;
	note->fortran = info->fortran;
	note->shaped = !has_shape_row(put->collection);
	note->ndim = info->ndim;
	memcpy(note->shape, info->shape, sizeof(note->shape));
	if (rc == 0 && !told)
		rc = dtype_append_descr(&info->dtype, &note->descr);
	return rc ? rc
	          : blob_append(&note->header, info->header.data,
	                        info->header.size);
}

static bool sets_time(enum part_action action)
{
	return action == PART_SET || action == PART_TOUCH;
}

static int edit_note(struct edit *edit, const struct redis_put *put)
{
	const struct change *change = put->change;
	struct redis_note *note = &edit->note;
	int rc = redis_note_copy(note, &put->image.note);

	if (rc)
		return rc;
	note->dropped = put->result.fields_dropped;
	if (change->fields_action != PART_KEEP)
		note->fields_timed = sets_time(change->fields_action);
	if (note->fields_timed && sets_time(change->fields_action))
		note->fields_mtime = change_mtime(change->fields_mtime);
	if (change->array_action != PART_KEEP)
		note->array_timed = sets_time(change->array_action);
	if (note->array_timed && sets_time(change->array_action))
		note->array_mtime = change_mtime(change->array_mtime);
	if (change->array_action == PART_SET ||
	    change->array_action == PART_DROP) {
		blob_release(&note->header);
		blob_release(&note->descr);
		note->array_is_ours = false;
		note->shaped = false;
	}
	if (change->array_action == PART_SET)
		rc = note_array(note, put);
	return rc ? rc
	          : redis_note_append(note, &edit->version, &edit->note_text);
}

static int make_edit(struct edit *edit, const struct redis_put *put)
{
	const struct field_row *row = put->collection->fields;
	int rc = edit_init(edit, put->collection);

	for (; rc == 0 && row->name; row++)
		rc = edit_field(edit, put, row);
	if (rc == 0)
		rc = edit_version(edit, put);
	if (rc == 0)
		rc = edit_note(edit, put);
	if (rc == 0 && put->change->array_action == PART_DROP)
		edit->drops[edit->drop_count++] =
		    redis_array_place(put->collection);
	return rc;
}

/* Words that set the fields, two for each. */
static size_t count_words(const struct redis_put *put, const struct edit *edit)
{
	bool array = put->change->array_action == PART_SET;

	return 2 * (edit->set_count + 1 + (array ? 1 : 0));
}

static void add_words(struct redis_batch *batch, const struct redis_put *put,
                      const struct edit *edit)
{
	for (size_t i = 0; i < edit->set_count; i++) {
		redis_batch_text(batch, edit->sets[i].place);
		redis_batch_arg(batch, edit->sets[i].text.data,
		                edit->sets[i].text.size);
	}
	redis_batch_text(batch, REDIS_NOTE_FIELD);
	redis_batch_arg(batch, edit->note_text.data, edit->note_text.size);
	if (put->change->array_action == PART_SET) {
		redis_batch_text(batch, redis_array_place(put->collection));
		redis_batch_arg(batch, put->bytes.data, put->bytes.size);
	}
}

static void add_sets(struct redis_batch *batch, const struct redis_put *put,
                     const struct edit *edit)
{
	redis_batch_begin(batch, 2 + count_words(put, edit));
	redis_batch_text(batch, "HSET");
	redis_batch_arg(batch, put->whole.data, put->whole.size);
	add_words(batch, put, edit);
}

static void add_drops(struct redis_batch *batch, const struct redis_put *put,
                      const struct edit *edit)
{
	if (edit->drop_count == 0)
		return;
	redis_batch_begin(batch, 2 + edit->drop_count);
	redis_batch_text(batch, "HDEL");
	redis_batch_arg(batch, put->whole.data, put->whole.size);
	for (size_t i = 0; i < edit->drop_count; i++)
		redis_batch_text(batch, edit->drops[i]);
}

/* A TTL that begins now is counted by the server's clock. */
static const char *expiry_command(const struct redis_put *put, int64_t *number)
{
	int64_t asked = put->change->expires_ms;
	bool anew =
	    asked == EXPIRES_ANEW || (asked == EXPIRES_KEEP && !put->exists);

	*number = anew ? (int64_t)put->collection->ttl * 1000
	               : put->result.expires_ms;
	return anew ? "PEXPIRE" : "PEXPIREAT";
}

static void add_expiry(struct redis_batch *batch, const struct redis_put *put)
{
	int64_t expires = put->result.expires_ms;
	const char *command;
	int64_t number;

	if (put->exists ? expires == put->image.expires_ms : expires == 0)
		return;
	if (expires == 0) {
		redis_batch_key(batch, "PERSIST", &put->whole);
		return;
	}
	command = expiry_command(put, &number);
	redis_batch_begin(batch, 3);
	redis_batch_text(batch, command);
	redis_batch_arg(batch, put->whole.data, put->whole.size);
	redis_batch_int(batch, number);
}

int redis_commit(struct redis_link *link, struct redis_put *put)
{
	struct redis_batch batch = { .once = true };
	struct edit edit = { 0 };
	int rc;

	if (put->result.remove)
		return redis_unlink(link, &put->whole, put->change->ticket);
	rc = make_edit(&edit, put);
	if (rc == 0) {
		redis_batch_line(&batch, "MULTI");
		add_sets(&batch, put, &edit);
		add_drops(&batch, put, &edit);
		add_expiry(&batch, put);
		redis_ticket_use(&batch, put->change->ticket);
		redis_batch_line(&batch, "EXEC");
		rc = redis_execute(link, &batch);
	}
	edit_release(&edit);
	redis_batch_release(&batch);
	return rc;
}

/* ARGV: how to expire ("": not at all) and when, then the fields. */
static const char create_script[] =
    "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end "
    "redis.call('HSET', KEYS[1], unpack(ARGV, 3)) "
    "if ARGV[1] ~= '' then redis.call(ARGV[1], KEYS[1], ARGV[2]) end "
    "return 1";

static void add_script(struct redis_batch *batch, const struct redis_put *put,
                       const struct edit *edit)
{
	int64_t number;
	const char *command = expiry_command(put, &number);

	redis_batch_begin(batch, 6 + count_words(put, edit));
	redis_batch_text(batch, "EVAL");
	redis_batch_text(batch, create_script);
	redis_batch_text(batch, "1");
	redis_batch_arg(batch, put->whole.data, put->whole.size);
	redis_batch_text(batch, put->result.expires_ms ? command : "");
	redis_batch_int(batch, number);
	add_words(batch, put, edit);
}

int redis_create(struct redis_link *link, struct redis_put *put)
{
	struct redis_batch batch = { .once = true };
	struct edit edit = { 0 };
	int rc = make_edit(&edit, put);

	if (rc == 0) {
		add_script(&batch, put, &edit);
		rc = redis_link_run(link, &batch);
	}
	if (rc == 0 && (batch.replies[0]->type != REDIS_REPLY_INTEGER ||
	                batch.replies[0]->integer != 1))
		rc = -EEXIST;
	edit_release(&edit);
	redis_batch_release(&batch);
	return rc;
}
