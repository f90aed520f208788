/* Server, what it publishes of itself. */
#include "server/server_metrics.h"

#include <stdlib.h>
#include <string.h>

#include "server/pool.h"
#include "server/server_own.h"

static const char *const reasons[HM_REFUSED_REASONS] = { "QUEUE_FULL", "OVERLOADED", "QUOTA_EXCEEDED",
							 "EXPIRED_WAITING" };

void hm_server_count_refused(struct hm_server *server, struct hm_tenant *tenant)
{
	const struct hm_error *error = hm_error_get();
	size_t place = 0;

	while (place < HM_REFUSED_REASONS && strcmp(error->reason, reasons[place]) != 0)
		place++;
	if (place == HM_REFUSED_REASONS)
		place += (unsigned)error->code < HM_STATUS_COUNT ? error->code : HM_UNKNOWN;
	atomic_fetch_add_explicit(&server->refused[place], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&server->calls_refused, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&tenant->calls_refused, 1, memory_order_relaxed);
}

static void collect_refused(struct hm_server *server, struct hm_exposition *exposition)
{
	static const struct hm_metric metric = { "hallmark_server_calls_refused_total", HM_COUNTER,
						 "Calls refused before they ran, by reason." };

	for (int i = 0; i < HM_REFUSED; i++) {
		const uint64_t count = atomic_load_explicit(&server->refused[i], memory_order_relaxed);
		const char *reason = i < HM_REFUSED_REASONS ? reasons[i] : hm_status_name(i - HM_REFUSED_REASONS);

		if (count || i < HM_REFUSED_REASONS)
			hm_exposition_add(exposition, &metric, (double)count,
					  (struct hm_label[]){ { "reason", reason }, { 0 } });
	}
}

static void collect_calls(struct hm_server *server, struct hm_exposition *exposition)
{
	for (size_t i = 0; i <= server->methods_mask; i++)
		if (server->methods[i].method)
			hm_tallies_collect(&server->methods[i].tallies, server->methods[i].method->name, true,
					   exposition);
	hm_tallies_collect(&server->unknown.tallies, "_OTHER", true, exposition);
}

static void collect_pools(struct hm_server *server, struct hm_exposition *exposition)
{
	static const struct hm_metric metrics[] = {
		{ "hallmark_server_calls_waiting", HM_GAUGE, "Calls that wait for a worker." },
		{ "hallmark_server_calls_running", HM_GAUGE, "Calls that workers run." },
		{ "hallmark_server_calls_limit", HM_GAUGE, "Calls that may run at once, as the limiter has it now." },
	};

	for (size_t i = 0; i < server->config.n_services; i++) {
		const struct hm_label labels[] = { { "service", server->config.services[i]->table->short_name },
						   { 0 } };
		struct hm_pool_stats pool;

		hm_pool_stats(server->pools[i], &pool);
		hm_exposition_add(exposition, &metrics[0], pool.waiting, labels);
		hm_exposition_add(exposition, &metrics[1], pool.running, labels);
		hm_exposition_add(exposition, &metrics[2], pool.limit, labels);
	}
}

/* Ended first: a call that begins meanwhile is under way, not less than none. */
static void collect_totals(struct hm_server *server, struct hm_exposition *exposition)
{
	static const struct hm_metric in_flight = { "hallmark_server_calls_in_flight", HM_GAUGE, "Calls under way." };
	static const struct hm_metric connected = { "hallmark_server_connections", HM_GAUGE, "Connections open." };
	static const struct hm_metric accepted = { "hallmark_server_connections_accepted_total", HM_COUNTER,
						   "Connections accepted." };
	static const struct hm_metric refused = { "hallmark_server_connections_refused_total", HM_COUNTER,
						  "Connections refused, as there were too many." };
	static const struct hm_metric bad = { "hallmark_server_bad_packets_total", HM_COUNTER,
					      "Packets that broke the protocol, and their connections with them." };
	const uint64_t ended = atomic_load(&server->calls_ended), started = atomic_load(&server->calls_started);
	size_t n_peers;

	pthread_mutex_lock(&server->peers_lock);
	n_peers = server->n_peers;
	pthread_mutex_unlock(&server->peers_lock);
	hm_exposition_add(exposition, &in_flight, (double)(started - ended), NULL);
	hm_exposition_add(exposition, &connected, (double)n_peers, NULL);
	hm_exposition_add(exposition, &accepted, (double)atomic_load(&server->connections), NULL);
	hm_exposition_add(exposition, &refused, (double)atomic_load(&server->connections_refused), NULL);
	hm_exposition_add(exposition, &bad, (double)atomic_load(&server->packets_bad), NULL);
}

void hm_server_collect(void *user, struct hm_exposition *exposition)
{
	struct hm_server *server = user;

	collect_calls(server, exposition);
	collect_totals(server, exposition);
	collect_pools(server, exposition);
	collect_refused(server, exposition);
}
