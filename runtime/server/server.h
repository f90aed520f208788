/*
 * Server: serves services on any number of endpoints. One port, one protocol engine a connection, one pool
 * of worker threads a service (so that a service calling another in the same process cannot starve it).
 *
 * The server knows nothing of brands, audit or databases: it hands each decoded call to its interceptor (guard/ in a
 * real process) on a worker thread and sends what comes back.
 */
#pragma once
#include "base/scoped.h"
#include "server/call.h"

struct hm_call_log_policy;
struct hm_exposition;
struct hm_log_queue;
struct hm_server;
struct hm_faults;
struct hm_identity;
struct hm_port_limits;

/* Where a connection comes from, as far as that is known. Strings live as long as it does. */
struct hm_origin {
	const char *peer; /* for people and the audit log: "tls 10.0.0.7:55410 service=accounting" */
	const char *const *services; /* it has proven to be with their keys; NULL-terminated; NULL: none */
};

/* What is wrapped around every call. All functions may be called from many threads at once. */
struct hm_interceptor {
	void *user;
	/* bind: a connection names a principal (claimed brand, token bytes or NULL) for calls to come. Answers with an
	 * opaque principal that calls carry, or NULL with a status that those calls will get. Cheap: runs on a transport thread. */
	hm_status (*bind)(void *user, const char *brand, const char *token, const struct hm_origin *origin,
			  void **ret_principal);
	void (*unbind)(void *user, void *principal); /* once for each bind that gave one, after its last call ended */
	/* brand: whose share of the server a principal's calls take: a brand that is proven, or NULL. Optional: the claimed one. */
	const char *(*brand)(void *user, void *principal);
	/* run: do the call: check, decode-time rules, handler, audit. call->request is decoded and call->reply initialised.
	 * Runs on a worker, or on a transport thread for inline methods. */
	hm_status (*run)(void *user, struct hm_call *call, void *principal);
	/* still_allowed: whether a stream that runs would still be admitted; asked before each of its messages and every moment
	 * meanwhile. NULL: it would. admit_message: whether a request of a stream may be read; it lies in the arena, and may be
	 * completed. NULL: it may. Both run on the call's own thread. */
	hm_status (*still_allowed)(void *user, struct hm_call *call, void *principal);
	hm_status (*admit_message)(void *user, struct hm_call *call, struct hm_arena *arena, ProtobufCMessage *message);
	/* refuse: a call that was recognised but failed before run (bad body, no worker left, expired, no principal):
	 * audit it. Runs on a worker. status is already in hm_error_get(). Returns what the caller will get. */
	hm_status (*refuse)(void *user, struct hm_call *call, void *principal, hm_status status);
	/* count: may such a call be counted together with others instead? Asked before `refuse`, on any thread: must not block.
	 * True: it is counted, and the thread's error is what the caller gets. is_last: it cannot be audited otherwise, so the
	 * answer has to be true. Optional: always audited, unless is_last. */
	bool (*count)(void *user, struct hm_call *call, void *principal, hm_status status, bool is_last);
};

struct hm_server_config {
	const struct hm_service *const *services;
	size_t n_services;
	const struct hm_interceptor *interceptor;
	uint32_t workers; /* threads a service, started as they are needed; 0: 64 */
	uint32_t queue_max; /* calls waiting for a worker, a service; beyond: RESOURCE_EXHAUSTED. 0: 4096 */
	uint32_t
		running_max; /* calls run by workers at once, a service; 0: as many as is found good, up to `workers` */
	uint32_t connections_max; /* 0: 1024 */
	uint32_t
		connection_age_ms; /* older ones are told GOAWAY, a tenth sooner or later by chance; 0: none is too old */
	uint32_t connection_idle_ms; /* so are those without a call for so long; 0: 30 minutes */
	uint32_t connection_grace_ms; /* closed so long after either, whatever still runs; 0: a minute */
	uint32_t
		streams_max; /* at once, a service, each with a thread, and a quarter more for brands that have none; beyond:
				 RESOURCE_EXHAUSTED. 0: 256 */
	const struct hm_identity
		*identity; /* rpc/identity.h: what it proves to its peers and those it calls; NULL: nothing */
	bool hides_contracts; /* answers no reflection (proto/hallmark/reflection.proto) */
	struct hm_log_queue *log; /* where a line a call goes (server/call_log.h); NULL: nowhere */
	const struct hm_call_log_policy *log_policy; /* of which calls; where there is a log */
	struct hm_faults *
		faults; /* rpc/fault.h: what it does wrong, with the calls it serves and those its handlers make, for tests;
				   * it must outlive the server. NULL: nothing, whatever calls say */
	const struct hm_port_limits *limits; /* net/port.h: of who has not greeted yet, ipc's users. NULL: defaults */
};

hm_status hm_server_open(const struct hm_server_config *config, struct hm_server **ret_server);

/* hm_server_listen adds an endpoint; ipc sockets are made 0600. For tcp port 0 the bound URL is in ret_url (may be NULL). */
hm_status hm_server_listen(struct hm_server *server, const char *url, char ret_url[256]);

/* hm_server_take_over listens at an ipc endpoint where another process still does: it keeps its connections until it drains, new ones
 * come here. So a process is replaced without a moment in which nobody is there. */
hm_status hm_server_take_over(struct hm_server *server, const char *url);

/* hm_server_set_quota bounds what a brand's calls take of the server, all services together: calls begun in a second (after a pause as
 * many at once), and calls that wait or run on workers. 0: unbounded, as at first. Beyond: RESOURCE_EXHAUSTED with reason
 * QUOTA_EXCEEDED and the time to retry after, before the request is decoded. Brand "*": every brand that has no quota of its own;
 * "-": calls whose brand is not proven, together. Thread-safe, at any time. */
hm_status hm_server_set_quota(struct hm_server *server, const char *brand, uint32_t calls_per_s,
			      uint32_t in_flight_max);

/* hm_server_set_health says what health checks (grpc.health.v1.Health) are answered: for one service, by full or short name, or for the
 * server as a whole (""). All serve until told otherwise, none does while draining. NOT_FOUND: no such service. Thread-safe. */
hm_status hm_server_set_health(struct hm_server *server, const char *service, bool serving);

/* hm_server_drain says GOAWAY to every connection, lets the calls that were under way or crossed it end, and waits until their replies
 * have arrived; all of it within timeout_ms. Those of this process (inproc) come last: running calls may need them. New
 * connections are turned away. */
void hm_server_drain(struct hm_server *server, uint32_t timeout_ms);
void hm_server_close(struct hm_server *server);
HM_SCOPED(hm_server, hm_server_close)

struct hm_server_stats {
	uint64_t connections, connections_refused, packets_bad, calls_started, calls_ended, calls_refused;
	uint32_t calls_waiting, calls_running; /* for and by workers */
};
void hm_server_stats(struct hm_server *server, struct hm_server_stats *ret_stats);

/* hm_server_collect publishes what is to be measured of it (docs/operations.md); a hm_collect_fn, the server being its user. */
void hm_server_collect(void *server, struct hm_exposition *exposition);

/* hm_server_serves says whether a health check of the server as a whole is answered SERVING. Thread-safe. */
bool hm_server_serves(struct hm_server *server);
