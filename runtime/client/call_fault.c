/* Call fault: rules met, calls lost, copies sent. */
#include "client/call_fault.h"

#include "base/clock.h"
#include "client/balance.h"
#include "rpc/fault.h"

void hm_channel_set_faults(struct hm_channel *channel, struct hm_faults *faults)
{
	pthread_mutex_lock(&channel->lock);
	channel->faults = faults;
	pthread_mutex_unlock(&channel->lock);
}

uint32_t hm_call_fault_meet(struct hm_channel *channel, struct hm_pending *pending)
{
	struct hm_fault fault = hm_faults_meet(channel->faults, HM_FAULT_AT_CALLER, pending->method->name);

	pending->has_met_faults = true;
	pending->faults = fault.packet;
	pending->abort_with = fault.abort;
	return fault.delay_ms;
}

/* When the channel is to end it; a waiting caller leaves by itself. */
static int64_t own_deadline_us(const struct hm_pending *pending)
{
	return pending->context || !pending->deadline_us ? INT64_MAX : pending->deadline_us;
}

bool hm_call_fault_delays(struct hm_channel *channel, struct hm_pending *pending, int64_t now_us)
{
	uint32_t delay_ms;

	if (pending->has_met_faults)
		return false;
	delay_ms = hm_call_fault_meet(channel, pending);
	if (!delay_ms)
		return false;
	if (!pending->context)
		hm_pending_copy(pending);
	pending->due_us = now_us + (int64_t)delay_ms * HM_US_PER_MS;
	if (pending->deadline_us && pending->deadline_us <= pending->due_us)
		pending->due_us = own_deadline_us(pending);
	hm_resting_add(channel, pending);
	hm_balance_tick_by(channel, pending->due_us);
	return true;
}

hm_status hm_call_fault_abort(const struct hm_pending *pending)
{
	(void)hm_raise_at(__FILE__, __LINE__, pending->abort_with,
			  "%s: aborted before it left, as the fault rules say; the call was not processed",
			  pending->method->name);
	hm_error_set_reason("FAULT");
	return pending->abort_with;
}

/* A call of its own to the connection, which tells nobody. Where there is no room for it there is no copy. */
static void send_copy(struct hm_connection *connection, const struct hm_pending *pending, int64_t now_us)
{
	struct hm_pending *copy = hm_pending_double(connection->channel, pending);

	copy->is_copy = true;
	copy->context = NULL; /* the engine ends it with its deadline */
	copy->twin = NULL;
	copy->hedge_after_us = 0;
	if (hm_connection_send(connection, copy, now_us) != HM_OK)
		hm_pending_keep(connection->channel, copy);
}

void hm_call_fault_sent(struct hm_connection *connection, struct hm_pending *pending, int64_t now_us)
{
	if (pending->faults >> HM_FAULT_DUPLICATE & 1 && !pending->stream)
		send_copy(connection, pending, now_us);
}

/* The engine has forgotten it, and its id may be another's soon. */
bool hm_call_fault_loses(struct hm_connection *connection, struct hm_pending *pending)
{
	struct hm_channel *channel = connection->channel;
	bool breaks = pending->faults >> HM_FAULT_DISCONNECT & 1;

	if (!breaks && !(pending->faults >> HM_FAULT_DROP & 1))
		return false;
	connection->is_to_break |= breaks;
	pending->id = 0;
	pending->is_in_doubt = true;
	pending->due_us = own_deadline_us(pending);
	hm_lost_add(channel, pending);
	hm_balance_tick_by(channel, pending->due_us);
	return true;
}

static struct hm_pending *find_lost(const struct hm_connection *connection)
{
	struct hm_pending *pending = connection->channel->lost.first;

	while (pending && pending->connection != connection)
		pending = pending->next;
	return pending;
}

bool hm_call_fault_has_lost(const struct hm_connection *connection)
{
	return find_lost(connection);
}

struct hm_pending *hm_call_fault_take_lost(struct hm_connection *connection)
{
	struct hm_pending *pending = find_lost(connection);

	if (pending)
		hm_parked_remove(pending);
	return pending;
}

static void expire(struct hm_channel *channel, struct hm_pending *pending, int64_t now_us, struct hm_ended *ended)
{
	hm_balance_ended(channel, pending->connection->backend, pending, HM_VERDICT_LATE, now_us);
	hm_listed_expire(channel, pending, ended);
}

/* From the first anew, as the end of one attempt may end another, too. */
void hm_call_fault_wake(struct hm_channel *channel, int64_t now_us, struct hm_ended *ended)
{
	struct hm_pending *pending = channel->lost.first;

	while (pending) {
		if (pending->due_us <= now_us) {
			expire(channel, pending, now_us, ended);
			pending = channel->lost.first;
			continue;
		}
		hm_balance_tick_by(channel, pending->due_us);
		pending = pending->next;
	}
}
