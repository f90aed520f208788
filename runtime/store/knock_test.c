/* Knocking: many threads, and a door that stays shut, or opens. */
#include "store/knock.h"

#include "tests/fixture.h"

enum { THREADS = 8 };

static struct crowd {
	struct knock knock;
	pthread_barrier_t all_there;
	_Atomic int n_alone, n_unavailable, n_in;
	hm_status answer;
} crowd;

static const struct hm_tx_options no_hurry = { .brand = "loop" };

static hm_status come_in(uint64_t seen)
{
	enum knock_turn turn;

	while ((turn = knock_turn(&crowd.knock, seen)) == KNOCK_NOT)
		TRY(knock_wait(&crowd.knock, seen, &no_hurry));
	crowd.n_alone += turn == KNOCK_ALONE;
	if (crowd.answer != HM_OK)
		(void)!hm_raise(UNAVAILABLE, "still shut");
	knock_end(&crowd.knock, turn, crowd.answer, &no_hurry);
	return crowd.answer;
}

static void *come(void *unused)
{
	uint64_t seen = knock_count(&crowd.knock);
	hm_status status;

	(void)unused;
	pthread_barrier_wait(&crowd.all_there);
	status = come_in(seen);
	crowd.n_in += status == HM_OK;
	crowd.n_unavailable += status == HM_UNAVAILABLE;
	return NULL;
}

static void refuse_first(const struct hm_tx_options *options)
{
	knock_init(&crowd.knock);
	cr_assert_eq(knock_turn(&crowd.knock, 0), KNOCK_FREELY);
	knock_end(&crowd.knock, KNOCK_FREELY, hm_raise(UNAVAILABLE, "shut"), options);
}

static void all_come(hm_status answer)
{
	pthread_t threads[THREADS];

	refuse_first(&no_hurry);
	crowd.answer = answer;
	pthread_barrier_init(&crowd.all_there, NULL, THREADS);
	for (size_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, come, NULL), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

Test(knock, one_tries_a_shut_door_and_all_who_wait_share_its_refusal, .timeout = 30)
{
	all_come(HM_UNAVAILABLE);
	cr_assert_eq(crowd.n_alone, 1);
	cr_assert_eq(crowd.n_unavailable, THREADS);
}

Test(knock, one_tries_a_door_that_has_opened_and_all_who_wait_go_in, .timeout = 30)
{
	all_come(HM_OK);
	cr_assert_eq(crowd.n_alone, 1);
	cr_assert_eq(crowd.n_in, THREADS);
}

Test(knock, who_had_no_time_left_shuts_the_door_for_nobody)
{
	refuse_first(&(struct hm_tx_options){ .deadline_us = 1 });
	cr_assert_eq(knock_turn(&crowd.knock, 0), KNOCK_FREELY);
}

Test(knock, who_has_no_time_left_does_not_wait_for_the_one_who_knocks, .timeout = 30)
{
	hm_status status;

	refuse_first(&no_hurry);
	while (knock_turn(&crowd.knock, 1) != KNOCK_ALONE)
		cr_assert_eq(knock_wait(&crowd.knock, 1, &no_hurry), HM_OK);
	status = knock_wait(&crowd.knock, 1, &(struct hm_tx_options){ .deadline_us = hm_clock_mono_us() + 1000 });
	cr_assert_eq(status, HM_UNAVAILABLE);
	cr_assert_str_eq(hm_error_get()->message, "shut");
}

Test(knock, a_cancelled_caller_does_not_wait_for_the_one_who_knocks, .timeout = 30)
{
	struct hm_cancel cancel = { 0 };

	refuse_first(&no_hurry);
	while (knock_turn(&crowd.knock, 1) != KNOCK_ALONE)
		cr_assert_eq(knock_wait(&crowd.knock, 1, &no_hurry), HM_OK);
	hm_cancel_set(&cancel);
	cr_assert_eq(knock_wait(&crowd.knock, 1, &(struct hm_tx_options){ .cancel = &cancel }), HM_CANCELLED);
}
