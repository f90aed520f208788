/* Back-off: the schedule as a pure function. */
#include "client/backoff.h"

#include <criterion/criterion.h>

#include "base/clock.h"

Test(backoff, grows_by_three_fifths_from_a_second_to_two_minutes)
{
	static const uint32_t expected_ms[] = {
		1000, 1600, 2560, 4096, 6553, 10484, 16774, 26838, 42940, 68704, 109926
	};
	unsigned failures = 0;

	for (size_t i = 0; i < sizeof expected_ms / sizeof *expected_ms; i++)
		cr_expect_eq(hm_backoff_ceiling_ms("tcp://127.0.0.1:1", ++failures), expected_ms[i], "after %u",
			     failures);
	cr_expect_eq(hm_backoff_ceiling_ms("tcp://127.0.0.1:1", ++failures), 120000);
	cr_expect_eq(hm_backoff_ceiling_ms("tls+tcp://far:1", 1000000), 120000);
}

Test(backoff, is_short_within_the_host)
{
	cr_expect_eq(hm_backoff_ceiling_ms("ipc:///run/x.sock", 1), 20);
	cr_expect_eq(hm_backoff_ceiling_ms("inproc://x", 2), 32);
	cr_expect_eq(hm_backoff_ceiling_ms("ipc:///run/x.sock", 99), 2000);
}

Test(backoff, is_any_time_from_nothing_to_the_ceiling)
{
	static const char url[] = "tcp://127.0.0.1:1";

	cr_expect_eq(hm_backoff_us(url, 3, 0), 0);
	cr_expect_eq(hm_backoff_us(url, 3, UINT32_MAX / 2 + 1), 1280 * HM_US_PER_MS);
	cr_expect_eq(hm_backoff_us(url, 3, UINT32_MAX), 2560 * HM_US_PER_MS - 1);
	cr_expect_eq(hm_backoff_us(url, 1000, UINT32_MAX), 120 * HM_US_PER_S - 1);
}

Test(backoff, of_calls_is_from_a_tenth_of_a_second_to_five)
{
	cr_expect_eq(hm_backoff_call_us(1, UINT32_MAX), 100 * HM_US_PER_MS - 1);
	cr_expect_eq(hm_backoff_call_us(2, UINT32_MAX), 160 * HM_US_PER_MS - 1);
	cr_expect_eq(hm_backoff_call_us(99, UINT32_MAX), 5 * HM_US_PER_S - 1);
	cr_expect_eq(hm_backoff_call_us(3, 0), 0);
}
