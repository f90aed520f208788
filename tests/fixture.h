/*
 * Fixture: a service served for one test, by a real host on a real, migrated database of the test's own.
 *
 *     struct fixture f = fixture_serving(&follows_service);
 *     struct hm_context *ana = fixture_user(&f, "loop", "ana");
 *     must(follows_follow(f.channel, ana, &request, &edge));
 *     refuses(FAILED_PRECONDITION, follows_follow(f.channel, ben, &request, &edge));
 *
 * Brands "loop", "nova" and "empty" are active, "closed" is suspended. Everything is closed when the test's process ends.
 */
#pragma once
#include <criterion/criterion.h>

#include "hallmark.h"
#include "host/host.h"
#include "tests/database.h"

struct fixture {
	struct hm_host *host;
	struct hm_channel *channel; /* to the first service */
	char dsn[TEST_DSN_BYTES];
	struct relay *relay; /* on the service's way to PostgreSQL; NULL: it has none */
};

/* fixture_observe has what is served after it show metrics at a port of its own (hm_host_metrics_port) and log these calls; NULL: none. */
void fixture_observe(const char *log_calls);

/* fixture_put_relay has what is served after it reach PostgreSQL through a relay. The test's own SQL does not. */
void fixture_put_relay(void);

/* fixture_serving serves one service; its lease is filled by hand and does not run out. */
struct fixture fixture_serving(const struct hm_service *service);

/* fixture_serving_all serves several (NULL-terminated); `known` feed the lease as in production, NULL: by hand as above. */
struct fixture fixture_serving_all(const struct hm_service *const *services, const struct hm_service *const *known);

/* fixture_altered copies a service, for a test to alter and then to serve or have known: the host uses it until the process ends, longer
 * than the test's own variables live. */
struct hm_service *fixture_altered(const struct hm_service *service);

/* fixture_demanding_keys serves several, by hand, and believes a service's token only where the service's key is proven; the others
 * believe the token alone, so that one channel can bear many services' tokens. */
struct fixture fixture_demanding_keys(const struct hm_service *const *services);

/* fixture_do_wrong has what is served after it do wrong what the rules say (rpc/fault.h; "": none), with at=caller to the calls it makes,
 * and what contexts ask for (their `fault`). */
void fixture_do_wrong(const char *rules);

/* fixture_user makes a context with a user's token that carries every permission. */
struct hm_context *fixture_user(struct fixture *fixture, const char *brand, const char *user);

/* fixture_user_with carries the permissions named alone; the list ends with NULL. */
struct hm_context *fixture_user_with(struct fixture *fixture, const char *brand, const char *user, ...)
	__attribute__((sentinel));

/* fixture_operator makes an operator's context for a brand (NULL: the system's). */
struct hm_context *fixture_operator(struct fixture *fixture, const char *brand);

/* fixture_service makes the context of a service acting by itself. */
struct hm_context *fixture_service(struct fixture *fixture, const char *service);

/* fixture_bearer makes the context of whoever holds a token, as Login gives it. */
struct hm_context *fixture_bearer(struct fixture *fixture, const char *brand, const char *token);

/* fixture_service_granting makes one whose token carries permissions, which the service gave itself. NULL-terminated. */
struct hm_context *fixture_service_granting(struct fixture *fixture, const char *service,
					    const char *const *permissions);

/* fixture_anonymous makes a context without a token; brand NULL: none either. */
struct hm_context *fixture_anonymous(struct fixture *fixture, const char *brand);

/* fixture_audited counts the audit entries of the context's request in a schema. */
int64_t fixture_audited(struct fixture *fixture, const char *schema, const struct hm_context *context);

/* fixture_run_folder is where the host's ipc sockets are: <folder>/<service>.sock. */
const char *fixture_run_folder(void);

/* must fails the test unless the expression is OK, and says what the error was. */
#define must(expression)                                                                                  \
	do {                                                                                              \
		hm_status must_status_ = (expression);                                                    \
		cr_assert(must_status_ == HM_OK, "%s: %s: %s", #expression, hm_status_name(must_status_), \
			  hm_error_get()->message);                                                       \
	} while (0)

/* refuses fails the test unless the expression ends with this status: refuses(NOT_FOUND, …). */
#define refuses(code, expression)                                                                                    \
	do {                                                                                                         \
		hm_status refuses_status_ = (expression);                                                            \
		cr_assert(refuses_status_ == HM_##code, "%s: %s instead of " #code ": %s", #expression,              \
			  hm_status_name(refuses_status_), refuses_status_ == HM_OK ? "" : hm_error_get()->message); \
	} while (0)
