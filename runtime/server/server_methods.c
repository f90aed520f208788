/* The server's methods: a table by id, at most half full, built once. */
#include "rpc/health.h"
#include "server/reflection.h"
#include "server/server_own.h"

#include <stdlib.h>

static size_t count_methods(const struct hm_server_config *config)
{
	size_t count = hm_health_service.table->n_methods + hm_reflection_service.table->n_methods;

	for (size_t i = 0; i < config->n_services; i++)
		count += config->services[i]->table->n_methods;
	return count;
}

/* Ids are hashes already. */
static struct hm_method_row *place_of(const struct hm_server *server, uint64_t id)
{
	size_t at = id & server->methods_mask;

	while (server->methods[at].method && server->methods[at].method->id != id)
		at = (at + 1) & server->methods_mask;
	return &server->methods[at];
}

static hm_status add_service(struct hm_server *server, const struct hm_service *service, size_t index)
{
	for (size_t i = 0; i < service->table->n_methods; i++) {
		const struct hm_method *method = &service->table->methods[i];
		struct hm_method_row *row = place_of(server, method->id);

		if (row->method)
			return hm_raise(FAILED_PRECONDITION, "%s and %s have the same id %016llx; rename one",
					row->method->name, method->name, (unsigned long long)method->id);
		row->method = method;
		row->service = service;
		row->pool = server->pools[index];
		row->streams = server->stream_pools[index];
	}
	return HM_OK;
}

hm_status hm_methods_open(struct hm_server *server)
{
	static const struct hm_method unknown = { .name = "unknown" };
	size_t rows = 16, count = count_methods(&server->config);

	while (rows < count * 2)
		rows *= 2;
	server->methods = calloc(rows, sizeof *server->methods);
	if (!server->methods)
		abort();
	server->methods_mask = rows - 1;
	server->unknown.method = &unknown;
	for (size_t i = 0; i < server->config.n_services; i++)
		TRY(add_service(server, server->config.services[i], i));
	if (!server->config.hides_contracts)
		TRY(add_service(server, &hm_reflection_service, server->config.n_services));
	return add_service(server, &hm_health_service, server->config.n_services);
}

void hm_methods_close(struct hm_server *server)
{
	for (size_t i = 0; server->methods && i <= server->methods_mask; i++)
		hm_tallies_fini(&server->methods[i].tallies);
	hm_tallies_fini(&server->unknown.tallies);
	free(server->methods);
}

struct hm_method_row *hm_methods_find(const struct hm_server *server, uint64_t id)
{
	struct hm_method_row *row = place_of(server, id);

	return row->method ? row : NULL;
}
