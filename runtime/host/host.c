/* Host: opens everything in order, closes it in the opposite one. */
#include "host/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/channel.h"
#include "crypto/crypto.h"
#include "guard/guard.h"
#include "host/admin.h"
#include "host/feeder.h"
#include "host/observer.h"
#include "host/revoked.h"
#include "host/rotation.h"
#include "host/sweeper.h"
#include "net/port.h"
#include "rpc/fault.h"
#include "rpc/identity.h"

enum { DEFAULT_CONNECTIONS = 96, CONNECTIONS_MIN = 2, DRAIN_MS = 5000, SWEEP_MS = 600 * 1000, URL_BYTES = 256 };

struct hm_host {
	struct hm_keyring *keys;
	struct hm_secret_key **service_keys; /* of the services, the first's first; fewer where they are optional */
	struct hm_identity identity;
	struct hm_lease *lease;
	struct hm_guarded *guarded; /* behind those that were asked for, the admin service */
	size_t n_services; /* without it */
	const struct hm_service **served; /* all of them */
	struct hm_admin *admin;
	struct hm_guard *guard;
	struct hm_observer *observer;
	struct hm_faults *faults;
	struct hm_server *server;
	struct hm_revoked *revoked;
	struct hm_feeder *feeder;
	struct hm_sweeper *sweeper;
	struct hm_rotation *rotation;
	char **occupied; /* ipc URLs that another process still listens at */
	size_t n_occupied;
	uint32_t drain_ms;
};

static size_t count(const struct hm_service *const *services)
{
	size_t n = 0;

	while (services[n])
		n++;
	return n;
}

/* Each schema gets its share of the process's connections, half for each role. */
static hm_status open_store(const struct hm_host_config *config, size_t n_services, struct hm_guarded *guarded)
{
	const struct hm_service_table *table = guarded->service->table;
	unsigned budget = config->database_connections ? config->database_connections : DEFAULT_CONNECTIONS;
	unsigned share = budget / (unsigned)n_services / HM_ROLE_COUNT;
	const struct hm_store_config store = {
		.service = table->short_name,
		.dsn = config->dsn,
		.connections_max = share < CONNECTIONS_MIN ? CONNECTIONS_MIN : share,
	};

	if (!table->schema)
		return HM_OK;
	if (!config->dsn)
		return hm_raise(FAILED_PRECONDITION, "service %s needs a database: give a DSN", table->short_name);
	return hm_store_open(&store, &guarded->store);
}

static hm_status open_signing_key(const struct hm_host_config *config, struct hm_guarded *guarded)
{
	const char *name = guarded->service->signing_key;

	return name ? hm_secret_key_open(config->keys, name, &guarded->signing_key) : HM_OK;
}

static hm_status open_services(const struct hm_host_config *config, struct hm_host *host)
{
	size_t n = count(config->services);

	host->guarded = calloc(n + 1, sizeof *host->guarded);
	host->served = calloc(n + 1, sizeof *host->served);
	if (!host->guarded || !host->served)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for %zu services", n);
	while (host->n_services < n) {
		struct hm_guarded *guarded = &host->guarded[host->n_services];

		guarded->service = host->served[host->n_services] = config->services[host->n_services];
		host->n_services++;
		TRY(open_signing_key(config, guarded));
		TRY(open_store(config, n, guarded));
	}
	TRY(hm_admin_open(&host->admin));
	hm_admin_watch(host->admin, host->guarded, n);
	host->guarded[n].service = host->served[n] = hm_admin_service(host->admin);
	return HM_OK;
}

/* Whatever is served must be proven to its callers, if keys are required; the first service's key signs for the process. */
static hm_status open_service_key(const struct hm_host_config *config, const char *service, struct hm_host *host)
{
	size_t *n = &host->identity.n_keys;
	char name[HM_KEY_NAME_BYTES];
	hm_status status;

	snprintf(name, sizeof name, "service-%s", service);
	status = hm_secret_key_open(config->keys, name, &host->service_keys[*n]);
	if (status == HM_NOT_FOUND && *n && config->service_keys == HM_SERVICE_KEYS_OPTIONAL)
		return HM_OK;
	*n += status == HM_OK;
	return status;
}

static hm_status open_keys(const struct hm_host_config *config, struct hm_host *host)
{
	if (!config->services[0])
		return hm_raise(INVALID_ARGUMENT, "no service to serve");
	TRY(hm_crypto_init());
	host->service_keys = calloc(count(config->services), sizeof *host->service_keys);
	if (!host->service_keys)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for keys");
	for (size_t i = 0; config->services[i]; i++)
		TRY(open_service_key(config, config->services[i]->table->short_name, host));
	TRY(hm_keyring_open(config->keys, &host->keys));
	host->identity.keys = (const struct hm_secret_key *const *)host->service_keys;
	host->identity.ring = host->keys;
	host->identity.is_required = config->service_keys == HM_SERVICE_KEYS_REQUIRED;
	return HM_OK;
}

static hm_status open_server(const struct hm_host_config *config, struct hm_host *host)
{
	const struct hm_guard_config guard = {
		.services = host->guarded,
		.n_services = host->n_services + 1,
		.known = config->known,
		.keys = host->keys,
		.lease = host->lease,
		.reply_ttl_s = config->reply_ttl_s,
		.requires_service_keys = host->identity.is_required,
	};
	const struct hm_port_limits limits = { .users = config->users, .n_users = config->n_users };

	if (config->faults)
		TRY(hm_faults_open(config->faults, &host->faults));
	TRY(hm_guard_open(&guard, &host->guard));
	TRY(hm_server_open(&(struct hm_server_config){ .services = host->served,
						       .n_services = host->n_services + 1,
						       .interceptor = hm_guard_interceptor(host->guard),
						       .workers = config->workers,
						       .running_max = config->running_max,
						       .hides_contracts = config->hides_contracts,
						       .log = hm_observer_log(host->observer),
						       .log_policy = hm_observer_policy(host->observer),
						       .identity = &host->identity,
						       .faults = host->faults,
						       .limits = &limits },
			   &host->server));
	for (const struct hm_host_quota *quota = config->quotas; quota && quota->brand; quota++)
		TRY(hm_server_set_quota(host->server, quota->brand, quota->calls_per_s, quota->in_flight_max));
	return HM_OK;
}

static hm_status open_metrics(const struct hm_host_config *config, struct hm_host *host)
{
	TRY(hm_host_publish(host, hm_server_collect, host->server));
	TRY(hm_host_publish(host, hm_guard_collect, host->guard));
	for (size_t i = 0; i < host->n_services; i++)
		if (host->guarded[i].store)
			TRY(hm_host_publish(host, hm_store_collect, host->guarded[i].store));
	return config->metrics ? hm_observer_serve(host->observer, config->metrics, host->server) : HM_OK;
}

/* An ipc endpoint where another process serves is remembered: hm_host_take_over. */
static hm_status listen_at(struct hm_host *host, const char *url)
{
	hm_status status = hm_server_listen(host->server, url, NULL);

	if (status != HM_ALREADY_EXISTS || strncmp(url, "ipc:", 4) != 0)
		return status;
	host->occupied = reallocarray(host->occupied, host->n_occupied + 1, sizeof(char *));
	if (!host->occupied || !(host->occupied[host->n_occupied++] = strdup(url)))
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for %s", url);
	return HM_OK;
}

hm_status hm_host_take_over(struct hm_host *host)
{
	for (; host->n_occupied; free(host->occupied[host->n_occupied]))
		TRY(hm_server_take_over(host->server, host->occupied[--host->n_occupied]));
	return HM_OK;
}

/* A service is reached over ipc by other processes of this host, and over inproc by this one. */
static hm_status listen_for(const struct hm_host_config *config, struct hm_host *host, const char *service)
{
	char url[URL_BYTES];

	snprintf(url, sizeof url, "ipc://%s/%s.sock", config->run, service);
	TRY(listen_at(host, url));
	snprintf(url, sizeof url, "inproc://%s", service);
	TRY(hm_server_listen(host->server, url, NULL));
	return hm_endpoint_set(service, url);
}

/* Whoever may write into the folder may put a socket of his own in a service's place, and be sent its callers' tokens. */
static hm_status open_run_folder(const char *path, mode_t mode)
{
	struct stat info;

	if (mkdir(path, mode) && errno != EEXIST)
		return hm_raise_errno(UNAVAILABLE, "cannot make the run folder %s", path);
	if (lstat(path, &info))
		return hm_raise_errno(UNAVAILABLE, "%s", path);
	if (!S_ISDIR(info.st_mode) || (info.st_uid != geteuid() && info.st_uid != 0) || info.st_mode & 022)
		return hm_raise(
			FAILED_PRECONDITION,
			"others may write into the run folder %s, or it is no folder: chmod 700, or another one", path);
	return HM_OK;
}

static hm_status listen_all(const struct hm_host_config *config, struct hm_host *host)
{
	TRY(open_run_folder(config->run, config->n_users ? 0711 : 0700));
	for (size_t i = 0; i < host->n_services; i++)
		TRY(listen_for(config, host, host->guarded[i].service->table->short_name));
	for (const char *const *url = config->listen; url && *url; url++)
		TRY(listen_at(host, *url));
	return HM_OK;
}

static hm_status sweep(void *guard)
{
	return hm_guard_sweep(guard);
}

hm_status hm_host_open(const struct hm_host_config *config, struct hm_host **ret_host)
{
	SCOPED(hm_host) host = calloc(1, sizeof *host);

	if (!host)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for a host");
	host->drain_ms = config->drain_ms ? config->drain_ms : DRAIN_MS;
	TRY(open_keys(config, host));
	TRY(open_services(config, host));
	TRY(hm_lease_open(config->lease_ms, &host->lease));
	TRY(hm_revoked_open(config->keys, host->lease, &host->revoked));
	TRY(hm_observer_open(config->log_calls, &host->observer));
	TRY(open_server(config, host));
	TRY(open_metrics(config, host));
	TRY(hm_rotation_open(config->keys, host->keys, host->guard, host->guarded, host->n_services, &host->rotation));
	TRY(listen_all(config, host));
	TRY(hm_feeder_open(config->known, host->lease, host->service_keys[0], config->services[0]->table->short_name,
			   &host->identity, &host->feeder));
	TRY(hm_sweeper_open(sweep, host->guard, SWEEP_MS, "what has expired cannot be removed", &host->sweeper));
	*ret_host = take(&host);
	return HM_OK;
}

hm_status hm_host_wait_ready(struct hm_host *host, uint32_t timeout_ms)
{
	return hm_feeder_wait(host->feeder, timeout_ms);
}

struct hm_lease *hm_host_lease(struct hm_host *host)
{
	return host->lease;
}

hm_status hm_host_publish(struct hm_host *host, hm_collect_fn *collect, void *user)
{
	return hm_observer_publish(host->observer, collect, user);
}

unsigned hm_host_metrics_port(const struct hm_host *host)
{
	return hm_observer_port(host->observer);
}

struct hm_server *hm_host_server(struct hm_host *host)
{
	return host->server;
}

void hm_host_close(struct hm_host *host)
{
	if (!host)
		return;
	if (host->server)
		hm_server_drain(host->server, host->drain_ms);
	hm_feeder_close(host->feeder);
	hm_sweeper_close(host->sweeper);
	hm_observer_hush(host->observer);
	hm_server_close(host->server);
	hm_faults_close(host->faults);
	hm_observer_close(host->observer);
	hm_rotation_stop(host->rotation);
	hm_guard_close(host->guard);
	hm_rotation_close(host->rotation);
	hm_revoked_close(host->revoked);
	hm_lease_close(host->lease);
	for (size_t i = 0; i < host->n_services; i++) {
		hm_store_close(host->guarded[i].store);
		hm_secret_key_close(host->guarded[i].signing_key);
	}
	hm_admin_close(host->admin);
	free(host->guarded);
	free(host->served);
	for (size_t i = 0; i < host->identity.n_keys; i++)
		hm_secret_key_close(host->service_keys[i]);
	free(host->service_keys);
	while (host->n_occupied)
		free(host->occupied[--host->n_occupied]);
	free(host->occupied);
	hm_keyring_close(host->keys);
	free(host);
}
