/*
 * Guard: what is wrapped around every call, the same for all methods and in this order:
 *
 *     authenticate the actor → resolve the brand → authorise → rules of the request → run in a transaction → audit → reply
 *
 * It plugs into a server as its interceptor. Denied, failed and read calls are audited before their reply leaves; a write's
 * entry commits with its rows. When auditing is impossible the call fails closed. Thread-safe after open.
 */
#pragma once
#include "base/scoped.h"
#include "crypto/key.h"
#include "guard/lease.h"
#include "server/server.h"
#include "store/store.h"

struct hm_exposition;
struct hm_guard;

/* One service and what is its own: the store of its schema (NULL: no database), the key it signs with (NULL: none). */
struct hm_guarded {
	const struct hm_service *service;
	struct hm_store *store;
	struct hm_secret_key *signing_key;
};

struct hm_guard_config {
	const struct hm_guarded *services;
	size_t n_services;
	const struct hm_service *const *known; /* whose `calls` say which way delegated tokens go, beside `services`;
						* NULL-terminated, NULL: no others */
	const struct hm_keyring *keys; /* whose tokens are believed */
	struct hm_lease *lease;
	bool requires_service_keys; /* a service's token is believed only on a connection that proves the service */
	uint32_t reply_ttl_s; /* how long the replies of calls with an idempotency key are kept; 0: 24 hours */
};

/* hm_guard_open: everything in the config must outlive the guard. A method that lists the audit log is the runtime's own
 * (guard/list_audit.sql) where the service has neither handler nor query for it. FAILED_PRECONDITION names a method that has
 * neither a handler nor a query, a handler and a query both, a query of no method, or one that reaches further than its method:
 * over brands, where the contract names neither callers nor an only brand; into a brand's data, where its effect is NONE. */
hm_status hm_guard_open(const struct hm_guard_config *config, struct hm_guard **ret_guard);
void hm_guard_close(struct hm_guard *guard);
HM_SCOPED(hm_guard, hm_guard_close)

/* hm_guard_sweep removes idempotent replies that have expired, in every service that it can: now and then, in any number of
 * processes. Returns the last failure. */
hm_status hm_guard_sweep(const struct hm_guard *guard);

/* hm_guard_set_signing_key has a service sign with another key from now on; calls under way may still use the former. Both outlive
 * the guard. */
void hm_guard_set_signing_key(struct hm_guard *guard, const struct hm_service *service,
			      const struct hm_secret_key *key);

/* hm_guard_interceptor returns what to hand to hm_server_open; lives as long as the guard. */
const struct hm_interceptor *hm_guard_interceptor(const struct hm_guard *guard);

/* hm_guard_collect publishes how auditing fares (docs/operations.md); a hm_collect_fn, the guard being its user. */
void hm_guard_collect(void *guard, struct hm_exposition *exposition);
