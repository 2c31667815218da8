/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line per event, on standard error
 *
 * A line reads `area: what: why`, lower case, without a final full stop.
 * error: something was lost or refused by a backend.  warn: degraded, going
 * on.  info: mount, unmount, reconnects.  debug: one line per request.
 * A cause is logged where it is first seen and nowhere else.
 *
 * Threads:    any thread may log.
 */
#ifndef ENGRAMFS_BACKENDS_LOG_H
#define ENGRAMFS_BACKENDS_LOG_H

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* Lines above LEVEL are dropped.  Initially LOG_LEVEL_WARN. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* Write to syslog instead of standard error: for a daemon without a terminal. */
void log_use_syslog(void);

/* LINE, which another process of ours has written to its standard error: as if
 * we had, if it is one of these; else an error of AREA. */
void log_repeat(const char *area, const char *line);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
