/* Health check: one small call at a time on each connection, of which no caller knows. */
#include "client/health_check.h"

#include <stdlib.h>

#include "base/clock.h"
#include "client/balance.h"
#include "rpc/health.h"
#include "wire/message.h"

enum { PERIOD_US = 2 * HM_US_PER_S, TIMEOUT_US = 5 * HM_US_PER_S };

static void set_health(struct hm_connection *connection, enum hm_health health)
{
	if (connection->check.health != health)
		connection->channel->is_unsettled = true;
	connection->check.health = health;
}

static void send_check(struct hm_connection *connection, int64_t now_us)
{
	static const Health__HealthCheckRequest request = HEALTH__HEALTH_CHECK_REQUEST__INIT;
	struct hm_check *check = &connection->check;

	check->pending = (struct hm_pending){
		.method = &hm_health_check,
		.head = { .method = hm_health_check.id, .request_id = hm_id_new(), .is_unsampled = true },
		.brand = "",
		.request = &request.base,
		.body_bytes = protobuf_c_message_get_packed_size(&request.base),
		.deadline_us = now_us + TIMEOUT_US,
	};
	if (hm_connection_carry(connection, &check->pending, now_us) != HM_OK)
		return; /* it is full or going away: that says nothing about its server's health */
	check->is_under_way = true;
	connection->has_output = connection->channel->has_output = true;
}

void hm_check_begin(struct hm_connection *connection, int64_t now_us)
{
	struct hm_check *check = &connection->check;

	if (!connection->channel->checks_health) {
		set_health(connection, HM_HEALTH_SERVING);
		return;
	}
	check->due_us = now_us + PERIOD_US;
	hm_balance_tick_by(connection->channel, check->due_us);
	if (!check->is_under_way)
		send_check(connection, now_us);
}

bool hm_check_is(const struct hm_connection *connection, const struct hm_pending *pending)
{
	return pending == &connection->check.pending;
}

static enum hm_health read_reply(const struct hm_event *event)
{
	enum hm_health health = HM_HEALTH_NOT_SERVING;
	const Health__HealthCheckResponse *response;
	struct hm_arena arena = { 0 };
	ProtobufCMessage *message;

	if (hm_message_unpack(&arena, hm_health_check.reply, event->body, event->body_bytes, &message) == HM_OK) {
		response = (const Health__HealthCheckResponse *)message;
		if (response->status == HEALTH__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING)
			health = HM_HEALTH_SERVING;
	}
	hm_arena_fini(&arena);
	return health;
}

static void set_unhealthy(struct hm_connection *connection, bool is_answered)
{
	set_health(connection, HM_HEALTH_NOT_SERVING);
	if (hm_raise(UNAVAILABLE, "%s: the server %s; the call was not processed", connection->backend->url,
		     is_answered ? "does not serve at present" : "does not answer when asked whether it serves") !=
	    HM_OK)
		connection->channel->refusal = *hm_error_get();
}

/* No answer in time is one, too: the method takes no worker, so its server stands still. */
void hm_check_ended(struct hm_connection *connection, const struct hm_event *event)
{
	bool is_answered = event->type == HM_EVENT_REPLY;

	connection->check.is_under_way = false;
	if (is_answered && event->status == HM_UNIMPLEMENTED)
		set_health(connection, HM_HEALTH_SERVING);
	else if (is_answered && event->status == HM_OK && read_reply(event) == HM_HEALTH_SERVING)
		set_health(connection, HM_HEALTH_SERVING);
	else
		set_unhealthy(connection, is_answered);
}

static bool is_wanted(const struct hm_channel *channel)
{
	return channel->health_checks == HM_HEALTH_CHECKS_MANY ? channel->n_backends > 1
							       : channel->health_checks == HM_HEALTH_CHECKS_ON;
}

void hm_health_choose(struct hm_channel *channel, int64_t now_us)
{
	bool was_wanted = channel->checks_health;

	channel->checks_health = is_wanted(channel);
	if (channel->checks_health == was_wanted)
		return;
	for (struct hm_connection *connection = channel->connections; connection; connection = connection->next)
		if (connection->state == HM_CONNECTION_READY)
			hm_check_begin(connection, now_us);
}

void hm_health_tick(struct hm_channel *channel, int64_t now_us)
{
	for (struct hm_connection *connection = channel->connections; channel->checks_health && connection;
	     connection = connection->next) {
		if (connection->state != HM_CONNECTION_READY)
			continue;
		if (connection->check.due_us <= now_us)
			hm_check_begin(connection, now_us);
		else
			hm_balance_tick_by(channel, connection->check.due_us);
	}
}
