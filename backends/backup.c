/* SPDX-License-Identifier: MIT */
#include "backends/maintenance.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct value *new_text(const char *text)
{
	return value_new_text(text, strlen(text));
}

int backup_add_file(struct value *files, const char *name, const char *place)
{
	struct value *file = value_new_dict();
	int rc = file ? value_dict_set(file, "name", new_text(name)) : -ENOMEM;

	if (rc == 0)
		rc = value_dict_set(file, "place", new_text(place));
	if (rc == 0)
		return value_list_append(files, file);
	value_unref(file);
	return rc;
}

int backup_set_time(struct value *files, int64_t time)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRId64, time);
	return value_dict_set(files->list.items[files->list.count - 1], "as_of",
	                      new_text(digits));
}

int backup_step(void *work, double done)
{
	return work_step(work, done);
}
