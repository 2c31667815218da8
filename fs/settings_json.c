/* SPDX-License-Identifier: MIT */
#include "fs/settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/json.h"
#include "backends/value.h"
#include "fs/settings_row.h"

#define CONFIG_MAX 65536 /* bytes of the text */

static struct value *origin_value(const struct settings_origins *origins,
                                  const struct setting_row *row)
{
	char text[64] = "default";
	unsigned int line = origins->rows[row - setting_rows].line;

	switch (origins->rows[row - setting_rows].from) {
	case ORIGIN_DEFAULT:
		break;
	case ORIGIN_FILE:
		snprintf(text, sizeof(text), SETTINGS_FILE ":%u", line);
		break;
	case ORIGIN_ENVIRONMENT:
		snprintf(text, sizeof(text), "environment %s",
		         row->environment);
		break;
	case ORIGIN_OPTION:
		snprintf(text, sizeof(text), "-o");
		break;
	}
	return value_new_text(text, strlen(text));
}

/* Another row gave the slot of ROW its value. */
static bool is_elsewhere(const struct settings_origins *origins,
                         const struct setting_row *row)
{
	if (origins->rows[row - setting_rows].from != ORIGIN_DEFAULT)
		return false;
	for (size_t i = 0; setting_rows[i].key; i++) {
		if (setting_rows[i].offset == row->offset &&
		    origins->rows[i].from != ORIGIN_DEFAULT)
			return true;
	}
	return false;
}

/* Takes over VALUE, which may be NULL, as value_dict_set does. */
static int add(struct value *dict, const char *key, struct value *value)
{
	return value ? value_dict_set(dict, key, value) : -ENOMEM;
}

static int append_row(struct value *section, const struct settings *settings,
                      const struct settings_origins *origins,
                      const struct setting_row *row)
{
	const void *slot = (const char *)settings + row->offset;
	struct value *entry = value_new_dict();
	int rc;

	if (!entry)
		return -ENOMEM;
	rc = add(entry, "value",
	         is_elsewhere(origins, row) ? value_new_null()
	                                    : row->kind->show(row, slot));
	if (rc == 0)
		rc = add(entry, "origin", origin_value(origins, row));
	if (rc) {
		value_unref(entry);
		return rc;
	}
	return value_dict_set(section, row->key, entry);
}

static int append_rows(struct value *root, const struct settings *settings,
                       const struct settings_origins *origins)
{
	int rc = 0;

	for (const struct setting_row *row = setting_rows; !rc && row->key;
	     row++) {
		struct value *section = root;

		if (row->section[0])
			section = value_dict_get(root, row->section);
		if (!section) {
			section = value_new_dict();
			rc = add(root, row->section, section);
		}
		if (rc == 0)
			rc = append_row(section, settings, origins, row);
	}
	return rc;
}

int settings_append_json(const struct settings *settings,
                         const struct settings_origins *origins,
                         struct blob *out)
{
	struct value *root = value_new_dict();
	int rc;

	if (!root)
		return -ENOMEM;
	rc = append_rows(root, settings, origins);
	if (rc == 0)
		rc = json_append(root, JSON_STYLE_FILE, JSON_ARRAYS_REFUSE,
		                 CONFIG_MAX, out);
	value_unref(root);
	return rc;
}
