/*
 * Target: what a channel is opened with, as configuration writes it: where the endpoints are found (resolver.h), and behind
 * semicolons how calls are spread over them:
 *
 *     tcp://127.0.0.1:7003,tcp://127.0.0.1:7004;balancing=round_robin;health=off
 *
 *     balancing   least_loaded, round_robin
 *     health      on, off: whether servers are asked if they serve; without it those of several endpoints are
 *     attempts    1 … 10: the most at each call, whatever its contract says; 1: no call is made again
 *     hedge       0 … 60000: after so many ms without an answer a call that may be done twice goes to a second endpoint, too, whatever
 *                 its contract says; 0: none does
 *                 p50 … p99.9: after as long as so many of a hundred answers of its method took lately
 *     throttle    on, off: whether calls are kept back while servers refuse many of their kind; without it they are
 *
 * (client's own header)
 */
#pragma once
#include "client/endpoint.h"
#include "client/health_check.h"

struct hm_target {
	char name[HM_TARGET_BYTES];
	enum hm_balancing balancing;
	enum hm_health_checks health_checks;
	uint8_t attempts; /* 0: not said */
	int32_t hedge_ms; /* as hedge_rule.h has it */
	uint16_t hedge_permille; /* 0: not by what was measured */
	bool is_unthrottled;
};

/* hm_target_parse: INVALID_ARGUMENT says which option, or value of one, nobody knows. */
hm_status hm_target_parse(const char *text, struct hm_target *ret_target);
