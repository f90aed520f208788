/*
 * RPC world: a server of the echo contract, a channel to it and a context, over each kind of endpoint, with an interceptor that
 * counts and handlers that stand at a gate until a test lets them through.
 */
#pragma once
#include "echo/v1/echo.hm.h"
#include <sched.h>

#include "base/clock.h"
#include "server/server.h"

struct rpc_world {
	struct hm_server *server;
	struct hm_channel *channel;
	struct hm_context *context;
	char url[256]; /* where the server really listens */
	char folder[64]; /* of the ipc socket */
	struct hm_server_config config;
};

/* What happened, over all worlds of a test process. */
struct rpc_counts {
	_Atomic unsigned bound, unbound, ran, refused;
	_Atomic int last_refused; /* a status */
};
extern struct rpc_counts rpc_counts;

enum { RPC_KINDS = 4 };
extern const char *const rpc_kinds[RPC_KINDS]; /* "inproc", "ipc", "tcp", "tls+tcp" */

/* rpc_world_open serves and connects. With limits of its own, whose refusals are to be seen, no call is made again. rpc_world_serve serves again at the same URL after hm_server_close(world->server). */
void rpc_world_open(struct rpc_world *world, const char *kind);
void rpc_world_open_with(struct rpc_world *world, const char *kind, const struct hm_server_config *limits);
void rpc_world_serve(struct rpc_world *world);
void rpc_world_close(struct rpc_world *world);

/* rpc_world_once has the world's channel make no call again and keep none back, so that what a server refuses is seen. */
void rpc_world_once(struct rpc_world *world);

/* The gate: Sleep with ms 0 passes; with more it counts itself in and stands until the gate is open or its call cancelled. */
void rpc_gate_shut(void);
void rpc_gate_open(void);
void rpc_gate_wait(unsigned entered); /* until so many have come to it since it was shut */
unsigned rpc_gate_cancelled(void); /* how many left it because their call was cancelled */

/* rpc_wait_for waits until the condition holds; the test fails if it does not within ten seconds of the machine's. */
#define rpc_wait_for(condition)                                                                    \
	for (int64_t end_ = hm_clock_machine_us() + 10 * HM_US_PER_S; !(condition); sched_yield()) \
	cr_assert(hm_clock_machine_us() < end_, "%s never came true", #condition)

/* RPC_TEST defines a test that is run over every kind of endpoint; behind its name may stand more of what Criterion's Test takes. */
#define RPC_TEST(suite, name, ...)                                 \
	static void each_##name(struct rpc_world *world);          \
	Test(suite, name, .timeout = 60, ##__VA_ARGS__)            \
	{                                                          \
		for (int kind_ = 0; kind_ < RPC_KINDS; kind_++) {  \
			struct rpc_world world_;                   \
			rpc_world_open(&world_, rpc_kinds[kind_]); \
			each_##name(&world_);                      \
			rpc_world_close(&world_);                  \
		}                                                  \
	}                                                          \
	static void each_##name(struct rpc_world *world)
