/* Picker: who is picked how often, with loads and times made by the test: the same seed, the same picks. */
#include "client/picker.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"

enum { PICKS = 30000 };

static uint8_t even[HM_PLACES];

static void open_with(struct hm_picker *picker, enum hm_balancing balancing, unsigned members)
{
	struct hm_places places = { 0 };

	memset(even, 1, sizeof even);
	for (unsigned place = 0; place < members; place++)
		hm_places_add(&places, place);
	hm_picker_init(picker, balancing, 7);
	hm_picker_set_members(picker, &places, even);
}

/* A server that answers each call after latency_us, one call after the other from `callers` callers at once: simulated time. */
struct world {
	struct hm_picker picker;
	int64_t now_us;
	unsigned counts[HM_PLACES];
	const int64_t *latencies_us;
};

struct caller {
	int64_t due_us;
	int64_t since_us;
	int place;
};

static void begin(struct world *world, struct caller *caller)
{
	int place = hm_picker_pick(&world->picker, NULL, world->now_us);

	cr_assert_geq(place, 0);
	hm_picker_begin(&world->picker, (unsigned)place);
	world->counts[place]++;
	*caller = (struct caller){ world->now_us + world->latencies_us[place], world->now_us, place };
}

static void run(struct world *world, unsigned callers, unsigned calls)
{
	struct caller all[64];

	cr_assert_leq(callers, 64);
	world->now_us = HM_US_PER_S;
	for (unsigned i = 0; i < callers; i++)
		begin(world, &all[i]);
	while (calls--) {
		struct caller *first = all;

		for (unsigned i = 1; i < callers; i++)
			if (all[i].due_us < first->due_us)
				first = &all[i];
		world->now_us = first->due_us;
		hm_picker_end(&world->picker, (unsigned)first->place, first->due_us - first->since_us, world->now_us);
		begin(world, first);
	}
}

Test(picker, has_nobody_to_pick_without_members)
{
	struct hm_picker picker;

	open_with(&picker, HM_LEAST_LOADED, 0);
	cr_expect_eq(hm_picker_pick(&picker, NULL, 1), HM_PLACE_NONE);
	hm_picker_fini(&picker);
}

Test(picker, goes_round_in_turn)
{
	struct hm_picker picker;
	int first;

	open_with(&picker, HM_ROUND_ROBIN, 3);
	first = hm_picker_pick(&picker, NULL, 1);
	for (int i = 1; i < 30; i++)
		cr_assert_eq(hm_picker_pick(&picker, NULL, 1), (first + i) % 3);
	hm_picker_fini(&picker);
}

Test(picker, goes_round_by_weight)
{
	const uint8_t weights[HM_PLACES] = { [2] = 10, [5] = 20, [127] = 50 };
	unsigned counts[HM_PLACES] = { 0 };
	struct hm_places members = { 0 };
	struct hm_picker picker;

	hm_places_add(&members, 2);
	hm_places_add(&members, 5);
	hm_places_add(&members, 127);
	hm_picker_init(&picker, HM_ROUND_ROBIN, 7);
	hm_picker_set_members(&picker, &members, weights);
	cr_expect_eq(picker.n_tickets, 8, "weights have no common divisor left");
	for (int i = 0; i < 800; i++)
		counts[hm_picker_pick(&picker, NULL, 1)]++;
	cr_expect_eq(counts[2], 100);
	cr_expect_eq(counts[5], 200);
	cr_expect_eq(counts[127], 500);
	hm_picker_fini(&picker);
}

Test(picker, spreads_evenly_over_servers_that_are_alike)
{
	static const int64_t latencies_us[] = { 2000, 2000, 2000 };
	struct world world = { .latencies_us = latencies_us };

	open_with(&world.picker, HM_LEAST_LOADED, 3);
	run(&world, 12, PICKS);
	for (int place = 0; place < 3; place++)
		cr_expect(world.counts[place] > PICKS * 30 / 100 && world.counts[place] < PICKS * 37 / 100,
			  "place %d: %u", place, world.counts[place]);
	hm_picker_fini(&world.picker);
}

Test(picker, gives_a_slow_server_less)
{
	static const int64_t latencies_us[] = { 2000, 20000, 2000 };
	struct world world = { .latencies_us = latencies_us };

	open_with(&world.picker, HM_LEAST_LOADED, 3);
	run(&world, 12, PICKS);
	cr_expect_lt(world.counts[1], PICKS / 20);
	cr_expect_gt(world.counts[0], PICKS * 40 / 100);
	cr_expect_gt(world.counts[2], PICKS * 40 / 100);
	hm_picker_fini(&world.picker);
}

Test(picker, does_not_care_for_less_than_a_millisecond)
{
	static const int64_t latencies_us[] = { 50, 400, 900 };
	struct world world = { .latencies_us = latencies_us };

	open_with(&world.picker, HM_LEAST_LOADED, 3);
	run(&world, 1, PICKS);
	for (int place = 0; place < 3; place++)
		cr_expect_gt(world.counts[place], PICKS * 30 / 100, "place %d: %u", place, world.counts[place]);
	hm_picker_fini(&world.picker);
}

Test(picker, comes_back_to_who_was_slow_once)
{
	struct hm_picker picker;
	bool was_picked = false;
	int64_t now_us = 1;

	open_with(&picker, HM_LEAST_LOADED, 2);
	for (unsigned place = 0; place < 2; place++) {
		hm_picker_begin(&picker, place);
		hm_picker_end(&picker, place, place ? 50000 : 2000, now_us);
	}
	for (int i = 0; i < 100; i++)
		cr_assert_eq(hm_picker_pick(&picker, NULL, now_us), 0);
	for (int second = 0; second < 600 && !was_picked; second++) {
		now_us += HM_US_PER_S;
		hm_picker_begin(&picker, 0);
		hm_picker_end(&picker, 0, 2000, now_us);
		was_picked = hm_picker_pick(&picker, NULL, now_us) == 1;
	}
	cr_expect(was_picked);
	hm_picker_fini(&picker);
}

/* Until it has answered once, so that a newcomer is not flooded. */
Test(picker, gives_a_newcomer_one_call_at_first)
{
	struct hm_picker picker;
	unsigned counts[2] = { 0 };

	open_with(&picker, HM_LEAST_LOADED, 2);
	hm_picker_begin(&picker, 0);
	hm_picker_end(&picker, 0, 5000, 1);
	for (int i = 0; i < 100; i++) {
		int place = hm_picker_pick(&picker, NULL, 1);

		counts[place]++;
		hm_picker_begin(&picker, (unsigned)place);
	}
	cr_expect_eq(counts[1], 1);
	hm_picker_fini(&picker);
}

Test(picker, avoids_whom_it_is_told_to_if_there_is_another)
{
	for (int balancing = HM_LEAST_LOADED; balancing <= HM_ROUND_ROBIN; balancing++) {
		struct hm_places avoid = { 0 };
		struct hm_picker picker;

		open_with(&picker, (enum hm_balancing)balancing, 3);
		hm_places_add(&avoid, 0);
		for (int i = 0; i < 100; i++)
			cr_assert_neq(hm_picker_pick(&picker, &avoid, 1), 0);
		hm_places_add(&avoid, 2);
		for (int i = 0; i < 100; i++)
			cr_assert_eq(hm_picker_pick(&picker, &avoid, 1), 1);
		hm_places_add(&avoid, 1);
		cr_expect_geq(hm_picker_pick(&picker, &avoid, 1), 0, "all are to be avoided: one of them, then");
		hm_picker_fini(&picker);
	}
}

Test(picker, picks_members_alone_as_they_come_and_go)
{
	struct hm_picker picker;
	struct hm_places members = { 0 };

	open_with(&picker, HM_LEAST_LOADED, 128);
	for (int i = 0; i < 1000; i++)
		cr_assert_lt(hm_picker_pick(&picker, NULL, 1), 128);
	hm_places_add(&members, 77);
	hm_places_add(&members, 3);
	hm_picker_set_members(&picker, &members, even);
	for (int i = 0; i < 100; i++) {
		int place = hm_picker_pick(&picker, NULL, 1);

		cr_assert(place == 77 || place == 3, "%d", place);
	}
	hm_picker_fini(&picker);
}
