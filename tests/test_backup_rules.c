/* SPDX-License-Identifier: MIT */
#include "layout/backup_rules.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define HOUR 3600.0
#define DAY (24 * HOUR)
#define START 1.8e9 /* when the simulated clock begins */
#define MOST 4096

/* Backups that come and go by the rules, on a simulated clock. */
struct world {
	struct backup_rules rules;
	struct backup_entry entries[MOST];
	size_t count;
	double now;
};

static void rules(struct world *world, const char *text)
{
	char why[WHY_SIZE] = "";

	memset(world, 0, sizeof(*world));
	world->now = world->rules.since = START;
	assert_int_equal(
	    schedule_parse(text, world->rules.list, &world->rules.count, why),
	    0);
}

static void add(struct world *world, unsigned int schedules)
{
	assert_true(world->count < MOST);
	world->entries[world->count++] = (struct backup_entry){
		.schedules = schedules, .created = world->now, .whole = true
	};
}

static unsigned int due(const struct world *world)
{
	return backup_rules_due(&world->rules, world->entries, world->count,
	                        world->now);
}

static bool expired(const struct world *world, size_t i)
{
	return backup_rules_expired(&world->rules, world->entries, world->count,
	                            i, world->now);
}

static void remove_expired(struct world *world)
{
	for (size_t i = 0; i < world->count;) {
		if (!expired(world, i)) {
			i++;
			continue;
		}
		world->count--;
		memmove(&world->entries[i], &world->entries[i + 1],
		        (world->count - i) * sizeof(*world->entries));
	}
}

/* Mounted for SECONDS. */
static void pass(struct world *world, double seconds, double step)
{
	double end = world->now + seconds;

	for (; world->now < end; world->now += step) {
		unsigned int mask = due(world);

		if (mask) {
			add(world, mask);
			remove_expired(world);
		}
	}
}

static size_t count_of(const struct world *world, enum schedule_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < world->count; i++)
		count += (world->entries[i].schedules >> kind) & 1;
	return count;
}

/* Those that no other schedule keeps. */
static size_t count_alone(const struct world *world, enum schedule_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < world->count; i++)
		count += world->entries[i].schedules == 1u << kind;
	return count;
}

static void schedules_have_the_figures_of_the_framework(void **state)
{
	static const struct schedule expected[] = {
		{ SCHEDULE_REAL_TIME, 300, 7 * 86400 },
		{ SCHEDULE_HOURLY, 3600, 30 * 86400 },
		{ SCHEDULE_DAILY, 86400, 90 * 86400 },
		{ SCHEDULE_WEEKLY, 7 * 86400, 365 * 86400 },
		{ SCHEDULE_MONTHLY, 0, 7 * 365 * 86400 },
	};
	struct schedule list[SCHEDULE_KINDS];
	char why[WHY_SIZE];
	size_t count;

	(void)state;
	assert_int_equal(
	    schedule_parse("real_time hourly, daily  weekly,monthly", list,
	                   &count, why),
	    0);
	assert_int_equal(count, 5);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(list[i].kind, expected[i].kind);
		assert_int_equal(list[i].interval, expected[i].interval);
		assert_int_equal(list[i].retention, expected[i].retention);
	}
	assert_int_equal(schedule_parse("daily/12h=2w", list, &count, why), 0);
	assert_int_equal(list[0].interval, 43200);
	assert_int_equal(list[0].retention, 14 * 86400);
	assert_int_equal(schedule_parse("", list, &count, why), 0);
	assert_int_equal(count, 0);
}

static void what_is_no_schedule_is_refused(void **state)
{
	static const char *const texts[] = {
		"yearly",
		"interval",
		"hourly=",
		"hourly=30",
		"hourly=0d",
		"hourly=-1d",
		"hourly=30x",
		"hourly daily hourly",
		"daily/=3d",
		"daily=3d/12h",
		"daily=3d=4d",
		"daily=99999999999999999999d",
		"daily=9999999999999999d",
		"=3d",
	};
	struct schedule list[SCHEDULE_KINDS];
	char why[WHY_SIZE];
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(schedule_parse(texts[i], list, &count, why),
		                 -EINVAL);
}

static void one_backup_serves_all_that_are_due(void **state)
{
	struct world world;

	(void)state;
	rules(&world, "hourly daily");
	assert_int_equal(due(&world),
	                 1 << SCHEDULE_HOURLY | 1 << SCHEDULE_DAILY);
	add(&world, due(&world));
	assert_int_equal(due(&world), 0);
	assert_true(backup_rules_next(&world.rules, world.entries, world.count,
	                              world.now) == START + HOUR);
	world.now += HOUR;
	assert_int_equal(due(&world), 1 << SCHEDULE_HOURLY);
}

static void a_year_of_backups_leaves_what_retention_says(void **state)
{
	static struct world world;

	(void)state;
	rules(&world, "hourly=2d daily=14d weekly=8w monthly=1y");
	pass(&world, 400 * DAY, HOUR / 2);
	assert_in_range(count_alone(&world, SCHEDULE_HOURLY), 44, 49);
	assert_in_range(count_alone(&world, SCHEDULE_DAILY), 0, 15);
	assert_in_range(count_of(&world, SCHEDULE_DAILY), 14, 36);
	assert_in_range(count_of(&world, SCHEDULE_WEEKLY), 8, 22);
	assert_in_range(count_of(&world, SCHEDULE_MONTHLY), 12, 14);
	assert_in_range(world.count, 60, 90);
	for (size_t i = 0; i + 1 < world.count; i++)
		assert_true(world.entries[i].created <
		            world.entries[i + 1].created);
}

static void what_was_missed_comes_once(void **state)
{
	static struct world world;

	(void)state;
	rules(&world, "hourly");
	pass(&world, 3 * HOUR, 60);
	assert_int_equal(world.count, 3);
	world.now += 5 * DAY; /* nothing was mounted */
	assert_int_equal(due(&world), 1 << SCHEDULE_HOURLY);
	pass(&world, HOUR / 2, 60);
	assert_int_equal(world.count, 4);
}

static void the_last_whole_one_and_those_by_hand_stay(void **state)
{
	struct world world;

	(void)state;
	rules(&world, "hourly=1d");
	add(&world, 0);
	add(&world, BACKUP_OTHER);
	add(&world, 1 << SCHEDULE_HOURLY);
	add(&world, 1 << SCHEDULE_HOURLY);
	world.entries[3].whole = false;
	world.now += 1000 * DAY;
	assert_false(expired(&world, 0));
	assert_false(expired(&world, 1));
	assert_false(expired(&world, 2)); /* the last whole one */
	assert_true(expired(&world, 3));
	add(&world, 1 << SCHEDULE_HOURLY);
	assert_true(expired(&world, 2));
}

static void a_schedule_that_is_gone_keeps_its_backups(void **state)
{
	struct world world;

	(void)state;
	rules(&world, "hourly=1d");
	add(&world, 1 << SCHEDULE_HOURLY | 1 << SCHEDULE_WEEKLY);
	world.now += 1000 * DAY;
	add(&world, 1 << SCHEDULE_HOURLY);
	assert_false(expired(&world, 0));
}

static void damaged_ones_do_not_count(void **state)
{
	struct world world;

	(void)state;
	rules(&world, "daily");
	add(&world, 1 << SCHEDULE_DAILY);
	world.entries[0].whole = false;
	assert_int_equal(due(&world), 1 << SCHEDULE_DAILY);
}

static void a_clock_that_was_ahead_stops_nothing(void **state)
{
	struct world world;

	(void)state;
	rules(&world, "daily");
	world.now += 1000 * DAY;
	add(&world, 1 << SCHEDULE_DAILY);
	world.now = START + 2 * DAY;
	assert_int_equal(due(&world), 1 << SCHEDULE_DAILY);
	add(&world, 1 << SCHEDULE_DAILY);
	assert_int_equal(due(&world), 0);
}

static void a_month_is_one_of_the_calendar(void **state)
{
	const struct schedule monthly = { .kind = SCHEDULE_MONTHLY };
	struct tm tm = { .tm_year = 127, .tm_mon = 1, .tm_mday = 15 };
	double last = (double)timegm(&tm);

	(void)state;
	assert_true(schedule_next(&monthly, last) == last + 28 * DAY);
	tm.tm_mon = 11;
	last = (double)timegm(&tm);
	assert_true(schedule_next(&monthly, last) == last + 31 * DAY);
}

static void the_interval_keeps_a_number_of_them(void **state)
{
	static struct world world;

	(void)state;
	rules(&world, "");
	world.rules.list[0] = (struct schedule){ .interval = 3600 };
	world.rules.count = 1;
	world.rules.max_backups = 10;
	assert_int_equal(due(&world), 0); /* the first comes after an hour */
	add(&world, 0);
	pass(&world, 100 * HOUR, 60);
	assert_int_equal(count_of(&world, SCHEDULE_INTERVAL), 10);
	assert_int_equal(world.count, 11);
	assert_true(world.entries[10].created > START + 98 * HOUR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schedules_have_the_figures_of_the_framework),
		cmocka_unit_test(what_is_no_schedule_is_refused),
		cmocka_unit_test(one_backup_serves_all_that_are_due),
		cmocka_unit_test(a_year_of_backups_leaves_what_retention_says),
		cmocka_unit_test(what_was_missed_comes_once),
		cmocka_unit_test(the_last_whole_one_and_those_by_hand_stay),
		cmocka_unit_test(a_schedule_that_is_gone_keeps_its_backups),
		cmocka_unit_test(damaged_ones_do_not_count),
		cmocka_unit_test(a_clock_that_was_ahead_stops_nothing),
		cmocka_unit_test(a_month_is_one_of_the_calendar),
		cmocka_unit_test(the_interval_keeps_a_number_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
