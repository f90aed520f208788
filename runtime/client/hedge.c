/* Hedge: the list, the twin's life, and which of two attempts the call ends with. */
#include "client/hedge.h"

#include "base/clock.h"
#include "client/balance.h"
#include "client/hedge_rule.h"

/* What the call itself takes is counted when it ends. */
static int64_t measured_us(struct hm_channel *channel, struct hm_pending *pending)
{
	if (!channel->latencies)
		return 0;
	pending->latency = hm_latencies_find(channel->latencies, pending->method->id);
	if (!pending->latency)
		return 0;
	return hm_latency_percentile_us(pending->latency, channel->hedge_permille, pending->started_us);
}

void hm_hedge_prepare(struct hm_channel *channel, struct hm_pending *pending)
{
	uint32_t method_ms = pending->method->hedge_after_ms;
	struct hm_attempt_call call;

	if (!channel->hedge_ms || (channel->hedge_ms == HM_HEDGE_UNSAID && !method_ms && !channel->latencies))
		return;
	call = hm_retry_call(channel, pending);
	if (!hm_hedge_may(&call))
		return;
	pending->hedge_after_us = hm_hedge_after_us(channel->hedge_ms, method_ms, measured_us(channel, pending), &call);
}

/* Mostly behind the last one: the calls of a channel wait equally long, or for one of a few times. */
static void insert(struct hm_hedges *hedges, struct hm_pending *pending)
{
	struct hm_pending *sooner = hedges->last;

	while (sooner && sooner->hedge_us > pending->hedge_us)
		sooner = sooner->sooner;
	pending->sooner = sooner;
	pending->later = sooner ? sooner->later : hedges->first;
	*(sooner ? &sooner->later : &hedges->first) = pending;
	*(pending->later ? &pending->later->sooner : &hedges->last) = pending;
	pending->is_armed = true;
}

static void disarm(struct hm_hedges *hedges, struct hm_pending *pending)
{
	if (!pending->is_armed)
		return;
	*(pending->sooner ? &pending->sooner->later : &hedges->first) = pending->later;
	*(pending->later ? &pending->later->sooner : &hedges->last) = pending->sooner;
	pending->is_armed = false;
}

void hm_hedge_arm(struct hm_channel *channel, struct hm_pending *pending, int64_t now_us)
{
	const struct hm_attempt_call call = hm_retry_call(channel, pending);
	int64_t due_us = hm_hedge_due_us(pending->hedge_after_us, &call, now_us);

	if (pending->is_hedged || channel->n_backends < 2 || due_us == INT64_MAX)
		return;
	pending->hedge_us = due_us;
	insert(&channel->hedges, pending);
	hm_balance_tick_by(channel, due_us);
}

/* The picker would rather give one that is to be avoided than none; here none is better. */
static struct hm_connection *find_another(struct hm_channel *channel, const struct hm_pending *pending, int64_t now_us)
{
	struct hm_places avoid = pending->tried;
	struct hm_connection *connection;

	hm_places_add(&avoid, pending->place);
	if (!channel->picker.n_members || hm_balance_pick(channel, pending, &avoid, now_us, &connection) != HM_OK)
		return NULL;
	return connection && !hm_places_has(&avoid, connection->backend->place) ? connection : NULL;
}

static struct hm_pending *make_twin(struct hm_channel *channel, struct hm_pending *pending)
{
	struct hm_pending *twin = hm_pending_double(channel, pending);

	twin->is_twin = true;
	twin->twin = pending;
	twin->head.attempt++;
	if (channel->faults)
		(void)hm_call_fault_meet(channel, twin);
	return twin;
}

static void drop_twin(struct hm_channel *channel, struct hm_pending *twin)
{
	twin->twin->twin = NULL;
	hm_pending_keep(channel, twin);
}

static void begin(struct hm_channel *channel, struct hm_pending *pending, int64_t now_us)
{
	struct hm_connection *connection = find_another(channel, pending, now_us);
	struct hm_pending *twin;

	if (!connection || !hm_retry_budget_take(&channel->budget, now_us))
		return;
	pending->twin = twin = make_twin(channel, pending);
	if (twin->abort_with != HM_OK || hm_connection_send(connection, twin, now_us) != HM_OK) {
		drop_twin(channel, twin);
		return;
	}
	pending->attempts++;
	pending->head.attempt++; /* the number of the last one made */
	connection->has_output = channel->has_output = true;
}

void hm_hedge_wake(struct hm_channel *channel, int64_t now_us)
{
	struct hm_pending *pending;

	while ((pending = channel->hedges.first) && pending->hedge_us <= now_us) {
		disarm(&channel->hedges, pending);
		pending->is_hedged = true;
		begin(channel, pending, now_us);
	}
	if (pending)
		hm_balance_tick_by(channel, pending->hedge_us);
}

static bool has_failed(const struct hm_pending *attempt)
{
	return attempt->error || (!attempt->has_expired && attempt->status != HM_OK);
}

static bool decides(const struct hm_pending *attempt, const struct hm_attempt_end *end, bool is_last)
{
	return !has_failed(attempt) || hm_hedge_decides(end, is_last);
}

/* Nobody will hear what becomes of it: it may be processed. */
static void cancel(struct hm_channel *channel, struct hm_pending *call, struct hm_pending *attempt,
		   enum hm_verdict verdict)
{
	struct hm_connection *connection = attempt->connection;

	if (attempt->list)
		hm_parked_remove(attempt);
	else
		hm_engine_cancel(connection->engine, attempt->id, NULL);
	hm_balance_ended(channel, connection->backend, attempt, verdict, hm_clock_mono_us());
	connection->has_output = channel->has_output = true;
	call->is_in_doubt = true;
}

/* A first attempt that a later one has overtaken says something of its server. */
static void take_over(struct hm_channel *channel, struct hm_pending *call, const struct hm_pending *twin)
{
	if (call->connection)
		cancel(channel, call, call, HM_VERDICT_LATE);
	call->connection = twin->connection;
	call->place = twin->place;
	call->id = twin->id;
	call->status = twin->status;
	call->body = twin->body;
	call->reply_bytes = twin->reply_bytes;
	call->audit_id = twin->audit_id;
	call->has_expired = twin->has_expired;
	call->is_in_doubt |= twin->is_in_doubt;
	call->error = twin->error;
}

/* It failed in passing, and the other one is under way. */
static void set_aside(struct hm_channel *channel, struct hm_pending *attempt)
{
	struct hm_pending *call = attempt->is_twin ? attempt->twin : attempt;

	call->is_in_doubt |= attempt->is_in_doubt;
	hm_places_add(&call->tried, attempt->place);
	if (attempt->is_twin) {
		drop_twin(channel, attempt);
		return;
	}
	call->connection = NULL;
	call->id = 0;
	call->error = NULL;
	call->status = HM_OK;
}

struct hm_pending *hm_hedge_ended(struct hm_channel *channel, struct hm_pending *attempt)
{
	struct hm_pending *call = attempt->is_twin ? attempt->twin : attempt, *twin = call->twin;
	struct hm_attempt_end end = { 0 };
	bool is_last = !twin || (attempt->is_twin && !call->connection);

	disarm(&channel->hedges, call);
	if (has_failed(attempt))
		end = hm_retry_end(attempt);
	call->is_hedged |= end.retry_after_ms != 0;
	if (!decides(attempt, &end, is_last)) {
		set_aside(channel, attempt);
		return NULL;
	}
	if (attempt->is_twin)
		take_over(channel, call, attempt);
	else if (twin)
		cancel(channel, call, twin, HM_VERDICT_NONE);
	if (twin)
		drop_twin(channel, twin);
	return call;
}

struct hm_pipe *hm_hedge_leave(struct hm_channel *channel, struct hm_pending *pending)
{
	struct hm_pending *twin = pending->twin;
	struct hm_connection *connection;

	disarm(&channel->hedges, pending);
	if (!twin)
		return NULL;
	connection = twin->connection;
	cancel(channel, pending, twin, HM_VERDICT_NONE);
	drop_twin(channel, twin);
	return hm_connection_flush(connection);
}
