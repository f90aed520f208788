/* hallmark: the program that serves, calls, migrates and shows. Each command has a file of its own. */
#include <signal.h>
#include <string.h>

#include "command.h"
#include "crypto/crypto.h"

static const struct command *const commands[] = {
	&up_command,      &serve_command, &call_command,   &ls_command,    &describe_command,
	&migrate_command, &audit_command, &keygen_command, &token_command, &new_command,
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static int help(FILE *to)
{
	fprintf(to, "usage: hallmark COMMAND …\n\n");
	for (size_t i = 0; i < N_COMMANDS; i++) {
		print_styled(to, STYLE_BOLD, "  %-9s", commands[i]->name);
		fprintf(to, " %s\n", commands[i]->summary);
		print_styled(to, STYLE_DIM, "            hallmark %s %s\n", commands[i]->name, commands[i]->usage);
	}
	fprintf(to, "\nEvery command takes --var DIR (default var, or $HALLMARK_VAR) and --json.\n");
	return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct options options;

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		return help(stderr);
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help(stdout);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i]->name))
			continue;
		if (options_read(argc - 1, argv + 1, &options) != HM_OK || hm_crypto_init() != HM_OK)
			return fail(&options);
		return commands[i]->run(&options);
	}
	fprintf(stderr, "hallmark: there is no command %s; see hallmark help\n", argv[1]);
	return 2;
}
