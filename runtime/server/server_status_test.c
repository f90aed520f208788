/* Server status: what is shown of calls that stand and wait is what there is. Real servers, over every kind of endpoint. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/clock_manual.h"
#include "client/channel_status.h"
#include "server/server_status.h"
#include "tests/rpc_world.h"

/* A brand that has nothing running need not wait for the others' calls: a thread more is there for it. */
enum { WORKERS = 2, RUNNING = WORKERS + 1, CALLS = 8, NOVA = 4, LIMIT = 100 };

static const Echo__SleepRequest standing = { ECHO_SLEEP_REQUEST_BASE, HM_SET(ms, 1) };
static const struct hm_server_config limits = { .workers = WORKERS };
static _Atomic unsigned ended;

static void count_end(void *user, hm_status status, const Echo__SleepReply *reply)
{
	(void)user;
	(void)status;
	(void)reply;
	ended++;
}

static void start(const struct rpc_world *world, struct hm_context *context, unsigned n)
{
	while (n--)
		cr_assert_eq(echo_sleep_start(world->channel, context, &standing, count_end, NULL), HM_OK);
}

static uint32_t count_waiting(const struct rpc_world *world)
{
	struct hm_server_stats stats;

	hm_server_stats(world->server, &stats);
	return stats.calls_waiting;
}

/* Two of one brand's run and one of nova's; the others wait. */
static void occupy(const struct rpc_world *world, struct hm_context *nova)
{
	ended = 0;
	rpc_gate_shut();
	start(world, world->context, WORKERS);
	rpc_gate_wait(WORKERS);
	start(world, world->context, CALLS - WORKERS - NOVA);
	start(world, nova, NOVA);
	rpc_gate_wait(RUNNING);
	rpc_wait_for(count_waiting(world) == CALLS - RUNNING);
}

static uint32_t waiting_of(const Admin__Service *service, const char *brand)
{
	for (size_t i = 0; i < service->n_waiting_by_brand; i++)
		if (!strcmp(service->waiting_by_brand[i]->brand, brand))
			return service->waiting_by_brand[i]->calls;
	return 0;
}

static void check_service(const Admin__Service *service, const char *brand)
{
	cr_assert_str_eq(service->name, "echo.v1.Echo");
	cr_expect_eq(strlen(service->contract), 16);
	cr_expect_eq(service->running, RUNNING);
	cr_expect_eq(service->waiting, CALLS - RUNNING);
	cr_expect_geq(service->limit, WORKERS);
	cr_expect_eq(service->n_waiting_by_brand, 2);
	cr_expect_eq(waiting_of(service, "nova"), NOVA - 1);
	cr_expect_eq(waiting_of(service, brand), CALLS - WORKERS - NOVA);
}

static void check_totals(const Admin__StatusReply *reply)
{
	uint32_t by_connection = 0, by_brand = 0;

	for (size_t i = 0; i < reply->n_connections; i++)
		by_connection += reply->connections[i]->calls;
	for (size_t i = 0; i < reply->n_quotas; i++)
		by_brand += reply->quotas[i]->in_flight;
	cr_expect_eq(reply->calls_in_flight, CALLS);
	cr_expect_eq(by_connection, CALLS);
	cr_expect_eq(by_brand, CALLS);
	cr_expect_eq(reply->n_connections, reply->connections_open);
}

/* The oldest is the first of those that run. */
static void check_limited(const struct rpc_world *world, const Admin__StatusReply *all, struct hm_arena *arena)
{
	Admin__StatusReply reply = ADMIN__STATUS_REPLY__INIT;

	hm_server_status(world->server, 1, arena, &reply);
	cr_assert_eq(reply.n_calls, 1);
	cr_expect_eq(reply.calls_in_flight, CALLS);
	cr_expect_eq(reply.n_connections, 1);
	cr_expect_geq(reply.calls[0]->age_ms, all->calls[0]->age_ms);
}

static void check_calls(const Admin__StatusReply *reply)
{
	cr_assert_eq(reply->n_calls, CALLS);
	for (size_t i = 0; i < CALLS; i++) {
		const Admin__Call *call = reply->calls[i];

		cr_expect_str_eq(call->method, "echo.v1.Echo/Sleep");
		cr_expect_str_eq(call->peer, reply->connections[0]->peer);
		cr_expect_eq(strlen(call->request_id), HM_ID_TEXT_BYTES - 1);
		cr_expect(i == 0 || call->age_ms <= reply->calls[i - 1]->age_ms);
	}
	cr_expect_str_neq(reply->calls[0]->brand, "nova");
	cr_expect_str_eq(reply->calls[CALLS - 1]->brand, "nova");
}

static void check_channel(const struct rpc_world *world, struct hm_arena *arena)
{
	Admin__Channel channel;

	hm_channel_status(world->channel, arena, &channel);
	cr_assert_eq(channel.n_endpoints, 1);
	cr_expect_str_eq(channel.endpoints[0]->url, world->url);
	cr_expect_str_eq(channel.endpoints[0]->state, "ready");
	cr_expect_eq(channel.endpoints[0]->calls, CALLS);
	cr_expect_eq(channel.endpoints[0]->connections, 1);
	cr_expect_eq(channel.parked, 0);
	cr_expect_not(channel.endpoints[0]->has_ejected_ms);
}

Test(server_status, shows_calls_that_stand_and_wait_and_its_numbers_add_up, .timeout = 60)
{
	for (int kind = 0; kind < RPC_KINDS; kind++) {
		Admin__StatusReply reply = ADMIN__STATUS_REPLY__INIT;
		SCOPED(hm_context) nova = NULL;
		struct hm_arena arena = { 0 };
		struct rpc_world world;

		rpc_world_open_with(&world, rpc_kinds[kind], &limits);
		cr_assert_eq(hm_context_open("nova", NULL, &nova), HM_OK);
		occupy(&world, nova);
		hm_server_status(world.server, LIMIT, &arena, &reply);
		check_totals(&reply);
		check_calls(&reply);
		check_service(reply.services[0], world.context->brand);
		check_limited(&world, &reply, &arena);
		check_channel(&world, &arena);
		rpc_gate_open();
		rpc_wait_for(ended == CALLS);
		hm_arena_fini(&arena);
		rpc_world_close(&world);
	}
}

Test(server_status, shows_quotas_and_nothing_of_brands_that_have_none, .timeout = 60)
{
	Admin__StatusReply reply = ADMIN__STATUS_REPLY__INIT;
	struct hm_arena arena = { 0 };
	struct rpc_world world;

	rpc_world_open(&world, "inproc");
	cr_assert_eq(hm_server_set_quota(world.server, "nova", 300, 7), HM_OK);
	hm_server_status(world.server, LIMIT, &arena, &reply);
	cr_assert_eq(reply.n_quotas, 1);
	cr_expect_str_eq(reply.quotas[0]->brand, "nova");
	cr_expect_eq(reply.quotas[0]->calls_per_s, 300);
	cr_expect_eq(reply.quotas[0]->in_flight_max, 7);
	cr_expect_eq(reply.calls_in_flight, 0);
	cr_expect_eq(reply.n_calls, 0);
	hm_arena_fini(&arena);
	rpc_world_close(&world);
}

RPC_TEST(server_status, shows_how_many_of_whose_calls_were_refused, .init = hm_clock_hold)
{
	const Echo__EchoMessage request = { ECHO_ECHO_MESSAGE_BASE };
	Admin__StatusReply reply = ADMIN__STATUS_REPLY__INIT;
	struct hm_arena arena = { 0 };
	Echo__EchoMessage *echoed;

	rpc_world_once(world);
	cr_assert_eq(hm_server_set_quota(world->server, "loop", 1, 0), HM_OK);
	cr_assert_eq(echo_echo(world->channel, world->context, &request, &echoed), HM_OK);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(echo_echo(world->channel, world->context, &request, &echoed), HM_RESOURCE_EXHAUSTED);
	hm_server_status(world->server, LIMIT, &arena, &reply);
	cr_assert_eq(reply.n_quotas, 1);
	cr_expect_str_eq(reply.quotas[0]->brand, "loop");
	cr_expect_eq(reply.quotas[0]->calls_refused, 3);
	hm_arena_fini(&arena);
}
