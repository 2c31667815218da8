/* SPDX-License-Identifier: MIT */
#include "backends/manifest.h"

#include "tests/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct member {
	const char *name;
	const char *json;
};

static const struct member sound[] = {
	{ "format", "2" },
	{ "name", "\"20261120T170102Z\"" },
	{ "store", "\"/lab\"" },
	{ "created_at", "1700000000.5" },
};

/* XXH3 of no bytes. */
#define EMPTY "\"size\": 0, \"stored\": 0, \"xxh3\": \"2d06800538d394c2\"}]"
#define EMPTY_A "[{\"name\": \"a\", \"place\": \"a\", " EMPTY

static int set_up(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	scratch_init(scratch);
	*state = scratch;
	return 0;
}

static int tear_down(void **state)
{
	scratch_release(*state);
	free(*state);
	return 0;
}

/* A sound manifest with FILES, but for the member that is OTHER's (may be
 * NULL). */
static int read_manifest(struct scratch *scratch, const char *files,
                         const struct member *other, struct manifest *out)
{
	char why[WHY_SIZE] = "";
	struct blob json = { 0 };
	int rc = blob_append_text(&json, "{");

	for (size_t i = 0; i < sizeof(sound) / sizeof(*sound); i++)
		if (!other || strcmp(sound[i].name, other->name) != 0)
			rc |= blob_printf(&json, "\"%s\": %s, ", sound[i].name,
			                  sound[i].json);
	if (other)
		rc |=
		    blob_printf(&json, "\"%s\": %s", other->name, other->json);
	if (other && files)
		rc |= blob_append_text(&json, ", ");
	if (files)
		rc |= blob_printf(&json, "\"files\": %s", files);
	assert_int_equal(rc | blob_append_text(&json, "}\n"), 0);
	scratch_write(scratch, MANIFEST_NAME, json.data, json.size);
	blob_release(&json);
	rc = manifest_read(scratch->path, NULL, out, why);
	assert_true((rc == 0) == (why[0] == '\0'));
	return rc;
}

static void assert_read(struct scratch *scratch, const char *files,
                        struct manifest *out)
{
	assert_int_equal(read_manifest(scratch, files, NULL, out), 0);
}

static void what_is_left_out_has_the_values_of_the_first_format(void **state)
{
	struct manifest manifest;

	assert_read(*state,
	            "[{\"name\": \"a\", \"place\": \"spool/a\", "
	            "\"size\": 7, \"xxh3\": \"0\"}]",
	            &manifest);
	assert_true(manifest.begun == 1700000000.5);
	assert_false(manifest.compressed);
	assert_null(manifest.key);
	assert_null(manifest.schedules);
	assert_int_equal(manifest_count(&manifest), 1);
	assert_int_equal(manifest_file(&manifest, 0).stored, 7);
	assert_int_equal(manifest_stored(&manifest), 7);
	manifest_release(&manifest);
}

static void what_leads_out_of_the_backup_or_the_store_is_refused(void **state)
{
	static const char *const files[] = {
		"{\"name\": \"a/b\", \"place\": \"a\", ",
		"{\"name\": \"..\", \"place\": \"a\", ",
		"{\"name\": \"\", \"place\": \"a\", ",
		"{\"name\": \"a\", \"place\": \"../a\", ",
		"{\"name\": \"a\", \"place\": \"a/../../b\", ",
		"{\"name\": \"a\", \"place\": \"\", ",
		"{\"name\": 1, \"place\": \"a\", ",
		"{\"place\": \"a\", ",
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct manifest manifest;
		struct blob text = { 0 };

		assert_int_equal(blob_printf(&text, "[%s" EMPTY, files[i]), 0);
		assert_int_equal(
		    read_manifest(*state, text.data, NULL, &manifest), -EINVAL);
		blob_release(&text);
	}
}

static void what_no_backup_says_of_itself_is_refused(void **state)
{
	static const struct member others[] = {
		{ "created_at", "{\"$float\": \"NaN\"}" },
		{ "created_at", "{\"$float\": \"Infinity\"}" },
		{ "created_at", "1e300" },
		{ "created_at", "-1" },
		{ "created_at", "\"now\"" },
		{ "begun_at", "-1e300" },
		{ "format", "3" },
		{ "format", "0" },
		{ "format", "{\"$float\": \"NaN\"}" },
		{ "compression", "\"lzma\"" },
		{ "compression", "1" },
		{ "encryption", "\"none\"" },
		{ "encryption", "{}" },
		{ "encryption", "{\"method\": \"rot13\", \"key\": \"0\"}" },
		{ "schedules", "\"hourly\"" },
		{ "schedules", "[1]" },
		{ "name", "null" },
		{ "name", "\"..\"" },
		{ "name", "\"20261120T170102Z\\u001b\"" },
		{ "store", "7" },
	};
	struct manifest manifest;

	assert_read(*state, "[]", &manifest);
	manifest_release(&manifest);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_int_equal(
		    read_manifest(*state, "[]", &others[i], &manifest),
		    -EINVAL);
	assert_int_equal(read_manifest(*state, NULL, NULL, &manifest), -EINVAL);
	assert_int_equal(read_manifest(*state, "{}", NULL, &manifest), -EINVAL);
	assert_int_equal(read_manifest(*state, "[1]", NULL, &manifest),
	                 -EINVAL);
}

static void what_is_said_of_packing_is_understood(void **state)
{
	static const struct member members[] = {
		{ "compression", "\"zstd\"" },
		{ "encryption", "{\"method\": \"xchacha20poly1305\", "
		                "\"key\": \"0011223344556677\"}" },
		{ "encryption", "null" },
	};
	struct manifest manifest;

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		assert_int_equal(
		    read_manifest(*state, "[]", &members[i], &manifest), 0);
		assert_int_equal(manifest.compressed, i == 0);
		assert_int_equal(manifest.key != NULL, i == 1);
		manifest_release(&manifest);
	}
}

static void a_pipe_in_a_backup_is_damage_and_nobody_waits(void **state)
{
	const struct parcel_form how = { 0 };
	struct scratch *scratch = *state;
	struct manifest manifest;
	struct manifest_file file;
	struct blob path = { 0 };

	assert_int_equal(blob_printf(&path, "%s/a", scratch->path), 0);
	assert_int_equal(mkfifo(path.data, 0600), 0);
	blob_release(&path);
	assert_read(scratch, EMPTY_A, &manifest);
	file = manifest_file(&manifest, 0);
	assert_int_equal(
	    manifest_unpack(&manifest, scratch->path, &file, &how, NULL),
	    -EBADMSG);
	manifest_release(&manifest);
}

static void what_was_there_is_not_unpacked_over_nor_removed(void **state)
{
	const struct parcel_form how = { 0 };
	struct scratch *scratch = *state;
	struct manifest manifest;
	struct manifest_file file;
	struct blob there = { 0 };
	char path[300];

	scratch_write(scratch, "there", "kept", 4);
	snprintf(path, sizeof(path), "%s/there", scratch->path);
	assert_read(scratch, EMPTY_A, &manifest);
	file = manifest_file(&manifest, 0);
	scratch_write(scratch, "a", "", 0);
	assert_int_equal(
	    manifest_unpack(&manifest, scratch->path, &file, &how, path),
	    -EEXIST);
	file.name = "."; /* no file that can be read */
	assert_int_equal(
	    manifest_unpack(&manifest, scratch->path, &file, &how, path),
	    -EBADMSG);
	assert_true(scratch_read(scratch, "there", &there));
	assert_int_equal(there.size, 4);
	blob_release(&there);
	manifest_release(&manifest);
}

static void backups_are_known_by_their_names(void **state)
{
	static const char *const others[] = {
		"",
		"20261120T170102Z.part",
		"20261120T170102",
		"2026112TT170102Z",
		"20261120 170102Z",
		"lost+foundT     Z",
	};

	(void)state;
	assert_true(manifest_is_backup("20261120T170102Z"));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_false(manifest_is_backup(others[i]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_left_out_has_the_values_of_the_first_format),
		TEST(what_leads_out_of_the_backup_or_the_store_is_refused),
		TEST(what_no_backup_says_of_itself_is_refused),
		TEST(what_is_said_of_packing_is_understood),
		TEST(a_pipe_in_a_backup_is_damage_and_nobody_waits),
		TEST(what_was_there_is_not_unpacked_over_nor_removed),
		TEST(backups_are_known_by_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
