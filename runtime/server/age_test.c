/* Age: connections that are too old or idle are told to go, and no call is lost by it. Time stands still, but for what a test moves it. */
#include <criterion/criterion.h>

#include "base/clock_manual.h"
#include "server/server_own.h"
#include "tests/rpc_world.h"

enum { MINUTE_MS = 60 * 1000 };

static const struct hm_server_config for_twenty_minutes = { .connection_age_ms =
								    20 * MINUTE_MS }; /* a tenth more or less */
static const Echo__SleepRequest standing = { ECHO_SLEEP_REQUEST_BASE, HM_SET(ms, 1) };
static _Atomic int last_status;

static void note_status(void *user, hm_status status, const Echo__SleepReply *reply)
{
	(void)user;
	(void)reply;
	atomic_store(&last_status, status);
}

static uint64_t accepted(struct rpc_world *world)
{
	struct hm_server_stats stats;

	hm_server_stats(world->server, &stats);
	return stats.connections;
}

static hm_status call(struct rpc_world *world)
{
	const Echo__EchoMessage request = { ECHO_ECHO_MESSAGE_BASE, .text = "x" };
	Echo__EchoMessage *reply;

	hm_context_reset(world->context);
	return echo_echo(world->channel, world->context, &request, &reply);
}

Test(age, an_old_connection_gives_way_to_a_new_one_and_every_call_is_answered, .timeout = 60, .init = hm_clock_hold)
{
	for (int kind = 0; kind < RPC_KINDS; kind++) {
		struct rpc_world world;

		rpc_world_open_with(&world, rpc_kinds[kind], &for_twenty_minutes);
		for (unsigned i = 1; i <= 3; i++) {
			cr_assert_eq(call(&world), HM_OK, "%s: %s", rpc_kinds[kind], hm_error_get()->message);
			cr_assert_eq(accepted(&world), i);
			hm_clock_advance_ms(17 * MINUTE_MS);
			cr_assert_eq(call(&world), HM_OK, "%s: %s", rpc_kinds[kind], hm_error_get()->message);
			cr_assert_eq(accepted(&world), i, "not yet");
			hm_clock_advance_ms(5 * MINUTE_MS);
			while (accepted(&world) == i)
				cr_assert_eq(call(&world), HM_OK, "%s: %s", rpc_kinds[kind], hm_error_get()->message);
		}
		rpc_world_close(&world);
	}
}

static size_t peers(struct rpc_world *world)
{
	size_t n_peers;

	pthread_mutex_lock(&world->server->peers_lock);
	n_peers = world->server->n_peers;
	pthread_mutex_unlock(&world->server->peers_lock);
	return n_peers;
}

RPC_TEST(age, a_connection_that_was_idle_for_half_an_hour_is_told_to_go_and_comes_again_with_the_next_call,
	 .init = hm_clock_hold)
{
	uint64_t connections;

	cr_assert_eq(call(world), HM_OK);
	connections = accepted(world);
	hm_clock_advance_ms(29 * MINUTE_MS);
	cr_assert_eq(call(world), HM_OK);
	hm_clock_advance_ms(29 * MINUTE_MS);
	cr_assert_eq(call(world), HM_OK);
	cr_assert_eq(accepted(world), connections, "it was not idle for so long");
	hm_clock_advance_ms(30 * MINUTE_MS + 1);
	rpc_wait_for(!peers(world));
	cr_assert_eq(call(world), HM_OK, "%s", hm_error_get()->message);
	cr_assert_eq(accepted(world), connections + 1);
}

/* A connection with a call that stands, told to go as it is too old; a next call has another. */
static void outlive(struct rpc_world *world)
{
	rpc_world_open_with(world, "ipc",
			    &(struct hm_server_config){ .connection_age_ms = 1000, .connection_grace_ms = 2000 });
	rpc_gate_shut();
	last_status = -1;
	cr_assert_eq(echo_sleep_start(world->channel, world->context, &standing, note_status, NULL), HM_OK);
	rpc_gate_wait(1);
	hm_clock_advance_ms(1100);
	rpc_wait_for(call(world) == HM_OK && accepted(world) > 1);
}

Test(age, a_call_that_runs_outlives_its_connections_age, .timeout = 60, .init = hm_clock_hold)
{
	struct rpc_world world;

	outlive(&world);
	hm_clock_advance_ms(1999);
	cr_assert_eq(call(&world), HM_OK);
	cr_assert_eq(atomic_load(&last_status), -1);
	rpc_gate_open();
	rpc_wait_for(atomic_load(&last_status) == HM_OK);
	rpc_world_close(&world);
}

/* It is looked for once a second. */
Test(age, what_still_runs_when_the_grace_is_over_is_ended, .timeout = 60, .init = hm_clock_hold)
{
	struct rpc_world world;

	outlive(&world);
	hm_clock_advance_ms(3000);
	rpc_wait_for(atomic_load(&last_status) == HM_UNAVAILABLE);
	rpc_wait_for(rpc_gate_cancelled() == 1);
	rpc_gate_open();
	rpc_world_close(&world);
}
