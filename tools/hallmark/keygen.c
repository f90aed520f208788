/* keygen: the signing keys under --var, made, replaced and retired. */
#include <unistd.h>

#include "crypto/key.h"
#include "setup.h"

enum { PUBLISH_S = 2 };

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
