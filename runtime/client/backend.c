/* Backend: one endpoint of a channel: its connections, and when to dial again after failures. */
#include "client/balance.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/backoff.h"

enum {
	STEADY_US = HM_US_PER_S, /* a connection that lasted so long was a good one */
	LEAVES = 4, /* in a row, of connections that were not: servers that take each other's place quickly */
};

struct hm_backend *hm_backend_open(struct hm_channel *channel, const struct hm_endpoint *endpoint, uint8_t place)
{
	struct hm_backend *backend = calloc(1, sizeof *backend);

	if (!backend)
		abort();
	backend->channel = channel;
	backend->place = place;
	memcpy(backend->url, endpoint->url, sizeof backend->url);
	channel->backends[place] = backend;
	channel->weights[place] = endpoint->weight;
	channel->n_backends++;
	hm_picker_clear(&channel->picker, place);
	hm_ejector_add(&channel->ejector, place);
	return backend;
}

void hm_backend_close(struct hm_backend *backend)
{
	backend->channel->backends[backend->place] = NULL;
	hm_throttle_close(backend->throttle);
	free(backend);
}

/* Calls that find no other endpoint are told so until it is tried again. */
static void back_off(struct hm_backend *backend, const struct hm_error *why, int64_t now_us)
{
	struct hm_channel *channel = backend->channel;
	uint32_t chance;

	hm_random(&chance, sizeof chance);
	backend->retry_us = now_us + hm_backoff_us(backend->url, ++backend->failures, chance);
	channel->refusal = *why;
	hm_balance_tick_by(channel, backend->retry_us);
}

void hm_backend_dial(struct hm_backend *backend, int64_t now_us)
{
	struct hm_connection *connection;

	if (backend->n_connections == HM_BACKEND_CONNECTIONS || backend->retry_us > now_us)
		return;
	if (hm_connection_open(backend, now_us, &connection) != HM_OK) {
		back_off(backend, hm_error_get(), now_us);
		return;
	}
	backend->connections[backend->n_connections++] = connection;
	backend->n_open++;
}

static void forget(struct hm_backend *backend, const struct hm_connection *connection)
{
	for (unsigned i = 0; i < backend->n_connections; i++)
		if (backend->connections[i] == connection) {
			backend->connections[i] = backend->connections[--backend->n_connections];
			return;
		}
}

void hm_backend_lost(struct hm_backend *backend, const struct hm_connection *connection, const struct hm_error *why)
{
	int64_t now_us = hm_clock_mono_us();

	forget(backend, connection);
	backend->channel->is_unsettled = true;
	if (connection->state == HM_CONNECTION_LEAVING || backend->is_removed || why->code == HM_CANCELLED)
		return;
	hm_resolver_nudge(backend->channel->resolver);
	if (connection->state == HM_CONNECTION_READY && now_us - connection->since_us >= STEADY_US)
		backend->failures = 0;
	else
		back_off(backend, why, now_us);
}

/* One that says so as soon as it is reached may do so for ever: after a few times it is left alone for a while. */
void hm_backend_leave(struct hm_backend *backend, const struct hm_connection *connection)
{
	int64_t now_us = hm_clock_mono_us();

	forget(backend, connection);
	backend->channel->is_unsettled = true;
	hm_resolver_nudge(backend->channel->resolver);
	if (connection->since_us && now_us - connection->since_us >= STEADY_US)
		backend->failures = 0;
	else if (backend->failures < LEAVES)
		backend->failures++;
	else if (hm_raise(UNAVAILABLE, "%s: the server goes away; the call was not processed", backend->url) != HM_OK)
		back_off(backend, hm_error_get(), now_us);
}

void hm_backend_closed(struct hm_backend *backend)
{
	if (!--backend->n_open && backend->is_removed)
		hm_backend_close(backend);
}

void hm_backend_remove(struct hm_backend *backend)
{
	struct hm_channel *channel = backend->channel;

	backend->is_removed = true;
	channel->n_backends--;
	hm_ejector_remove(&channel->ejector, backend->place);
	if (!backend->n_open) {
		hm_backend_close(backend);
		return;
	}
	while (backend->n_connections)
		hm_connection_retire(backend->connections[--backend->n_connections]);
}

bool hm_backend_takes_calls(const struct hm_backend *backend)
{
	for (unsigned i = 0; i < backend->n_connections; i++)
		if (hm_connection_takes_calls(backend->connections[i]))
			return true;
	return false;
}

/* Whether a connection may yet come to take calls without anything being done. */
static bool is_connecting(const struct hm_backend *backend)
{
	for (unsigned i = 0; i < backend->n_connections; i++)
		if (hm_connection_is_coming(backend->connections[i]))
			return true;
	return false;
}

enum hm_backend_state hm_backend_state(const struct hm_backend *backend, int64_t now_us)
{
	if (hm_backend_takes_calls(backend))
		return HM_BACKEND_READY;
	if (is_connecting(backend))
		return HM_BACKEND_CONNECTING;
	if (backend->n_connections || backend->retry_us > now_us)
		return HM_BACKEND_BACKING_OFF; /* it is connected, and says that it does not serve; or could not be connected */
	return backend->n_open ? HM_BACKEND_GOING_AWAY : HM_BACKEND_IDLE;
}

struct hm_connection *hm_backend_connection(struct hm_backend *backend, int64_t now_us)
{
	for (unsigned i = 0; i < backend->n_connections; i++) {
		struct hm_connection *connection = backend->connections[i];

		if (hm_connection_takes_calls(connection) && hm_engine_room(connection->engine))
			return connection;
	}
	if (!is_connecting(backend))
		hm_backend_dial(backend, now_us);
	return NULL;
}
