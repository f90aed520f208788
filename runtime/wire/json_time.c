/* Times in JSON: the clock's RFC 3339, with nanoseconds where it has microseconds. */
#include "wire/json_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { NANOS_PER_S = 1000000000, FRACTION_DIGITS = 9 };

/* 0001-01-01T00:00:00Z, 9999-12-31T23:59:59Z, and ten thousand years. */
static const int64_t time_min_s = -62135596800, time_max_s = 253402300799, duration_max_s = 315576000000;

/* Writes ".123" and the like with the fewest of 0, 3, 6 or 9 digits, then the suffix. */
static void format_fraction(char *text, size_t size, int32_t nanos, char suffix)
{
	if (nanos % 1000)
		snprintf(text, size, ".%09" PRId32 "%c", nanos, suffix);
	else if (nanos % 1000000)
		snprintf(text, size, ".%06" PRId32 "%c", nanos / 1000, suffix);
	else if (nanos)
		snprintf(text, size, ".%03" PRId32 "%c", nanos / 1000000, suffix);
	else
		snprintf(text, size, "%c", suffix);
}

/* Reads the digits after a point as nanoseconds, and moves past them. False when there are none, or over nine. */
static bool read_fraction(const char **at, int32_t *ret_nanos)
{
	int32_t nanos = 0;
	int digits = 0;

	for (; **at >= '0' && **at <= '9'; ++*at, digits++) {
		if (digits == FRACTION_DIGITS)
			return false;
		nanos = nanos * 10 + (**at - '0');
	}
	if (!digits)
		return false;
	for (; digits < FRACTION_DIGITS; digits++)
		nanos *= 10;
	*ret_nanos = nanos;
	return true;
}

bool hm_json_time_format(const Google__Protobuf__Timestamp *time, char ret_text[HM_JSON_TIME_BYTES])
{
	size_t length;

	if (time->seconds < time_min_s || time->seconds > time_max_s || time->nanos < 0 || time->nanos >= NANOS_PER_S)
		return false;
	hm_time_format(time->seconds * HM_US_PER_S, ret_text);
	length = strlen(ret_text) - strlen("Z");
	format_fraction(ret_text + length, HM_JSON_TIME_BYTES - length, time->nanos, 'Z');
	return true;
}

bool hm_json_time_parse(const char *text, Google__Protobuf__Timestamp *ret_time)
{
	const char *point = strchr(text, '.');
	int32_t nanos = 0;
	int64_t seconds, us;

	if (!hm_time_parse(text, strlen(text), &us))
		return false;
	seconds = us / HM_US_PER_S - (us % HM_US_PER_S < 0);
	if (seconds < time_min_s || seconds > time_max_s)
		return false;
	if (point) {
		point++;
		if (!read_fraction(&point, &nanos))
			return false;
	}
	ret_time->seconds = seconds;
	ret_time->nanos = nanos;
	return true;
}

bool hm_json_duration_format(const Google__Protobuf__Duration *duration, char ret_text[HM_JSON_TIME_BYTES])
{
	int64_t seconds = duration->seconds;
	int32_t nanos = duration->nanos;
	int length;

	if (seconds > duration_max_s || seconds < -duration_max_s || nanos >= NANOS_PER_S || nanos <= -NANOS_PER_S ||
	    (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0))
		return false;
	length = snprintf(ret_text, HM_JSON_TIME_BYTES, "%s%lld", seconds < 0 || nanos < 0 ? "-" : "", llabs(seconds));
	format_fraction(ret_text + length, HM_JSON_TIME_BYTES - (size_t)length, abs(nanos), 's');
	return true;
}

bool hm_json_duration_parse(const char *text, Google__Protobuf__Duration *ret_duration)
{
	bool negative = *text == '-';
	int64_t seconds = 0;
	int32_t nanos = 0;
	const char *first;

	text += negative;
	for (first = text; *text >= '0' && *text <= '9'; text++) {
		seconds = seconds * 10 + (*text - '0');
		if (seconds > duration_max_s)
			return false;
	}
	if (text == first)
		return false;
	if (*text == '.') {
		text++;
		if (!read_fraction(&text, &nanos))
			return false;
	}
	if (strcmp(text, "s") != 0)
		return false;
	ret_duration->seconds = negative ? -seconds : seconds;
	ret_duration->nanos = negative ? -nanos : nanos;
	return true;
}
