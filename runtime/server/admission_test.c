/* Admission: who is taken in when more is asked of a server than it can do. Real servers, over every kind of endpoint. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock_manual.h"
#include "tests/raw_peer.h"
#include "tests/rpc_world.h"

enum { WORKERS = 2, QUEUE = 8, FLOOD = 40, QUIET = 20, NICEST = 19 };

static const Echo__SleepRequest standing = { ECHO_SLEEP_REQUEST_BASE, HM_SET(ms, 1) };
static const Echo__SleepRequest passing = { ECHO_SLEEP_REQUEST_BASE, HM_SET(ms, 0) };
static const struct hm_server_config limits = { .workers = WORKERS, .queue_max = QUEUE };

/* What became of a brand's calls. */
struct ends {
	_Atomic unsigned ok, exhausted, other;
	_Atomic uint32_t retry_after_ms; /* of the last that was refused */
};

static unsigned ended(const struct ends *ends)
{
	return ends->ok + ends->exhausted + ends->other;
}

static void count_end(void *user, hm_status status, const Echo__SleepReply *reply)
{
	struct ends *ends = user;

	(void)reply;
	if (status == HM_RESOURCE_EXHAUSTED)
		ends->retry_after_ms = hm_error_get()->retry_after_ms;
	(*(status == HM_OK ? &ends->ok : status == HM_RESOURCE_EXHAUSTED ? &ends->exhausted : &ends->other))++;
}

static void start(const struct rpc_world *world, struct hm_context *context, const Echo__SleepRequest *request,
		  unsigned n, struct ends *ends)
{
	while (n--)
		cr_assert_eq(echo_sleep_start(world->channel, context, request, count_end, ends), HM_OK);
}

/* All workers stand at the gate, and the other calls wait for them. */
static void occupy(const struct rpc_world *world, unsigned workers, unsigned calls, struct ends *ends)
{
	rpc_gate_shut();
	start(world, world->context, &standing, workers, ends);
	rpc_gate_wait(workers);
	start(world, world->context, &standing, calls - workers, ends);
}

static uint32_t count_waiting(const struct rpc_world *world)
{
	struct hm_server_stats stats;

	hm_server_stats(world->server, &stats);
	return stats.calls_waiting;
}

Test(admission, one_brands_flood_costs_another_neither_places_nor_workers, .timeout = 60)
{
	for (int kind = 0; kind < RPC_KINDS; kind++) {
		SCOPED(hm_context) quiet = NULL;
		struct ends flood = { 0 }, others = { 0 };
		struct rpc_world world;

		rpc_world_open_with(&world, rpc_kinds[kind], &limits);
		cr_assert_eq(hm_context_open("nova", "a-token", &quiet), HM_OK);
		occupy(&world, WORKERS, FLOOD, &flood);
		rpc_wait_for(count_waiting(&world) == QUEUE);
		/* The gate stays shut: not one of the flood's calls ends well meanwhile. */
		start(&world, quiet, &passing, QUEUE / 2, &others);
		rpc_wait_for(ended(&others) == QUEUE / 2);
		for (int i = 0; i < QUIET; i++) {
			Echo__SleepReply *reply;

			cr_assert_eq(echo_sleep(world.channel, quiet, &passing, &reply), HM_OK, "%s",
				     hm_error_get()->message);
		}
		cr_expect_eq(others.ok, QUEUE / 2);
		cr_expect_eq(flood.ok, 0);
		rpc_gate_open();
		rpc_wait_for(ended(&flood) == FLOOD);
		cr_expect_eq(flood.ok + flood.exhausted, FLOOD);
		cr_expect_geq(flood.ok, WORKERS + QUEUE / 2, "the places it kept");
		cr_expect_gt(flood.retry_after_ms, 0);
		rpc_world_close(&world);
	}
}

static bool is_named(const char *task, const char *name)
{
	char path[64], comm[32] = "";
	FILE *file;

	snprintf(path, sizeof path, "/proc/self/task/%.16s/comm", task);
	file = fopen(path, "r");
	if (!file)
		return false;
	(void)!fgets(comm, sizeof comm, file);
	fclose(file);
	return !strncmp(comm, name, strlen(name));
}

/* Whether so many threads of this process or more are named so, and all of them so much nicer than this one. */
static bool are_nicer(const char *name, unsigned least, int nicer)
{
	const int own = getpriority(PRIO_PROCESS, 0), expected = own + nicer < NICEST ? own + nicer : NICEST;
	DIR *tasks = opendir("/proc/self/task");
	unsigned count = 0, others = 0;

	cr_assert(tasks);
	for (const struct dirent *task = readdir(tasks); task; task = readdir(tasks)) {
		if (!is_named(task->d_name, name))
			continue;
		if (getpriority(PRIO_PROCESS, (id_t)strtoul(task->d_name, NULL, 10)) == expected)
			count++;
		else
			others++;
	}
	closedir(tasks);
	return count >= least && !others;
}

/* Or a server with much to do would refuse too late. */
Test(admission, threads_that_run_calls_give_way_to_those_that_read_them, .timeout = 60)
{
	struct ends ends = { 0 };
	struct rpc_world world;

	rpc_world_open_with(&world, rpc_kinds[0], &limits);
	occupy(&world, WORKERS, WORKERS, &ends);
	rpc_wait_for(
		are_nicer("echo", WORKERS, 10)); /* a spare one may just have been born, and have run nothing yet */
	rpc_wait_for(are_nicer("nng:", 1, 0));
	rpc_gate_open();
	rpc_wait_for(ended(&ends) == WORKERS);
	rpc_world_close(&world);
}

/* Teaches the server that Sleep takes a while. */
static void teach(struct rpc_world *world, int64_t ms)
{
	struct ends taught = { 0 };

	occupy(world, 1, 1, &taught);
	hm_clock_advance_ms(ms);
	rpc_gate_open();
	rpc_wait_for(taught.ok == 1);
}

Test(admission, a_call_that_could_not_be_done_in_time_is_refused_at_once, .timeout = 60, .init = hm_clock_hold)
{
	for (int kind = 0; kind < RPC_KINDS; kind++) {
		struct ends waiting = { 0 };
		struct rpc_world world;
		Echo__SleepReply *reply;
		unsigned ran;

		rpc_world_open_with(&world, rpc_kinds[kind], &(struct hm_server_config){ .workers = 1 });
		teach(&world, 100);
		occupy(&world, 1, 1 + QUEUE, &waiting);
		rpc_wait_for(count_waiting(&world) == QUEUE);
		ran = rpc_counts.ran;
		hm_context_set_timeout(world.context, 500); /* eight that take 100 ms each are before it */
		cr_assert_eq(echo_sleep(world.channel, world.context, &passing, &reply), HM_RESOURCE_EXHAUSTED);
		cr_expect_str_eq(hm_error_get()->reason, "OVERLOADED");
		cr_expect_geq(hm_error_get()->retry_after_ms, 500);
		cr_expect_eq(rpc_counts.ran, ran);
		cr_expect_eq(ended(&waiting), 0);
		rpc_gate_open();
		rpc_wait_for(waiting.ok == 1 + QUEUE);
		rpc_world_close(&world);
	}
}

/* However long calls usually take, the first in line is begun: else a server that was slow once would never learn that it is not. */
RPC_TEST(admission, a_call_that_need_not_wait_is_begun_whatever_its_deadline, .init = hm_clock_hold)
{
	Echo__SleepReply *reply;

	teach(world, 300);
	hm_context_set_timeout(world->context, 200);
	cr_expect_eq(echo_sleep(world->channel, world->context, &passing, &reply), HM_OK, "%s",
		     hm_error_get()->message);
}

/* It was the first in line, and those before it took what it had. */
Test(admission, a_call_of_which_too_little_time_is_left_is_told_when_to_come_back, .timeout = 60, .init = hm_clock_hold)
{
	for (int kind = 0; kind < RPC_KINDS; kind++) {
		struct ends running = { 0 }, late = { 0 };
		struct rpc_world world;
		unsigned ran;

		rpc_world_open_with(&world, rpc_kinds[kind], &(struct hm_server_config){ .workers = 1 });
		teach(&world, 100);
		occupy(&world, 1, 1, &running);
		hm_context_set_timeout(world.context, 150);
		start(&world, world.context, &passing, 1, &late);
		rpc_wait_for(count_waiting(&world) == 1);
		ran = rpc_counts.ran;
		hm_clock_advance_ms(100);
		rpc_gate_open();
		rpc_wait_for(ended(&late) == 1);
		cr_expect_eq(late.exhausted, 1);
		cr_expect_eq(late.retry_after_ms, 101, "%u", (unsigned)late.retry_after_ms);
		cr_expect_eq(rpc_counts.ran, ran);
		rpc_wait_for(running.ok == 1);
		rpc_world_close(&world);
	}
}

/* Sends calls with a deadline on a raw connection, which unlike our client does not cancel what it no longer waits for. */
static void send_raw(struct raw_peer *peer, unsigned calls, uint32_t timeout_ms)
{
	static const uint8_t body[] = { 0x08, 0 }; /* ms: 0 */
	struct hm_buffer packet = { 0 };

	raw_begin(&packet, 0);
	raw_hello(&packet);
	raw_bind(&packet, 0, "loop", "a-token");
	for (uint32_t i = 0; i < calls; i++)
		raw_call(&packet, &(struct raw_call){ .call = 0x10000 + i,
						      .method = hm_method_find(&echo_table, "Sleep"),
						      .request_id = hm_id_new(),
						      .timeout_ms = timeout_ms,
						      .body = body,
						      .body_bytes = sizeof body });
	cr_assert(raw_send(peer, &packet));
	hm_buffer_fini(&packet);
}

Test(admission, what_expired_while_it_waited_never_runs, .timeout = 60, .init = hm_clock_hold)
{
	for (int kind = 1; kind <= 2; kind++) { /* ipc and tcp: the raw peer speaks no other */
		struct ends running = { 0 };
		struct rpc_world world;
		struct raw_peer peer;
		unsigned ran, refused;

		rpc_world_open_with(&world, rpc_kinds[kind], &(struct hm_server_config){ .workers = 1 });
		occupy(&world, 1, 1, &running);
		ran = rpc_counts.ran;
		refused = rpc_counts.refused;
		peer = raw_greet(world.url);
		send_raw(&peer, QUEUE, 20);
		rpc_wait_for(count_waiting(&world) == QUEUE);
		hm_clock_advance_ms(20);
		rpc_gate_open();
		rpc_wait_for(rpc_counts.refused == refused + QUEUE);
		rpc_wait_for(running.ok == 1);
		cr_expect_eq(rpc_counts.last_refused, HM_DEADLINE_EXCEEDED);
		cr_expect_eq(rpc_counts.ran, ran);
		raw_close(&peer);
		rpc_world_close(&world);
	}
}

RPC_TEST(admission, a_brand_over_its_quota_is_told_when_to_come_back_and_others_are_not, .init = hm_clock_hold)
{
	SCOPED(hm_context) other = NULL;
	unsigned ok = 0, ran = rpc_counts.ran;
	Echo__EchoMessage *reply;

	rpc_world_once(world);
	cr_assert_eq(hm_context_open("nova", "a-token", &other), HM_OK);
	cr_assert_eq(hm_server_set_quota(world->server, "loop", 5, 0), HM_OK);
	for (int i = 0; i < 100; i++) {
		const Echo__EchoMessage request = { ECHO_ECHO_MESSAGE_BASE, .text = "again" };
		hm_status status = echo_echo(world->channel, world->context, &request, &reply);

		ok += status == HM_OK;
		if (status == HM_OK)
			continue;
		cr_assert_eq(status, HM_RESOURCE_EXHAUSTED);
		cr_expect_str_eq(hm_error_get()->reason, "QUOTA_EXCEEDED");
		cr_expect_gt(hm_error_get()->retry_after_ms, 0);
		cr_expect_leq(hm_error_get()->retry_after_ms, 201);
		cr_assert_eq(echo_echo(world->channel, other, &request, &reply), HM_OK);
		ran++;
	}
	cr_expect_eq(ok, 5);
	cr_expect_eq(rpc_counts.ran, ran + ok);
	hm_clock_advance_ms(hm_error_get()->retry_after_ms);
	cr_expect_eq(echo_echo(world->channel, world->context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE }, &reply),
		     HM_OK, "it comes back when it was told to");
	cr_assert_eq(hm_server_set_quota(world->server, "loop", 0, 0), HM_OK);
	cr_expect_eq(echo_echo(world->channel, world->context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE }, &reply),
		     HM_OK);
}

RPC_TEST(admission, a_brand_has_no_more_calls_under_way_than_it_may)
{
	struct ends ends = { 0 };

	rpc_world_once(world);
	cr_assert_eq(hm_server_set_quota(world->server, "*", 0, 3), HM_OK);
	occupy(world, 3, FLOOD, &ends);
	rpc_wait_for(ends.exhausted == FLOOD - 3);
	rpc_gate_open();
	rpc_wait_for(ends.ok == 3);
	start(world, world->context, &passing, 1, &ends);
	rpc_wait_for(ends.ok == 4);
}

Test(admission, no_more_calls_run_at_once_than_the_fixed_limit, .timeout = 60)
{
	struct ends ends = { 0 };
	struct hm_server_stats stats;
	struct rpc_world world;

	rpc_world_open_with(&world, "inproc", &(struct hm_server_config){ .workers = 16, .running_max = 3 });
	occupy(&world, 3, FLOOD, &ends);
	rpc_wait_for(count_waiting(&world) == FLOOD - 3);
	hm_server_stats(world.server, &stats);
	cr_expect_eq(stats.calls_running, 3);
	rpc_gate_open();
	rpc_wait_for(ends.ok == FLOOD);
	rpc_world_close(&world);
}
