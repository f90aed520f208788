/* Latency: percentiles of known times, and what becomes of them with time. */
#include "client/latency.h"

#include <criterion/criterion.h>

enum { MS = HM_US_PER_MS };
static const int64_t START_US = 1000 * HM_US_PER_S;

/* Its counter's end is at most an eighth more than what it counts. */
#define expect_about(actual, us) \
	cr_expect((actual) > (us) && (actual) <= (us) + (us) / 8, "%lld for %lld", (long long)(actual), (long long)(us))

Test(latency, says_nothing_before_there_are_enough_samples)
{
	struct hm_latency latency = { 0 };

	cr_expect_eq(hm_latency_percentile_us(&latency, 950, START_US), 0);
	for (int i = 1; i < HM_LATENCY_SAMPLES; i++) {
		hm_latency_note(&latency, 5 * MS, START_US);
		cr_expect_eq(hm_latency_percentile_us(&latency, 950, START_US), 0);
	}
	hm_latency_note(&latency, 5 * MS, START_US);
	expect_about(hm_latency_percentile_us(&latency, 950, START_US), 5 * MS);
}

Test(latency, a_percentile_is_the_end_of_the_counter_in_which_the_nearest_rank_lies)
{
	static const struct {
		uint32_t permille;
		int64_t us;
	} rows[] = { { 1, MS }, { 500, 500 * MS }, { 950, 950 * MS }, { 990, 990 * MS }, { 999, 999 * MS } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct hm_latency latency = { 0 };

		for (int ms = 1000; ms; ms--)
			hm_latency_note(&latency, ms * MS, START_US);
		expect_about(hm_latency_percentile_us(&latency, rows[i].permille, START_US), rows[i].us);
	}
}

Test(latency, a_rank_among_few_is_rounded_up)
{
	struct hm_latency latency = { 0 };

	for (int i = 0; i < 95; i++)
		hm_latency_note(&latency, MS, START_US);
	for (int i = 0; i < 5; i++)
		hm_latency_note(&latency, 50 * MS, START_US);
	expect_about(hm_latency_percentile_us(&latency, 950, START_US), MS);
	hm_latency_note(&latency, 50 * MS, START_US);
	latency.percentile_us = 0; /* so that it looks again at once */
	expect_about(hm_latency_percentile_us(&latency, 950, START_US), 50 * MS);
}

Test(latency, any_time_has_its_counter)
{
	static const int64_t short_us[] = { INT64_MIN, -1, 0, 1, 511 };
	static const int64_t within_us[] = { 512, 513, 575, 576, 1023, 1024, 65535, 65536, 1 << 25, (1 << 26) - 1 };
	static const int64_t long_us[] = { 1 << 26, 1 << 27, INT64_MAX };

	for (int64_t at = 0; at < 18; at++) {
		const int64_t us = at < 5 ? short_us[at] : at < 15 ? within_us[at - 5] : long_us[at - 15];
		struct hm_latency latency = { 0 };
		int64_t percentile_us;

		for (int i = 0; i < HM_LATENCY_SAMPLES; i++)
			hm_latency_note(&latency, us, START_US);
		percentile_us = hm_latency_percentile_us(&latency, 500, START_US);
		if (at < 5)
			cr_expect_eq(percentile_us, 512);
		else if (at < 15)
			expect_about(percentile_us, us);
		else
			cr_expect_eq(percentile_us, 1 << 26);
	}
}

static void note_many(struct hm_latency *latency, int64_t us, int64_t now_us)
{
	for (int i = 0; i < HM_LATENCY_SAMPLES; i++)
		hm_latency_note(latency, us, now_us);
}

Test(latency, what_was_is_forgotten_with_the_window_after)
{
	const int64_t second_us = START_US + HM_LATENCY_WINDOW_US, third_us = second_us + HM_LATENCY_WINDOW_US;
	struct hm_latency latency = { 0 };

	note_many(&latency, 100 * MS, START_US);
	expect_about(hm_latency_percentile_us(&latency, 500, second_us - 1), 100 * MS);
	expect_about(hm_latency_percentile_us(&latency, 500, second_us), 100 * MS);
	note_many(&latency, 10 * MS, second_us);
	expect_about(hm_latency_percentile_us(&latency, 990, third_us - 1), 100 * MS);
	expect_about(hm_latency_percentile_us(&latency, 990, third_us), 10 * MS);
	cr_expect_eq(hm_latency_percentile_us(&latency, 990, third_us + HM_LATENCY_WINDOW_US), 0);
}

Test(latency, a_long_silence_leaves_nothing)
{
	struct hm_latency latency = { 0 };

	note_many(&latency, 100 * MS, START_US);
	cr_expect_eq(hm_latency_percentile_us(&latency, 500, START_US + 2 * HM_LATENCY_WINDOW_US), 0);
}

Test(latency, each_method_has_its_own_and_no_more_than_so_many_have)
{
	struct hm_latencies *latencies = hm_latencies_open();
	struct hm_latency *first = hm_latencies_find(latencies, 7), *second = hm_latencies_find(latencies, 7 + 64);
	uint64_t method = 1000;

	cr_expect(first && second && first != second);
	cr_expect_eq(hm_latencies_find(latencies, 7), first);
	while (method < 2000 && hm_latencies_find(latencies, method))
		method++;
	cr_expect_eq(method, 1000 + 254);
	cr_expect_eq(hm_latencies_find(latencies, 7 + 64), second);
	hm_latencies_close(latencies);
	hm_latencies_close(NULL);
}
