/* Throttle: real servers that refuse a brand most of its calls, over every kind of endpoint. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/clock_manual.h"
#include "client/channel_status.h"
#include "tests/farm.h"
#include "tests/rpc_world.h"

enum { CALLS = 2000, QUOTA = 5, AGAIN = 64, HOUR_MS = 3600 * 1000, SERVERS = 3 };

static const Echo__EchoMessage request = { ECHO_ECHO_MESSAGE_BASE, .text = "again" };

/* How a brand's calls ended, one after the other. */
struct ends {
	unsigned ok, throttled, refused;
};

static void open_channel(struct rpc_world *world, const char *options)
{
	char target[300];

	hm_channel_close(world->channel);
	snprintf(target, sizeof target, "%s%s", world->url, options);
	cr_assert_eq(hm_channel_open_url(target, &world->channel), HM_OK);
}

/* One a millisecond, with no time to be made again. */
static struct ends call(const struct rpc_world *world, struct hm_context *context, unsigned calls)
{
	struct ends ends = { 0 };
	Echo__EchoMessage *reply;

	for (; calls--; hm_clock_advance_ms(1)) {
		hm_context_set_timeout(context, 1);
		if (echo_echo(world->channel, context, &request, &reply) == HM_OK) {
			ends.ok++;
			continue;
		}
		cr_assert_eq(hm_error_get()->code, HM_RESOURCE_EXHAUSTED, "%s", hm_error_get()->message);
		cr_assert_gt(hm_error_get()->retry_after_ms, 0);
		if (!strcmp(hm_error_get()->reason, "THROTTLED"))
			ends.throttled++;
		else
			ends.refused++;
	}
	return ends;
}

RPC_TEST(throttle, keeps_a_refused_brands_calls_back_and_no_other_brands, .init = hm_clock_hold)
{
	SCOPED(hm_context) other = NULL;
	struct hm_server_stats stats;
	struct ends ends;

	cr_assert_eq(hm_context_open("nova", "a-token", &other), HM_OK);
	cr_assert_eq(hm_server_set_quota(world->server, "loop", QUOTA, 0), HM_OK);
	open_channel(world, ";attempts=1");
	ends = call(world, world->context, CALLS);
	cr_expect_geq(ends.ok, QUOTA);
	cr_expect_leq(ends.ok, QUOTA + QUOTA * CALLS / 1000);
	cr_expect_gt(ends.throttled, CALLS / 2, "%u", ends.throttled);
	hm_server_stats(world->server, &stats);
	cr_expect_eq(stats.calls_refused, ends.refused, "what was kept back never came");
	ends = call(world, other, CALLS);
	cr_expect_eq(ends.ok, CALLS);
	cr_assert_eq(hm_server_set_quota(world->server, "loop", 0, 0), HM_OK);
}

/* While calls go on: nothing is forgotten. */
RPC_TEST(throttle, lets_all_pass_again_when_servers_do, .init = hm_clock_hold)
{
	struct ends ends;

	cr_assert_eq(hm_server_set_quota(world->server, "loop", QUOTA, 0), HM_OK);
	open_channel(world, ";attempts=1");
	cr_assert_gt(call(world, world->context, CALLS).throttled, 0);
	cr_assert_eq(hm_server_set_quota(world->server, "loop", 0, 0), HM_OK);
	ends = call(world, world->context, CALLS);
	cr_expect_gt(ends.throttled, 0);
	ends = call(world, world->context, CALLS);
	cr_expect_eq(ends.ok, CALLS);
}

RPC_TEST(throttle, is_off_where_the_target_says_so, .init = hm_clock_hold)
{
	struct ends ends;

	cr_assert_eq(hm_server_set_quota(world->server, "loop", QUOTA, 0), HM_OK);
	open_channel(world, ";attempts=1;throttle=off");
	ends = call(world, world->context, CALLS);
	cr_expect_eq(ends.throttled, 0);
	cr_expect_eq(ends.ok + ends.refused, CALLS);
	cr_assert_eq(hm_server_set_quota(world->server, "loop", 0, 0), HM_OK);
}

static uint64_t count_throttled(const struct rpc_world *world)
{
	struct hm_arena arena = { 0 };
	Admin__Channel status;

	hm_channel_status(world->channel, &arena, &status);
	hm_arena_fini(&arena);
	return status.throttled;
}

static _Atomic unsigned ended; /* of the calls started; some end with their channel */

static void count_end(void *user, hm_status status, const Echo__EchoMessage *reply)
{
	(void)user;
	(void)status;
	(void)reply;
	ended++;
}

/* What a server refuses is made again when it said, while there are attempts and time; what is kept back is not. The other brand's
 * answers come behind those of the calls that were sent before. */
RPC_TEST(throttle, what_is_kept_back_ends_at_once, .init = hm_clock_hold)
{
	SCOPED(hm_context) other = NULL;
	unsigned kept = 0;

	cr_assert_eq(hm_context_open("nova", "a-token", &other), HM_OK);
	cr_assert_eq(hm_server_set_quota(world->server, "loop", QUOTA, 0), HM_OK);
	open_channel(world, ";attempts=10");
	hm_context_set_timeout(world->context, HOUR_MS);
	for (int i = 0; i < CALLS; i++) {
		cr_assert_eq(call(world, other, 1).ok, 1);
		if (echo_echo_start(world->channel, world->context, &request, count_end, NULL) == HM_OK)
			continue;
		kept++;
		cr_expect_str_eq(hm_error_get()->reason, "THROTTLED");
		cr_expect_gt(hm_error_get()->retry_after_ms, 0);
	}
	cr_expect_gt(kept, CALLS / 2, "%u of %d", kept, CALLS);
	cr_expect_geq(count_throttled(world), kept);
	cr_assert_eq(hm_server_set_quota(world->server, "loop", 0, 0), HM_OK);
}

/* A started call's answer may come when its context is gone. */
RPC_TEST(throttle, needs_no_context_for_an_answer)
{
	ended = 0;
	cr_assert_eq(hm_server_set_quota(world->server, "loop", 1, 0), HM_OK);
	open_channel(world, ";attempts=1");
	for (unsigned i = 0; i < AGAIN; i++) {
		struct hm_context *context;

		cr_assert_eq(hm_context_open("loop", "a-token", &context), HM_OK);
		if (echo_echo_start(world->channel, context, &request, count_end, NULL) != HM_OK)
			ended++;
		hm_context_close(context);
	}
	rpc_wait_for(ended == AGAIN);
	cr_assert_eq(hm_server_set_quota(world->server, "loop", 0, 0), HM_OK);
}

/* One has room: it gets what it would get without the others, and nearly all of what those keep away. */
Test(throttle, keeps_nothing_from_an_endpoint_that_has_room, .timeout = 60, .init = hm_clock_hold)
{
	unsigned ok = 0;
	struct farm farm;

	farm_open(&farm, SERVERS, ";balancing=round_robin;attempts=1");
	farm_connect(&farm, SERVERS);
	for (size_t i = 1; i < SERVERS; i++) {
		atomic_store(&farm.servers[i].is_full, true);
		atomic_store(&farm.servers[i].refused_for_ms, 1);
		atomic_store(&farm.servers[i].refusals, 2 * CALLS);
	}
	for (unsigned i = 0; i < 2 * CALLS; i++, hm_clock_advance_ms(1)) {
		const bool is_ok = farm_call(&farm) == HM_OK;

		ok += is_ok && i >= CALLS;
	}
	cr_expect_geq(ok, CALLS * 3 / 4, "%u of %d", ok, CALLS);
	farm_close(&farm);
}
