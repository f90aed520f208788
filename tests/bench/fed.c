/*
 * Fed: servers that are told of brands and revocations as in production, with the lease's own time. Platform and identity are one process;
 * a process of notes has a run folder of its own, as if on another machine, and hears of the two over their ipc sockets.
 */
#include <stdio.h>
#include <unistd.h>

#include "identity/v1/identity.hm.h"
#include "notes/v1/notes.hm.h"
#include "platform/v1/platform.hm.h"
#include "tests/bench/role.h"
#include "tests/bench/server.h"

enum { READY_MS = 10000, PATH_BYTES = 128, URL_BYTES = 256 };

static const struct hm_service *const known[] = { &platform_service, &identity_service, &notes_service, NULL };

/* Greets, with the first service's address, when news have come. */
static hm_status serve(const struct hm_service *const *services, const char *folder, const char *run, const char *dsn)
{
	SCOPED(hm_host) host = NULL;
	char keys[PATH_BYTES], url[URL_BYTES];

	snprintf(keys, sizeof keys, "%s/" BENCH_KEYS, folder);
	TRY(hm_host_open(
		&(struct hm_host_config){ .services = services, .known = known, .dsn = dsn, .keys = keys, .run = run },
		&host));
	TRY(hm_host_wait_ready(host, READY_MS));
	snprintf(url, sizeof url, "ipc://%s/%s.sock", run, services[0]->table->short_name);
	role_greet(url);
	return HM_OK;
}

static hm_status serve_platform(const char *folder, const char *dsn)
{
	static const struct hm_service *const services[] = { &platform_service, &identity_service, NULL };

	return serve(services, folder, folder, dsn);
}

static hm_status serve_notes(const char *folder, const char *dsn)
{
	static const struct hm_service *const services[] = { &notes_service, NULL };
	static const char *const sources[] = { "platform", "identity" };
	char run[PATH_BYTES], url[URL_BYTES];

	for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
		snprintf(url, sizeof url, "ipc://%s/%s.sock", folder, sources[i]);
		TRY(hm_endpoint_set(sources[i], url));
	}
	snprintf(run, sizeof run, "%s/notes-%ld", folder, (long)getpid());
	return serve(services, folder, run, dsn);
}

const struct server platform_server = { .role = "platform-server", .run = serve_platform };
const struct server fed_notes_server = { .role = "fed-notes-server", .run = serve_notes };
