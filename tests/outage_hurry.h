/* SPDX-License-Identifier: MIT */
/*
 * outage_hurry.h - an outage store does not wait between two attempts
 *
 * Its thread waits for a millisecond, in programs that are linked with
 * --wrap=pthread_cond_timedwait.  One store at a time.
 */
#ifndef ENGRAMFS_TESTS_OUTAGE_HURRY_H
#define ENGRAMFS_TESTS_OUTAGE_HURRY_H

/* The thread of a store whose storage is away does nothing from now on, until it
 * is released. */
void outage_hurry_hold(void);
void outage_hurry_release(void);

#endif
