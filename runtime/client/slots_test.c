/* Slots: which are bound anew, and which are remembered. */
#include <criterion/criterion.h>

#include "client/slots.h"

static struct hm_slots slots;

static void init(void)
{
	hm_slots_init(&slots, 2);
}

static void fini(void)
{
	hm_slots_fini(&slots);
}

TestSuite(slots, .init = init, .fini = fini);

static bool is_new(const char *brand, const char *token)
{
	bool is_new;

	hm_slots_find(&slots, brand, token, &is_new);
	return is_new;
}

Test(slots, a_brand_and_a_token_are_bound_once)
{
	cr_expect(is_new("loop", "v4.public.a"));
	cr_expect_not(is_new("loop", "v4.public.a"));
	cr_expect(is_new("loop", NULL));
	cr_expect_not(is_new("loop", NULL));
}

Test(slots, the_slot_used_longest_ago_makes_room)
{
	is_new("loop", "a");
	is_new("loop", "b");
	is_new("loop", "a");
	cr_expect(is_new("loop", "c"));
	cr_expect_not(is_new("loop", "a"));
	cr_expect(is_new("loop", "b"));
}

Test(slots, what_could_not_be_bound_is_tried_again)
{
	bool is_new_one;

	hm_slots_forget(&slots, hm_slots_find(&slots, "loop", "a", &is_new_one));
	cr_expect(is_new("loop", "a"));
	cr_expect_not(is_new("loop", "a"));
}
