/* SPDX-License-Identifier: MIT */
#include "backends/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

/* The only mutable state of the process: where and how much to log. */
static atomic_int log_level = LOG_LEVEL_WARN;
static atomic_bool log_syslog;

void log_set_level(enum log_level level)
{
	atomic_store(&log_level, (int)level);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load(&log_level);
}

void log_use_syslog(void)
{
	openlog("engramfs", LOG_PID, LOG_DAEMON);
	atomic_store(&log_syslog, 1);
}

static const char *const names[] = { "error", "warning", "info", "debug" };

#define PREFIX "engramfs: "

__attribute__((format(printf, 2, 0))) static void
log_line(enum log_level level, const char *format, va_list args)
{
	static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO,
		                          LOG_DEBUG };
	char line[2048];

	if ((int)level > atomic_load(&log_level))
		return;
	vsnprintf(line, sizeof(line), format, args);
	if (atomic_load(&log_syslog))
		syslog(priorities[level], "%s", line);
	else
		fprintf(stderr, PREFIX "%s: %s\n", names[level], line);
}

#define LOG_FUNCTION(name, level)                                              \
	void name(const char *format, ...)                                     \
	{                                                                      \
		va_list args;                                                  \
                                                                               \
		va_start(args, format);                                        \
		log_line(level, format, args);                                 \
		va_end(args);                                                  \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

/* What is behind `engramfs: LEVEL: ` of LINE, or NULL. */
static const char *after_prefix(const char *line, const char *level)
{
	size_t size = strlen(PREFIX);

	if (strncmp(line, PREFIX, size) != 0)
		return NULL;
	line += size;
	size = strlen(level);
	return strncmp(line, level, size) == 0 &&
	               strncmp(line + size, ": ", 2) == 0
	           ? line + size + 2
	           : NULL;
}

void log_repeat(const char *area, const char *line)
{
	static void (*const functions[])(const char *format,
	                                 ...) = { log_error, log_warn, log_info,
		                                  log_debug };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *text = after_prefix(line, names[i]);

		if (text) {
			functions[i]("%s", text);
			return;
		}
	}
	log_error("%s: %s", area, line);
}
