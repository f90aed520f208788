/* Throttle rule: against servers that take so many calls a second. */
#include "client/throttle_rule.h"

#include <criterion/criterion.h>

enum { MS = HM_US_PER_MS, RETRY_MS = 7 };

static const uint64_t key = 1;

/* Who offers calls at an even pace to a server that accepts so many a second. */
struct scene {
	struct hm_throttle *throttle;
	int64_t now_us;
	double owed; /* of a call the server takes */
};

struct seen {
	unsigned sent, accepted, held;
};

static struct scene begin(void)
{
	return (struct scene){ .throttle = hm_throttle_open(), .now_us = HM_US_PER_S };
}

static struct seen offer(struct scene *scene, unsigned per_s, unsigned taken_per_s, int64_t ms)
{
	const int64_t end_us = scene->now_us + ms * MS, pace_us = HM_US_PER_S / per_s;
	struct seen seen = { 0 };
	uint32_t retry_after_ms;

	for (; scene->now_us < end_us; scene->now_us += pace_us) {
		scene->owed += (double)taken_per_s / per_s;
		if (hm_throttle_holds(scene->throttle, key, scene->now_us, &retry_after_ms)) {
			seen.held++;
			continue;
		}
		seen.sent++;
		if (scene->owed < 1) {
			hm_throttle_refused(scene->throttle, key, RETRY_MS, scene->now_us);
			continue;
		}
		scene->owed -= 1;
		seen.accepted++;
		hm_throttle_accepted(scene->throttle, key, scene->now_us);
	}
	if (scene->owed > 1)
		scene->owed = 1; /* a server cannot do yesterday's calls */
	return seen;
}

static void end(struct scene *scene)
{
	hm_throttle_close(scene->throttle);
}

Test(throttle_rule, holds_nothing_while_nothing_is_refused)
{
	struct scene scene = begin();
	struct seen seen = offer(&scene, 1000, 1000, 10000);

	cr_expect_eq(seen.held, 0);
	end(&scene);
}

Test(throttle_rule, sends_servers_about_half_as_much_again_as_they_accept)
{
	static const unsigned accepted_per_s[] = { 2000, 500, 200 };

	for (size_t i = 0; i < sizeof accepted_per_s / sizeof *accepted_per_s; i++) {
		struct scene scene = begin();
		struct seen seen;

		offer(&scene, 5000, accepted_per_s[i], 10000);
		seen = offer(&scene, 5000, accepted_per_s[i], 10000);
		cr_expect_geq(seen.accepted, 10 * accepted_per_s[i] * 98 / 100, "%u", seen.accepted);
		cr_expect_leq(seen.sent, 10 * accepted_per_s[i] * 7 / 4, "%u", seen.sent);
		end(&scene);
	}
}

Test(throttle_rule, holds_nothing_while_two_of_three_are_accepted)
{
	struct scene scene = begin();
	struct seen seen = offer(&scene, 1000, 700, 20000);

	cr_expect_eq(seen.held, 0);
	cr_expect_eq(seen.sent, 20000);
	end(&scene);
}

Test(throttle_rule, never_holds_up_who_seldom_calls)
{
	struct scene scene = begin();
	struct seen seen = offer(&scene, HM_THROTTLE_ANSWERS / 2, 0, 60000);

	cr_expect_eq(seen.held, 0);
	offer(&scene, 5000, 0, 10000);
	offer(&scene, HM_THROTTLE_ANSWERS / 2, 0, 3000);
	seen = offer(&scene, HM_THROTTLE_ANSWERS / 2, 0, 60000);
	cr_expect_eq(seen.held, 0, "also after much was refused");
	end(&scene);
}

Test(throttle_rule, sends_one_in_sixteen_whatever_is_refused_and_all_when_a_server_has_room_again)
{
	struct scene scene = begin();
	struct seen seen;

	offer(&scene, 5000, 0, 10000);
	seen = offer(&scene, 5000, 0, 10000);
	cr_expect_geq(seen.sent, 10 * 5000 / 17, "%u in ten seconds", seen.sent);
	cr_expect_leq(seen.sent, 10 * 5000 / 15, "%u in ten seconds", seen.sent);
	offer(&scene, 5000, 5000, 1000);
	seen = offer(&scene, 5000, 5000, 10000);
	cr_expect_eq(seen.held, 0);
	end(&scene);
}

/* Of so few calls a second, five answers are no second's. */
Test(throttle_rule, holds_fewer_but_not_none_after_a_short_while_without_a_refusal)
{
	struct scene scene = begin();
	struct seen seen;

	offer(&scene, 150, 30, 10000);
	offer(&scene, 150, 150, 400);
	seen = offer(&scene, 150, 150, 400);
	cr_expect_gt(seen.held, 0);
	cr_expect_leq(seen.held, 8, "%u of 60", seen.held);
	end(&scene);
}

/* Or a peak of seconds would cost what comes after it. */
Test(throttle_rule, lets_all_pass_as_soon_as_no_more_is_asked_than_servers_take)
{
	struct scene scene = begin();
	struct seen seen;

	offer(&scene, 5000, 500, 10000);
	seen = offer(&scene, 500, 500, 1000);
	cr_expect_geq(seen.accepted, 350, "%u of 500", seen.accepted);
	seen = offer(&scene, 500, 500, 10000);
	cr_expect_eq(seen.held, 0);
	end(&scene);
}

/* How many calls later answers come, of 5000 a second, and how much of what the server takes it must at least get. */
static const struct late_row {
	unsigned accepted, refused, least_percent;
} late_rows[] = {
	{ 250, 0, 98 }, /* what is done is answered later than what is refused */
	{ 250, 250, 90 },
	{ 5000, 5000, 60 }, /* and both so late that the rule swings: what is always sent bounds that */
	{ 15000, 15000, 60 },
};

enum { LATEST = 15000, QUEUE = 25, NONE = 0, TAKEN, REFUSED };

/* Tells of what happened so many calls before. */
static void tell_late(struct scene *scene, const uint8_t *fates, const struct late_row *row, unsigned i)
{
	if (i >= row->accepted && fates[(i - row->accepted) % (LATEST + 1)] == TAKEN)
		hm_throttle_accepted(scene->throttle, key, scene->now_us);
	if (i >= row->refused && fates[(i - row->refused) % (LATEST + 1)] == REFUSED)
		hm_throttle_refused(scene->throttle, key, RETRY_MS, scene->now_us);
}

Test(throttle_rule, is_not_led_astray_by_answers_that_take_their_time)
{
	static uint8_t fates[LATEST + 1];

	for (size_t r = 0; r < sizeof late_rows / sizeof *late_rows; r++) {
		struct scene scene = begin();
		double backlog = 0; /* of the server: calls that it has taken and not done */
		unsigned taken = 0;
		uint32_t retry_after_ms;

		for (unsigned i = 0; i < 200000; i++, scene.now_us += HM_US_PER_S / 5000) {
			uint8_t *fate = &fates[i % (LATEST + 1)];

			backlog = backlog > 0.1 ? backlog - 0.1 : 0;
			*fate = hm_throttle_holds(scene.throttle, key, scene.now_us, &retry_after_ms) ? NONE
				: backlog < QUEUE                                                     ? TAKEN
												      : REFUSED;
			backlog += *fate == TAKEN;
			taken += *fate == TAKEN;
			tell_late(&scene, fates, &late_rows[r], i);
		}
		cr_expect_geq(taken, 200 * late_rows[r].least_percent, "row %zu: %u of 20000", r, taken);
		end(&scene);
	}
}

Test(throttle_rule, forgets_a_pair_that_makes_no_more_calls)
{
	struct scene scene = begin();
	uint32_t retry_after_ms;

	offer(&scene, 5000, 0, 10000);
	scene.now_us += HM_THROTTLE_FORGET_US + HM_THROTTLE_WINDOW_MAX_US;
	for (int i = 0; i < 100; i++)
		cr_assert(!hm_throttle_holds(scene.throttle, key, scene.now_us, &retry_after_ms));
	end(&scene);
}

Test(throttle_rule, says_what_the_server_asked_for_last)
{
	struct scene scene = begin();
	uint32_t retry_after_ms = 0;

	offer(&scene, 5000, 0, 1000);
	hm_throttle_refused(scene.throttle, key, 999, scene.now_us);
	while (!hm_throttle_holds(scene.throttle, key, scene.now_us, &retry_after_ms))
		;
	cr_expect_eq(retry_after_ms, 999);
	end(&scene);
}

/* However many are refused at once: those that find no place are sent, and none is held for another. */
Test(throttle_rule, holds_no_pair_for_what_another_was_refused)
{
	struct scene scene = begin();
	uint32_t retry_after_ms;

	for (uint64_t other = 2; other < 5000; other++)
		for (int i = 0; i < 100; i++)
			hm_throttle_refused(scene.throttle, other, RETRY_MS, scene.now_us);
	scene.now_us += HM_THROTTLE_WINDOW_US;
	for (int i = 0; i < 100; i++)
		cr_assert(!hm_throttle_holds(scene.throttle, key, scene.now_us, &retry_after_ms));
	end(&scene);
}

static const struct kind {
	const char *brand, *token;
	uint64_t method;
	uint32_t timeout_ms;
} kinds[] = {
	{ "lumen", "a", 1, 100 }, { "nova", "a", 1, 100 },  { "lumen", NULL, 1, 100 }, { "", "a", 1, 100 },
	{ "", "b", 1, 100 },      { "lumen", "a", 2, 100 }, { "lumen", "a", 1, 2000 }, { "lumen", "a", 1, 0 },
};

static uint64_t key_of(const struct kind *kind)
{
	return hm_throttle_key(hm_throttle_caller(kind->brand, kind->token), kind->method, kind->timeout_ms);
}

Test(throttle_rule, tells_kinds_of_calls_apart_and_a_brands_users_not)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		for (size_t j = 0; j < i; j++)
			cr_expect_neq(key_of(&kinds[i]), key_of(&kinds[j]), "%zu and %zu", i, j);
	cr_expect_eq(key_of(&(struct kind){ "lumen", "b", 1, 90 }), key_of(&kinds[0]));
}
