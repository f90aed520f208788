/*
 * Deterministic simulation of the engine: some thousand seeds, each a story of a few hundred steps with its own habits (slow
 * ends, readers that do not read, many cancels, lost connections, jumps of time). tests/engine_world.h holds the two ends
 * and checks them at every step.
 *
 *     HALLMARK_SIM_SEEDS=100000 make test SERVICE=engine_sim      more of them
 *     HALLMARK_SIM_SEED=42 make test SERVICE=engine_sim           one again
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/engine_world.h"

enum { STEPS = 400 };

static void take_client(struct world *world)
{
	world_take(world, HM_CLIENT);
}

static void take_server(struct world *world)
{
	world_take(world, HM_SERVER);
}

static void client_writes(struct world *world)
{
	world_write(world, HM_CLIENT);
}

static void server_writes(struct world *world)
{
	world_write(world, HM_SERVER);
}

static void client_reads(struct world *world)
{
	world_read(world, HM_CLIENT);
}

static void server_reads(struct world *world)
{
	world_read(world, HM_SERVER);
}

static void to_client(struct world *world)
{
	world_deliver(world, HM_CLIENT);
}

static void to_server(struct world *world)
{
	world_deliver(world, HM_SERVER);
}

static void pass(struct world *world)
{
	world_pass(world, world_roll(world, 20000));
}

static void jump(struct world *world)
{
	world_pass(world, world_roll(world, 20) * INT64_C(1000000));
}

/* How often each step is taken: a weight a seed, from nothing to `most`, so some stories have slow ends and some no losses. */
static const struct step {
	void (*take)(struct world *world);
	uint32_t most;
} steps[] = {
	{ world_call, 200 },    { world_cancel, 30 },
	{ world_bind, 10 },     { world_answer, 100 },
	{ take_client, 100 },   { take_server, 100 },
	{ to_client, 100 },     { to_server, 100 },
	{ pass, 30 },           { jump, 2 },
	{ world_lose, 2 },      { world_flush, 4 },
	{ client_writes, 200 }, { server_writes, 200 },
	{ client_reads, 100 },  { server_reads, 100 },
};
enum { N_STEPS = sizeof steps / sizeof steps[0] };

static void draw_weights(struct world *world, uint32_t ret_weights[static N_STEPS], uint32_t *ret_sum)
{
	*ret_sum = 0;
	for (size_t i = 0; i < N_STEPS; i++) {
		ret_weights[i] = world_roll(world, steps[i].most + 1);
		*ret_sum += ret_weights[i];
	}
}

static void live(struct world *world)
{
	uint32_t weights[N_STEPS], sum;

	draw_weights(world, weights, &sum);
	for (size_t n = 0; n < STEPS && sum; n++) {
		uint32_t roll = world_roll(world, sum);
		size_t i = 0;

		while (roll >= weights[i])
			roll -= weights[i++];
		steps[i].take(world);
	}
	world_finish(world);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

/* Runs the seeds and adds up what happened, to see that the stories are worth telling. */
static struct world tell(bool hostile, uint64_t n)
{
	static struct world world;
	struct world all = { 0 };
	uint64_t first = number_from("HALLMARK_SIM_SEED", 0);

	if (first)
		n = 1;
	else
		n = number_from("HALLMARK_SIM_SEEDS", n);
	for (uint64_t seed = first ? first : 1; n; seed++, n--) {
		world_init(&world, seed, hostile);
		live(&world);
		all.n_calls += world.n_calls;
		all.replies += world.replies;
		all.expired += world.expired;
		all.cancelled += world.cancelled;
		all.failed += world.failed;
		all.connections += world.connections;
		all.most_packets = world.most_packets > all.most_packets ? world.most_packets : all.most_packets;
		all.dropped_replies += world.dropped_replies;
		all.messages += world.messages;
		all.blocked[0] += world.blocked[0];
		all.blocked[1] += world.blocked[1];
		all.early += world.early;
		world_fini(&world);
	}
	cr_assert_eq(all.n_calls, all.replies + all.expired + all.cancelled + all.failed);
	cr_log_info(
		"%zu calls: %zu replies, %zu expired, %zu cancelled, %zu failed, %zu connections; %zu packets at once",
		all.n_calls, all.replies, all.expired, all.cancelled, all.failed, all.connections, all.most_packets);
	cr_log_info("%zu messages; %zu times blocked for credit, %zu for room; %zu streams answered early",
		    all.messages, all.blocked[0], all.blocked[1], all.early);
	return all;
}

Test(engine_sim, every_call_ends_once_with_its_own_reply)
{
	struct world all = tell(false, 3000);

	if (getenv("HALLMARK_SIM_SEED"))
		return;
	cr_assert(all.replies && all.expired && all.cancelled && all.failed && all.dropped_replies,
		  "some kind of end did not happen at all");
	cr_assert(all.blocked[0] && all.blocked[1] && all.early, "some way of streams was not gone at all");
	cr_assert_geq(all.most_packets, HM_PACKETS_UNACKNOWLEDGED_MAX, "no story used up the credit of packets");
}

Test(engine_sim, damaged_packets_end_connections_but_never_lose_a_call)
{
	tell(true, 2000);
}
