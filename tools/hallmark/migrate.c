/* migrate and keygen: a database and a key folder made ready for serving. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/key.h"
#include "host/services.h"
#include "setup.h"

enum { PUBLISH_S = 2 };

static hm_status migrate(const struct options *options, const struct hm_service *const *services)
{
	SCOPED(hm_cluster) cluster = NULL;
	const char *dsn;

	TRY(setup_cluster(options, &cluster, &dsn));
	TRY(setup_migrate(options, services, cluster ? hm_cluster_admin_dsn(cluster) : getenv("HALLMARK_ADMIN_DSN"),
			  dsn));
	if (!options->json)
		print_styled(stderr, STYLE_GOOD, "every schema is up to date\n");
	return HM_OK;
}

static int run_migrate(const struct options *options)
{
	const struct hm_service *services[LIST_MAX] = { NULL };

	for (size_t i = 0; i < options->n_arguments; i++) {
		services[i] = services_find(options->arguments[i]);
		if (!services[i])
			return fail(options);
	}
	return migrate(options, options->n_arguments ? services : hm_services) == HM_OK ? 0 : fail(options);
}

/* The successor must be known everywhere before the first token is signed with it. */
static int rotate(const struct options *options, const char *folder)
{
	if (hm_key_stage(folder, options->rotate) != HM_OK)
		return fail(options);
	step(options, "rotate", "the next key of %s is published; %d s until all processes have read it",
	     options->rotate, PUBLISH_S);
	sleep(PUBLISH_S);
	if (hm_key_activate(folder, options->rotate) != HM_OK)
		return fail(options);
	step(options, "rotate", "what %s signed before is believed until: hallmark keygen --retire %s", options->rotate,
	     options->rotate);
	return 0;
}

static int run_keygen(const struct options *options)
{
	char folder[PATH_BYTES];

	var_path(options, "keys", folder);
	if (options->rotate)
		return rotate(options, folder);
	if (options->retire)
		return hm_key_retire(folder, options->retire) == HM_OK ? 0 : fail(options);
	if (!options->n_arguments)
		return setup_keys(options) == HM_OK ? 0 : fail(options);
	for (size_t i = 0; i < options->n_arguments; i++)
		if (hm_key_generate(folder, options->arguments[i]) != HM_OK)
			return fail(options);
	return 0;
}

const struct command migrate_command = {
	.name = "migrate",
	.usage = "[SERVICE…] [--dsn CONNINFO]",
	.summary = "bring schemas up to date and put the rules on every table",
	.takes = "d",
	.notes = "Without --dsn the embedded cluster under --var. Roles and schemas are made with the conninfo in\n"
		 "$HALLMARK_ADMIN_DSN, if it is set.\n",
	.run = run_migrate,
};

const struct command keygen_command = {
	.name = "keygen",
	.usage = "[NAME…]   (none: every key a local platform needs)   | --rotate NAME   | --retire NAME",
	.summary = "make signing keys under var/keys, or replace one",
	.takes = "KX",
	.notes = "--rotate while everything runs: no call is refused. --retire when what was signed before has "
		 "expired: after a\n"
		 "day for identity (delegated tokens), at once if the former key was stolen.\n",
	.run = run_keygen,
};
