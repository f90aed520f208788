/* hallmark: the program that serves, calls, migrates and shows. Each command has a file of its own. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "command.h"
#include "crypto/crypto.h"

static const struct command *const commands[] = {
	&up_command,    &serve_command,  &call_command,  &ls_command,  &describe_command, &migrate_command,
	&audit_command, &keygen_command, &token_command, &new_command, &status_command,   &check_command,
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
	fprintf(to, "\nhallmark COMMAND --help says more. Every command takes --var DIR (default var, or "
		    "$HALLMARK_VAR) and\n"
		    "--json. The exit status is 0, 1 when something failed, 2 when the command line is wrong.\n");
	return to == stdout ? 0 : 2;
}

/* How far from being the command's name: one that was begun and not ended is nearer than any that is mistyped. */
static size_t distance(const char *name, const struct command *command)
{
	return strncmp(name, command->name, strlen(name)) ? hm_text_distance(name, command->name) : 0;
}

static const struct command *find_command(const char *name)
{
	const struct command *nearest = commands[0];
	bool is_like;

	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (!strcmp(name, commands[i]->name))
			return commands[i];
		if (distance(name, commands[i]) < distance(name, nearest))
			nearest = commands[i];
	}
	is_like = distance(name, nearest) <= strlen(nearest->name) / 2;
	fprintf(stderr, "hallmark: there is no command %s%s%s%s (hallmark help)\n", name,
		is_like ? "; did you mean " : "", is_like ? nearest->name : "", is_like ? "?" : "");
	return NULL;
}

static int show_help(const struct command *command)
{
	command_help(command, stdout);
	return 0;
}

/* argv[0] is the command's name. */
static int become(const struct command *command, char *const *argv)
{
	char path[PATH_BYTES];
	ssize_t size = readlink("/proc/self/exe", path, sizeof path);
	char *name = size > 0 ? memrchr(path, '/', (size_t)size) : NULL;

	if (name && (size_t)(name + 1 - path) + strlen(command->program) < sizeof path) {
		memcpy(name + 1, command->program, strlen(command->program) + 1);
		execv(path, argv);
	}
	fprintf(stderr, "hallmark: %s cannot be started, which belongs beside hallmark: %s\n", command->program,
		strerror(errno));
	return 2;
}

static int run(const struct command *command, int argc, char **argv)
{
	struct options options;

	if (command->program)
		return become(command, argv);
	if (options_read(command, argc, argv, &options) != HM_OK) {
		(void)fail(&options);
		return 2;
	}
	if (options.help)
		return show_help(command);
	return hm_crypto_init() == HM_OK ? command->run(&options) : fail(&options);
}

int main(int argc, char **argv)
{
	const char *name = argc < 2 ? NULL : argv[1];
	const struct command *command;
	bool wants_help;

	signal(SIGPIPE, SIG_IGN);
	if (!name)
		return help(stderr);
	wants_help = !strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h");
	if (wants_help && argc == 2)
		return help(stdout);
	command = find_command(wants_help ? argv[2] : name);
	if (!command)
		return 2;
	if (wants_help)
		return command->program ? become(command, (char *[]){ argv[2], (char[]){ "--help" }, NULL })
					: show_help(command);
	return run(command, argc - 1, argv + 1);
}
