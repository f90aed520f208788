/* Fair: who gets places and turns when brands compete. */
#include "server/fair.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { MAX = 100, MS = 1000, NO_LIMIT = 1 << 20 };

static struct hm_fair_node *add(struct hm_fair *fair, uint32_t tenant, uint32_t cost_us)
{
	struct hm_fair_node *node = malloc(sizeof *node), *evicted;

	*node = (struct hm_fair_node){ .tenant = tenant, .cost_us = cost_us };
	if (!hm_fair_add(fair, node, &evicted)) {
		free(node);
		return NULL;
	}
	free(evicted);
	return node;
}

/* Takes one and frees it; its tenant, or -1. It stays in flight. */
static int take(struct hm_fair *fair, uint32_t limit, uint32_t spare)
{
	struct hm_fair_node *node = hm_fair_take(fair, limit, spare);
	int tenant = node ? (int)node->tenant : -1;

	free(node);
	return tenant;
}

static int take_and_end(struct hm_fair *fair)
{
	int tenant = take(fair, NO_LIMIT, 0);

	if (tenant >= 0)
		hm_fair_end(fair, (uint32_t)tenant);
	return tenant;
}

static unsigned fill(struct hm_fair *fair, uint32_t tenant, unsigned n, uint32_t cost_us)
{
	unsigned added = 0;

	while (n--)
		added += !!add(fair, tenant, cost_us);
	return added;
}

static void drain(struct hm_fair *fair)
{
	while (take_and_end(fair) >= 0)
		;
	cr_expect_eq(fair->count, 0);
	cr_expect_eq(fair->n_waiting, 0);
	cr_expect_eq(fair->in_flight, 0);
	hm_fair_fini(fair);
}

Test(fair, keeps_the_order_of_one_brands_calls)
{
	struct hm_fair_node nodes[5] = { 0 }, *evicted;
	struct hm_fair fair;

	hm_fair_init(&fair, MAX);
	for (size_t i = 0; i < 5; i++)
		cr_assert(hm_fair_add(&fair, &nodes[i], &evicted));
	for (size_t i = 0; i < 5; i++)
		cr_assert_eq(hm_fair_take(&fair, NO_LIMIT, 0), &nodes[i]);
	cr_expect_null(hm_fair_take(&fair, NO_LIMIT, 0));
	hm_fair_fini(&fair);
}

Test(fair, gives_a_brand_alone_every_place)
{
	struct hm_fair fair;

	hm_fair_init(&fair, MAX);
	cr_expect_eq(fill(&fair, 1, 2 * MAX, MS), MAX);
	cr_expect_not(hm_fair_has_place(&fair, 1));
	cr_expect(hm_fair_has_place(&fair, 2));
	drain(&fair);
}

Test(fair, takes_places_from_the_longest_line_until_each_has_its_share)
{
	unsigned taken[4] = { 0 };
	struct hm_fair fair;
	int tenant;

	hm_fair_init(&fair, MAX);
	cr_assert_eq(fill(&fair, 1, MAX, MS), MAX);
	cr_expect_eq(fill(&fair, 2, MAX, MS), MAX / 2);
	cr_expect_eq(fill(&fair, 3, MAX, MS), MAX / 3);
	cr_expect_eq(fair.count, MAX);
	while ((tenant = take_and_end(&fair)) >= 0)
		taken[tenant]++;
	cr_expect_eq(taken[3], MAX / 3);
	cr_expect_leq(abs((int)taken[1] - (int)taken[2]), 1);
	drain(&fair);
}

Test(fair, the_oldest_of_the_longest_line_has_to_go)
{
	struct hm_fair_node flood[4] = { { .tenant = 1 }, { .tenant = 1 }, { .tenant = 1 }, { .tenant = 1 } };
	struct hm_fair_node quiet = { .tenant = 2 }, *evicted;
	struct hm_fair fair;

	hm_fair_init(&fair, 4);
	for (size_t i = 0; i < 4; i++)
		cr_assert(hm_fair_add(&fair, &flood[i], &evicted));
	cr_assert(hm_fair_add(&fair, &quiet, &evicted));
	cr_expect_eq(evicted, &flood[0]);
	for (size_t i = 0; i < 4; i++)
		cr_expect(hm_fair_take(&fair, NO_LIMIT, 0));
	hm_fair_fini(&fair);
}

Test(fair, serves_brands_in_turns_by_what_their_calls_cost)
{
	unsigned taken[3] = { 0 };
	struct hm_fair fair;

	hm_fair_init(&fair, 2000);
	fill(&fair, 1, 1000, MS);
	fill(&fair, 2, 1000, 4 * MS);
	for (int i = 0; i < 500; i++)
		taken[take_and_end(&fair)]++;
	cr_expect_eq(taken[1], 400);
	cr_expect_eq(taken[2], 100);
	drain(&fair);
}

Test(fair, a_quiet_brand_waits_at_most_for_a_turn_of_each_other)
{
	struct hm_fair fair;
	int before = 0;

	hm_fair_init(&fair, 2000);
	fill(&fair, 1, 500, MS);
	fill(&fair, 2, 500, MS);
	add(&fair, 3, MS);
	cr_expect_eq(hm_fair_ahead_us(&fair, 1), 1001 * MS);
	cr_expect_eq(hm_fair_ahead_us(&fair, 3), 3 * MS, "however much the others have waiting");
	cr_expect_eq(hm_fair_ahead_us(&fair, 4), 0);
	while (take_and_end(&fair) != 3)
		before++;
	cr_expect_leq(before, 3, "%d calls before it", before);
	drain(&fair);
}

Test(fair, who_runs_less_than_its_share_goes_first)
{
	struct hm_fair fair;
	unsigned in_flight[3] = { 0 };

	hm_fair_init(&fair, 2000);
	fill(&fair, 1, 500, MS);
	for (int i = 0; i < 8; i++) /* alone it has all of the limit */
		cr_assert_eq(take(&fair, 8, 0), 1);
	cr_expect_eq(take(&fair, 8, 0), -1);
	in_flight[1] = 8;
	fill(&fair, 2, 500, MS);
	for (int i = 0; i < 4; i++) { /* its calls end, and the other has its share of what is free */
		hm_fair_end(&fair, 1);
		in_flight[1]--;
		in_flight[take(&fair, 8, 0)]++;
	}
	cr_expect_eq(in_flight[2], 4);
	cr_expect_eq(in_flight[1], 4);
	while (in_flight[1]--)
		hm_fair_end(&fair, 1);
	while (in_flight[2]--)
		hm_fair_end(&fair, 2);
	drain(&fair);
}

Test(fair, who_runs_nothing_need_not_wait_for_the_limit)
{
	struct hm_fair fair;

	hm_fair_init(&fair, MAX);
	fill(&fair, 1, 10, MS);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(take(&fair, 4, 2), 1);
	cr_expect_eq(take(&fair, 4, 2), -1);
	cr_expect_not(hm_fair_is_takeable(&fair, 1, 4, 2));
	fill(&fair, 2, 2, MS);
	fill(&fair, 3, 2, MS);
	fill(&fair, 4, 2, MS);
	cr_expect(hm_fair_is_takeable(&fair, 2, 4, 2));
	cr_expect_eq(take(&fair, 4, 2), 2);
	cr_expect_eq(take(&fair, 4, 2), 3);
	cr_expect_eq(take(&fair, 4, 2), -1, "two are spare, not three");
	for (int i = 0; i < 4; i++)
		hm_fair_end(&fair, 1);
	hm_fair_end(&fair, 2);
	hm_fair_end(&fair, 3);
	drain(&fair);
}

/* Whatever the order of events: nothing is lost, nothing is over its bounds, and what is in flight is counted. */
Test(fair, keeps_its_books_through_any_sequence)
{
	uint64_t state = 7;
	unsigned in_flight[40] = { 0 }, total = 0;
	struct hm_fair fair;

	hm_fair_init(&fair, MAX);
	for (int i = 0; i < 200000; i++) {
		uint32_t tenant;

		state = state * 6364136223846793005 + 1442695040888963407;
		tenant = (uint32_t)(state >> 33) % 40;
		if (state >> 60 < 9) {
			add(&fair, tenant, (uint32_t)(state >> 40) % (30 * MS));
		} else if (in_flight[tenant]) {
			hm_fair_end(&fair, tenant);
			in_flight[tenant]--;
			total--;
		} else {
			int taken = take(&fair, 16, 4);

			cr_assert(taken >= 0 || !fair.count || fair.in_flight >= 16);
			if (taken >= 0) {
				in_flight[taken]++;
				total++;
			}
		}
		cr_assert_leq(fair.count, MAX);
		cr_assert_leq(fair.in_flight, 20);
		cr_assert_eq(fair.in_flight, total);
	}
	for (uint32_t tenant = 0; tenant < 40; tenant++)
		while (in_flight[tenant]--)
			hm_fair_end(&fair, tenant);
	drain(&fair);
}
