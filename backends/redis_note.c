/* SPDX-License-Identifier: MIT */
#include "backends/redis_note.h"

#include "backends/json.h"
#include "backends/value.h"

#include <errno.h>
#include <string.h>

#define NOTE_LIMIT ((size_t)1 << 20)
#define NANOSECONDS 1000000000

void redis_note_release(struct redis_note *note)
{
	blob_release(&note->header);
	blob_release(&note->descr);
	*note = (struct redis_note){ 0 };
}

int redis_note_copy(struct redis_note *out, const struct redis_note *note)
{
	struct redis_note copy = *note;
	int rc;

	copy.header = (struct blob){ 0 };
	copy.descr = (struct blob){ 0 };
	rc = blob_append(&copy.header, note->header.data, note->header.size);
	if (rc == 0)
		rc = blob_append(&copy.descr, note->descr.data,
		                 note->descr.size);
	if (rc)
		redis_note_release(&copy);
	else
		*out = copy;
	return rc;
}

static bool get_time(const struct value *note, const char *name,
                     struct timespec *out)
{
	const struct value *times = value_dict_get(note, "mtimes");
	const struct value *item = times ? value_dict_get(times, name) : NULL;
	int64_t ns;
	int64_t rest;

	if (!item || value_to_int(item, &ns))
		return false;
	rest = (ns % NANOSECONDS + NANOSECONDS) % NANOSECONDS;
	*out = (struct timespec){ .tv_sec = (ns - rest) / NANOSECONDS,
		                  .tv_nsec = rest };
	return true;
}

static const struct blob *get_text(const struct value *note, const char *name,
                                   enum value_type type)
{
	const struct value *item = value_dict_get(note, name);

	return item && item->type == type ? &item->text : NULL;
}

static bool has_word(const struct value *note, const char *name,
                     const char *word)
{
	const struct blob *text = get_text(note, name, VALUE_TEXT);

	return text && text->size == strlen(word) &&
	       memcmp(text->data, word, text->size) == 0;
}

static bool is_of_version(const struct value *note,
                          const struct redis_version *version)
{
	const struct blob *timestamp = get_text(note, "timestamp", VALUE_TEXT);
	const struct value *size = value_dict_get(note, "size");
	int64_t number;

	return timestamp && blob_equal(timestamp, &version->timestamp) &&
	       size && value_to_int(size, &number) == 0 &&
	       (uint64_t)number == version->size;
}

static void get_shape(const struct value *value, struct redis_note *note)
{
	const struct value *shape = value_dict_get(value, "shape");

	if (!shape || shape->type != VALUE_LIST ||
	    shape->list.count > ARRAY_MAX_DIMS)
		return;
	for (size_t i = 0; i < shape->list.count; i++) {
		int64_t length;

		if (value_to_int(shape->list.items[i], &length) || length < 0)
			return;
		note->shape[i] = (uint64_t)length;
	}
	note->ndim = (int)shape->list.count;
	note->shaped = true;
}

static int copy_text(const struct blob *text, struct blob *out)
{
	return text ? blob_append(out, text->data, text->size) : 0;
}

static int read_note(const struct value *value, struct redis_note *out)
{
	const struct value *dropped = value_dict_get(value, "dropped");
	struct redis_note note = { 0 };
	int rc;

	note.fields_timed = get_time(value, "fields", &note.fields_mtime);
	note.array_timed = get_time(value, "array", &note.array_mtime);
	note.dropped =
	    dropped && dropped->type == VALUE_BOOL && dropped->boolean;
	note.array_is_ours = get_text(value, "encoding", VALUE_TEXT) != NULL;
	note.encoding = has_word(value, "encoding", "pickle") ? ENCODING_PICKLE
	                                                      : ENCODING_NPY;
	note.fortran = has_word(value, "order", "F");
	get_shape(value, &note);
	rc = copy_text(get_text(value, "header", VALUE_BYTES), &note.header);
	if (rc == 0)
		rc = copy_text(get_text(value, "descr", VALUE_TEXT),
		               &note.descr);
	if (rc)
		redis_note_release(&note);
	else
		*out = note;
	return rc;
}

int redis_note_parse(const char *text, size_t size,
                     const struct redis_version *version,
                     struct redis_note *out)
{
	struct value *value = NULL;
	char why[WHY_SIZE];
	int rc = json_parse(text, size, JSON_ARRAYS_REFUSE, &value, why);

	*out = (struct redis_note){ 0 };
	if (rc == -EINVAL)
		return 0;
	if (rc == 0 && value->type == VALUE_DICT &&
	    is_of_version(value, version))
		rc = read_note(value, out);
	value_unref(value);
	return rc;
}

/* Takes over ITEM; a failure is kept in *RC. */
static void set(int *rc, struct value *dict, const char *name,
                struct value *item)
{
	if (*rc || !item)
		*rc = *rc ? *rc : -ENOMEM;
	else
		*rc = value_dict_set(dict, name, value_ref(item));
	value_unref(item);
}

static void set_time(int *rc, struct value *times, const char *name, bool timed,
                     struct timespec time)
{
	int64_t ns;

	if (!timed ||
	    __builtin_mul_overflow((int64_t)time.tv_sec, NANOSECONDS, &ns) ||
	    __builtin_add_overflow(ns, (int64_t)time.tv_nsec, &ns))
		return;
	set(rc, times, name, value_new_int(ns));
}

static void set_times(int *rc, struct value *dict,
                      const struct redis_note *note)
{
	struct value *times;

	if (!note->fields_timed && !note->array_timed)
		return;
	times = value_new_dict();
	if (!times) {
		*rc = *rc ? *rc : -ENOMEM;
		return;
	}
	set_time(rc, times, "fields", note->fields_timed, note->fields_mtime);
	set_time(rc, times, "array", note->array_timed, note->array_mtime);
	set(rc, dict, "mtimes", times);
}

static void set_shape(int *rc, struct value *dict,
                      const struct redis_note *note)
{
	struct value *shape;

	if (!note->shaped || *rc)
		return;
	shape = value_new_list(VALUE_LIST);
	if (!shape)
		*rc = -ENOMEM;
	for (int i = 0; i < note->ndim && *rc == 0; i++) {
		struct value *item = value_new_int((int64_t)note->shape[i]);

		*rc = item ? value_list_append(shape, item) : -ENOMEM;
	}
	set(rc, dict, "shape", shape);
}

static void set_array(int *rc, struct value *dict,
                      const struct redis_note *note)
{
	const char *encoding =
	    note->encoding == ENCODING_PICKLE ? "pickle" : "npy";

	set(rc, dict, "encoding", value_new_text(encoding, strlen(encoding)));
	set(rc, dict, "order", value_new_text(note->fortran ? "F" : "C", 1));
	set_shape(rc, dict, note);
	if (note->header.size)
		set(rc, dict, "header",
		    value_new_bytes(note->header.data, note->header.size));
	if (note->descr.size)
		set(rc, dict, "descr",
		    value_new_text(note->descr.data, note->descr.size));
}

int redis_note_append(const struct redis_note *note,
                      const struct redis_version *version, struct blob *out)
{
	struct value *dict = value_new_dict();
	int rc = dict ? 0 : -ENOMEM;

	if (rc)
		return rc;
	set(&rc, dict, "timestamp",
	    value_new_text(version->timestamp.size ? version->timestamp.data
	                                           : "",
	                   version->timestamp.size));
	set(&rc, dict, "size", value_new_int((int64_t)version->size));
	set_times(&rc, dict, note);
	if (note->dropped)
		set(&rc, dict, "dropped", value_new_bool(true));
	if (note->array_is_ours)
		set_array(&rc, dict, note);
	if (rc == 0)
		rc = json_append(dict, JSON_STYLE_PYTHON, JSON_ARRAYS_REFUSE,
		                 NOTE_LIMIT, out);
	value_unref(dict);
	return rc;
}
