/* SPDX-License-Identifier: MIT */
#include "layout/backup_internal.h"

#include "backends/file.h"
#include "backends/history.h"
#include "backends/log.h"
#include "layout/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "history-" /* of the names of segments in a backup */

/* Begin a segment: what changes from now on is not in the backup for sure. */
int backup_history_begin(struct making *making)
{
	struct history *history = making->tree->history;

	return history ? history_rotate(history, &making->history) : 0;
}

static int is_complete(const struct dirent *entry)
{
	int64_t begin;
	int64_t end;

	return history_parse_name(entry->d_name, &begin, &end) &&
	       end != HISTORY_OPEN;
}

static int list_complete(const struct making *making, struct blob *directory,
                         struct dirent ***names)
{
	int count;
	int rc = blob_printf(directory, "%s/" HISTORY_PLACE,
	                     making->tree->stores.directory);

	*names = NULL;
	if (rc)
		return rc;
	count = scandir(directory->data, names, is_complete, alphasort);
	return count < 0 && errno != ENOENT ? -errno : count < 0 ? 0 : count;
}

static int copy_segment(struct making *making, const char *directory,
                        const char *segment, struct work *work)
{
	struct blob name = { 0 };
	struct blob from = { 0 };
	struct blob to = { 0 };
	int rc = blob_printf(&name, PREFIX "%s", segment);

	if (rc == 0)
		rc = blob_printf(&from, "%s/%s", directory, segment);
	if (rc == 0)
		rc = blob_printf(&to, "%s/%s", backup_stage(making)->path.data,
		                 name.data);
	if (rc == 0)
		rc = file_copy(from.data, to.data, backup_step, work);
	if (rc == 0)
		rc = backup_add_file(making->files, name.data, from.data);
	blob_release(&name);
	blob_release(&from);
	blob_release(&to);
	return rc;
}

int backup_history_copy(struct making *making)
{
	struct work work = job_work(making->job, 1, 1);
	struct blob directory = { 0 };
	struct dirent **names;
	int count = list_complete(making, &directory, &names);
	int rc = count < 0 ? count : 0;

	for (int i = 0; i < count; i++) {
		if (rc == 0)
			rc = copy_segment(making, directory.data,
			                  names[i]->d_name, &work);
		free(names[i]);
	}
	free(names);
	blob_release(&directory);
	return rc ? rc : backup_pack_files(making, &work);
}

void backup_history_forget(const struct making *making)
{
	const char *store = making->tree->stores.directory;
	const struct value *files = making->files;

	for (size_t i = 0; i < files->list.count; i++) {
		const struct value *place =
		    value_dict_get(files->list.items[i], "place");
		struct blob path = { 0 };

		if (strncmp(place->text.data, HISTORY_PLACE "/",
		            strlen(HISTORY_PLACE "/")) == 0 &&
		    (blob_printf(&path, "%s/%s", store, place->text.data) ||
		     unlink(path.data) != 0))
			log_warn("backup: %s stays: %s", place->text.data,
			         strerror(errno));
		blob_release(&path);
	}
}
