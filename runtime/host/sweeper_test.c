/* Sweeper: it comes again, also after a failure, and no more once it is closed. */
#include "host/sweeper.h"

#include <criterion/criterion.h>
#include <semaphore.h>

#include "base/log.h"

static hm_status count(void *user)
{
	sem_post(user);
	return HM_OK;
}

static hm_status count_and_fail(void *user)
{
	sem_post(user);
	return hm_raise(UNAVAILABLE, "no database");
}

Test(sweeper, sweeps_again_and_again, .timeout = 30)
{
	struct hm_sweeper *sweeper;
	sem_t swept;

	sem_init(&swept, 0, 0);
	cr_assert_eq(hm_sweeper_open(count, &swept, 1, "it failed", &sweeper), HM_OK);
	for (int i = 0; i < 3; i++)
		sem_wait(&swept);
	hm_sweeper_close(sweeper);
	sem_destroy(&swept); /* a sweep after this would be found */
}

Test(sweeper, goes_on_after_a_failure, .timeout = 30)
{
	struct hm_sweeper *sweeper;
	sem_t swept;

	hm_log_set_level(HM_LOG_OFF);
	sem_init(&swept, 0, 0);
	cr_assert_eq(hm_sweeper_open(count_and_fail, &swept, 1, "it failed", &sweeper), HM_OK);
	for (int i = 0; i < 3; i++)
		sem_wait(&swept);
	hm_sweeper_close(sweeper);
	sem_destroy(&swept);
}

Test(sweeper, is_closed_at_once_while_it_rests, .timeout = 30)
{
	struct hm_sweeper *sweeper;

	cr_assert_eq(hm_sweeper_open(count, NULL, 3600 * 1000, "it failed", &sweeper), HM_OK);
	hm_sweeper_close(sweeper);
	hm_sweeper_close(NULL);
}
