/*
 * Sweeper: the thread that removes what has expired (idempotent replies), now and then. Every process does, at times of its own, so
 * it is done as long as one runs. (host's own header)
 */
#pragma once
#include <stdint.h>

#include "base/scoped.h"
#include "base/status.h"

struct hm_sweeper;

/* hm_sweeper_open has sweep called every period_ms, give or take half of it. A sweep that fails is logged, once until one does
 * not. */
hm_status hm_sweeper_open(hm_status (*sweep)(void *user), void *user, uint32_t period_ms,
			  struct hm_sweeper **ret_sweeper);

/* hm_sweeper_close waits for a sweep under way. */
void hm_sweeper_close(struct hm_sweeper *sweeper);
HM_SCOPED(hm_sweeper, hm_sweeper_close)
