/* Ejection: the rules, by hand and with a clock of the test's own. */
#include "client/ejection.h"

#include <criterion/criterion.h>

#include "base/clock.h"

enum { IN_A_ROW = 5, INTERVAL_US = 10 * HM_US_PER_S, BASE_US = 30 * HM_US_PER_S };
static const int64_t start_us = 1000000;

static void open_with(struct hm_ejector *ejector, unsigned members)
{
	hm_ejector_init(ejector);
	for (unsigned place = 0; place < members; place++)
		hm_ejector_add(ejector, place);
}

/* Whether the last of so many failures ejected it. */
static bool fail(struct hm_ejector *ejector, unsigned place, unsigned times, int64_t now_us)
{
	bool has_been_ejected = false;

	for (unsigned i = 0; i < times; i++)
		has_been_ejected = hm_ejector_note(ejector, place, true, now_us);
	return has_been_ejected;
}

static void succeed(struct hm_ejector *ejector, unsigned place, unsigned times, int64_t now_us)
{
	for (unsigned i = 0; i < times; i++)
		cr_assert_not(hm_ejector_note(ejector, place, false, now_us));
}

Test(ejection, takes_five_failures_in_a_row)
{
	struct hm_ejector ejector;

	open_with(&ejector, 3);
	cr_expect_not(fail(&ejector, 1, IN_A_ROW - 1, start_us));
	succeed(&ejector, 1, 1, start_us);
	cr_expect_not(fail(&ejector, 1, IN_A_ROW - 1, start_us));
	cr_expect(fail(&ejector, 1, 1, start_us));
	cr_expect(hm_ejector_has(&ejector, 1));
	cr_expect_not(hm_ejector_has(&ejector, 0));
}

Test(ejection, ends_when_its_time_is_over)
{
	struct hm_ejector ejector;

	open_with(&ejector, 2);
	cr_assert(fail(&ejector, 0, IN_A_ROW, start_us));
	hm_ejector_tick(&ejector, start_us + BASE_US - 1);
	cr_expect(hm_ejector_has(&ejector, 0));
	cr_expect_eq(hm_ejector_next_us(&ejector), start_us + BASE_US);
	cr_expect(hm_ejector_tick(&ejector, start_us + BASE_US));
	cr_expect_not(hm_ejector_has(&ejector, 0));
	cr_expect_eq(hm_ejector_next_us(&ejector), INT64_MAX);
}

Test(ejection, lasts_longer_each_time_and_at_most_five_minutes)
{
	struct hm_ejector ejector;
	int64_t now_us = start_us;

	open_with(&ejector, 2);
	for (unsigned times = 1; times <= 12; times++) {
		int64_t expected_us = BASE_US * (int64_t)(times < 10 ? times : 10);

		cr_assert(fail(&ejector, 0, IN_A_ROW, now_us));
		ejector.sweep_us = INT64_MAX; /* no good interval between */
		ejector.next_us = now_us + expected_us;
		hm_ejector_tick(&ejector, now_us + expected_us - 1);
		cr_expect(hm_ejector_has(&ejector, 0), "the %uth time", times);
		now_us += expected_us;
		cr_assert(hm_ejector_tick(&ejector, now_us));
		cr_expect_not(hm_ejector_has(&ejector, 0), "the %uth time", times);
	}
}

Test(ejection, forgives_a_time_for_each_good_interval)
{
	struct hm_ejector ejector;
	int64_t now_us = start_us + BASE_US;

	open_with(&ejector, 2);
	cr_assert(fail(&ejector, 0, IN_A_ROW, start_us));
	hm_ejector_tick(&ejector, now_us); /* ends it; the interval that saw the failures ends, too */
	succeed(&ejector, 0, 1, now_us);
	hm_ejector_tick(&ejector, now_us += INTERVAL_US);
	cr_assert(fail(&ejector, 0, IN_A_ROW, now_us));
	cr_expect_eq(ejector.records[0].until_us, now_us + BASE_US, "as if it were the first time");
}

Test(ejection, leaves_half_of_the_members_and_always_one)
{
	struct hm_ejector ejector;

	for (unsigned members = 1; members <= 9; members++) {
		unsigned ejected = 0;

		open_with(&ejector, members);
		for (unsigned place = 0; place < members; place++)
			ejected += fail(&ejector, place, IN_A_ROW, start_us);
		cr_expect_eq(ejected, members / 2, "of %u", members);
	}
}

Test(ejection, makes_room_when_an_ejected_member_leaves)
{
	struct hm_ejector ejector;

	open_with(&ejector, 3);
	cr_assert(fail(&ejector, 0, IN_A_ROW, start_us));
	cr_expect_not(fail(&ejector, 1, IN_A_ROW, start_us));
	hm_ejector_remove(&ejector, 0);
	hm_ejector_add(&ejector, 0);
	cr_expect_not(hm_ejector_has(&ejector, 0), "the next one at the place begins anew");
	cr_expect(fail(&ejector, 1, 1, start_us), "what failed on is ejected as soon as there is room");
}

Test(ejection, finds_the_one_whose_success_rate_is_far_below_the_others)
{
	struct hm_ejector ejector;

	open_with(&ejector, 6);
	for (unsigned place = 0; place < 6; place++)
		for (unsigned i = 0; i < 100; i++)
			cr_assert_not(hm_ejector_note(&ejector, place, i % (place == 4 ? 2 : 50) == 0, start_us));
	cr_expect_not(hm_ejector_tick(&ejector, start_us + INTERVAL_US - 1));
	cr_expect(hm_ejector_tick(&ejector, start_us + INTERVAL_US));
	for (unsigned place = 0; place < 6; place++)
		cr_expect_eq(hm_ejector_has(&ejector, place), place == 4, "place %u", place);
}

Test(ejection, compares_no_rates_of_too_few_members_or_calls)
{
	struct hm_ejector ejector;

	open_with(&ejector, 4);
	for (unsigned place = 0; place < 4; place++)
		for (unsigned i = 0; i < 200; i++)
			hm_ejector_note(&ejector, place, place == 3 && i % 2, start_us);
	cr_expect_not(hm_ejector_tick(&ejector, start_us + INTERVAL_US));
	open_with(&ejector, 6);
	for (unsigned place = 0; place < 6; place++)
		for (unsigned i = 0; i < 99; i++)
			hm_ejector_note(&ejector, place, place == 3 && i % 2, start_us);
	cr_expect_not(hm_ejector_tick(&ejector, start_us + INTERVAL_US));
}

Test(ejection, ejects_nobody_when_all_fail_alike)
{
	struct hm_ejector ejector;

	open_with(&ejector, 8);
	for (unsigned place = 0; place < 8; place++)
		for (unsigned i = 0; i < 120; i++)
			hm_ejector_note(&ejector, place, i % 2, start_us);
	cr_expect_not(hm_ejector_tick(&ejector, start_us + INTERVAL_US));
}
