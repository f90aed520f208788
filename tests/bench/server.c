/* Server: the real host, guard included, around the test services. */
#include "tests/bench/server.h"

#include <stdio.h>
#include <string.h>

#include "echo/v1/echo.hm.h"
#include "guard/lease.h"
#include "notes/v1/notes.hm.h"
#include "tests/bench/role.h"

enum { LEASE_MS = 3600 * 1000, PATH_BYTES = 128, URL_BYTES = 256 };

hm_status server_open(const struct hm_service *service, const char *folder, const char *dsn, struct hm_host **ret_host)
{
	static const struct hm_service *const nobody[] = { NULL };
	const struct hm_service *const services[] = { service, NULL };
	char keys[PATH_BYTES];
	struct hm_lease *lease;

	snprintf(keys, sizeof keys, "%s/" BENCH_KEYS, folder);
	TRY(hm_host_open(&(struct hm_host_config){ .services = services,
						   .known = nobody,
						   .dsn = dsn,
						   .keys = keys,
						   .run = folder,
						   .lease_ms = LEASE_MS },
			 ret_host));
	lease = hm_host_lease(*ret_host);
	hm_lease_put_brand(lease, BENCH_BRAND, true);
	hm_lease_put_brand(lease, BENCH_QUIET_BRAND, true);
	hm_lease_renew(lease, HM_LEASE_BRANDS, hm_clock_mono_us());
	hm_lease_renew(lease, HM_LEASE_REVOCATIONS, hm_clock_mono_us());
	return hm_host_take_over(*ret_host);
}

static hm_status serve_echo(const char *folder, const char *transport)
{
	SCOPED(hm_host) host = NULL;
	char url[URL_BYTES];

	TRY(server_open(&echo_service, folder, NULL, &host));
	snprintf(url, sizeof url, "ipc://%s/echo.sock", folder);
	if (!strcmp(transport, "tcp"))
		TRY(hm_server_listen(hm_host_server(host), "tcp://127.0.0.1:0", url));
	role_greet(url);
	return HM_OK;
}

static hm_status serve_notes(const char *folder, const char *dsn)
{
	SCOPED(hm_host) host = NULL;
	char url[URL_BYTES];

	TRY(server_open(&notes_service, folder, dsn, &host));
	snprintf(url, sizeof url, "ipc://%s/notes.sock", folder);
	role_greet(url);
	return HM_OK;
}

const struct server hallmark_server = { .role = "hallmark-server", .run = serve_echo };
const struct server notes_server = { .role = "notes-server", .run = serve_notes };
