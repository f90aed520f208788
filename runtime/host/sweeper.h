/*
 * Sweeper: a thread that does something now and then: removes what has expired (idempotent replies), which every process does at
 * times of its own, so that it is done as long as one runs; reads keys again. (host's own header)
 */
#pragma once
#include <stdint.h>

#include "base/scoped.h"
#include "base/status.h"

struct hm_sweeper;

/* hm_sweeper_open has sweep called every period_ms, give or take half of it. A sweep that fails is logged as
 * `failure`, once until one does not. */
hm_status hm_sweeper_open(hm_status (*sweep)(void *user), void *user, uint32_t period_ms, const char *failure,
			  struct hm_sweeper **ret_sweeper);

/* hm_sweeper_close waits for a sweep under way. */
void hm_sweeper_close(struct hm_sweeper *sweeper);
HM_SCOPED(hm_sweeper, hm_sweeper_close)
