/* SPDX-License-Identifier: MIT */
/* An experience as JSON, the text that shall replace it, and a path.  Its own
 * references mean itself; each of its arrays is found at its path. */
#include "tests/fuzz/feed.h"

#include "backends/json.h"
#include "backends/nest.h"

#include <errno.h>

static struct value *take_value(struct feed *feed)
{
	struct blob text = { 0 };
	struct value *value = NULL;
	char why[WHY_SIZE];

	feed_text(feed, '\0', &text);
	if (json_parse(text.data, text.size, JSON_ARRAYS_INLINE, &value, why))
		value = NULL;
	blob_release(&text);
	return value;
}

static int check_array(const char *path, const struct array *array, void *arg)
{
	const struct array *found = NULL;

	feed_check(nest_find(arg, path, &found) == 0 && found == array);
	return 0;
}

static void check_same(struct value *value)
{
	struct value *references;
	struct value *again;
	char why[WHY_SIZE] = "";

	if (nest_each(value, check_array, value))
		return;
	feed_check(nest_to_references(value, &references) == 0);
	if (nest_from_references(references, value, &again, why) == 0) {
		feed_check(value_equal(again, value));
		value_unref(again);
	}
	value_unref(references);
}

static void replace(const struct value *text, const struct value *value)
{
	struct value *merged;
	char why[WHY_SIZE] = "";
	int rc = nest_from_references(text, value, &merged, why);

	if (rc == 0)
		value_unref(merged);
	else
		feed_check(rc != -EINVAL || why[0]);
}

static void change(struct value **value, const char *path)
{
	struct array array = { .info.ndim = 0 };
	struct value *item;
	const struct array *found;
	char why[WHY_SIZE] = "";
	int rc;

	dtype_plain(&array.info.dtype, 'i', 8);
	feed_check(blob_resize(&array.owned, 8) == 0);
	memset(array.owned.data, 0, 8);
	array.data = array.owned.data;
	feed_check(array_info_measure(&array.info) == 0);
	item = value_new_array(&array);
	feed_check(item != NULL);
	rc = nest_set(value, path, item, why);
	feed_check(rc != -EINVAL || why[0]);
	if (rc == 0)
		feed_check(nest_find(*value, path, &found) == 0 &&
		           nest_drop(value, path) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = { data, size };
	struct value *value = take_value(&feed);
	struct value *text = take_value(&feed);
	struct blob path = { 0 };

	feed_text(&feed, '\0', &path);
	if (value)
		check_same(value);
	if (text)
		replace(text, value);
	if (path.size < 4096)
		change(&value, path.data);
	blob_release(&path);
	value_unref(text);
	value_unref(value);
	return 0;
}
