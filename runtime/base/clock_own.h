/*
 * Clock, its own header: whose the time is. It is the machine's, until a test takes it (clock_manual.h), which it can only while nobody
 * has slept by the machine's yet: such a sleep could not be ended by moving the time.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum hm_clock { HM_CLOCK_MONO, HM_CLOCK_WALL, HM_CLOCKS };
enum hm_clock_owner { HM_CLOCK_UNTOUCHED, HM_CLOCK_MACHINES, HM_CLOCK_MANUAL };

extern _Atomic int hm_clock_owner;

/* hm_clock_is_manual says whether a test has the time. All that it costs where none has is this load. */
static inline bool hm_clock_is_manual(void)
{
	return atomic_load_explicit(&hm_clock_owner, memory_order_relaxed) == HM_CLOCK_MANUAL;
}

/* hm_clock_read_us reads the machine's clock, hm_clock_manual_us the test's. */
int64_t hm_clock_read_us(enum hm_clock clock);
int64_t hm_clock_manual_us(enum hm_clock clock);

static inline struct timespec hm_clock_timespec(int64_t us)
{
	return (struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
}
