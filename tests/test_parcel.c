/* SPDX-License-Identifier: MIT */
#include "backends/parcel.h"

#include "tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD 42 /* magic and header of an encrypted file */
#define SEALED (PARCEL_CHUNK + 17)
#define LONG (2 * PARCEL_CHUNK + 1000)

struct world {
	struct scratch scratch;
	struct seal_key *key;
};

static void in(const struct world *world, const char *name, char path[512])
{
	snprintf(path, 512, "%s/%s", world->scratch.path, name);
}

static struct seal_key *new_key(const struct world *world, const char *name)
{
	struct seal_key *key = NULL;
	char why[WHY_SIZE] = "";
	char path[512];

	in(world, name, path);
	assert_int_equal(seal_key_make(path), 0);
	assert_int_equal(seal_key_load(path, &key, why), 0);
	return key;
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	scratch_init(&world->scratch);
	world->key = new_key(world, "key");
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	seal_key_free(world->key);
	scratch_release(&world->scratch);
	free(world);
	return 0;
}

/* Bytes that compress a little. */
static void fill(char *bytes, size_t size)
{
	uint32_t seed = 1;

	for (size_t i = 0; i < size; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (char)(seed >> 28);
	}
}

/* Pack SIZE bytes as "packed". */
static void pack(struct world *world, size_t size,
                 const struct parcel_form *packing, struct parcel *out)
{
	char *bytes = malloc(size + 1);
	char from[512];
	char to[512];

	fill(bytes, size);
	scratch_write(&world->scratch, "plain", bytes, size);
	free(bytes);
	in(world, "plain", from);
	in(world, "packed", to);
	unlink(to);
	assert_int_equal(parcel_write(from, to, packing, out), 0);
}

static int unpack(struct world *world, const char *name,
                  const struct parcel_form *packing, uint64_t limit)
{
	struct parcel found;
	char from[512];
	char to[512];
	int look;
	int rc;

	in(world, name, from);
	in(world, "unpacked", to);
	unlink(to);
	look = parcel_read(from, NULL, packing, limit, &found);
	rc = parcel_read(from, to, packing, limit, &found);
	assert_int_equal(rc, look);
	assert_int_equal(access(to, F_OK), rc ? -1 : 0);
	return rc;
}

static void assert_same(struct world *world)
{
	struct blob a = { 0 };
	struct blob b = { 0 };

	assert_true(scratch_read(&world->scratch, "plain", &a));
	assert_true(scratch_read(&world->scratch, "unpacked", &b));
	assert_true(blob_equal(&a, &b));
	blob_release(&a);
	blob_release(&b);
}

static const size_t sizes[] = {
	0,
	1,
	1000,
	PARCEL_CHUNK - 1,
	PARCEL_CHUNK,
	PARCEL_CHUNK + 1,
	2 * PARCEL_CHUNK,
	20 * PARCEL_CHUNK + 7,
};

static void what_was_packed_is_unpacked(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 4; i++) {
		const struct parcel_form packing = { .compressed = i & 1,
			                             .key = i & 2 ? world->key
			                                          : NULL,
			                             .label = "a/b" };

		for (size_t j = 0; j < sizeof(sizes) / sizeof(*sizes); j++) {
			struct parcel made;

			pack(world, sizes[j], &packing, &made);
			assert_int_equal(made.size, sizes[j]);
			assert_int_equal(
			    unpack(world, "packed", &packing, sizes[j]), 0);
			assert_same(world);
		}
	}
}

static void the_program_zstd_unpacks_what_is_compressed(void **state)
{
	const struct parcel_form packing = { .compressed = true };
	struct world *world = *state;
	struct parcel made;

	pack(world, LONG, &packing, &made);
	assert_true(made.stored < made.size);
	scratch_python(&world->scratch,
	               "import subprocess\n"
	               "plain = subprocess.run(['zstd', '-dc', 'packed'],"
	               " check=True, stdout=subprocess.PIPE).stdout\n"
	               "assert plain == open('plain', 'rb').read()\n");
}

static void what_is_encrypted_shows_nothing(void **state)
{
	struct world *world = *state;
	const struct parcel_form packing = { .key = world->key, .label = "" };
	struct parcel made;
	struct blob bytes = { 0 };
	const char text[] = "this is secret, this is secret";
	char from[512];
	char to[512];

	scratch_write(&world->scratch, "plain", text, sizeof(text));
	in(world, "plain", from);
	in(world, "packed", to);
	assert_int_equal(parcel_write(from, to, &packing, &made), 0);
	assert_true(scratch_read(&world->scratch, "packed", &bytes));
	assert_null(memmem(bytes.data, bytes.size, "secret", 6));
	blob_release(&bytes);
}

/* Unpack what "packed" becomes with the byte at OFFSET flipped. */
static void check_flipped(struct world *world,
                          const struct parcel_form *packing,
                          const struct blob *bytes, size_t offset)
{
	bytes->data[offset] ^= 1;
	scratch_write(&world->scratch, "hurt", bytes->data, bytes->size);
	bytes->data[offset] ^= 1;
	assert_int_equal(unpack(world, "hurt", packing, LONG), -EBADMSG);
}

static void check_cut(struct world *world, const struct parcel_form *packing,
                      const struct blob *bytes, size_t size)
{
	scratch_write(&world->scratch, "hurt", bytes->data, size);
	assert_int_equal(unpack(world, "hurt", packing, LONG), -EBADMSG);
}

static void every_flipped_or_cut_chunk_is_seen(void **state)
{
	struct world *world = *state;
	const struct parcel_form packing = { .key = world->key, .label = "x" };
	struct blob bytes = { 0 };
	struct parcel made;

	pack(world, LONG, &packing, &made);
	assert_true(scratch_read(&world->scratch, "packed", &bytes));
	for (size_t i = 0; i <= HEAD; i++)
		check_flipped(world, &packing, &bytes, i);
	for (size_t chunk = 0; chunk < 3; chunk++) {
		size_t begin = HEAD + chunk * SEALED;
		size_t end = chunk < 2 ? begin + SEALED : bytes.size;

		check_flipped(world, &packing, &bytes, begin);
		check_flipped(world, &packing, &bytes, (begin + end) / 2);
		check_flipped(world, &packing, &bytes, end - 1);
		check_cut(world, &packing, &bytes, begin);
		check_cut(world, &packing, &bytes, begin + 1);
		check_cut(world, &packing, &bytes, begin + 17);
		check_cut(world, &packing, &bytes, end - 1);
	}
	check_cut(world, &packing, &bytes, 0);
	check_cut(world, &packing, &bytes, 20);
	blob_release(&bytes);
}

static void chunks_in_another_order_or_twice_are_seen(void **state)
{
	struct world *world = *state;
	const struct parcel_form packing = { .key = world->key, .label = "x" };
	struct blob bytes = { 0 };
	struct parcel made;
	char *copy;

	pack(world, LONG, &packing, &made);
	assert_true(scratch_read(&world->scratch, "packed", &bytes));
	copy = malloc(bytes.size + 100);
	memcpy(copy, bytes.data, bytes.size);
	memcpy(copy + HEAD, bytes.data + HEAD + SEALED, SEALED);
	memcpy(copy + HEAD + SEALED, bytes.data + HEAD, SEALED);
	scratch_write(&world->scratch, "hurt", copy, bytes.size);
	assert_int_equal(unpack(world, "hurt", &packing, LONG), -EBADMSG);

	memcpy(copy, bytes.data, bytes.size);
	memcpy(copy + HEAD + SEALED, bytes.data + HEAD, SEALED);
	scratch_write(&world->scratch, "hurt", copy, bytes.size);
	assert_int_equal(unpack(world, "hurt", &packing, LONG), -EBADMSG);

	memcpy(copy, bytes.data, bytes.size);
	memset(copy + bytes.size, 0, 100);
	scratch_write(&world->scratch, "hurt", copy, bytes.size + 100);
	assert_int_equal(unpack(world, "hurt", &packing, LONG), -EBADMSG);
	free(copy);
	blob_release(&bytes);
}

static void another_key_or_label_opens_nothing(void **state)
{
	struct world *world = *state;
	struct parcel_form packing = { .key = world->key, .label = "backup/a" };
	struct seal_key *other = new_key(world, "other");
	struct parcel made;

	pack(world, 1000, &packing, &made);
	packing.label = "backup/b";
	assert_int_equal(unpack(world, "packed", &packing, 1000), -EBADMSG);
	packing.label = "backup/a";
	packing.key = other;
	assert_int_equal(unpack(world, "packed", &packing, 1000), -EBADMSG);
	assert_string_not_equal(seal_key_id(other), seal_key_id(world->key));
	packing.key = world->key;
	assert_int_equal(unpack(world, "packed", &packing, 1000), 0);
	seal_key_free(other);
}

static void damage_of_what_is_only_compressed_is_seen(void **state)
{
	const struct parcel_form packing = { .compressed = true };
	struct world *world = *state;
	struct blob bytes = { 0 };
	struct parcel made;

	pack(world, LONG, &packing, &made);
	assert_true(scratch_read(&world->scratch, "packed", &bytes));
	for (size_t i = 1; i < 50; i++) {
		size_t place = i * bytes.size / 50;

		check_cut(world, &packing, &bytes, place);
		check_flipped(world, &packing, &bytes, place);
	}
	check_cut(world, &packing, &bytes, bytes.size - 1);
	blob_release(&bytes);
}

static void more_bytes_than_were_promised_are_not_written(void **state)
{
	struct world *world = *state;
	struct parcel_form packing = { .compressed = true,
		                       .key = world->key,
		                       .label = "" };
	struct parcel made;

	pack(world, LONG, &packing, &made);
	assert_int_equal(unpack(world, "packed", &packing, LONG - 1), -EBADMSG);
	assert_int_equal(unpack(world, "packed", &packing, 0), -EBADMSG);
}

static int stop(void *arg, double done)
{
	*(int *)arg += 1;
	return done > 0.5 ? -ECANCELED : 0;
}

static void packing_can_be_stopped_and_leaves_nothing(void **state)
{
	struct world *world = *state;
	int steps = 0;
	const struct parcel_form packing = { .compressed = true,
		                             .step = stop,
		                             .arg = &steps };
	struct parcel made;
	char *bytes = calloc(1, LONG);
	char from[512];
	char to[512];

	scratch_write(&world->scratch, "plain", bytes, LONG);
	free(bytes);
	in(world, "plain", from);
	in(world, "packed", to);
	assert_int_equal(parcel_write(from, to, &packing, &made), -ECANCELED);
	assert_int_equal(access(to, F_OK), -1);
	assert_int_equal(steps, 2);
}

static void a_key_that_others_may_read_is_refused(void **state)
{
	struct world *world = *state;
	struct seal_key *key = NULL;
	char why[WHY_SIZE] = "";
	struct stat status;
	char path[512];

	in(world, "key", path);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(seal_key_load(path, &key, why), -EINVAL);
	assert_non_null(strstr(why, "chmod 600"));
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(seal_key_load(path, &key, why), 0);
	assert_string_equal(seal_key_id(key), seal_key_id(world->key));
	seal_key_free(key);
}

static void what_is_no_key_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"secret\n",
		"engramfs-key 1 \n",
		"engramfs-key 1 00112233\n",
		"engramfs-key 2 0123456789abcdef0123456789abcdef"
		"0123456789abcdef0123456789abcdef\n",
		"engramfs-key 1 0123456789abcdef0123456789abcdef"
		"0123456789abcdef0123456789abcdeg\n",
		"engramfs-key 1 0123456789abcdef0123456789abcdef"
		"0123456789abcdef0123456789abcdef\n\n",
	};
	struct world *world = *state;
	struct seal_key *key = NULL;
	char why[WHY_SIZE] = "";
	char path[512];

	in(world, "bad", path);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		scratch_write(&world->scratch, "bad", texts[i],
		              strlen(texts[i]));
		assert_int_equal(chmod(path, 0600), 0);
		assert_int_equal(seal_key_load(path, &key, why), -EINVAL);
		assert_non_null(strstr(why, "keygen"));
	}
	in(world, "missing", path);
	assert_int_equal(seal_key_load(path, &key, why), -EINVAL);
	assert_non_null(strstr(why, "missing: No such file"));
	in(world, "key", path);
	assert_int_equal(seal_key_make(path), -EEXIST);
}

static void a_signature_fits_its_bytes_and_key_alone(void **state)
{
	struct world *world = *state;
	struct seal_key *other = new_key(world, "other");
	char mac[SEAL_MAC_SIZE];

	seal_sign(world->key, "bytes", 5, mac);
	assert_true(seal_check(world->key, "bytes", 5, mac));
	assert_false(seal_check(world->key, "bytez", 5, mac));
	assert_false(seal_check(world->key, "bytes", 4, mac));
	assert_false(seal_check(other, "bytes", 5, mac));
	assert_false(seal_check(world->key, "bytes", 5, ""));
	mac[0] = mac[0] == '0' ? '1' : '0';
	assert_false(seal_check(world->key, "bytes", 5, mac));
	seal_key_free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_packed_is_unpacked),
		TEST(the_program_zstd_unpacks_what_is_compressed),
		TEST(what_is_encrypted_shows_nothing),
		TEST(every_flipped_or_cut_chunk_is_seen),
		TEST(chunks_in_another_order_or_twice_are_seen),
		TEST(another_key_or_label_opens_nothing),
		TEST(damage_of_what_is_only_compressed_is_seen),
		TEST(more_bytes_than_were_promised_are_not_written),
		TEST(packing_can_be_stopped_and_leaves_nothing),
		TEST(a_key_that_others_may_read_is_refused),
		TEST(what_is_no_key_is_refused),
		TEST(a_signature_fits_its_bytes_and_key_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
