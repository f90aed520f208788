/* Balance: picking, and what follows when endpoints come, go, fail and recover. */
#include "client/balance.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/health_check.h"

/* Dials what is wanted: nothing that is connected, about to be, or backing off. */
static void connect_all(struct hm_channel *channel, int64_t now_us)
{
	for (unsigned place = 0; place < HM_PLACES; place++) {
		struct hm_backend *backend = channel->backends[place];

		if (backend && !backend->is_removed && !backend->n_connections)
			hm_backend_dial(backend, now_us);
	}
}

/* Whether calls that find nobody have something to wait for. */
static bool is_connecting(const struct hm_channel *channel, int64_t now_us)
{
	for (unsigned place = 0; place < HM_PLACES; place++) {
		const struct hm_backend *backend = channel->backends[place];

		if (backend && !backend->is_removed && hm_backend_state(backend, now_us) == HM_BACKEND_CONNECTING)
			return true;
	}
	return !channel->has_list;
}

/* Nobody takes calls: the call waits, or is told why not. */
static hm_status wait_for_one(struct hm_channel *channel, const struct hm_pending *pending, int64_t now_us)
{
	if (channel->is_closing)
		return hm_raise(CANCELLED, "the channel is being closed");
	channel->is_used = true;
	connect_all(channel, now_us);
	if (pending->waits_for_ready || is_connecting(channel, now_us))
		return HM_OK;
	return hm_error_set(&channel->refusal);
}

/* *ret_connection NULL: none yet. */
static hm_status pick(struct hm_channel *channel, const struct hm_pending *pending, const struct hm_places *avoid,
		      int64_t now_us, struct hm_connection **ret_connection)
{
	const int place = hm_picker_pick(&channel->picker, avoid, now_us);

	*ret_connection = NULL;
	if (place == HM_PLACE_NONE)
		return wait_for_one(channel, pending, now_us);
	*ret_connection = hm_backend_connection(channel->backends[place], now_us);
	return HM_OK;
}

static int place_of(const struct hm_connection *connection)
{
	return connection ? connection->backend->place : HM_PLACE_NONE;
}

static bool is_among(const struct hm_places *places, int place)
{
	return place != HM_PLACE_NONE && hm_places_has(places, (unsigned)place);
}

/* One that does not keep the call back as those do that are `keeping`: one not to be avoided, or else one that is. */
static hm_status pick_beside(struct hm_channel *channel, const struct hm_pending *pending,
			     const struct hm_places *avoid, const struct hm_places *keeping, int64_t now_us,
			     struct hm_connection **ret_connection)
{
	struct hm_places both = *keeping;

	hm_places_join(&both, avoid);
	TRY(pick(channel, pending, &both, now_us, ret_connection));
	if (is_among(keeping, place_of(*ret_connection)))
		return pick(channel, pending, keeping, now_us, ret_connection);
	return HM_OK;
}

/* One that takes the call, instead of the first, which keeps it back. */
static hm_status pick_another(struct hm_channel *channel, const struct hm_pending *pending,
			      const struct hm_places *avoid, int64_t now_us, uint32_t retry_after_ms,
			      struct hm_connection **connection)
{
	struct hm_places keeping = { 0 };

	for (int asked = 1; asked < HM_THROTTLE_ASKED; asked++) {
		hm_places_add(&keeping, (*connection)->backend->place);
		TRY(pick_beside(channel, pending, avoid, &keeping, now_us, connection));
		if (is_among(&keeping, place_of(*connection)))
			break;
		if (!*connection || !hm_throttle_keeps((*connection)->backend, pending, now_us, &retry_after_ms))
			return HM_OK;
	}
	return hm_throttle_raise(channel, pending, retry_after_ms);
}

hm_status hm_balance_pick(struct hm_channel *channel, const struct hm_pending *pending, const struct hm_places *avoid,
			  int64_t now_us, struct hm_connection **ret_connection)
{
	uint32_t retry_after_ms;

	if (pending->abort_with != HM_OK)
		return hm_call_fault_abort(pending);
	TRY(pick(channel, pending, avoid, now_us, ret_connection));
	if (!*ret_connection || !hm_throttle_keeps((*ret_connection)->backend, pending, now_us, &retry_after_ms))
		return HM_OK;
	return pick_another(channel, pending, avoid, now_us, retry_after_ms, ret_connection);
}

/* Those that take calls and are not ejected; if none is left, the ejected ones after all. */
static void choose_members(struct hm_channel *channel)
{
	struct hm_places able = { 0 }, chosen = { 0 };
	bool has_any = false;

	for (unsigned place = 0; place < HM_PLACES && !channel->is_closing; place++) {
		const struct hm_backend *backend = channel->backends[place];

		if (!backend || backend->is_removed || !hm_backend_takes_calls(backend))
			continue;
		hm_places_add(&able, place);
		if (hm_ejector_has(&channel->ejector, place))
			continue;
		hm_places_add(&chosen, place);
		has_any = true;
	}
	hm_picker_set_members(&channel->picker, has_any ? &chosen : &able, channel->weights);
}

void hm_balance_settle(struct hm_channel *channel, int64_t now_us, struct hm_ended *ended)
{
	channel->is_unsettled = false;
	choose_members(channel);
	if (channel->is_closing)
		return;
	if (channel->parked.first || (channel->is_used && channel->n_backends > 1))
		connect_all(channel, now_us);
	if (channel->parked.first && (channel->picker.n_members || !is_connecting(channel, now_us)))
		hm_parked_send(channel, now_us, ended);
}

void hm_balance_began(struct hm_channel *channel, const struct hm_backend *backend)
{
	hm_picker_begin(&channel->picker, backend->place);
}

void hm_balance_ended(struct hm_channel *channel, const struct hm_backend *backend, const struct hm_pending *pending,
		      enum hm_verdict verdict, int64_t now_us)
{
	bool is_timed = channel->n_backends > 1 && !pending->stream; /* what is alone is not compared */
	bool has_latency = is_timed && (verdict == HM_VERDICT_ANSWERED || verdict == HM_VERDICT_LATE);

	hm_picker_end(&channel->picker, backend->place, has_latency ? now_us - pending->began_us : -1, now_us);
	if (has_latency && pending->latency)
		hm_latency_note(pending->latency, now_us - pending->began_us, now_us);
	if (channel->n_backends < 2 || backend->is_removed)
		return;
	if (verdict != HM_VERDICT_ANSWERED && verdict != HM_VERDICT_FAILED)
		return;
	if (hm_ejector_note(&channel->ejector, backend->place, verdict == HM_VERDICT_FAILED, now_us))
		choose_members(channel);
	hm_balance_tick_by(channel, hm_ejector_next_us(&channel->ejector));
}

static const struct hm_endpoint *find_endpoint(const struct hm_endpoints *endpoints, const char *url)
{
	for (size_t i = 0; i < endpoints->count; i++)
		if (!strcmp(endpoints->list[i].url, url))
			return &endpoints->list[i];
	return NULL;
}

static bool has_backend(const struct hm_channel *channel, const char *url)
{
	for (unsigned place = 0; place < HM_PLACES; place++) {
		const struct hm_backend *backend = channel->backends[place];

		if (backend && !backend->is_removed && !strcmp(backend->url, url))
			return true;
	}
	return false;
}

/* Where those that drain have left no place, the endpoint has to wait for the next list. */
static void add_backend(struct hm_channel *channel, const struct hm_endpoint *endpoint)
{
	for (unsigned place = 0; place < HM_PLACES; place++)
		if (!channel->backends[place]) {
			hm_backend_open(channel, endpoint, (uint8_t)place);
			return;
		}
}

void hm_balance_apply(struct hm_channel *channel, const struct hm_endpoints *endpoints, int64_t now_us)
{
	for (unsigned place = 0; place < HM_PLACES; place++) {
		struct hm_backend *backend = channel->backends[place];
		const struct hm_endpoint *endpoint;

		if (!backend || backend->is_removed)
			continue;
		endpoint = find_endpoint(endpoints, backend->url);
		if (endpoint)
			channel->weights[place] = endpoint->weight;
		else
			hm_backend_remove(backend);
	}
	for (size_t i = 0; i < endpoints->count; i++)
		if (!has_backend(channel, endpoints->list[i].url))
			add_backend(channel, &endpoints->list[i]);
	channel->has_list = channel->is_unsettled = true;
	hm_health_choose(channel, now_us);
}

void hm_balance_push(struct hm_channel *channel)
{
	struct hm_pipe *pipe;

	do {
		struct hm_connection *connection;

		pipe = NULL;
		pthread_mutex_lock(&channel->lock);
		for (connection = channel->connections; connection && !pipe; connection = connection->next)
			if (connection->has_output) {
				connection->has_output = false;
				pipe = hm_connection_flush(connection);
			}
		if (!pipe)
			channel->has_output = false;
		pthread_mutex_unlock(&channel->lock);
		hm_connection_push(pipe);
	} while (pipe);
}

void hm_balance_tick_by(struct hm_channel *channel, int64_t due_us)
{
	if (due_us >= channel->tick_us || channel->is_closing)
		return;
	channel->tick_us = due_us;
	hm_timer_set(&channel->timer, due_us);
}

static void come_for_retries(struct hm_channel *channel, int64_t now_us)
{
	for (unsigned place = 0; place < HM_PLACES; place++) {
		const struct hm_backend *backend = channel->backends[place];

		if (backend && backend->retry_us > now_us)
			hm_balance_tick_by(channel, backend->retry_us);
	}
}

void hm_balance_tick(void *user)
{
	struct hm_channel *channel = user;
	int64_t now_us = hm_clock_mono_us();
	struct hm_arena arena = { 0 };
	struct hm_ended ended;

	hm_ended_init(&ended);
	pthread_mutex_lock(&channel->lock);
	channel->tick_us = INT64_MAX;
	if (!channel->is_closing) {
		hm_parked_expire(channel, now_us, &ended);
		hm_ejector_tick(&channel->ejector, now_us);
		hm_health_tick(channel, now_us);
		hm_balance_settle(channel, now_us, &ended);
		hm_retry_wake(channel, now_us, &ended);
		hm_call_fault_wake(channel, now_us, &ended);
		hm_hedge_wake(channel, now_us);
		come_for_retries(channel, now_us);
		hm_balance_tick_by(channel, hm_ejector_next_us(&channel->ejector));
	}
	pthread_mutex_unlock(&channel->lock);
	hm_balance_push(channel);
	hm_ended_tell(&ended, channel, &arena);
	hm_arena_fini(&arena);
}
