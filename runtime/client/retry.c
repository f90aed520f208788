/* Retry: what the decision is made from, and what follows it. */
#include "client/retry.h"

#include "base/clock.h"
#include "client/balance.h"
#include "client/stream_own.h"
#include "rpc/failure.h"

static bool is_idempotent(const struct hm_pending *pending)
{
	return pending->method->idempotency != HM_IDEMPOTENCY_UNKNOWN || pending->head.idempotency_key;
}

static unsigned attempts_of(const struct hm_channel *channel, const struct hm_method *method)
{
	return channel->attempts ? channel->attempts : method->attempts ? method->attempts : HM_ATTEMPTS;
}

/* What this end says of an attempt; a call that was not sent has no connection. */
static struct hm_attempt_end ended_here(struct hm_pending *pending, const struct hm_error *error)
{
	struct hm_attempt_end end = { .fate = HM_FATE_UNCONNECTED, .code = error->code };

	if (pending->connection)
		end.fate = error->maybe_processed ? HM_FATE_LOST : HM_FATE_UNSENT;
	pending->is_in_doubt |= end.fate == HM_FATE_LOST;
	return end;
}

static struct hm_attempt_end ended_there(struct hm_pending *pending)
{
	struct hm_error error;
	bool was_refused = hm_failure_read(pending->status, pending->body, pending->reply_bytes, &error);

	pending->is_in_doubt |= error.maybe_processed;
	return (struct hm_attempt_end){ .fate = was_refused ? HM_FATE_REFUSED : HM_FATE_ANSWERED,
					.code = error.code,
					.retry_after_ms = error.retry_after_ms };
}

struct hm_attempt_end hm_retry_end(struct hm_pending *pending)
{
	return pending->error ? ended_here(pending, pending->error) : ended_there(pending);
}

struct hm_attempt_call hm_retry_call(const struct hm_channel *channel, const struct hm_pending *pending)
{
	return (struct hm_attempt_call){ .made = pending->attempts,
					 .most = attempts_of(channel, pending->method),
					 .is_idempotent = is_idempotent(pending),
					 .was_spared = pending->was_spared,
					 .is_stream = pending->stream,
					 .deadline_us = pending->deadline_us };
}

/* What a stream has sent or received cannot be had again. */
static bool is_virgin(const struct hm_pending *pending)
{
	return !pending->stream || (!pending->stream->has_sent && !pending->stream->has_received);
}

static void rest(struct hm_channel *channel, struct hm_pending *pending, int64_t due_us)
{
	pending->connection = NULL;
	pending->id = 0;
	pending->error = NULL;
	pending->status = HM_OK;
	pending->has_met_faults = false;
	pending->faults = 0;
	pending->abort_with = HM_OK;
	pending->due_us = due_us;
	hm_resting_add(channel, pending);
	hm_balance_tick_by(channel, due_us);
}

static bool again(struct hm_channel *channel, struct hm_pending *pending, const struct hm_attempt_end *end)
{
	const struct hm_attempt_call call = hm_retry_call(channel, pending);
	int64_t now_us = hm_clock_mono_us(), due_us;
	enum hm_again how;
	uint32_t chance;

	hm_random(&chance, sizeof chance);
	how = hm_attempt_decide(&call, end, now_us, chance, &due_us);
	if (how == HM_AGAIN_NEVER || (how == HM_AGAIN_LATER && !hm_retry_budget_take(&channel->budget, now_us)))
		return false;
	pending->was_spared |= how == HM_AGAIN_AT_ONCE;
	pending->attempts += how == HM_AGAIN_LATER;
	pending->head.attempt++;
	if (pending->connection)
		hm_places_add(&pending->tried, pending->place);
	rest(channel, pending, due_us);
	return true;
}

bool hm_retry_ended(struct hm_channel *channel, struct hm_pending *pending)
{
	struct hm_attempt_end end = hm_retry_end(pending);

	if (channel->is_closing || !is_virgin(pending) || !hm_pending_is_kept(pending))
		return false;
	return again(channel, pending, &end);
}

bool hm_retry_refused(struct hm_channel *channel, struct hm_pending *pending)
{
	struct hm_attempt_end end = ended_here(pending, hm_error_get());

	if (channel->is_closing)
		return false;
	if (!pending->context)
		hm_pending_copy(pending);
	return again(channel, pending, &end);
}

static void begin(struct hm_channel *channel, struct hm_pending *pending, int64_t now_us, struct hm_ended *ended)
{
	struct hm_connection *connection;

	if (channel->faults && hm_call_fault_delays(channel, pending, now_us))
		return;
	if (hm_balance_pick(channel, pending, &pending->tried, now_us, &connection) != HM_OK)
		hm_parked_end(channel, pending, hm_error_get(), ended);
	else if (connection)
		hm_parked_leave(channel, connection, pending, now_us, ended);
	else
		hm_parked_add(channel, pending);
}

void hm_retry_wake(struct hm_channel *channel, int64_t now_us, struct hm_ended *ended)
{
	int64_t next_us = INT64_MAX;

	for (struct hm_pending *pending = channel->resting.first, *next; pending; pending = next) {
		next = pending->next;
		if (pending->due_us > now_us) {
			next_us = pending->due_us < next_us ? pending->due_us : next_us;
			continue;
		}
		if (hm_listed_is_late(pending, now_us)) {
			hm_listed_expire(channel, pending, ended);
			continue;
		}
		hm_parked_remove(pending);
		begin(channel, pending, now_us, ended);
	}
	hm_balance_tick_by(channel, next_us);
}
