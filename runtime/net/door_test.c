/* Door: who is let in when many come, stay silent, or come too fast. Time is a number here. */
#include "net/door.h"

#include <criterion/criterion.h>

#include "base/clock.h"

enum { MANY = 1000 };

static struct hm_door door;
static struct hm_guest guests[MANY];
static const int64_t start_us = 1000 * HM_US_PER_S;

static void open_door(uint32_t silent_max, uint32_t silent_of_source_max)
{
	hm_door_init(&door, &(struct hm_port_limits){ .silent_max = silent_max,
						      .silent_of_source_max = silent_of_source_max,
						      .greeting_ms = 10000,
						      .handshakes_per_s = MANY,
						      .handshakes_of_source_per_s = MANY });
}

static bool enters(int number, uint64_t source, int64_t now_us)
{
	struct hm_guest *gone;

	return hm_door_enter(&door, &guests[number], source, now_us, &gone) && !gone;
}

Test(door, one_source_leaves_room_for_others)
{
	open_door(256, 64);
	for (int i = 0; i < 64; i++)
		cr_assert(enters(i, 1, start_us));
	cr_expect_not(enters(64, 1, start_us), "a crowd of one source ends here");
	cr_expect(enters(65, 2, start_us));
	hm_door_leave(&door, &guests[10]);
	hm_door_leave(&door, &guests[10]);
	cr_expect(enters(66, 1, start_us), "one that greeted made room");
	cr_expect_not(enters(67, 1, start_us));
}

Test(door, who_was_silent_for_a_second_gives_way_to_its_like)
{
	struct hm_guest *gone;

	open_door(256, 64);
	cr_assert(enters(0, 2, start_us));
	for (int i = 1; i <= 64; i++)
		cr_assert(enters(i, 1, start_us + i));
	cr_assert(hm_door_enter(&door, &guests[65], 1, start_us + 2 * HM_US_PER_S, &gone));
	cr_expect_eq(gone, &guests[1], "the oldest of the same source");
	cr_expect_not(gone->is_inside);
	cr_assert(hm_door_enter(&door, &guests[66], 1, start_us + 2 * HM_US_PER_S, &gone));
	cr_expect_eq(gone, &guests[2]);
}

Test(door, sources_without_number_fill_the_house_and_then_push_each_other_out)
{
	struct hm_guest *gone;

	open_door(256, 64);
	for (int i = 0; i < 256; i++)
		cr_assert(enters(i, (uint64_t)i, start_us + i));
	cr_expect_not(enters(256, 999, start_us + 300), "no one is stale yet");
	cr_assert(hm_door_enter(&door, &guests[257], 999, start_us + 3 * HM_US_PER_S, &gone));
	cr_expect_eq(gone, &guests[0]);
}

Test(door, all_have_the_same_time_to_greet)
{
	open_door(256, 64);
	for (int i = 0; i < 3; i++)
		cr_assert(enters(i, 1, start_us + i * HM_US_PER_S));
	hm_door_leave(&door, &guests[1]);
	cr_expect_null(hm_door_overdue(&door, start_us + 10 * HM_US_PER_S - 1));
	cr_expect_eq(hm_door_overdue(&door, start_us + 10 * HM_US_PER_S), &guests[0]);
	cr_expect_null(hm_door_overdue(&door, start_us + 11 * HM_US_PER_S), "the second has greeted");
	cr_expect_eq(hm_door_overdue(&door, start_us + 12 * HM_US_PER_S), &guests[2]);
	cr_expect_eq(door.guests, 0);
}

static int let_in(uint64_t source, int tries, int64_t now_us)
{
	int entered = 0;

	for (int i = 0; i < tries; i++)
		if (enters(i, source, now_us)) {
			entered++;
			hm_door_leave(&door, &guests[i]);
		}
	return entered;
}

Test(door, a_source_comes_no_faster_than_its_rate)
{
	hm_door_init(&door, &(struct hm_port_limits){ .handshakes_per_s = 100, .handshakes_of_source_per_s = 10 });
	cr_expect_eq(let_in(1, 50, start_us), 20, "two seconds' worth at once");
	cr_expect_eq(let_in(1, 50, start_us + HM_US_PER_S / 2), 5);
	cr_expect_eq(let_in(2, 50, start_us + HM_US_PER_S / 2), 20, "others are not held up");
	cr_expect_eq(let_in(1, 50, start_us + 600 * HM_US_PER_S), 20, "no more gathers");
	for (uint64_t source = 10; source < 20; source++)
		(void)let_in(source, 20, start_us + 600 * HM_US_PER_S);
	cr_expect_eq(let_in(99, 20, start_us + 600 * HM_US_PER_S), 0, "all together have a rate, too");
}
