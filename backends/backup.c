/* SPDX-License-Identifier: MIT */
#include "backends/maintenance.h"

#include <errno.h>
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

int backup_step(void *work, double done)
{
	return work_step(work, done);
}
