/* Clock: clock_gettime, in microseconds. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * HM_US_PER_S + now.tv_nsec / 1000;
}

int64_t hm_clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t hm_clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
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
	length = strftime(ret_text, HM_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
	if (fraction % 1000)
		snprintf(ret_text + length, HM_TIME_BYTES - length, ".%06dZ", (int)fraction);
	else if (fraction)
		snprintf(ret_text + length, HM_TIME_BYTES - length, ".%03dZ", (int)(fraction / 1000));
	else
		snprintf(ret_text + length, HM_TIME_BYTES - length, "Z");
}
