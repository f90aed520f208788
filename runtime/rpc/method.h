/*
 * Method tables: everything there is to know about a service and its methods. Generated from the contract by
 * protoc-gen-hallmark (gen/<package>/<version>/<name>.hm.c), constant, and read by everyone: client, server, guard,
 * CLI, conformance test. Nothing about a method is decided anywhere else.
 */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "wire/packet.h"
#include "wire/rules.h"

struct hm_call;
struct hm_channel;
struct hm_context;
struct hm_lease;
struct hm_query_table;

enum hm_effect { HM_EFFECT_NONE = 1, HM_EFFECT_READ = 2, HM_EFFECT_WRITE = 3 };

/* The standard idempotency_level option. */
enum hm_idempotency { HM_IDEMPOTENCY_UNKNOWN = 0, HM_NO_SIDE_EFFECTS = 1, HM_IDEMPOTENT = 2 };

/* Who sends a stream of messages where a unary method has one: a bit for the client, one for the server. */
enum hm_method_kind { HM_UNARY = 0, HM_CLIENT_STREAM = 1, HM_SERVER_STREAM = 2, HM_BIDI_STREAM = 3 };

/* What a CALL's head says of the kind (enum hm_stream_halves). */
static inline uint8_t hm_kind_halves(enum hm_method_kind kind)
{
	return (uint8_t)((kind & HM_CLIENT_STREAM ? HM_STREAM_REQUESTS : 0) |
			 (kind & HM_SERVER_STREAM ? HM_STREAM_REPLIES : 0));
}

/* A thunk calls one typed handler out of the service's handler struct (generated: no function pointer is cast). A message that
 * streams is NULL: the handler reads or writes it. */
typedef hm_status hm_thunk(const void *handlers, struct hm_call *call, const ProtobufCMessage *request,
			   ProtobufCMessage *reply);

struct hm_method {
	const char *name; /* "follows.v1.Follows/Follow" */
	uint64_t id; /* FNV-1a 64 of the name: what travels */
	enum hm_method_kind kind;
	const ProtobufCMessageDescriptor *request, *reply;
	const struct hm_message_rules *request_rules, *reply_rules; /* NULL: none */
	enum hm_effect effect;
	enum hm_idempotency idempotency;
	const char *event, *entity, *entity_id; /* NULL where the contract has none */
	const char *permission; /* NULL: public, or callers only */
	const char *const *callers; /* NULL-terminated, or NULL */
	const char *only_brand;
	uint8_t attempts; /* the most its callers make; 0: HM_ATTEMPTS */
	uint32_t hedge_after_ms; /* without an answer, another endpoint is asked too; 0: never */
	uint32_t deadline_ms; /* 0: as long as the caller waits */
	uint32_t request_bytes; /* of each message of a stream of requests */
	bool is_public;
	bool is_inline;
	bool secret_reply;
	hm_thunk *thunk;
	size_t handler_offset; /* of the handler's pointer in the handler struct */
	const char *const *documented_errors; /* status names the contract's comment promises; NULL-terminated */
	const char *comment; /* the contract's comment, lines joined by newlines */
	const char *file; /* where the contract says so */
	int line;
};

struct hm_service_table {
	const char *name; /* "follows.v1.Follows" */
	const char *short_name; /* "follows": endpoints, roles, folders */
	const char *schema; /* NULL: no database */
	const char *const *calls; /* short names, NULL-terminated */
	const struct hm_method *methods;
	size_t n_methods;
	const char *comment;
	const uint8_t *contract; /* a serialized FileDescriptorSet: the contract and its imports */
	size_t contract_bytes;
};

/* A service: its table, its handlers, its queries. Made by the generated FOLLOWS_SERVICE(...) macro. */
struct hm_service {
	const struct hm_service_table *table;
	const void *handlers; /* the generated struct of typed pointers */
	const struct hm_query_table *queries; /* NULL: no database */
	/* Optional: fetches what this service publishes to every other one's guard (brand status, revocations) into the
	 * lease. Called every half second in every process, through a channel to this service. */
	hm_status (*feed_lease)(struct hm_lease *lease, struct hm_channel *channel, struct hm_context *context);
	/* Optional: the same by a stream that goes on: puts what it is told into the lease until the stream ends, and returns why.
	 * While it does, nobody polls. The context's patience is short: the service must say that nothing changed. */
	hm_status (*watch_lease)(struct hm_lease *lease, struct hm_channel *channel, struct hm_context *context);
	/* Optional: the key (by name, of the host's keys folder) the service signs with; its handlers reach it by
	 * hm_call_signing_key, nobody else does. */
	const char *signing_key;
	/* The runtime's own (health): no interceptor is asked, so its methods touch nothing. */
	bool is_built_in;
};

/* hm_method_id returns what travels for a method name: FNV-1a, 64 bits. */
uint64_t hm_method_id(const char *name);

/* hm_method_find returns the row of a full name ("follows.v1.Follows/Follow") or bare one ("Follow"), or NULL. */
const struct hm_method *hm_method_find(const struct hm_service_table *table, const char *name);

/* hm_method_has_handler says whether the service's author wrote C for the method. */
bool hm_method_has_handler(const struct hm_service *service, const struct hm_method *method);
