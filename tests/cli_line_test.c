/* The hallmark program's command line: what it says of itself, of the contracts, and of a line that is wrong. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/cli.h"

#define CREATE "platform.v1.Platform/CreateBrand"
#define LIST "platform.v1.Platform/ListBrands"

Test(cli, ls_lists_every_method_with_what_it_asks_for)
{
	struct child_result r = hallmark("ls", NULL);

	ends(r, 0);
	shows(r.out.data, "platform.v1.Platform\n");
	shows(r.out.data, "platform.brands.write");
	r = hallmark("ls", "platform", "--json", NULL);
	ends(r, 0);
	cr_assert_str_eq(cli_text(cli_json(r.out.data, 0), "method"), CREATE);
	cr_assert_str_eq(cli_text(cli_json(r.out.data, 0), "effect"), "write");
	r = hallmark("ls", "platfrom", NULL);
	ends(r, 1);
	shows(r.err.data, "there is no service platfrom; there are");
}

Test(cli, describe_shows_a_method_and_all_of_a_service)
{
	struct child_result r = hallmark("describe", CREATE, NULL);

	ends(r, 0);
	shows(r.out.data, "CreateBrand makes a brand, active at once.");
	shows(r.out.data, "string required");
	r = hallmark("describe", "platform.v1.Platform", NULL);
	ends(r, 0);
	shows(r.out.data, LIST);
	r = hallmark("describe", CREATE, "--json", NULL);
	ends(r, 0);
	cr_assert_str_eq(cli_text(cli_json(r.out.data, 0), "event"), "brand.created");
	cr_assert_eq(json_array_size(json_object_get(cli_json(r.out.data, 0), "request")), 2);
}

Test(cli, a_wrong_command_line_ends_with_2_and_says_what_is_wrong)
{
	static const struct {
		const char *command, *argument, *words;
	} lines[] = {
		{ "cal", NULL, "did you mean call?" },
		{ "mig", NULL, "did you mean migrate?" },
		{ "nonsense", NULL, "there is no command nonsense (hallmark help)" },
		{ "call", NULL, "usage: hallmark call" },
		{ "call", "--brand", "--brand needs a value" },
		{ "call", "--follow", "call has no option --follow" },
		{ "call", "--timeout=soon", "--timeout soon: write a number" },
		{ "call", "--jobs=0", "--jobs 0: write a number from 1 to" },
		{ "call", "--connect=nowhere", "--connect nowhere: write SERVICE=URL" },
		{ "serve", "--quota=loop", "--quota loop: write BRAND=RATE" },
		{ "serve", "--quota=loop=5/x", "--quota loop=5/x: write BRAND=RATE" },
		{ "serve", "--quota=loop=2000000", "RATE at most 1000000" },
		{ "up", "--running=0", "--running 0: write a number from 1 to" },
		{ "describe", NULL, "usage: hallmark describe" },
		{ "audit", "show", "usage: hallmark audit" },
		{ "serve", "platform", "usage: hallmark serve" },
		{ "token", "logout", "usage: hallmark token" },
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct child_result r = hallmark(lines[i].command, lines[i].argument, NULL);

		ends(r, 2);
		cr_assert_eq(r.out.size, 0);
		shows(r.err.data, lines[i].words);
	}
}

Test(cli, help_names_every_command_and_each_has_its_own)
{
	static const char *const commands[] = { "up",      "serve", "call",   "ls",   "describe",
						"migrate", "audit", "keygen", "token" };
	struct child_result all = hallmark("help", NULL);

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		struct child_result r = hallmark(commands[i], "--help", NULL);
		char usage[64];

		snprintf(usage, sizeof usage, "hallmark %s", commands[i]);
		ends(r, 0);
		shows(r.out.data, usage);
		shows(r.out.data, "--json");
		shows(all.out.data, usage);
	}
	ends(all, 0);
}

Test(cli, a_second_up_does_not_take_the_sockets_of_a_first_whose_postgresql_would_go)
{
	char folder[256];
	struct child_result r;
	int first;

	(void)cli_serving_all();
	snprintf(folder, sizeof folder, "%s", cli_file("first", ""));
	*strrchr(folder, '/') = '\0';
	first = open(folder, O_RDONLY | O_DIRECTORY);
	cr_assert(first >= 0 && !flock(first, LOCK_EX));
	r = hallmark("up", NULL);
	ends(r, 1);
	shows(r.err.data, "another hallmark up runs in");
	close(first);
}
