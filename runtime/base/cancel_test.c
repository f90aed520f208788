/* Cancel: the flag stays, who sleeps is woken, and nobody is woken who has gone. */
#include "base/cancel.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>

struct sleeper {
	struct hm_cancel_watch watch; /* first */
	sem_t woken;
};

static void wake(struct hm_cancel_watch *watch)
{
	sem_post(&((struct sleeper *)watch)->woken);
}

static void *cancel_it(void *cancel)
{
	hm_cancel_set(cancel);
	return NULL;
}

Test(cancel, who_sleeps_is_woken_by_another_thread)
{
	struct sleeper sleeper = { .watch = { wake } };
	struct hm_cancel cancel = { 0 };
	pthread_t thread;

	sem_init(&sleeper.woken, 0, 0);
	hm_cancel_begin_watch(&cancel, &sleeper.watch);
	cr_assert_eq(pthread_create(&thread, NULL, cancel_it, &cancel), 0);
	sem_wait(&sleeper.woken);
	hm_cancel_end_watch(&cancel);
	cr_expect(hm_cancel_is_set(&cancel));
	pthread_join(thread, NULL);
	sem_destroy(&sleeper.woken);
}

Test(cancel, who_comes_late_is_woken_at_once)
{
	struct sleeper sleeper = { .watch = { wake } };
	struct hm_cancel cancel = { 0 };

	sem_init(&sleeper.woken, 0, 0);
	hm_cancel_set(&cancel);
	hm_cancel_begin_watch(&cancel, &sleeper.watch);
	cr_expect_eq(sem_trywait(&sleeper.woken), 0);
	hm_cancel_end_watch(&cancel);
	sem_destroy(&sleeper.woken);
}

/* The watch lives on the stack of a loop: a wake after its end would be found by the sanitizers. */
Test(cancel, nobody_is_woken_who_has_gone)
{
	for (int i = 0; i < 500; i++) {
		struct sleeper sleeper = { .watch = { wake } };
		struct hm_cancel cancel = { 0 };
		pthread_t thread;

		sem_init(&sleeper.woken, 0, 0);
		cr_assert_eq(pthread_create(&thread, NULL, cancel_it, &cancel), 0);
		hm_cancel_begin_watch(&cancel, &sleeper.watch);
		hm_cancel_end_watch(&cancel);
		sem_destroy(&sleeper.woken);
		sleeper.watch.wake = NULL;
		pthread_join(thread, NULL);
	}
}
