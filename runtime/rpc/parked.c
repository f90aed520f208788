/* Parked: a list that is linked both ways, as callers leave from its middle. */
#include "rpc/balance.h"

void hm_parked_init(struct hm_parked *parked)
{
	parked->first = NULL;
	parked->end = &parked->first;
}

static bool has_own_deadline(const struct hm_pending *pending)
{
	return !pending->context && pending->deadline_us; /* a waiting caller goes by itself */
}

void hm_parked_add(struct hm_channel *channel, struct hm_pending *pending)
{
	struct hm_parked *parked = &channel->parked;

	if (!pending->context)
		hm_pending_copy(pending);
	pending->next = NULL;
	pending->parked_at = parked->end;
	*parked->end = pending;
	parked->end = &pending->next;
	if (has_own_deadline(pending))
		hm_balance_tick_by(channel, pending->deadline_us);
}

void hm_parked_remove(struct hm_channel *channel, struct hm_pending *pending)
{
	*pending->parked_at = pending->next;
	if (pending->next)
		pending->next->parked_at = pending->parked_at;
	else
		channel->parked.end = pending->parked_at;
}

static void fail(struct hm_channel *channel, struct hm_pending *pending, const struct hm_error *why,
		 struct hm_ended *ended)
{
	hm_parked_remove(channel, pending);
	pending->error = why;
	hm_ended_add(ended, channel, pending);
}

/* A call that cannot be sent after all (larger than the server takes) ends with the reason. */
static void send_one(struct hm_channel *channel, struct hm_connection *connection, struct hm_pending *pending,
		     int64_t now_us, struct hm_ended *ended)
{
	if (hm_connection_send(connection, pending, now_us) != HM_OK) {
		fail(channel, pending, hm_ended_keep(ended, hm_error_get()), ended);
		return;
	}
	connection->has_output = channel->has_output = true;
	hm_parked_remove(channel, pending);
	if (pending->stream)
		hm_stream_begun(pending->stream, ended);
}

void hm_parked_send(struct hm_channel *channel, int64_t now_us, struct hm_ended *ended)
{
	for (struct hm_pending *pending = channel->parked.first, *next; pending; pending = next) {
		struct hm_connection *connection;

		next = pending->next;
		if (hm_balance_pick(channel, pending, NULL, now_us, &connection) != HM_OK)
			fail(channel, pending, hm_ended_keep(ended, hm_error_get()), ended);
		else if (connection)
			send_one(channel, connection, pending, now_us, ended);
		else if (channel->picker.n_members)
			return; /* their connections are full */
	}
}

void hm_parked_fail(struct hm_channel *channel, const struct hm_error *why, struct hm_ended *ended)
{
	const struct hm_error *kept = channel->parked.first ? hm_ended_keep(ended, why) : NULL;

	while (channel->parked.first)
		fail(channel, channel->parked.first, kept, ended);
}

void hm_parked_expire(struct hm_channel *channel, int64_t now_us, struct hm_ended *ended)
{
	for (struct hm_pending *pending = channel->parked.first, *next; pending; pending = next) {
		next = pending->next;
		if (!has_own_deadline(pending))
			continue;
		if (pending->deadline_us > now_us) {
			hm_balance_tick_by(channel, pending->deadline_us);
			continue;
		}
		hm_parked_remove(channel, pending);
		pending->has_expired = true;
		hm_ended_add(ended, channel, pending);
	}
}
