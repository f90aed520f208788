/*
 * Health check: a client's side of health.v1: on each connection of a channel that wants it the server is asked (Check, of the
 * whole server) as soon as it is ready and every two seconds then; one that does not serve gets no new calls until it does again.
 * A server that does not know the method is taken for one that serves, as gRPC has it. (client's own header)
 */
#pragma once
#include "client/pending.h"
#include "wire/engine.h"

struct hm_connection;

enum hm_health_checks {
	HM_HEALTH_CHECKS_MANY,
	HM_HEALTH_CHECKS_ON,
	HM_HEALTH_CHECKS_OFF
}; /* MANY: of more than one endpoint */

enum hm_health { HM_HEALTH_UNKNOWN, HM_HEALTH_SERVING, HM_HEALTH_NOT_SERVING };

struct hm_check {
	struct hm_pending pending; /* the call, while it is under way */
	bool is_under_way;
	enum hm_health health;
	int64_t due_us; /* of the next one */
};

/* hm_check_begin asks on a connection that is READY, if its channel wants that. hm_check_is: the call that ended is a check, so
 * nobody is told but hm_check_ended. All with the channel's lock held. */
void hm_check_begin(struct hm_connection *connection, int64_t now_us);
bool hm_check_is(const struct hm_connection *connection, const struct hm_pending *pending);
void hm_check_ended(struct hm_connection *connection, const struct hm_event *event);

/* hm_health_choose looks at whether the channel's servers are to be asked: its list or configuration has changed.
 * hm_health_tick asks those whose time has come. */
void hm_health_choose(struct hm_channel *channel, int64_t now_us);
void hm_health_tick(struct hm_channel *channel, int64_t now_us);
