/*
 * Log: what a server has to say to its operator, one line a call, to standard error.
 *
 *     hm_log(HM_LOG_WARNING, "a peer was refused", "peer", address, "why", hm_error_get()->message, NULL);
 *     {"time":"2026-11-22T10:00:00.123456Z","level":"warning","what":"a peer was refused","peer":"…","why":"…"}
 *
 * To a terminal it is "10:00:00 warning  a peer was refused  peer=…  why=…". HALLMARK_LOG=debug|info|warning|error|off says from
 * which level on; without it, info. Libraries do not log, and secrets and health information never enter it.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

enum hm_log_level { HM_LOG_DEBUG, HM_LOG_INFO, HM_LOG_WARNING, HM_LOG_ERROR, HM_LOG_OFF };

/* hm_log writes one line: what happened, then pairs of a key and its value, both strings (a NULL value is left out), then
 * NULL. The arguments are evaluated only if the level is on. Thread-safe; lines do not mix. */
#define hm_log(level, ...)                                \
	do {                                              \
		if (hm_log_is_on(level))                  \
			hm_log_write(level, __VA_ARGS__); \
	} while (0)

bool hm_log_is_on(enum hm_log_level level);
void hm_log_write(enum hm_log_level level, const char *what, ...) __attribute__((sentinel));

/* hm_log_set_level overrules HALLMARK_LOG. */
void hm_log_set_level(enum hm_log_level level);

/* hm_log_format appends the line hm_log_write would write, its newline included; pairs: key, value, …, NULL. */
void hm_log_format(struct hm_buffer *buffer, bool for_terminal, int64_t wall_us, enum hm_log_level level,
		   const char *what, const char *const *pairs);
