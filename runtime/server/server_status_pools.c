/* Server status: services with their workers, and what brands may take. */
#include "server/fair.h"
#include "server/pool.h"
#include "server/server_own.h"
#include "server/server_status_own.h"

#include <inttypes.h>

enum { HASH_CHARS = 16 };

/* FNV-1a, as of names: it tells contracts apart, and keeps nobody from making two alike. */
static const char *hash_contract(struct hm_arena *arena, const struct hm_service_table *table)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < table->contract_bytes; i++)
		hash = (hash ^ table->contract[i]) * UINT64_C(0x100000001b3);
	return hm_arena_printf(arena, "%0*" PRIx64, HASH_CHARS, hash);
}

static Admin__Waiting *make_waiting(struct hm_arena *arena, const struct hm_tenant *tenant, uint32_t calls)
{
	Admin__Waiting *waiting = hm_arena_alloc(arena, sizeof *waiting);

	*waiting = (Admin__Waiting){ .base = PROTOBUF_C_MESSAGE_INIT(&admin__waiting__descriptor),
				     .brand = hm_tenant_brand(tenant),
				     .has_calls = true,
				     .calls = calls };
	return waiting;
}

/* A tenant that has come since the list was made is left out. */
static void put_waiting(struct hm_arena *arena, const struct hm_fair_share *shares, size_t n_shares,
			struct hm_tenant *const *tenants, uint32_t n_tenants, Admin__Service *service)
{
	service->waiting_by_brand = hm_arena_alloc(arena, n_shares * sizeof *service->waiting_by_brand);
	for (size_t i = 0; i < n_shares; i++)
		if (shares[i].tenant < n_tenants)
			service->waiting_by_brand[service->n_waiting_by_brand++] =
				make_waiting(arena, tenants[shares[i].tenant], shares[i].calls);
}

static Admin__Service *make_service(struct hm_arena *arena, const struct hm_service_table *table,
				    const struct hm_pool_stats *pool)
{
	Admin__Service *service = hm_arena_alloc(arena, sizeof *service);

	*service = (Admin__Service){
		.base = PROTOBUF_C_MESSAGE_INIT(&admin__service__descriptor),
		.name = table->name,
		.contract = hash_contract(arena, table),
		.has_running = true,
		.running = pool->running,
		.has_waiting = true,
		.waiting = pool->waiting,
		.has_limit = true,
		.limit = pool->limit,
	};
	return service;
}

static Admin__Quota *make_quota(struct hm_arena *arena, const struct hm_tenant *tenant)
{
	const uint32_t rate = hm_quota_get(&tenant->quota), max = atomic_load(&tenant->in_flight_max);
	Admin__Quota *quota = hm_arena_alloc(arena, sizeof *quota);

	*quota = (Admin__Quota){
		.base = PROTOBUF_C_MESSAGE_INIT(&admin__quota__descriptor),
		.brand = hm_tenant_brand(tenant),
		.has_calls_per_s = rate,
		.calls_per_s = rate,
		.has_in_flight_max = max,
		.in_flight_max = max,
		.has_in_flight = true,
		.in_flight = atomic_load(&tenant->in_flight),
		.has_calls_refused = true,
		.calls_refused = atomic_load_explicit(&tenant->calls_refused, memory_order_relaxed),
	};
	return quota;
}

/* Those that have something under way or a quota, or were refused something. */
static void put_quotas(struct hm_arena *arena, size_t limit, struct hm_tenant *const *tenants, uint32_t n_tenants,
		       Admin__StatusReply *reply)
{
	reply->quotas = hm_arena_alloc(arena, limit * sizeof *reply->quotas);
	for (uint32_t i = 0; i < n_tenants && reply->n_quotas < limit; i++) {
		Admin__Quota *quota = make_quota(arena, tenants[i]);

		if (quota->in_flight || quota->has_calls_per_s || quota->has_in_flight_max || quota->calls_refused)
			reply->quotas[reply->n_quotas++] = quota;
	}
	reply->has_brands_known = true;
	reply->brands_known = n_tenants - 1;
}

void hm_server_put_pools(struct hm_server *server, size_t limit, struct hm_arena *arena, Admin__StatusReply *reply)
{
	struct hm_tenant **tenants = hm_arena_alloc(arena, HM_TENANTS_MAX * sizeof(struct hm_tenant *));
	struct hm_fair_share *shares = hm_arena_alloc(arena, limit * sizeof *shares);
	const uint32_t n_tenants = hm_tenants_list(server->tenants, tenants);

	reply->services = hm_arena_alloc(arena, server->config.n_services * sizeof *reply->services);
	for (size_t i = 0; i < server->config.n_services; i++) {
		struct hm_pool_stats pool;
		size_t n_shares = hm_pool_list(server->pools[i], &pool, shares, limit);

		reply->services[i] = make_service(arena, server->config.services[i]->table, &pool);
		put_waiting(arena, shares, n_shares, tenants, n_tenants, reply->services[i]);
		reply->n_services++;
	}
	put_quotas(arena, limit, tenants, n_tenants, reply);
}
