/*
 * Host: one process that serves some services. It opens their stores, the guard, the server and its endpoints, and keeps the
 * lease fed; the same code whether the process hosts one service or all of them.
 *
 *     hm_host_open(&config, &host) → hm_host_wait_ready → … → hm_host_close
 */
#pragma once
#include <sys/types.h>

#include "base/exposition.h"
#include "base/scoped.h"
#include "rpc/method.h"
#include "server/server.h"

struct hm_host;
struct hm_lease;

/* What a brand's calls may take of the process; see hm_server_set_quota. */
struct hm_host_quota {
	const char *brand;
	uint32_t calls_per_s, in_flight_max;
};

/* Whether a service's own token needs a connection that proves the service with its key (rpc/identity.h), and a server's process the
 * keys of all services it serves. Optional: for the time in which processes that cannot do that are still there. */
enum hm_service_keys { HM_SERVICE_KEYS_REQUIRED, HM_SERVICE_KEYS_OPTIONAL };

struct hm_host_config {
	const struct hm_service *const *services; /* to serve; NULL-terminated */
	const struct hm_service *const
		*known; /* all services of the program, for what feeds the lease; NULL-terminated */
	const char *dsn; /* of PostgreSQL, without user; NULL if no service has a schema */
	const char *keys; /* folder: service-<name>.key of the services, their signing keys, everyone's .pub */
	enum hm_service_keys service_keys;
	const char
		*run; /* folder of the ipc sockets, made 0700 (with users 0711); refused if others may write into it */
	const uid_t *users; /* who may connect over ipc beside root and this process's own; NULL: nobody */
	size_t n_users;
	const char *const *
		listen; /* further URLs, NULL-terminated; NULL: none. tcp on loopback alone, tls+tcp after hm_tls_configure */
	unsigned database_connections; /* of the whole process; 0: 96 */
	uint32_t workers; /* threads a service, started as they are needed; 0: 64 */
	uint32_t running_max; /* calls run by workers at once, a service; 0: as many as is found good */
	const struct hm_host_quota
		*quotas; /* ended by one without brand; NULL: none. hm_server_set_quota changes them later */
	const char *faults; /* a file of rules for what it does wrong, in tests (rpc/fault.h); NULL: nothing */
	uint32_t reply_ttl_s; /* how long the replies of calls with an idempotency key are kept; 0: 24 hours */
	bool hides_contracts; /* no client is told what is served here; whoever has the contracts may call it */
	const char *
		metrics; /* where metrics and health are shown over HTTP: "127.0.0.1:9464" (docs/operations.md); NULL: nowhere */
	const char *log_calls; /* which calls have a line in the log: "failed", "slow:MS", "all", "none"; NULL: none */
	uint32_t lease_ms; /* how long news of brands and revocations holds; 0: 5000 */
	uint32_t drain_ms; /* how long calls under way may take to end when it is closed; 0: 5000 */
};

/* hm_host_open serves each service at inproc://<name> (this process) and ipc://<run>/<name>.sock, and points this process's
 * own channels to them. Errors say which service and what to do. */
hm_status hm_host_open(const struct hm_host_config *config, struct hm_host **ret_host);

/* hm_host_take_over takes the ipc sockets that another process was found at by hm_host_open; until then this one is not reached by
 * them. Called when it is ready: so the calls of who connects always find somebody who can answer. The other one is to be ended then. */
hm_status hm_host_take_over(struct hm_host *host);

/* hm_host_wait_ready returns when the lease has been fed for the first time, so that calls are admitted; DEADLINE_EXCEEDED
 * says who was not heard of. */
hm_status hm_host_wait_ready(struct hm_host *host, uint32_t timeout_ms);

/* hm_host_lease lets a program without platform and identity (a test, a tool) put what it knows itself. */
struct hm_lease *hm_host_lease(struct hm_host *host);

struct hm_server *hm_host_server(struct hm_host *host);

/* hm_host_publish adds a source of metrics to those of the host itself, as long as the host lives: collect is called whenever somebody
 * asks for them, on a thread of its own (base/exposition.h). hm_host_metrics_port is where that is; 0: nowhere. */
hm_status hm_host_publish(struct hm_host *host, hm_collect_fn *collect, void *user);
unsigned hm_host_metrics_port(const struct hm_host *host);

/* hm_host_close drains (at most drain_ms), closes everything: the last entries of the audit log are written. NULL is fine. */
void hm_host_close(struct hm_host *host);
HM_SCOPED(hm_host, hm_host_close)
