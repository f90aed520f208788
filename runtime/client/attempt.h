/*
 * Attempt: whether a call whose attempt has failed is tried once more, and when. A pure function: no clock, no chance, no channel
 * in it.
 *
 *     how it ended                                          may be tried again        the first time
 *     UNCONNECTED  nobody could be reached                  always                    after the back-off
 *     UNSENT       its connection broke before it left      always                    at once, and it does not count
 *     REFUSED      the server says that it was not begun    always                    at once, and it does not count, unless told when
 *     LOST         it left, and no answer came              if it is idempotent       after the back-off
 *     ANSWERED     its method ran, and failed               if it is idempotent       after the back-off
 *
 * and only with a status of the table in attempt.c: UNAVAILABLE; RESOURCE_EXHAUSTED and ABORTED if the server says when to come
 * back. Two of them are gRPC's transparent retries (its A6): one for each call, elsewhere. Never one that cannot begin in time.
 * (client's own header)
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "rpc/method.h"

enum {
	HM_ATTEMPTS = 4, /* of a call, the first one included, where neither target nor contract say more or less */
	HM_ATTEMPTS_MAX = 10,
};

enum hm_fate { HM_FATE_UNCONNECTED, HM_FATE_UNSENT, HM_FATE_REFUSED, HM_FATE_LOST, HM_FATE_ANSWERED };

/* How an attempt ended. */
struct hm_attempt_end {
	enum hm_fate fate;
	hm_status code; /* not OK */
	uint32_t retry_after_ms; /* the server's wish; 0: none */
};

/* What is known of the call. */
struct hm_attempt_call {
	unsigned made, most; /* attempts that count, the one that has ended included */
	bool is_idempotent; /* by its contract, or by its key */
	bool was_spared; /* it had its transparent attempt */
	bool is_stream; /* gets no other */
	int64_t deadline_us; /* 0: none */
};

enum hm_again { HM_AGAIN_NEVER, HM_AGAIN_AT_ONCE, HM_AGAIN_LATER };

/* hm_attempt_may_pass says whether its status is one that another attempt may not have. */
bool hm_attempt_may_pass(const struct hm_attempt_end *end);

/* hm_attempt_decide: LATER, which draws on the budget, at *ret_due_us. chance is uniform over all its values. */
enum hm_again hm_attempt_decide(const struct hm_attempt_call *call, const struct hm_attempt_end *end, int64_t now_us,
				uint32_t chance, int64_t *ret_due_us);
