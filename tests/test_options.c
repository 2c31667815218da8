/* SPDX-License-Identifier: MIT */
#include "fs/options.h"

#include <errno.h>
#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_WORDS 12

/* What one test has: the outcome of the last command line. */
struct fixture {
	struct options options;
	char why[OPTIONS_WHY_SIZE];
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	assert_non_null(*state);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	options_release(&fixture->options);
	options_release(&fixture->options);
	free(fixture);
	return 0;
}

/* Parse "engramfs WORDS", which are separated by spaces. */
static int parse(struct fixture *fixture, const char *words)
{
	char copy[512];
	char name[] = "engramfs";
	char *argv[MAX_WORDS + 2] = { name };
	char *rest = copy;
	int argc = 1;
	char *word;

	assert_true(strlen(words) < sizeof(copy));
	strcpy(copy, words);
	while ((word = strsep(&rest, " ")) && argc <= MAX_WORDS)
		argv[argc++] = word;
	assert_null(rest);
	options_release(&fixture->options);
	optind = 0; /* start anew */
	fixture->why[0] = '\0';
	return options_parse(argc, argv, &fixture->options, fixture->why);
}

static void assert_refused(struct fixture *fixture, const char *words,
                           const char *why)
{
	assert_int_equal(parse(fixture, words), -EINVAL);
	assert_string_equal(fixture->why, why);
	assert_null(fixture->options.store);
}

static void assert_list(char *const *list, size_t count,
                        const char *const *expected)
{
	size_t i = 0;

	for (; expected[i]; i++) {
		assert_true(i < count);
		assert_string_equal(list[i], expected[i]);
	}
	assert_int_equal(count, i);
}

static void a_store_and_a_mount_point_are_enough(void **state)
{
	struct fixture *fixture = *state;
	const struct options *options = &fixture->options;

	assert_int_equal(parse(fixture, "./store /mnt"), 0);
	assert_string_equal(options->store, "./store");
	assert_string_equal(options->mountpoint, "/mnt");
	assert_false(options->foreground || options->debug ||
	             options->single_thread || options->help ||
	             options->version || options->read_only ||
	             options->nonempty || options->has_uid ||
	             options->has_gid || options->has_umask);
	assert_int_equal(options->setting_count, 0);
	assert_int_equal(options->mount_count, 0);
}

static void letters_may_stand_anywhere_and_together(void **state)
{
	struct fixture *fixture = *state;
	const struct options *options = &fixture->options;

	assert_int_equal(parse(fixture, "store -f mnt -s"), 0);
	assert_string_equal(options->store, "store");
	assert_string_equal(options->mountpoint, "mnt");
	assert_true(options->foreground);
	assert_true(options->single_thread);
	assert_false(options->debug);
	assert_int_equal(parse(fixture, "-fsoro store mnt"), 0);
	assert_true(options->foreground && options->single_thread);
	assert_true(options->read_only);
	assert_int_equal(parse(fixture, "-f -- -store mnt"), 0);
	assert_string_equal(options->store, "-store");
}

static void debugging_stays_in_the_foreground(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(parse(fixture, "-d store mnt"), 0);
	assert_true(fixture->options.debug);
	assert_true(fixture->options.foreground);
	assert_int_equal(parse(fixture, "-o debug store mnt"), 0);
	assert_true(fixture->options.debug);
	assert_true(fixture->options.foreground);
}

static void help_and_version_need_no_places(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(parse(fixture, "-h"), 0);
	assert_true(fixture->options.help);
	assert_int_equal(parse(fixture, "--help"), 0);
	assert_true(fixture->options.help);
	assert_int_equal(parse(fixture, "-V"), 0);
	assert_true(fixture->options.version);
	assert_int_equal(parse(fixture, "--version store"), 0);
	assert_true(fixture->options.version);
	assert_null(fixture->options.store);
}

static void owners_and_permissions_are_numbers(void **state)
{
	struct fixture *fixture = *state;
	const struct options *options = &fixture->options;

	assert_int_equal(
	    parse(fixture, "-o uid=1000,gid=0,umask=027 store mnt"), 0);
	assert_true(options->has_uid && options->has_gid && options->has_umask);
	assert_int_equal(options->uid, 1000);
	assert_int_equal(options->gid, 0);
	assert_int_equal(options->umask, 027);
	assert_int_equal(parse(fixture, "-o uid=4294967294 store mnt"), 0);
	assert_int_equal(options->uid, 4294967294);
	assert_false(options->has_gid || options->has_umask);
}

static void each_option_goes_to_who_understands_it(void **state)
{
	static const char *const settings[] = { "redis.port=6380",
		                                "encoding=npy", "sqlite.no=1",
		                                NULL };
	static const char *const mount[] = { "allow_other", "max_read=4096",
		                             "noatime", NULL };
	struct fixture *fixture = *state;
	const struct options *options = &fixture->options;

	assert_int_equal(parse(fixture,
	                       "-o redis.port=6380,allow_other,ro store mnt "
	                       "-o encoding=npy,max_read=4096,nonempty "
	                       "-onoatime,sqlite.no=1"),
	                 0);
	assert_list(options->settings, options->setting_count, settings);
	assert_list(options->mount, options->mount_count, mount);
	assert_true(options->read_only);
	assert_true(options->nonempty);
}

/* Everything that may come after a comma of fstab. */
static void every_word_of_mount_is_passed_on(void **state)
{
	static const char *const words[] = {
		"allow_other",
		"allow_root",
		"auto_unmount",
		"default_permissions",
		"rw",
		"suid",
		"nosuid",
		"dev",
		"nodev",
		"exec",
		"noexec",
		"atime",
		"noatime",
		"sync",
		"async",
		"dirsync",
		"max_read=1",
		"fsname=x",
		"subtype=x",
		"context=x",
		"fscontext=x",
		"defcontext=x",
		"rootcontext=x",
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *const expected[] = { words[i], NULL };
		char line[64];

		snprintf(line, sizeof(line), "-o %s store mnt", words[i]);
		assert_int_equal(parse(fixture, line), 0);
		assert_list(fixture->options.mount,
		            fixture->options.mount_count, expected);
	}
}

static void a_backslash_takes_the_next_character_as_it_is(void **state)
{
	static const char *const mount[] = { "fsname=a,b", "subtype=c\\d",
		                             "fsname=e\\", NULL };
	struct fixture *fixture = *state;

	assert_int_equal(
	    parse(fixture,
	          "-o fsname=a\\,b,subtype=c\\\\d,fsname=e\\ store mnt"),
	    0);
	assert_list(fixture->options.mount, fixture->options.mount_count,
	            mount);
}

static void empty_options_are_none(void **state)
{
	static const char *const mount[] = { "rw", "dev", NULL };
	struct fixture *fixture = *state;

	assert_int_equal(parse(fixture, "-o ,,rw,,dev, store mnt"), 0);
	assert_list(fixture->options.mount, fixture->options.mount_count,
	            mount);
	assert_int_equal(parse(fixture, "-o , store mnt"), 0);
	assert_int_equal(fixture->options.mount_count, 0);
}

static void both_places_are_needed(void **state)
{
	static const char too_few[] = "a store and a mount point are needed";
	struct fixture *fixture = *state;

	assert_refused(fixture, "-f", too_few);
	assert_refused(fixture, "store", too_few);
	assert_refused(fixture, "store -o ro", too_few);
	assert_refused(fixture, "store mnt more", "too many arguments");
}

static void unknown_letters_are_refused_by_name(void **state)
{
	struct fixture *fixture = *state;

	assert_refused(fixture, "-x store mnt", "unknown option: -x");
	assert_refused(fixture, "store mnt -fx", "unknown option: -x");
	assert_refused(fixture, "-xf store mnt", "unknown option: -x");
	assert_refused(fixture, "store mnt --wrong", "unknown option: --wrong");
	assert_refused(fixture, "--help=1 store mnt",
	               "unknown option: --help=1");
	assert_refused(fixture, "store mnt -o", "-o needs a value");
}

static void unknown_words_are_refused_by_name(void **state)
{
	static const char *const words[] = { "wrong",         "RO",  "ro=1",
		                             "max_read",      "roo", "uid",
		                             "allow_other=1", "=" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char line[64];
		char why[64];

		snprintf(line, sizeof(line), "-o rw,%s store mnt", words[i]);
		snprintf(why, sizeof(why), "unknown option: -o %s", words[i]);
		assert_refused(fixture, line, why);
	}
}

static void bad_numbers_are_refused_by_name(void **state)
{
	static const char *const numbers[] = {
		"uid=",           "uid=-1",
		"uid=+1",         "uid=1x",
		"gid=x",          "gid=0x10",
		"gid=4294967295", "uid=99999999999999999999"
	};
	struct fixture *fixture = *state;
	char line[64];
	char why[64];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(line, sizeof(line), "-o %s store mnt", numbers[i]);
		snprintf(why, sizeof(why), "-o %s: not a number", numbers[i]);
		assert_refused(fixture, line, why);
	}
	assert_refused(fixture, "-o umask=8 store mnt",
	               "-o umask=8: not an octal number");
	assert_refused(fixture, "-o umask=0x1 store mnt",
	               "-o umask=0x1: not an octal number");
}

static void the_last_word_says_whether_reads_are_counted(void **state)
{
	static const struct {
		const char *line;
		bool counts;
	} cases[] = {
		{ "store mnt", true },
		{ "-o atime store mnt", true },
		{ "-o noatime store mnt", false },
		{ "-o atime,noatime store mnt", false },
		{ "-o noatime,atime store mnt", true },
		{ "-o ro store mnt", false },
		{ "-o ro,atime store mnt", false },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(fixture, cases[i].line), 0);
		assert_int_equal(options_count_accesses(&fixture->options),
		                 cases[i].counts);
	}
}

static void a_refusal_fits_its_line(void **state)
{
	struct fixture *fixture = *state;
	char line[500] = "store mnt -o ";

	memset(line + 13, 'x', sizeof(line) - 14);
	assert_int_equal(parse(fixture, line), -EINVAL);
	assert_int_equal(strncmp(fixture->why, "unknown option: -o xxx", 22),
	                 0);
	assert_true(strlen(fixture->why) < OPTIONS_WHY_SIZE);
}

#define OPTIONS_TEST(function)                                                 \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPTIONS_TEST(a_store_and_a_mount_point_are_enough),
		OPTIONS_TEST(letters_may_stand_anywhere_and_together),
		OPTIONS_TEST(debugging_stays_in_the_foreground),
		OPTIONS_TEST(help_and_version_need_no_places),
		OPTIONS_TEST(owners_and_permissions_are_numbers),
		OPTIONS_TEST(each_option_goes_to_who_understands_it),
		OPTIONS_TEST(every_word_of_mount_is_passed_on),
		OPTIONS_TEST(a_backslash_takes_the_next_character_as_it_is),
		OPTIONS_TEST(empty_options_are_none),
		OPTIONS_TEST(both_places_are_needed),
		OPTIONS_TEST(unknown_letters_are_refused_by_name),
		OPTIONS_TEST(unknown_words_are_refused_by_name),
		OPTIONS_TEST(bad_numbers_are_refused_by_name),
		OPTIONS_TEST(the_last_word_says_whether_reads_are_counted),
		OPTIONS_TEST(a_refusal_fits_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
