/*
 * Throttle: unary calls that a channel keeps back from an endpoint, as the rule has it (throttle_rule.h). Each endpoint and kind of call
 * is a matter of its own: one that refuses keeps nobody from the others, and a brand whose calls are refused holds up nobody else's.
 * An attempt that every endpoint it could go to (at most HM_THROTTLE_ASKED are asked) would refuse is not sent: it fails
 * RESOURCE_EXHAUSTED, reason THROTTLED, with the time a server last asked for, and is not made again by the channel.
 *
 * What counts as a refusal is RESOURCE_EXHAUSTED that was not processed and says when to come back. An endpoint that has refused
 * nothing yet has a pointer that is NULL, looked at once an attempt. All with the channel's lock held. (client's own header; part of balance.h)
 */
#pragma once
#include "client/pending.h"
#include "client/throttle_rule.h"

struct hm_backend;
struct hm_channel;
struct hm_connection;

enum {
	HM_THROTTLE_ASKED = 8,
	HM_THROTTLE_RETRY_MS_MAX = 1000, /* what is believed of the time a server asks for */
};

/* hm_throttle_keeps says whether an attempt that is about to leave for an endpoint is kept back; *ret_retry_after_ms: for how long, then. */
bool hm_throttle_keeps(struct hm_backend *backend, const struct hm_pending *pending, int64_t now_us,
		       uint32_t *ret_retry_after_ms);

/* hm_throttle_raise counts an attempt that every endpoint keeps back, and fails it. */
hm_status hm_throttle_raise(struct hm_channel *channel, const struct hm_pending *pending, uint32_t retry_after_ms);

/* hm_throttle_answered takes in the answer to an attempt, which its pending has. True: the server refused it, for want of room or quota. */
bool hm_throttle_answered(struct hm_connection *connection, const struct hm_pending *pending, int64_t now_us);
