/* Parked: a list that is linked both ways, as callers leave from its middle. */
#include "client/balance.h"

void hm_parked_init(struct hm_parked *parked)
{
	parked->first = NULL;
	parked->end = &parked->first;
}

static bool has_own_deadline(const struct hm_pending *pending)
{
	return !pending->context && pending->deadline_us; /* a waiting caller goes by itself */
}

static void append(struct hm_parked *parked, struct hm_pending *pending)
{
	pending->next = NULL;
	pending->list = parked;
	pending->listed_at = parked->end;
	*parked->end = pending;
	parked->end = &pending->next;
}

void hm_parked_add(struct hm_channel *channel, struct hm_pending *pending)
{
	if (!pending->context)
		hm_pending_copy(pending);
	append(&channel->parked, pending);
	if (has_own_deadline(pending))
		hm_balance_tick_by(channel, pending->deadline_us);
}

void hm_resting_add(struct hm_channel *channel, struct hm_pending *pending)
{
	append(&channel->resting, pending);
}

void hm_lost_add(struct hm_channel *channel, struct hm_pending *pending)
{
	append(&channel->lost, pending);
}

void hm_parked_remove(struct hm_pending *pending)
{
	*pending->listed_at = pending->next;
	if (pending->next)
		pending->next->listed_at = pending->listed_at;
	else
		pending->list->end = pending->listed_at;
	pending->list = NULL;
}

void hm_parked_end(struct hm_channel *channel, struct hm_pending *pending, const struct hm_error *why,
		   struct hm_ended *ended)
{
	pending->error = hm_ended_keep(ended, why);
	hm_ended_add(ended, channel, pending);
}

/* A call that cannot be sent after all (larger than the server takes) ends with the reason. */
void hm_parked_leave(struct hm_channel *channel, struct hm_connection *connection, struct hm_pending *pending,
		     int64_t now_us, struct hm_ended *ended)
{
	if (hm_connection_send(connection, pending, now_us) != HM_OK) {
		hm_parked_end(channel, pending, hm_error_get(), ended);
		return;
	}
	connection->has_output = channel->has_output = true;
	if (pending->stream)
		hm_stream_begun(pending->stream, ended);
}

void hm_parked_send(struct hm_channel *channel, int64_t now_us, struct hm_ended *ended)
{
	for (struct hm_pending *pending = channel->parked.first, *next; pending; pending = next) {
		struct hm_connection *connection;

		next = pending->next;
		if (hm_balance_pick(channel, pending, &pending->tried, now_us, &connection) != HM_OK) {
			hm_parked_remove(pending);
			hm_parked_end(channel, pending, hm_error_get(), ended);
		} else if (connection) {
			hm_parked_remove(pending);
			hm_parked_leave(channel, connection, pending, now_us, ended);
		} else if (channel->picker.n_members) {
			return; /* their connections are full */
		}
	}
}

static void fail_all(struct hm_channel *channel, struct hm_parked *list, const struct hm_error *why,
		     struct hm_ended *ended)
{
	const struct hm_error *kept = list->first ? hm_ended_keep(ended, why) : NULL;

	while (list->first) {
		struct hm_pending *pending = list->first;

		hm_parked_remove(pending);
		pending->error = kept;
		hm_ended_add(ended, channel, pending);
	}
}

void hm_parked_fail(struct hm_channel *channel, const struct hm_error *why, struct hm_ended *ended)
{
	fail_all(channel, &channel->parked, why, ended);
	fail_all(channel, &channel->resting, why, ended);
	fail_all(channel, &channel->lost, why, ended);
}

bool hm_listed_is_late(const struct hm_pending *pending, int64_t now_us)
{
	return has_own_deadline(pending) && pending->deadline_us <= now_us;
}

void hm_listed_expire(struct hm_channel *channel, struct hm_pending *pending, struct hm_ended *ended)
{
	hm_parked_remove(pending);
	pending->has_expired = true;
	hm_ended_add(ended, channel, pending);
}

void hm_parked_expire(struct hm_channel *channel, int64_t now_us, struct hm_ended *ended)
{
	for (struct hm_pending *pending = channel->parked.first, *next; pending; pending = next) {
		next = pending->next;
		if (hm_listed_is_late(pending, now_us))
			hm_listed_expire(channel, pending, ended);
		else if (has_own_deadline(pending))
			hm_balance_tick_by(channel, pending->deadline_us);
	}
}
