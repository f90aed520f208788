/* Wait: the futex system call. */
#include "rpc/wait.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sleep.h"

bool hm_wait_move(_Atomic uint32_t *word, enum hm_wait to)
{
	uint32_t from = HM_WAIT_WAITING;

	return atomic_compare_exchange_strong(word, &from, to);
}

void hm_wait_wake(const _Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* By the machine's clock; NULL: as long as it takes. */
static enum hm_wait sleep_until(_Atomic uint32_t *word, const struct timespec *until)
{
	uint32_t now;

	while ((now = atomic_load(word)) == HM_WAIT_WAITING) {
		/* The bitset form takes an absolute monotonic time. */
		if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, HM_WAIT_WAITING, until, NULL,
			    FUTEX_BITSET_MATCH_ANY) == -1 &&
		    errno == ETIMEDOUT)
			hm_wait_move(word, HM_WAIT_LEAVING);
	}
	return now;
}

struct waiter {
	struct hm_sleeper sleeper; /* first */
	_Atomic uint32_t *word;
};

static void leave(struct hm_sleeper *sleeper)
{
	_Atomic uint32_t *word = ((struct waiter *)sleeper)->word;

	if (hm_wait_move(word, HM_WAIT_LEAVING))
		hm_wait_wake(word);
}

static enum hm_wait sleep_manually(_Atomic uint32_t *word, int64_t deadline_us)
{
	struct waiter waiter = { { .until_us = deadline_us, .wake = leave }, word };
	enum hm_wait how;

	if (!hm_sleeper_begin(&waiter.sleeper))
		leave(&waiter.sleeper);
	how = sleep_until(word, NULL);
	hm_sleeper_end(&waiter.sleeper);
	return how;
}

enum hm_wait hm_wait_until(_Atomic uint32_t *word, int64_t deadline_us)
{
	const struct timespec until = { .tv_sec = deadline_us / HM_US_PER_S,
					.tv_nsec = deadline_us % HM_US_PER_S * 1000 };

	if (!deadline_us)
		return sleep_until(word, NULL);
	return hm_sleep_is_manual() ? sleep_manually(word, deadline_us) : sleep_until(word, &until);
}
