/* Throttle: the rule is asked before a call leaves, and told what came of it. */
#include "client/throttle.h"

#include <string.h>

#include "client/balance.h"
#include "client/client_tally.h"
#include "rpc/failure.h"

bool hm_throttle_keeps(struct hm_backend *backend, const struct hm_pending *pending, int64_t now_us,
		       uint32_t *ret_retry_after_ms)
{
	uint64_t caller;

	if (!backend->throttle || pending->stream)
		return false;
	caller = hm_throttle_caller(pending->brand, pending->token);
	return hm_throttle_holds(backend->throttle, hm_throttle_key(caller, pending->method->id), now_us,
				 ret_retry_after_ms);
}

hm_status hm_throttle_raise(struct hm_channel *channel, const struct hm_pending *pending, uint32_t retry_after_ms)
{
	channel->throttled++;
	hm_client_count_throttled(pending->method);
	(void)hm_raise(RESOURCE_EXHAUSTED, "%s: not sent, as servers refuse most of these calls of brand %s",
		       pending->method->name, *pending->brand ? pending->brand : "none");
	hm_error_set_reason("THROTTLED");
	hm_error_set_retry(retry_after_ms);
	return HM_RESOURCE_EXHAUSTED;
}

/* A handler may say RESOURCE_EXHAUSTED for reasons of its own, and a server of a call that is too large. */
static bool was_refused(const struct hm_pending *pending, struct hm_error *ret_refusal)
{
	return pending->status == HM_RESOURCE_EXHAUSTED &&
	       hm_failure_read(pending->status, pending->body, pending->reply_bytes, ret_refusal) &&
	       ret_refusal->retry_after_ms;
}

/* The caller's brand may be gone by now: its slot has it. A stream's end says nothing of when it was let in, and UNAVAILABLE nothing
 * of room. */
void hm_throttle_answered(struct hm_connection *connection, struct hm_pending *pending, int64_t now_us)
{
	struct hm_backend *backend = connection->backend;
	const uint64_t key = hm_throttle_key(pending->caller, pending->method->id);
	struct hm_error refusal;
	uint32_t retry_after_ms;

	pending->refused_for_ms = 0;
	if (pending->stream || pending->status == HM_UNAVAILABLE)
		return;
	if (!was_refused(pending, &refusal)) {
		if (backend->throttle)
			hm_throttle_accepted(backend->throttle, key, now_us);
		return;
	}
	retry_after_ms =
		refusal.retry_after_ms < HM_THROTTLE_RETRY_MS_MAX ? refusal.retry_after_ms : HM_THROTTLE_RETRY_MS_MAX;
	if (strcmp(refusal.reason, "QUOTA_EXCEEDED") != 0) /* that says nothing of the server */
		pending->refused_for_ms = retry_after_ms;
	if (connection->channel->is_unthrottled)
		return;
	if (!backend->throttle)
		backend->throttle = hm_throttle_open();
	hm_throttle_refused(backend->throttle, key, retry_after_ms, now_us);
}
