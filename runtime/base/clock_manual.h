/*
 * Clock, by hand: for tests alone. A test takes the time of its process, has it stand still, and moves it on; whoever sleeps until a time
 * within (base/sleep.h) is woken at once. Both times move together, and never go back.
 *
 *     the machine's ── take ──► runs ◄── release ── hold ──► stands
 *                                 │ advance                    │ advance
 *
 * A step is one: what was due at several times within it finds the time at its end. docs/testing.md says what is moved
 * by this and what is not. Thread-safe.
 */
#pragma once
#include <stdint.h>

/* hm_clock_take makes the time this process's own; it runs on as it did. It comes before anything has slept until a time, or the process
 * ends with a message: first in the test. Taking it again does nothing, and the others below begin with it. */
void hm_clock_take(void);

/* hm_clock_hold has the time stand still, hm_clock_release run on from where it stands. */
void hm_clock_hold(void);
void hm_clock_release(void);

/* hm_clock_advance_ms moves the time on, whether it stands or runs, and wakes whose time has come. What those do then is waited for as
 * any other event. */
void hm_clock_advance_ms(int64_t ms);

/* hm_clock_sleepers counts who sleeps until a time: that somebody does can be waited for. */
unsigned hm_clock_sleepers(void);
