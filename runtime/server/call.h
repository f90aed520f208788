/*
 * Call: one call being served. Handlers get it as an opaque first argument; the runtime's layers keep their state of
 * the call here. It lives from the frame that opened it until its reply is handed to the transport.
 *
 * Handlers use: hm_fail, hm_call_arena, hm_call_context, hm_call_actor, hm_call_channel; and what guard/work.h offers.
 */
#pragma once
#include "base/arena.h"
#include "client/context.h"
#include "rpc/method.h"

struct hm_server;

enum hm_actor_type { HM_ACTOR_ANONYMOUS, HM_ACTOR_USER, HM_ACTOR_OPERATOR, HM_ACTOR_SERVICE };

/* Who calls, as proven by the token; strings belong to the principal they came from and live as long as the call. */
struct hm_actor {
	enum hm_actor_type type;
	const char *id; /* "anonymous" without a token */
	const char *brand; /* the actor's own brand; NULL: none (operators, services) */
	const char *session; /* NULL: none */
	const char *token_id; /* jti; NULL: none */
	const char *
		delegate; /* the service that acts for the user by a delegated token, whose id token_id is; NULL: none */
	const char *const *permissions; /* NULL-terminated; "*" alone: all */
};

/* What went over a stream so far; messages and their bytes. */
struct hm_stream_counts {
	uint64_t received, received_bytes, sent, sent_bytes;
};

struct hm_call {
	struct hm_context context; /* the parent of the calls the handler makes; brand proven; arena of the call */
	const struct hm_service *service;
	const struct hm_method *method;
	struct hm_actor actor;
	const char *idempotency_key; /* the caller's; calls that this one makes have their own. NULL: none */
	struct hm_id audit_id; /* UUIDv7, made when the call arrived; its low 8 bytes are the call's span */
	uint64_t parent; /* the span of the call that made this one; 0: none */
	int64_t started_us; /* monotonic */
	int64_t started_wall_us;
	int64_t now_us; /* monotonic: when the thread that runs it took it up, which is what the guard's checks go by */
	const char *peer; /* "ipc uid=1000 pid=77", "tcp 127.0.0.1:55410", "inproc" */
	const char *const *peer_services; /* it has proven to be with their keys; NULL-terminated; NULL: none */
	ProtobufCMessage *request; /* decoded into the arena; NULL until then, and where requests stream */
	ProtobufCMessage *reply; /* NULL where replies stream */
	const struct hm_stream_counts *counts; /* NULL: unary */
	struct hm_arena *turns; /* two, for what a stream's transactions give; until the reply has left. NULL: unary */
	bool audited; /* an entry with audit_id is durable */
	bool has_run; /* its method may have done something; false: it was refused, and may be made again */
	uint8_t attempt; /* the how manieth of its caller's at this call, from 1 */
	bool has_called; /* another service was called: running the handler again would call it again */
	void *guard; /* guard/'s state of this call (principal, transaction) */
	struct hm_server *server;
	void *transport; /* server/server.c's state of this call */
	struct hm_call *next; /* queue link */
};

/* hm_fail ends a handler in its caller's words: return hm_fail(call, NOT_FOUND, "no account %s", id);
 * The transaction is rolled back. To fail and keep what was written, see hm_refuse in guard/work.h. */
#define hm_fail(call, code, ...) ((void)(call), hm_raise(code, __VA_ARGS__))

/* hm_call_context is the context for calls to other services made on behalf of this one. */
struct hm_context *hm_call_context(struct hm_call *call);

/* hm_call_channel returns the channel to another service, for calls under hm_call_context(call). It is the server's: opened once,
 * shared by all calls, never closed by a handler. INTERNAL: the contract's `calls` does not name the service. */
hm_status hm_call_channel(struct hm_call *call, const char *service, struct hm_channel **ret_channel);

/* hm_call_arena: memory until the reply has left. */
struct hm_arena *hm_call_arena(struct hm_call *call);

const struct hm_actor *hm_call_actor(const struct hm_call *call);
const char *hm_call_brand(const struct hm_call *call);
const struct hm_id *hm_call_id(const struct hm_call *call);

/* hm_call_is_from says whether the connection that the call came by has proven, with the service's key, to be a service's. */
bool hm_call_is_from(const struct hm_call *call, const char *service);

/* hm_call_span is the call's place in its request's tree: the low half of its audit entry's id. So the entries alone, each with
 * its span and its parent's, give the tree. */
uint64_t hm_call_span(const struct hm_call *call);

/* hm_call_cancelled says whether the caller no longer waits: it gave up, or its connection is gone. The reply will be dropped and
 * calls made under the call's context end CANCELLED, so only a handler that computes for long needs to ask. */
bool hm_call_cancelled(const struct hm_call *call);
