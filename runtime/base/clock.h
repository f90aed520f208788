/* Clock: the two times there are. Monotonic for deadlines and latencies, wall for records (UTC). Microseconds. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HM_US_PER_MS = 1000, HM_US_PER_S = 1000000 };

/* hm_clock_mono_us never goes back; its zero means nothing. */
int64_t hm_clock_mono_us(void);

/* hm_clock_wall_us is the time since 1970-01-01T00:00:00Z. */
int64_t hm_clock_wall_us(void);

/* Both are a test's to move (clock_manual.h). hm_clock_machine_us is the monotonic one that nobody moves, to be compared with itself alone:
 * for limits on what other processes do, which live by the machine's. */
int64_t hm_clock_machine_us(void);

enum { HM_TIME_BYTES = 32 };

/* hm_time_format writes RFC 3339 in UTC with the fewest of 0, 3 or 6 fraction digits ("2026-11-22T10:00:00.123Z"). */
void hm_time_format(int64_t wall_us, char ret_text[HM_TIME_BYTES]);

/* hm_time_parse reads RFC 3339 ("2026-11-22T10:00:00.123Z", or an offset "+01:00" for the Z): upper-case T and Z, years 0001 to
 * 9999, one to nine fraction digits (those past microseconds are dropped), no leap second. False for anything else. */
bool hm_time_parse(const char *text, size_t length, int64_t *ret_wall_us);
