/* Clock: clock_gettime, in microseconds, or what a test makes of it (clock_manual.c); and RFC 3339 both ways. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/clock_own.h"

_Atomic int hm_clock_owner;

int64_t hm_clock_read_us(enum hm_clock clock)
{
	static const clockid_t clocks[HM_CLOCKS] = {
		[HM_CLOCK_MONO] = CLOCK_MONOTONIC, [HM_CLOCK_WALL] = CLOCK_REALTIME
	};
	struct timespec now;

	clock_gettime(clocks[clock], &now);
	return (int64_t)now.tv_sec * HM_US_PER_S + now.tv_nsec / 1000;
}

static int64_t read_us(enum hm_clock clock)
{
	return hm_clock_is_manual() ? hm_clock_manual_us(clock) : hm_clock_read_us(clock);
}

int64_t hm_clock_mono_us(void)
{
	return read_us(HM_CLOCK_MONO);
}

int64_t hm_clock_wall_us(void)
{
	return read_us(HM_CLOCK_WALL);
}

int64_t hm_clock_machine_us(void)
{
	return hm_clock_read_us(HM_CLOCK_MONO);
}

void hm_time_format(int64_t wall_us, char ret_text[HM_TIME_BYTES])
{
	int64_t seconds = wall_us / HM_US_PER_S, fraction = wall_us % HM_US_PER_S;
	struct tm parts;
	time_t time;
	size_t length;

	if (fraction < 0) {
		fraction += HM_US_PER_S;
		seconds--;
	}
	time = seconds;
	gmtime_r(&time, &parts);
	length = (size_t)snprintf(ret_text, HM_TIME_BYTES, "%04d", parts.tm_year + 1900); /* %Y would not pad */
	length += strftime(ret_text + length, HM_TIME_BYTES - length, "-%m-%dT%H:%M:%S", &parts);
	if (fraction % 1000)
		snprintf(ret_text + length, HM_TIME_BYTES - length, ".%06dZ", (int)fraction);
	else if (fraction)
		snprintf(ret_text + length, HM_TIME_BYTES - length, ".%03dZ", (int)(fraction / 1000));
	else
		snprintf(ret_text + length, HM_TIME_BYTES - length, "Z");
}

/* Exactly `digits` digits, moved past. */
static bool read_digits(const char **at, const char *end, int digits, int *ret_value)
{
	int value = 0;

	if (end - *at < digits)
		return false;
	for (const char *stop = *at + digits; *at < stop; ++*at) {
		if (**at < '0' || **at > '9')
			return false;
		value = value * 10 + (**at - '0');
	}
	*ret_value = value;
	return true;
}

/* ".123456789", or nothing at all. */
static bool read_fraction(const char **at, const char *end, int64_t *ret_us)
{
	int64_t us = 0;
	int scale = HM_US_PER_S, digits = 0;

	if (*at < end && **at == '.') {
		for (++*at; *at < end && **at >= '0' && **at <= '9'; ++*at, digits++) {
			scale /= 10;
			us += (**at - '0') * scale;
		}
		if (!digits || digits > 9)
			return false;
	}
	*ret_us = us;
	return true;
}

/* "Z", "+hh:mm" or "-hh:mm", and nothing behind it. */
static bool read_offset(const char *at, const char *end, int64_t *ret_seconds)
{
	int hours, minutes, sign;

	*ret_seconds = 0;
	if (end - at == 1 && *at == 'Z')
		return true;
	if (end - at != 6 || (*at != '+' && *at != '-') || at[3] != ':')
		return false;
	sign = *at++ == '-' ? -1 : 1;
	if (!read_digits(&at, end, 2, &hours))
		return false;
	at++;
	if (!read_digits(&at, end, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static int days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

bool hm_time_parse(const char *text, size_t length, int64_t *ret_wall_us)
{
	enum { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, N_PARTS };
	static const struct {
		int digits, min, max;
		char after;
	} forms[N_PARTS] = {
		[YEAR] = { 4, 1, 9999, '-' }, [MONTH] = { 2, 1, 12, '-' },  [DAY] = { 2, 1, 31, 'T' },
		[HOUR] = { 2, 0, 23, ':' },   [MINUTE] = { 2, 0, 59, ':' }, [SECOND] = { 2, 0, 59, '\0' },
	};
	const char *at = text, *end = text + length;
	int parts[N_PARTS];
	int64_t us, offset_seconds;
	struct tm tm;

	for (int i = 0; i < N_PARTS; i++) {
		if (!read_digits(&at, end, forms[i].digits, &parts[i]) || parts[i] < forms[i].min ||
		    parts[i] > forms[i].max)
			return false;
		if (forms[i].after && (at == end || *at++ != forms[i].after))
			return false;
	}
	if (parts[DAY] > days_of_month(parts[YEAR], parts[MONTH]) || !read_fraction(&at, end, &us) ||
	    !read_offset(at, end, &offset_seconds))
		return false;
	tm = (struct tm){ .tm_year = parts[YEAR] - 1900,
			  .tm_mon = parts[MONTH] - 1,
			  .tm_mday = parts[DAY],
			  .tm_hour = parts[HOUR],
			  .tm_min = parts[MINUTE],
			  .tm_sec = parts[SECOND] };
	*ret_wall_us = ((int64_t)timegm(&tm) - offset_seconds) * HM_US_PER_S + us;
	return true;
}
