/*
 * Finish: no call ends, and no stream begins, unrecorded. A call whose entry went with its rows is done; any other's is written here,
 * alone, before its reply leaves; if it cannot be, the call fails. (guard's own header)
 */
#pragma once
#include "server/call.h"

/* hm_finish records how the call ended, if that is not recorded yet, and returns what its caller gets. status is in hm_error_get(). */
hm_status hm_finish(struct hm_call *call, hm_status status, bool was_denied);

/* hm_finish_opening records that a stream was admitted and its handler is about to run. */
hm_status hm_finish_opening(struct hm_call *call);
