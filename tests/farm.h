/*
 * Farm: several servers of the echo contract, each with a count of the calls that came to it, for tests of how a channel chooses
 * among them. A server can be made slow, made to fail, or have its calls stand at a gate.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "client/balance.h"
#include "echo/v1/echo.hm.h"
#include "server/server.h"

enum { FARM_MAX = 6 };

struct farm_server {
	struct farm *farm;
	struct hm_interceptor interceptor;
	struct hm_server *server; /* NULL: not served */
	char url[HM_URL_BYTES];
	_Atomic unsigned calls;
	_Atomic unsigned slow_ms; /* what a call takes */
	bool is_mortal;
	_Atomic bool fails; /* UNAVAILABLE */
	_Atomic int refusals; /* so many calls are refused before they run */
	_Atomic bool is_full; /* that is why they are: RESOURCE_EXHAUSTED, not UNAVAILABLE */
	_Atomic unsigned refused_for_ms; /* and told when to come back; 0: nothing */
	_Atomic unsigned last_attempt; /* what the last call that ran said of itself */
};

struct farm {
	struct farm_server servers[FARM_MAX];
	size_t count;
	char folder[64]; /* of the sockets */
	struct hm_channel *channel;
	struct hm_context *context;
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool is_shut; /* calls of Sleep with ms > 0 stand */
	/* By the attempt's number, whatever server it comes to: bit n for the nth. */
	_Atomic unsigned hanging; /* stand until they are cancelled, or the bit is cleared */
	_Atomic unsigned failing; /* then: UNAVAILABLE */
	_Atomic unsigned doubting; /* then: UNAVAILABLE, and the server does not know whether it was done */
	_Atomic unsigned refusing; /* before they run */
	_Atomic unsigned stood, cancelled; /* those that hung; those of them that were cancelled */
};

/* farm_open serves `count` servers over ipc and opens a channel to all of them; options are a target's (";balancing=…", or ""). */
void farm_open(struct farm *farm, size_t count, const char *options);
void farm_close(struct farm *farm);

/* farm_make has the same without any server or channel yet; farm_serve begins to serve one. farm_serve_at tells where it really
 * listens, which is its url but for port 0. */
void farm_make(struct farm *farm, size_t count);
void farm_serve(struct farm *farm, size_t place);
void farm_serve_at(struct farm *farm, size_t place, char ret_url[HM_URL_BYTES]);

/* farm_fork has one served by a process of its own, which ends with this thread at the latest. */
pid_t farm_fork(struct farm *farm, size_t place);

/* farm_fork_mortal has it killed by the first call that runs there. */
pid_t farm_fork_mortal(struct farm *farm, size_t place);

/* farm_call makes a call that passes (Sleep of 0 ms: on a worker). farm_start starts one that stands while the gate is shut. */
hm_status farm_call(struct farm *farm);

/* farm_change makes a call of a method that is not idempotent, and passes. */
hm_status farm_change(struct farm *farm);
void farm_start(struct farm *farm);
void farm_shut(struct farm *farm);
void farm_let_go(struct farm *farm);

/* The calls that farm_start started and that have ended, and those of them that ended well. */
extern _Atomic unsigned farm_ended, farm_ended_well;

/* farm_calls sums up the servers' counts; farm_zero forgets them. */
unsigned farm_calls(const struct farm *farm);
void farm_zero(struct farm *farm);

/* farm_members is how many endpoints the channel picks from now. farm_connect makes a call and waits until they are so many. */
unsigned farm_members(struct farm *farm);
void farm_connect(struct farm *farm, unsigned members);

/* farm_connections is how many connections to the server at this place are open. */
unsigned farm_connections(struct farm *farm, size_t place);
