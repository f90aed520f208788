/*
 * Wait: how a calling thread sleeps until its call ends: on one word in its context, by futex, because the word must outlive the
 * wait without being freed, and a wake must cost nothing when nobody sleeps.
 *
 *     IDLE → WAITING ─┬→ ENDED      by the transport: the result is there, the caller goes and never looks at the channel again
 *                     ├→ LEAVING    by the caller: its time is up
 *                     └→ CANCELLED  by anyone
 *
 * Whoever moves the word away from WAITING decides. After LEAVING and CANCELLED the caller takes the channel's lock to end its
 * call there, and finds the result if it came meanwhile. The audit's writer has its callers sleep in the same way, but for as long as
 * it takes. (client's, server's and guard's own header)
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum hm_wait { HM_WAIT_IDLE, HM_WAIT_WAITING, HM_WAIT_ENDED, HM_WAIT_LEAVING, HM_WAIT_CANCELLED };

/* hm_wait_move moves the word from WAITING; false: somebody else did. It does not wake. */
bool hm_wait_move(_Atomic uint32_t *word, enum hm_wait to);

/* hm_wait_wake wakes the sleeper, if there still is one; the word may be gone by then. */
void hm_wait_wake(const _Atomic uint32_t *word);

/* hm_wait_until sleeps until the word is moved from WAITING, and moves it to LEAVING itself at deadline_us (monotonic; 0: never).
 * Returns where it was moved to. */
enum hm_wait hm_wait_until(_Atomic uint32_t *word, int64_t deadline_us);
