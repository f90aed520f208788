/* Fixture: a host, a database and signed contexts for one test. */
#include "tests/fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/token.h"
#include "guard/lease.h"
#include "tests/relay.h"

enum {
	TOKEN_S = 3600,
	ALTERED_MAX = 4,
	LEASE_MS = 24 * 24 * 3600 * 1000 /* nearly all that an int holds */,
	OPEN_MAX = 256
};

/* Everything a test opened, closed when its process ends, also after a failed assertion. */
static struct {
	struct hm_host *host;
	struct hm_channel *channel;
	struct hm_context *contexts[OPEN_MAX];
	size_t n_contexts;
	struct hm_service altered[ALTERED_MAX];
	size_t n_altered;
	char run[64];
	const char *metrics, *log_calls;
	char faults[64]; /* the file of rules; "": none */
	bool is_relayed;
	struct relay *relay;
} opened;

static void close_all(void)
{
	char command[100];

	for (size_t i = 0; i < opened.n_contexts; i++)
		hm_context_close(opened.contexts[i]);
	hm_channel_close(opened.channel);
	hm_host_close(opened.host);
	if (opened.relay)
		relay_close(opened.relay);
	if (*opened.faults)
		unlink(opened.faults);
	snprintf(command, sizeof command, "rm -rf %s", opened.run);
	if (system(command))
		fprintf(stderr, "tests: %s is left behind\n", opened.run);
}

static void fill_lease(struct hm_lease *lease)
{
	hm_lease_put_brand(lease, "loop", true);
	hm_lease_put_brand(lease, "nova", true);
	hm_lease_put_brand(lease, "empty", true);
	hm_lease_put_brand(lease, "closed", false);
	hm_lease_renew(lease, HM_LEASE_BRANDS, hm_clock_mono_us());
	hm_lease_renew(lease, HM_LEASE_REVOCATIONS, hm_clock_mono_us());
}

void fixture_observe(const char *log_calls)
{
	opened.metrics = "127.0.0.1:0";
	opened.log_calls = log_calls;
}

void fixture_do_wrong(const char *rules)
{
	FILE *file;

	snprintf(opened.faults, sizeof opened.faults, "/tmp/hallmark-faults-%ld", (long)getpid());
	file = fopen(opened.faults, "w");
	cr_assert(file && fputs(rules, file) >= 0 && !fclose(file), "%s", opened.faults);
}

void fixture_put_relay(void)
{
	opened.is_relayed = true;
}

static struct fixture serve(const struct hm_service *const *services, const struct hm_service *const *known,
			    enum hm_service_keys service_keys)
{
	static const struct hm_service *const nobody[] = { NULL };
	struct fixture fixture = { 0 };
	char relayed[TEST_DSN_BYTES];

	must(hm_crypto_init());
	test_database(fixture.dsn);
	if (opened.is_relayed)
		fixture.relay = opened.relay = relay_open(fixture.dsn, relayed);
	snprintf(opened.run, sizeof opened.run, "/tmp/hallmark-test-%ld", (long)getpid());
	must(hm_host_open(&(struct hm_host_config){ .services = services,
						    .known = known ? known : nobody,
						    .dsn = fixture.relay ? relayed : fixture.dsn,
						    .keys = test_keys_folder(),
						    .service_keys = service_keys,
						    .run = opened.run,
						    .faults = *opened.faults ? opened.faults : NULL,
						    .metrics = opened.metrics,
						    .log_calls = opened.log_calls,
						    .lease_ms = known ? 0 : LEASE_MS },
			  &opened.host));
	atexit(close_all);
	fixture.host = opened.host;
	if (known)
		must(hm_host_wait_ready(fixture.host, 10000));
	else
		fill_lease(hm_host_lease(fixture.host));
	must(hm_channel_open(services[0]->table->short_name, &opened.channel));
	fixture.channel = opened.channel;
	return fixture;
}

struct fixture fixture_serving_all(const struct hm_service *const *services, const struct hm_service *const *known)
{
	return serve(services, known, HM_SERVICE_KEYS_OPTIONAL);
}

struct hm_service *fixture_altered(const struct hm_service *service)
{
	struct hm_service *altered = &opened.altered[opened.n_altered++];

	cr_assert(opened.n_altered <= ALTERED_MAX);
	*altered = *service;
	return altered;
}

struct fixture fixture_demanding_keys(const struct hm_service *const *services)
{
	return serve(services, NULL, HM_SERVICE_KEYS_REQUIRED);
}

struct fixture fixture_serving(const struct hm_service *service)
{
	const struct hm_service *const services[] = { service, NULL };

	return fixture_serving_all(services, NULL);
}

static struct hm_context *keep(struct hm_context *context)
{
	cr_assert(opened.n_contexts < OPEN_MAX);
	return opened.contexts[opened.n_contexts++] = context;
}

static struct hm_context *open_signed(const char *key_name, const char *type, const char *brand_of_token,
				      const char *brand, const char *subject, const char *const *permissions)
{
	SCOPED(hm_secret_key) key = NULL;
	struct hm_arena arena = { 0 };
	struct hm_context *context;
	struct hm_id id = hm_id_new();
	char id_text[HM_ID_TEXT_BYTES], *token;
	int64_t now_us = hm_clock_wall_us();

	hm_id_format(&id, id_text);
	must(hm_secret_key_open(test_keys_folder(), key_name, &key));
	must(hm_token_sign(key,
			   &(struct hm_claims){ .subject = subject,
						.type = type,
						.brand = brand_of_token,
						.id = id_text,
						.permissions = permissions,
						.issued_at_us = now_us,
						.expires_at_us = now_us + (int64_t)TOKEN_S * HM_US_PER_S },
			   &arena, &token));
	must(hm_context_open(brand, token, &context));
	hm_arena_fini(&arena);
	return keep(context);
}

static const char *const everything[] = { "*", NULL };

struct hm_context *fixture_user(struct fixture *fixture, const char *brand, const char *user)
{
	(void)fixture;
	return open_signed("identity", "user", brand, brand, user, everything);
}

struct hm_context *fixture_user_with(struct fixture *fixture, const char *brand, const char *user, ...)
{
	const char *permissions[16] = { NULL };
	va_list arguments;

	(void)fixture;
	va_start(arguments, user);
	for (size_t i = 0; i < 15 && (permissions[i] = va_arg(arguments, const char *)); i++)
		;
	va_end(arguments);
	return open_signed("identity", "user", brand, brand, user, permissions);
}

struct hm_context *fixture_operator(struct fixture *fixture, const char *brand)
{
	(void)fixture;
	return open_signed("operator", "operator", NULL, brand ? brand : HM_SYSTEM_BRAND, "operator", everything);
}

struct hm_context *fixture_service_granting(struct fixture *fixture, const char *service,
					    const char *const *permissions)
{
	char key[HM_KEY_NAME_BYTES];

	(void)fixture;
	snprintf(key, sizeof key, "service-%s", service);
	return open_signed(key, "service", NULL, HM_SYSTEM_BRAND, service, permissions);
}

struct hm_context *fixture_service(struct fixture *fixture, const char *service)
{
	return fixture_service_granting(fixture, service, everything + 1);
}

struct hm_context *fixture_bearer(struct fixture *fixture, const char *brand, const char *token)
{
	struct hm_context *context;

	(void)fixture;
	must(hm_context_open(brand ? brand : "", token, &context));
	return keep(context);
}

struct hm_context *fixture_anonymous(struct fixture *fixture, const char *brand)
{
	return fixture_bearer(fixture, brand, NULL);
}

int64_t fixture_audited(struct fixture *fixture, const char *schema, const struct hm_context *context)
{
	char request_id[HM_ID_TEXT_BYTES], sql[200];

	hm_id_format(&context->request_id, request_id);
	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s.audit_log WHERE request_id = '%s'", schema, request_id);
	return test_sql(fixture->dsn, sql);
}

const char *fixture_run_folder(void)
{
	return opened.run;
}
