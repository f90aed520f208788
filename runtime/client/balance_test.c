/* Balance: one channel, several real servers: who gets the calls when servers are slow, fail, go away, die or do not serve. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock_manual.h"
#include "tests/farm.h"
#include "tests/rpc_world.h"

enum { SERVERS = 3, ROUNDS = 30 };

static unsigned calls_of(const struct farm *farm, size_t place)
{
	return atomic_load(&farm->servers[place].calls);
}

static void call_well(struct farm *farm, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		cr_assert_eq(farm_call(farm), HM_OK, "call %u: %s", i, hm_error_get()->message);
}

Test(balance, goes_round_in_turn_when_told_to, .timeout = 60)
{
	struct farm farm;

	farm_open(&farm, SERVERS, ";balancing=round_robin");
	farm_connect(&farm, SERVERS);
	call_well(&farm, SERVERS * ROUNDS);
	for (size_t i = 0; i < SERVERS; i++)
		cr_expect_eq(calls_of(&farm, i), ROUNDS, "server %zu: %u", i, calls_of(&farm, i));
	farm_close(&farm);
}

/* As if no latency were known yet, so that nothing but the calls under way counts, and no machine's hiccup. */
Test(balance, spreads_calls_under_way_evenly, .timeout = 60)
{
	struct farm farm;

	farm_open(&farm, SERVERS, "");
	farm_connect(&farm, SERVERS);
	for (unsigned place = 0; place < SERVERS; place++)
		hm_picker_clear(&farm.channel->picker, place);
	farm_shut(&farm);
	for (unsigned i = 0; i < SERVERS * ROUNDS; i++)
		farm_start(&farm);
	rpc_wait_for(farm_calls(&farm) == SERVERS * ROUNDS);
	for (size_t i = 0; i < SERVERS; i++)
		cr_expect(calls_of(&farm, i) >= ROUNDS * 3 / 4 && calls_of(&farm, i) <= ROUNDS * 5 / 4,
			  "server %zu: %u", i, calls_of(&farm, i));
	farm_let_go(&farm);
	rpc_wait_for(farm_ended == SERVERS * ROUNDS);
	cr_expect_eq(farm_ended_well, SERVERS * ROUNDS);
	farm_close(&farm);
}

Test(balance, gives_a_slow_server_less, .timeout = 60)
{
	struct farm farm;

	farm_open(&farm, SERVERS, "");
	farm_connect(&farm, SERVERS);
	atomic_store(&farm.servers[1].slow_ms, 100);
	call_well(&farm, SERVERS * ROUNDS);
	cr_expect_lt(calls_of(&farm, 1), ROUNDS / 2, "%u of %u", calls_of(&farm, 1), farm_calls(&farm));
	farm_close(&farm);
}

Test(balance, ejects_a_server_that_fails_and_goes_on_with_the_others, .timeout = 60)
{
	unsigned failures = 0, seen;
	struct farm farm;

	farm_open(&farm, SERVERS, ";balancing=round_robin;attempts=1");
	farm_connect(&farm, SERVERS);
	atomic_store(&farm.servers[1].fails, true);
	while (farm_members(&farm) == SERVERS) {
		failures += farm_call(&farm) != HM_OK;
		cr_assert_leq(failures, 5);
	}
	cr_expect_eq(failures, 5);
	seen = calls_of(&farm, 1);
	call_well(&farm, 100);
	cr_expect_eq(calls_of(&farm, 1), seen, "it is left alone");
	farm_close(&farm);
}

/* Opens a farm of which one server was ejected, and does well again. */
static void eject_one(struct farm *farm)
{
	farm_open(farm, SERVERS, ";balancing=round_robin;attempts=1");
	farm_connect(farm, SERVERS);
	atomic_store(&farm->servers[1].fails, true);
	while (farm_members(farm) == SERVERS)
		(void)!farm_call(farm);
	atomic_store(&farm->servers[1].fails, false);
	farm_zero(farm);
}

Test(balance, takes_the_ejected_one_back_after_half_a_minute, .timeout = 60, .init = hm_clock_hold)
{
	struct farm farm;

	eject_one(&farm);
	hm_clock_advance_ms(29 * 1000);
	call_well(&farm, 100);
	cr_expect_eq(calls_of(&farm, 1), 0);
	hm_clock_advance_ms(1000);
	rpc_wait_for(farm_members(&farm) == SERVERS);
	farm_zero(&farm);
	call_well(&farm, SERVERS * ROUNDS);
	cr_expect_eq(calls_of(&farm, 1), ROUNDS);
	farm_close(&farm);
}

Test(balance, calls_the_ejected_ones_after_all_when_no_other_is_left, .timeout = 60)
{
	struct farm farm;

	farm_open(&farm, 2, ";balancing=round_robin;attempts=1");
	farm_connect(&farm, 2);
	atomic_store(&farm.servers[1].fails, true);
	rpc_wait_for(farm_call(&farm) != HM_OK && farm_members(&farm) == 1);
	atomic_store(&farm.servers[1].fails, false);
	hm_server_close(take(&farm.servers[0].server));
	rpc_wait_for(farm_call(&farm) == HM_OK);
	farm_close(&farm);
}

static void *drain(void *server)
{
	hm_server_drain(server, 30000);
	return NULL;
}

Test(balance, loses_no_call_while_a_server_drains, .timeout = 60)
{
	struct farm farm;
	pthread_t thread;

	farm_open(&farm, SERVERS, ";balancing=round_robin");
	farm_connect(&farm, SERVERS);
	farm_shut(&farm);
	for (unsigned i = 0; i < SERVERS; i++)
		farm_start(&farm);
	rpc_wait_for(farm_calls(&farm) == SERVERS);
	pthread_create(&thread, NULL, drain, farm.servers[0].server);
	while (farm_members(&farm) == SERVERS)
		call_well(&farm, 1);
	farm_zero(&farm);
	call_well(&farm, 100);
	cr_expect_eq(calls_of(&farm, 0), 0, "it has said that it goes");
	farm_let_go(&farm);
	rpc_wait_for(farm_ended == SERVERS);
	cr_expect_eq(farm_ended_well, SERVERS, "the call it had was answered, too");
	pthread_join(thread, NULL);
	farm_close(&farm);
}

Test(balance, asks_servers_whether_they_serve_and_leaves_those_that_do_not, .timeout = 60, .init = hm_clock_hold)
{
	struct farm farm;

	farm_open(&farm, 2, ";balancing=round_robin");
	farm_connect(&farm, 2);
	cr_assert_eq(hm_server_set_health(farm.servers[0].server, "", false), HM_OK);
	hm_clock_advance_ms(2000);
	rpc_wait_for(farm_members(&farm) == 1);
	farm_zero(&farm);
	call_well(&farm, 20);
	cr_expect_eq(calls_of(&farm, 0), 0);
	cr_assert_eq(hm_server_set_health(farm.servers[0].server, "", true), HM_OK);
	hm_clock_advance_ms(2000);
	rpc_wait_for(farm_members(&farm) == 2);
	call_well(&farm, 20);
	cr_expect_eq(calls_of(&farm, 0), 10);
	farm_close(&farm);
}

Test(balance, says_that_no_server_serves, .timeout = 60)
{
	struct farm farm;

	farm_open(&farm, 1, ";health=on");
	cr_assert_eq(hm_server_set_health(farm.servers[0].server, "", false), HM_OK);
	cr_assert_eq(farm_call(&farm), HM_UNAVAILABLE);
	cr_expect(strstr(hm_error_get()->message, "does not serve"), "%s", hm_error_get()->message);
	cr_expect_eq(calls_of(&farm, 0), 0);
	farm_close(&farm);
}

Test(balance, goes_on_when_a_server_is_killed, .timeout = 60)
{
	pid_t servers[SERVERS];
	char target[1024];
	struct farm farm;

	farm_make(&farm, SERVERS);
	for (size_t i = 0; i < SERVERS; i++)
		servers[i] = farm_fork(&farm, i);
	snprintf(target, sizeof target, "%s,%s,%s", farm.servers[0].url, farm.servers[1].url, farm.servers[2].url);
	cr_assert_eq(hm_channel_open_url(target, &farm.channel), HM_OK);
	hm_context_set_wait_for_ready(farm.context, true);
	cr_assert_eq(farm_call(&farm), HM_OK);
	rpc_wait_for(farm_members(&farm) == SERVERS);
	kill(servers[1], SIGKILL);
	rpc_wait_for(farm_members(&farm) == SERVERS - 1);
	hm_context_set_wait_for_ready(farm.context, false);
	call_well(&farm, 200);
	for (size_t i = 0; i < SERVERS; i++) {
		kill(servers[i], SIGKILL);
		waitpid(servers[i], NULL, 0);
	}
	farm_close(&farm);
}

/* More calls than a connection takes: the rest goes over another one to the same server. */
Test(balance, opens_a_further_connection_when_one_is_full, .timeout = 60)
{
	enum { CALLS = 16384 + 100 };
	struct farm farm;

	farm_open(&farm, 1, "");
	cr_assert_eq(farm_call(&farm), HM_OK);
	hm_context_set_timeout(farm.context, 50000);
	farm_shut(&farm);
	for (unsigned i = 0; i < CALLS; i++)
		farm_start(&farm);
	rpc_wait_for(farm_connections(&farm, 0) == 2);
	farm_let_go(&farm);
	rpc_wait_for(farm_ended == CALLS);
	cr_expect_eq(farm_connections(&farm, 0), 2, "and no more of them");
	farm_close(&farm);
}
