/* SPDX-License-Identifier: MIT */
#include "backends/outage_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "backends/change.h"
#include "backends/json.h"
#include "backends/npy.h"

#define FIRST_LINE "engramfs-change 1 %zu %zu %016" PRIx64 "\n"
#define FIRST_LINE_MAX 128
#define JSON_LIMIT ((size_t)1 << 30)

/* The words of the file, by the numbers of the enums. */
static const char *const operations[] = { "put", "remove", "rename", NULL };
static const char *const actions[] = { "keep", "set", "drop", "touch", NULL };
static const char *const modes[] = { "replace", "keep", "swap", NULL };

bool outage_same_collection(const struct collection *a,
                            const struct collection *b)
{
	return a == b || strcmp(a->place, b->place) == 0;
}

void outage_entry_release(struct outage_entry *entry)
{
	blob_release(&entry->key_bytes);
	blob_release(&entry->to_bytes);
	blob_release(&entry->array_name);
	value_unref(entry->fields);
	array_release(&entry->array);
	*entry = (struct outage_entry){ 0 };
}

/* One at a time; the first failure stays in RC. */
static void add(struct value *dict, const char *name, struct value *item,
                int *rc)
{
	int added = item ? 0 : -ENOMEM;

	if (item && *rc == 0)
		added = value_dict_set(dict, name, item);
	else
		value_unref(item);
	if (*rc == 0)
		*rc = added;
}

static struct value *text(const char *string)
{
	return value_new_text(string, strlen(string));
}

static struct value *time_value(struct timespec time)
{
	struct value *list = value_new_list(VALUE_LIST);

	if (list && value_list_append(list, value_new_int(time.tv_sec)) == 0 &&
	    value_list_append(list, value_new_int(time.tv_nsec)) == 0)
		return list;
	value_unref(list);
	return NULL;
}

static void add_change(struct value *dict, const struct change *change, int *rc)
{
	add(dict, "fields_action", text(actions[change->fields_action]), rc);
	add(dict, "fields_mtime", time_value(change->fields_mtime), rc);
	if (change->fields_action == PART_SET)
		add(dict, "fields", value_copy(change->fields), rc);
	add(dict, "array_action", text(actions[change->array_action]), rc);
	add(dict, "array_mtime", time_value(change->array_mtime), rc);
	if (change->array_action != PART_KEEP)
		add(dict, "array",
		    value_new_bytes(change->array_name,
		                    strlen(change->array_name)),
		    rc);
	add(dict, "expires_ms", value_new_int(change->expires_ms), rc);
	add(dict, "exclusive", value_new_bool(change->exclusive), rc);
	add(dict, "must_exist", value_new_bool(change->must_exist), rc);
}

static int describe(const struct outage_entry *entry, struct value *dict)
{
	int rc = 0;

	add(dict, "operation", text(operations[entry->operation]), &rc);
	add(dict, "path", text(entry->collection->path), &rc);
	add(dict, "place", text(entry->collection->place), &rc);
	add(dict, "key", value_new_bytes(entry->key.data, entry->key.size),
	    &rc);
	add(dict, "accepted", time_value(entry->accepted), &rc);
	if (entry->operation == OUTAGE_PUT)
		add_change(dict, &entry->change, &rc);
	if (entry->operation == OUTAGE_RENAME) {
		add(dict, "to", value_new_bytes(entry->to.data, entry->to.size),
		    &rc);
		add(dict, "mode", text(modes[entry->mode]), &rc);
	}
	return rc;
}

static int encode_json(const struct outage_entry *entry, struct blob *out)
{
	struct value *dict = value_new_dict();
	int rc = dict ? describe(entry, dict) : -ENOMEM;

	if (rc == 0)
		rc = json_append(dict, JSON_STYLE_FILE, JSON_ARRAYS_INLINE,
		                 JSON_LIMIT, out);
	value_unref(dict);
	return rc;
}

int outage_entry_encode(const struct outage_entry *entry, struct blob *out)
{
	struct blob body = { 0 };
	size_t json;
	int rc = encode_json(entry, &body);

	json = body.size;
	if (rc == 0 && entry->operation == OUTAGE_PUT &&
	    entry->change.array_action == PART_SET)
		rc = npy_append(entry->change.array, &body);
	if (rc == 0)
		rc = blob_printf(out, FIRST_LINE, json, body.size - json,
		                 (uint64_t)XXH3_64bits(body.data, body.size));
	if (rc == 0)
		rc = blob_append(out, body.data, body.size);
	blob_release(&body);
	return rc;
}

/* What the first line says; the body begins behind it. */
struct frame {
	const char *json;
	size_t json_size;
	const char *npy;
	size_t npy_size;
};

static int open_frame(const struct blob *bytes, struct frame *out)
{
	const char *end =
	    memchr(bytes->data, '\n',
	           bytes->size < FIRST_LINE_MAX ? bytes->size : FIRST_LINE_MAX);
	size_t json;
	size_t npy;
	size_t rest;
	uint64_t sum;

	if (!end || sscanf(bytes->data, "engramfs-change 1 %zu %zu %" SCNx64,
	                   &json, &npy, &sum) != 3)
		return -EBADMSG;
	rest = bytes->size - (size_t)(end + 1 - bytes->data);
	if (json > rest || npy != rest - json ||
	    XXH3_64bits(end + 1, rest) != sum)
		return -EBADMSG;
	*out = (struct frame){ end + 1, json, end + 1 + json, npy };
	return 0;
}

/* Reading the object: the first failure stays in RC. */
static int word(const struct value *dict, const char *name,
                const char *const *words, int *rc)
{
	const struct value *item = value_dict_get(dict, name);

	for (int i = 0; item && item->type == VALUE_TEXT && words[i]; i++)
		if (strcmp(item->text.data, words[i]) == 0)
			return i;
	*rc = -EBADMSG;
	return 0;
}

static int64_t number(const struct value *item, int *rc)
{
	int64_t out = 0;

	if (!item || value_to_int(item, &out) != 0)
		*rc = -EBADMSG;
	return out;
}

static struct timespec time_of(const struct value *dict, const char *name,
                               int *rc)
{
	const struct value *item = value_dict_get(dict, name);

	if (!item || !value_is_list(item) || item->list.count != 2) {
		*rc = -EBADMSG;
		return (struct timespec){ 0 };
	}
	return (struct timespec){
		.tv_sec = (time_t)number(item->list.items[0], rc),
		.tv_nsec = (long)number(item->list.items[1], rc),
	};
}

static void bytes_of(const struct value *dict, const char *name,
                     struct blob *out, int *rc)
{
	const struct value *item = value_dict_get(dict, name);

	if (!item || (item->type != VALUE_BYTES && item->type != VALUE_TEXT))
		*rc = -EBADMSG;
	else if (*rc == 0)
		*rc = blob_set(out, item->text.data, item->text.size);
}

static bool truth(const struct value *dict, const char *name)
{
	const struct value *item = value_dict_get(dict, name);

	return item && item->type == VALUE_BOOL && item->boolean;
}

static int read_array(const struct frame *frame, struct outage_entry *entry)
{
	char why[WHY_SIZE];
	int rc = npy_parse(frame->npy, frame->npy_size, &entry->array, why);

	entry->change.array = &entry->array;
	return rc == -EINVAL ? -EBADMSG : rc;
}

static int read_change(const struct value *dict, const struct frame *frame,
                       struct outage_entry *entry)
{
	struct change *change = &entry->change;
	struct value *fields = value_dict_get(dict, "fields");
	int rc = 0;

	change->fields_action =
	    (enum part_action)word(dict, "fields_action", actions, &rc);
	change->fields_mtime = time_of(dict, "fields_mtime", &rc);
	change->array_action =
	    (enum part_action)word(dict, "array_action", actions, &rc);
	change->array_mtime = time_of(dict, "array_mtime", &rc);
	change->expires_ms = number(value_dict_get(dict, "expires_ms"), &rc);
	change->exclusive = truth(dict, "exclusive");
	change->must_exist = truth(dict, "must_exist");
	if (change->array_action != PART_KEEP)
		bytes_of(dict, "array", &entry->array_name, &rc);
	change->array_name =
	    entry->array_name.data ? entry->array_name.data : "";
	if (change->fields_action == PART_SET &&
	    (!fields || fields->type != VALUE_DICT))
		rc = -EBADMSG;
	entry->fields = fields ? value_ref(fields) : NULL;
	change->fields = entry->fields;
	if (rc == 0 && change->array_action == PART_SET)
		rc = read_array(frame, entry);
	return rc;
}

static const struct collection *find_row(const struct collection *rows,
                                         const struct value *dict)
{
	const struct value *path = value_dict_get(dict, "path");
	const struct value *place = value_dict_get(dict, "place");

	if (!path || path->type != VALUE_TEXT || !place ||
	    place->type != VALUE_TEXT)
		return NULL;
	for (; rows->path; rows++)
		if (strcmp(rows->path, path->text.data) == 0 &&
		    strcmp(rows->place, place->text.data) == 0)
			return rows;
	return NULL;
}

static int read_entry(const struct value *dict, const struct frame *frame,
                      const struct collection *rows, struct outage_entry *entry)
{
	int rc = 0;

	entry->collection = find_row(rows, dict);
	entry->operation =
	    (enum outage_operation)word(dict, "operation", operations, &rc);
	entry->accepted = time_of(dict, "accepted", &rc);
	bytes_of(dict, "key", &entry->key_bytes, &rc);
	entry->key =
	    (struct key){ entry->key_bytes.data, entry->key_bytes.size };
	if (rc == 0 && entry->operation == OUTAGE_RENAME) {
		bytes_of(dict, "to", &entry->to_bytes, &rc);
		entry->to =
		    (struct key){ entry->to_bytes.data, entry->to_bytes.size };
		entry->mode = (enum rename_mode)word(dict, "mode", modes, &rc);
	}
	if (rc == 0 && !entry->collection)
		rc = -EBADMSG;
	if (rc == 0 && entry->operation == OUTAGE_PUT)
		rc = read_change(dict, frame, entry);
	return rc;
}

int outage_entry_decode(const struct blob *bytes, const struct collection *rows,
                        struct outage_entry *out)
{
	struct value *dict = NULL;
	struct frame frame;
	char why[WHY_SIZE];
	int rc = open_frame(bytes, &frame);

	*out = (struct outage_entry){ 0 };
	if (rc == 0)
		rc = json_parse(frame.json, frame.json_size, JSON_ARRAYS_INLINE,
		                &dict, why);
	if (rc == 0 && dict->type != VALUE_DICT)
		rc = -EBADMSG;
	if (rc == 0)
		rc = read_entry(dict, &frame, rows, out);
	value_unref(dict);
	if (rc)
		outage_entry_release(out);
	return rc == -EINVAL ? -EBADMSG : rc;
}
