/* Throttle: the rule is asked before a call leaves, and told what came of it. */
#include "client/throttle.h"

#include "client/balance.h"
#include "client/client_tally.h"
#include "rpc/failure.h"

bool hm_throttle_keeps(struct hm_backend *backend, const struct hm_pending *pending, int64_t now_us,
		       uint32_t *ret_retry_after_ms)
{
	uint64_t key;

	if (!backend->throttle || pending->stream)
		return false;
	key = hm_throttle_key(pending->caller, pending->method->id, hm_pending_left_ms(pending, now_us));
	return hm_throttle_holds(backend->throttle, key, now_us, ret_retry_after_ms);
}

hm_status hm_throttle_raise(struct hm_channel *channel, const struct hm_pending *pending, uint32_t retry_after_ms)
{
	channel->throttled++;
	hm_client_count_throttled(pending->method);
	(void)hm_raise(RESOURCE_EXHAUSTED, "%s: %s, as servers refuse many of these calls of %s", pending->method->name,
		       pending->head.attempt > 1 ? "not sent once more" : "not sent",
		       *pending->brand ? pending->brand : "this caller");
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

/* A stream's end says nothing of when it was let in, and UNAVAILABLE nothing of room. */
bool hm_throttle_answered(struct hm_connection *connection, const struct hm_pending *pending, int64_t now_us)
{
	const uint64_t key = hm_throttle_key(pending->caller, pending->method->id, pending->head.timeout_ms);
	struct hm_throttle **throttle = &connection->backend->throttle;
	struct hm_error refusal;

	if (pending->stream || pending->status == HM_UNAVAILABLE)
		return false;
	if (!was_refused(pending, &refusal)) {
		if (*throttle)
			hm_throttle_accepted(*throttle, key, now_us);
		return false;
	}
	if (connection->channel->is_unthrottled)
		return true;
	if (!*throttle)
		*throttle = hm_throttle_open();
	hm_throttle_refused(*throttle, key,
			    refusal.retry_after_ms < HM_THROTTLE_RETRY_MS_MAX ? refusal.retry_after_ms
									      : HM_THROTTLE_RETRY_MS_MAX,
			    now_us);
	return true;
}
