/* SPDX-License-Identifier: MIT */
#include "layout/backup_rules.h"

static unsigned int mask_of(const struct schedule *schedule)
{
	return 1u << schedule->kind;
}

/* The last whole one of SCHEDULE, or NULL.  What is dated in the future was
 * made by a clock that was wrong. */
static const struct backup_entry *find_last(const struct schedule *schedule,
                                            const struct backup_entry *entries,
                                            size_t count, double now)
{
	const struct backup_entry *last = NULL;

	for (size_t i = 0; i < count; i++)
		if (entries[i].whole && entries[i].created <= now &&
		    (entries[i].schedules & mask_of(schedule)))
			last = &entries[i];
	return last;
}

/* The first of an interval comes when that is over; the first of a schedule
 * comes at once. */
static double next_of(const struct backup_rules *rules,
                      const struct schedule *schedule,
                      const struct backup_entry *entries, size_t count,
                      double now)
{
	const struct backup_entry *last =
	    find_last(schedule, entries, count, now);

	if (last)
		return schedule_next(schedule, last->created);
	return schedule->kind == SCHEDULE_INTERVAL
	           ? schedule_next(schedule, rules->since)
	           : rules->since;
}

unsigned int backup_rules_due(const struct backup_rules *rules,
                              const struct backup_entry *entries, size_t count,
                              double now)
{
	unsigned int due = 0;

	for (size_t i = 0; i < rules->count; i++)
		if (next_of(rules, &rules->list[i], entries, count, now) <= now)
			due |= mask_of(&rules->list[i]);
	return due;
}

double backup_rules_next(const struct backup_rules *rules,
                         const struct backup_entry *entries, size_t count,
                         double now)
{
	double first = 0;

	for (size_t i = 0; i < rules->count; i++) {
		double next =
		    next_of(rules, &rules->list[i], entries, count, now);

		if (first == 0 || next < first)
			first = next;
	}
	return first;
}

static const struct schedule *find_rule(const struct backup_rules *rules,
                                        unsigned int mask)
{
	for (size_t i = 0; i < rules->count; i++)
		if (mask_of(&rules->list[i]) == mask)
			return &rules->list[i];
	return NULL;
}

/* How many whole ones of the interval came after entry I. */
static int count_later(const struct backup_entry *entries, size_t count,
                       size_t i)
{
	int later = 0;

	for (i++; i < count; i++)
		if (entries[i].whole &&
		    (entries[i].schedules & (1u << SCHEDULE_INTERVAL)))
			later++;
	return later;
}

static bool keeps(const struct backup_rules *rules,
                  const struct schedule *schedule,
                  const struct backup_entry *entries, size_t count, size_t i,
                  double now)
{
	if (schedule->kind == SCHEDULE_INTERVAL)
		return rules->max_backups == 0 ||
		       count_later(entries, count, i) < rules->max_backups;
	return schedule->retention == 0 ||
	       now - entries[i].created <= (double)schedule->retention;
}

static bool is_last_whole(const struct backup_entry *entries, size_t count,
                          size_t i)
{
	if (!entries[i].whole)
		return false;
	for (i++; i < count; i++)
		if (entries[i].whole)
			return false;
	return true;
}

bool backup_rules_expired(const struct backup_rules *rules,
                          const struct backup_entry *entries, size_t count,
                          size_t i, double now)
{
	unsigned int left = entries[i].schedules;

	if (left == 0 || is_last_whole(entries, count, i))
		return false;
	for (unsigned int mask = 1; mask && left; mask <<= 1) {
		const struct schedule *rule;

		if (!(left & mask))
			continue;
		rule = find_rule(rules, mask);
		if (!rule || keeps(rules, rule, entries, count, i, now))
			return false;
		left &= ~mask;
	}
	return true;
}
