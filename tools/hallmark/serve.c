/* up and serve: one process that hosts all services on a cluster of its own, or some services on a given database. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "crypto/key.h"
#include "host/host.h"
#include "host/services.h"
#include "setup.h"

enum { READY_TIMEOUT_MS = 15000, READY_LOOK_MS = 100 };

/* Blocks the signals that end the process, before any thread begins, so that all of them inherit it and one sigwait gets them. */
static sigset_t block_end_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	return signals;
}

static void say_ready(const struct options *options, const struct hm_service *const *services, const char *run)
{
	if (options->json) {
		printf("{\"ready\":true}\n");
	} else {
		for (; *services; services++)
			printf("  %-12s ipc://%s/%s.sock\n", (*services)->table->short_name, run,
			       (*services)->table->short_name);
		for (const char *const *url = options->listen; *url; url++)
			printf("  %-12s %s\n", "all", *url);
		print_styled(stdout, STYLE_GOOD, "ready");
		printf("  (Ctrl-C ends it)\n");
	}
	fflush(stdout);
}

/* Whether the signal that ends the process has come, and is waiting for sigwait. */
static bool is_ending(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM);
}

/* Calls fail closed until the others are heard of; they may well start after this one, and this one end before. */
static void wait_ready(struct hm_host *host)
{
	for (int waited_ms = 0; waited_ms < READY_TIMEOUT_MS && !is_ending(); waited_ms += READY_LOOK_MS)
		if (hm_host_wait_ready(host, READY_LOOK_MS) == HM_OK)
			return;
	if (!is_ending())
		fprintf(stderr, "hallmark: not ready yet: %s\n", hm_error_get()->message);
}

static hm_status host_until_signal(const struct options *options, const struct hm_service *const *services,
				   const char *dsn, const sigset_t *signals)
{
	SCOPED(hm_host) host = NULL;
	const char *log_calls = getenv("HALLMARK_LOG_CALLS"), *reflection = getenv("HALLMARK_REFLECTION");
	char keys[PATH_BYTES], run[PATH_BYTES];
	int signal_number;

	var_path(options, "keys", keys);
	var_path(options, "run", run);
	step(options, "serve", "%s", run);
	TRY(hm_host_open(&(struct hm_host_config){ .services = services,
						   .known = hm_services,
						   .dsn = dsn,
						   .keys = keys,
						   .service_keys = options->service_keys_optional
									   ? HM_SERVICE_KEYS_OPTIONAL
									   : HM_SERVICE_KEYS_REQUIRED,
						   .run = run,
						   .users = options->users,
						   .n_users = options->n_users,
						   .quotas = options->quotas,
						   .metrics = options->metrics,
						   .hides_contracts = reflection && !strcmp(reflection, "off"),
						   .log_calls = log_calls ? log_calls : "failed",
						   .running_max = options->running_max,
						   .faults = options->faults,
						   .listen = options->listen },
			 &host));
	if (options->faults)
		fprintf(stderr, "hallmark: --faults: calls go wrong as %s and callers say; for tests alone\n",
			options->faults);
	wait_ready(host);
	if (!is_ending()) {
		TRY(hm_host_take_over(host));
		say_ready(options, services, run);
	}
	sigwait(signals, &signal_number);
	fprintf(stderr, "hallmark: %s, finishing the calls under way\n", sigdescr_np(signal_number));
	return HM_OK;
}

static hm_status up(const struct options *options, const sigset_t *signals)
{
	SCOPED(hm_cluster) cluster = NULL;
	const char *dsn;

	if (!options->dsn)
		TRY(setup_alone(options));
	TRY(setup_keys(options));
	TRY(setup_cluster(options, &cluster, &dsn));
	TRY(setup_migrate(options, hm_services, cluster ? hm_cluster_admin_dsn(cluster) : NULL, dsn));
	return host_until_signal(options, hm_services, dsn, signals);
}

static int run_up(const struct options *options)
{
	sigset_t signals = block_end_signals();

	if (options->n_arguments)
		return usage_fail(&up_command);
	return up(options, &signals) == HM_OK ? 0 : fail(options);
}

static int run_serve(const struct options *options)
{
	const struct hm_service *services[LIST_MAX] = { NULL };
	sigset_t signals = block_end_signals();

	if (!options->n_arguments || !options->dsn)
		return usage_fail(&serve_command);
	for (size_t i = 0; i < options->n_arguments; i++) {
		services[i] = services_find(options->arguments[i]);
		if (!services[i])
			return fail(options);
	}
	for (const struct hm_service *const *other = hm_services; *other; other++)
		if (client_endpoint(options, (*other)->table->short_name) != HM_OK)
			return fail(options);
	return host_until_signal(options, services, options->dsn, &signals) == HM_OK ? 0 : fail(options);
}

const struct command up_command = {
	.name = "up",
	.usage = "[--listen URL]…",
	.summary = "run everything in one process on an embedded PostgreSQL",
	.takes = "lsuUqRmO",
	.run = run_up,
};

const struct command serve_command = {
	.name = "serve",
	.usage = "SERVICE… --dsn CONNINFO [--listen URL]… [--connect SERVICE=URL]…",
	.summary = "host some services on a migrated database",
	.takes = "dlcsuUqRmO",
	.notes = "The keys are those under --var (hallmark keygen), the database is migrated (hallmark migrate).\n",
	.run = run_serve,
};
