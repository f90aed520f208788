/*
 * Server channels: the ways by which handlers reach other services. One a service, shared by all calls, opened when it is first
 * asked for and closed with the server; a handful, so a list serves.
 */
#include <stdlib.h>
#include <string.h>

#include "client/channel.h"
#include "client/channel_status.h"
#include "server/server_own.h"
#include "server/server_status_own.h"

struct hm_server_channel {
	struct hm_server_channel *next;
	struct hm_channel *channel;
	char service[];
};

/* What a contract does not declare is refused: the build has found the graph of declared calls free of cycles. */
static bool is_declared(const struct hm_service_table *table, const char *service)
{
	for (const char *const *declared = table->calls; declared && *declared; declared++)
		if (!strcmp(*declared, service))
			return true;
	return false;
}

static hm_status open_locked(struct hm_server *server, const char *service, struct hm_channel **ret_channel)
{
	struct hm_server_channel *known = server->channels;

	while (known && strcmp(known->service, service))
		known = known->next;
	if (!known) {
		size_t bytes = strlen(service) + 1;
		struct hm_channel *channel;

		TRY(hm_channel_open(service, &channel));
		hm_channel_set_identity(channel, server->config.identity);
		hm_channel_set_faults(channel, server->config.faults);
		known = malloc(sizeof *known + bytes);
		if (!known)
			abort();
		known->channel = channel;
		memcpy(known->service, service, bytes);
		known->next = server->channels;
		server->channels = known;
	}
	*ret_channel = known->channel;
	return HM_OK;
}

hm_status hm_call_channel(struct hm_call *call, const char *service, struct hm_channel **ret_channel)
{
	const struct hm_service_table *table = call->service->table;
	struct hm_server *server = call->server;
	hm_status status;

	if (!is_declared(table, service))
		return hm_raise(INTERNAL, "%s calls %s, but its contract does not say so: calls: [\"%s\"]", table->name,
				service, service);
	pthread_mutex_lock(&server->channels_lock);
	status = open_locked(server, service, ret_channel);
	pthread_mutex_unlock(&server->channels_lock);
	call->has_called = true;
	return status;
}

void hm_server_channels_close(struct hm_server *server)
{
	for (struct hm_server_channel *known = server->channels, *next; known; known = next) {
		next = known->next;
		hm_channel_close(known->channel);
		free(known);
	}
	server->channels = NULL;
}

/* Those that there are stay, and none is put behind another: past the first the list needs no lock. */
void hm_server_put_channels(struct hm_server *server, struct hm_arena *arena, Admin__StatusReply *reply)
{
	const struct hm_server_channel *first;
	size_t count = 0;

	pthread_mutex_lock(&server->channels_lock);
	first = server->channels;
	pthread_mutex_unlock(&server->channels_lock);
	for (const struct hm_server_channel *known = first; known; known = known->next)
		count++;
	reply->channels = hm_arena_alloc(arena, count * sizeof *reply->channels);
	for (; first; first = first->next) {
		Admin__Channel *channel = hm_arena_alloc(arena, sizeof *channel);

		hm_channel_status(first->channel, arena, channel);
		channel->service = first->service;
		reply->channels[reply->n_channels++] = channel;
	}
}
