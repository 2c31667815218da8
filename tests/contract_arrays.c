/* SPDX-License-Identifier: MIT */
#include "tests/contract.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/npy.h"

/* Every kind of array comes back as numpy saved it, to the byte. */

/* The files that numpy saved. */
struct samples {
	char directory[128];
	char **names;
	size_t count;
};

static void run_python(const char *directory)
{
	char command[512];

	snprintf(command, sizeof(command), "/usr/bin/python3 %s/%s '%s'",
	         TESTS_DIRECTORY, "data/make_arrays.py", directory);
	/* The command is constant but for a name that mkdtemp made. */
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
}

static int is_npy(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".npy") == 0;
}

static void samples_init(struct samples *samples, const struct contract *c)
{
	struct dirent **entries;
	int count;

	snprintf(samples->directory, sizeof(samples->directory), "%s.npy",
	         c->directory);
	assert_int_equal(mkdir(samples->directory, 0700), 0);
	run_python(samples->directory);
	count = scandir(samples->directory, &entries, is_npy, alphasort);
	assert_true(count > 50);
	samples->count = (size_t)count;
	samples->names = calloc(samples->count, sizeof(*samples->names));
	assert_non_null(samples->names);
	for (size_t i = 0; i < samples->count; i++) {
		samples->names[i] = strdup(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

static void sample_path(const struct samples *samples, size_t index,
                        char path[512])
{
	snprintf(path, 512, "%s/%s", samples->directory, samples->names[index]);
}

static void samples_release(struct samples *samples)
{
	char path[512];

	for (size_t i = 0; i < samples->count; i++) {
		sample_path(samples, i, path);
		unlink(path);
		free(samples->names[i]);
	}
	free(samples->names);
	rmdir(samples->directory);
}

static void read_sample(const struct samples *samples, size_t index,
                        struct blob *out)
{
	char path[512];
	struct stat stat;
	FILE *file;

	sample_path(samples, index, path);
	file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &stat), 0);
	assert_int_equal(blob_resize(out, (size_t)stat.st_size), 0);
	assert_int_equal(fread(out->data, 1, out->size, file), out->size);
	fclose(file);
}

static int put_sample(struct contract *c, struct key key,
                      const struct blob *bytes, char why[WHY_SIZE])
{
	struct change change = no_change();
	struct array array = { 0 };
	int rc = npy_parse(bytes->data, bytes->size, &array, why);

	if (rc)
		return rc;
	change.array_action = PART_SET;
	change.array_name = first_array(c);
	change.array = &array;
	rc = put(c, key, &change);
	memcpy(why, change.why, WHY_SIZE);
	array_release(&array);
	return rc;
}

/* The file that READER's array makes. */
static int read_file(struct reader *reader, struct blob *out)
{
	int rc = npy_append_header(&reader->info, out);
	size_t start = out->size;
	ssize_t size;

	if (rc)
		return rc;
	rc = blob_resize(out, start + (size_t)reader->size + 8);
	if (rc)
		return rc;
	size = reader->ops->read(reader, 0, out->data + start,
	                         (size_t)reader->size + 8);
	if (size < 0)
		return (int)size;
	return blob_resize(out, start + (size_t)size);
}

/* The same file from what get says, and from the reader. */
static const char *compare_sample(struct contract *c, struct key key,
                                  const struct blob *bytes)
{
	const struct record_array *array;
	const char *trouble = NULL;
	struct blob file = { 0 };
	struct reader *reader;
	struct record record;
	int rc;

	rc = c->backend->open_array(c->store, &c->collection, key,
	                            first_array(c), &reader);
	if (rc)
		return "cannot be opened";
	rc = c->backend->get(c->store, &c->collection, key, &record);
	assert_int_equal(rc, 0);
	array = record_array(&record, first_array(c));
	if (!array)
		trouble = "is not among the record's arrays";
	else if (!array_info_equal(&array->info, &reader->info))
		trouble = "has another info in the record than in the reader";
	else if (read_file(reader, &file) != 0)
		trouble = "cannot be read";
	else if (!blob_equal(bytes, &file))
		trouble = "comes back as other bytes";
	blob_release(&file);
	record_release(&record);
	reader->ops->close(reader);
	return trouble;
}

static size_t complain(const struct samples *samples, size_t index,
                       const char *trouble)
{
	print_error("%s %s\n", samples->names[index], trouble);
	return 1;
}

/* Put sample INDEX under its own key. */
static size_t put_one(struct contract *c, const struct samples *samples,
                      size_t index)
{
	struct blob bytes = { 0 };
	char why[WHY_SIZE] = "";
	char buffer[24];
	size_t failed = 0;
	int rc;

	read_sample(samples, index, &bytes);
	rc = put_sample(c, made_key(c, (unsigned int)index, buffer), &bytes,
	                why);
	if (rc) {
		print_error("%s: %s\n", strerror(-rc), why);
		failed = complain(samples, index, "cannot be put");
	}
	blob_release(&bytes);
	return failed;
}

static size_t check_one(struct contract *c, const struct samples *samples,
                        size_t index)
{
	struct blob bytes = { 0 };
	const char *trouble;
	char buffer[24];

	read_sample(samples, index, &bytes);
	trouble =
	    compare_sample(c, made_key(c, (unsigned int)index, buffer), &bytes);
	blob_release(&bytes);
	return trouble ? complain(samples, index, trouble) : 0;
}

static void every_kind_of_array_comes_back_to_the_byte(struct contract *c)
{
	struct samples samples;
	size_t failed = 0;

	samples_init(&samples, c);
	for (size_t i = 0; i < samples.count; i++) {
		size_t refused = put_one(c, &samples, i);

		failed += refused ? refused : check_one(c, &samples, i);
	}
	samples_release(&samples);
	assert_int_equal(failed, 0);
}

static void every_kind_of_array_outlives_the_store(struct contract *c)
{
	struct samples samples;
	size_t failed = 0;

	samples_init(&samples, c);
	for (size_t i = 0; i < samples.count; i++)
		failed += put_one(c, &samples, i);
	reopen(c);
	for (size_t i = 0; i < samples.count; i++)
		failed += check_one(c, &samples, i);
	samples_release(&samples);
	assert_int_equal(failed, 0);
}

/* Each kind over each other kind: shape, type and order all change. */
static void every_kind_of_array_can_replace_another(struct contract *c)
{
	struct samples samples;
	struct blob bytes = { 0 };
	size_t failed = 0;

	samples_init(&samples, c);
	for (size_t i = 0; i < samples.count; i++) {
		char why[WHY_SIZE] = "";
		const char *trouble = "cannot be put";

		blob_release(&bytes);
		read_sample(&samples, i, &bytes);
		if (put_sample(c, nth_key(c, 0), &bytes, why) == 0)
			trouble = compare_sample(c, nth_key(c, 0), &bytes);
		failed += trouble ? complain(&samples, i, trouble) : 0;
	}
	blob_release(&bytes);
	samples_release(&samples);
	assert_int_equal(failed, 0);
}

const struct contract_test contract_array_tests[] = {
	CONTRACT_TEST(ARRAYS, every_kind_of_array_comes_back_to_the_byte),
	CONTRACT_TEST(ARRAYS, every_kind_of_array_can_replace_another),
	CONTRACT_TEST(ARRAYS | DURABLE, every_kind_of_array_outlives_the_store),
	{ 0 },
};
