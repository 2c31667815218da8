/* SPDX-License-Identifier: MIT */
#include "layout/link.h"

#include "backends/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FILE_LIMIT ((size_t)1 << 20)

static int add(struct value *dict, const char *name, struct value *item)
{
	return item ? value_dict_set(dict, name, item) : -ENOMEM;
}

int link_render_fields(const struct relation *relation, struct blob *out)
{
	struct value *dict = value_new_dict();
	int rc =
	    dict ? add(dict, "strength", value_new_float(relation->strength))
		 : -ENOMEM;

	if (rc == 0)
		rc =
		    add(dict, "created_at", value_new_float(relation->created));
	if (rc == 0)
		rc = json_append(dict, JSON_STYLE_FILE, JSON_ARRAYS_REFUSE,
		                 FILE_LIMIT, out);
	value_unref(dict);
	return rc;
}

static int take_number(const char *field, const struct value *value,
                       double *out, char why[WHY_SIZE])
{
	double number;

	if (value->type == VALUE_BOOL || value_to_double(value, &number) != 0 ||
	    !isfinite(number)) {
		snprintf(why, WHY_SIZE, "%s: is not a finite number", field);
		return -EINVAL;
	}
	*out = number;
	return 0;
}

static int take_field(const char *field, const struct value *value,
                      struct relation_change *out, char why[WHY_SIZE])
{
	if (strcmp(field, "strength") == 0)
		return take_number(field, value, &out->strength, why);
	if (strcmp(field, "created_at") == 0) {
		out->set_created = true;
		return take_number(field, value, &out->created, why);
	}
	snprintf(why, WHY_SIZE, "%.100s: no such field", field);
	return -EINVAL;
}

static int take_fields(const struct value *dict, struct relation_change *out,
                       char why[WHY_SIZE])
{
	int rc = 0;

	if (dict->type != VALUE_DICT) {
		snprintf(why, WHY_SIZE, "the file is not a JSON object");
		return -EINVAL;
	}
	for (size_t i = 0; rc == 0 && i < dict->dict.count; i++) {
		const struct value_pair *pair = &dict->dict.pairs[i];
		bool is_text = pair->key->type == VALUE_TEXT;

		rc = take_field(is_text ? pair->key->text.data : "", pair->item,
		                out, why);
	}
	return rc;
}

int link_parse(const void *bytes, size_t size, struct relation_change *out,
               char why[WHY_SIZE])
{
	struct relation_change change = { .set_strength = true,
		                          .strength = RELATION_STRENGTH,
		                          .mtime = out->mtime };
	struct value *dict = NULL;
	int rc = json_parse(bytes, size, JSON_ARRAYS_REFUSE, &dict, why);

	if (rc == 0)
		rc = take_fields(dict, &change, why);
	value_unref(dict);
	if (rc == 0)
		*out = change;
	return rc;
}
