/* SPDX-License-Identifier: MIT */
#include "layout/command.h"

#include "layout/backup.h"
#include "layout/upkeep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define JOB_MAX 1e15 /* exact as a double */

static int cancel(struct tree *tree, const struct value *arguments,
                  char why[WHY_SIZE])
{
	double id = 0;
	int rc = value_to_double(value_dict_get(arguments, "job"), &id);

	if (rc == 0)
		rc = id <= JOB_MAX ? jobs_cancel(tree->jobs, (uint64_t)id)
		                   : -ENOENT;
	if (rc == 0)
		return 0;
	snprintf(why, WHY_SIZE, "job %.0f %s", id,
	         rc == -EALREADY ? "has ended" : "does not exist");
	return -EINVAL;
}

static int check_flush(const struct value *arguments, char why[WHY_SIZE])
{
	const struct value *word = value_dict_get(arguments, "sure");

	if (strcmp(word->text.data, "yes") == 0)
		return 0;
	snprintf(why, WHY_SIZE,
	         "flush removes all Redis records; it needs the "
	         "word yes");
	return -EINVAL;
}

const struct command_row command_rows[] = {
	{ .name = "backup",
	  .help = "copy everything into STORE/backups/<UTC time>",
	  .run = backup_run },
	{ .name = "cancel",
	  .help = "stop a job between two of its steps",
	  .parameters = { { "job", .number = true, .bare = true,
	                    .required = true } },
	  .now = cancel },
	{ .name = "check-size",
	  .help = "rotate the HDF5 file if it is larger than "
	          "hdf5.max_file_size",
	  .run = upkeep_check_size },
	{ .name = "cleanup",
	  .help = "remove HDF5 records older than this; collections=A,B: "
	          "those instead",
	  .parameters = { { .name = "retention_days",
	                    .number = true,
	                    .required = true },
	                  { .name = "collections" } },
	  .run = upkeep_cleanup,
	  .check = upkeep_check_cleanup },
	{ .name = "clear-expired",
	  .help = "remove expired Redis records that are still stored",
	  .run = upkeep_clear_expired },
	{ .name = "compact",
	  .help = "copy the HDF5 files into new ones, without gaps",
	  .run = upkeep_compact },
	{ .name = "flush",
	  .help = "remove all Redis records: flush yes",
	  .parameters = { { "sure", .bare = true, .required = true } },
	  .run = upkeep_flush,
	  .check = check_flush },
	{ .name = "rotate",
	  .help = "go on with a new HDF5 file; if_larger=BYTES: if the old "
	          "one is",
	  .parameters = { { "if_larger", .number = true } },
	  .run = upkeep_rotate },
	{ .name = "stats",
	  .help = "count records and measure what they take",
	  .run = upkeep_statistics },
	{ .name = "vacuum",
	  .help = "rebuild the SQLite database, without gaps",
	  .run = upkeep_vacuum },
	{ .name = "verify",
	  .help = "read and check everything that is stored",
	  .run = upkeep_verify },
	{ 0 },
};
