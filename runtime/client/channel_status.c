/* Channel status: what is needed is copied under the channel's lock, and put together without. */
#include "client/channel_status.h"

#include <string.h>

#include "base/clock.h"
#include "client/balance.h"

static const char *const state_names[] = {
	[HM_BACKEND_IDLE] = "idle",
	[HM_BACKEND_CONNECTING] = "connecting",
	[HM_BACKEND_READY] = "ready",
	[HM_BACKEND_BACKING_OFF] = "backing off",
	[HM_BACKEND_GOING_AWAY] = "going away",
};

struct seen {
	char url[HM_URL_BYTES];
	enum hm_backend_state state;
	unsigned n_connections;
	struct hm_load load;
	int64_t ejected_until_us;
};

struct view {
	struct seen endpoints[HM_PLACES];
	size_t n_endpoints;
	uint32_t n_parked;
	uint64_t throttled;
	int64_t now_us;
};

/* With the lock held. */
static void look_at(const struct hm_channel *channel, unsigned place, struct view *view)
{
	const struct hm_backend *backend = channel->backends[place];
	struct seen *seen = &view->endpoints[view->n_endpoints++];

	memcpy(seen->url, backend->url, sizeof seen->url);
	seen->state = backend->is_removed ? HM_BACKEND_GOING_AWAY : hm_backend_state(backend, view->now_us);
	seen->n_connections = backend->n_open;
	seen->load = channel->picker.loads[place];
	seen->ejected_until_us =
		hm_ejector_has(&channel->ejector, place) ? channel->ejector.records[place].until_us : 0;
}

static void look(struct hm_channel *channel, struct view *view)
{
	view->now_us = hm_clock_mono_us();
	pthread_mutex_lock(&channel->lock);
	for (unsigned place = 0; place < HM_PLACES; place++)
		if (channel->backends[place])
			look_at(channel, place, view);
	for (const struct hm_pending *pending = channel->parked.first; pending; pending = pending->next)
		view->n_parked++;
	view->throttled = channel->throttled;
	pthread_mutex_unlock(&channel->lock);
}

static Admin__Endpoint *make_endpoint(struct hm_arena *arena, const struct seen *seen, int64_t now_us)
{
	const bool is_ejected = seen->ejected_until_us > now_us;
	Admin__Endpoint *endpoint = hm_arena_alloc(arena, sizeof *endpoint);

	*endpoint = (Admin__Endpoint){
		.base = PROTOBUF_C_MESSAGE_INIT(&admin__endpoint__descriptor),
		.url = hm_arena_strdup(arena, seen->url),
		.state = state_names[seen->state],
		.has_connections = true,
		.connections = seen->n_connections,
		.has_calls = true,
		.calls = seen->load.outstanding,
		.has_latency_us = seen->load.stamp_us,
		.latency_us = (uint64_t)seen->load.average_us,
		.has_ejected_ms = is_ejected,
		.ejected_ms = is_ejected ? (uint64_t)(seen->ejected_until_us - now_us) / HM_US_PER_MS : 0,
	};
	return endpoint;
}

void hm_channel_status(struct hm_channel *channel, struct hm_arena *arena, Admin__Channel *ret_status)
{
	struct view *view = hm_arena_zalloc(arena, sizeof *view);

	look(channel, view);
	*ret_status = (Admin__Channel){ .base = PROTOBUF_C_MESSAGE_INIT(&admin__channel__descriptor),
					.has_parked = true,
					.parked = view->n_parked,
					.has_throttled = true,
					.throttled = view->throttled,
					.n_endpoints = view->n_endpoints };
	ret_status->endpoints = hm_arena_alloc(arena, view->n_endpoints * sizeof *ret_status->endpoints);
	for (size_t i = 0; i < view->n_endpoints; i++)
		ret_status->endpoints[i] = make_endpoint(arena, &view->endpoints[i], view->now_us);
}
