/*
 * hallmark-demo: the platform's main job on a PostgreSQL of its own, told step by step, and then checked: the books balance,
 * nothing crossed between brands, every call has its audit entry. Exits 0 if all of it holds.
 *
 *     hallmark-demo [--var DIR] [--accounts FILE] [JOURNAL]
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tests/child.h"
#include "tests/demo/demo.h"

static hm_status (*const acts[])(struct demo *demo) = {
	demo_brands, demo_people,  demo_books, demo_journal, demo_walls,
	demo_path,   demo_balance, demo_leaks, demo_audit,   demo_catalog,
};

static void on_signal(int number)
{
	child_stop = number;
}

/* Waiting is interrupted, so that everything is ended in order before the demo is. */
static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static hm_status open_channels(struct demo *demo)
{
	TRY(hm_channel_open("platform", &demo->platform));
	TRY(hm_channel_open("identity", &demo->identity));
	return hm_channel_open("accounting", &demo->accounting);
}

static hm_status set_the_stage(struct demo *demo, const char *folder)
{
	int64_t began_us = hm_clock_mono_us();
	char run[256];

	story_act("The platform, on an empty database");
	story_command("hallmark up --var %s", folder);
	TRY(stage_open(folder, &demo->stage));
	story_say("ready after %.1f s:", (double)(hm_clock_mono_us() - began_us) / HM_US_PER_S);
	for (const struct tally *tally = tallies; tally->table; tally++)
		story_say("%-10s  %zu methods", tally->table->short_name, tally->table->n_methods);
	snprintf(run, sizeof run, "%s/run", folder);
	setenv("HALLMARK_RUN", run, 1);
	setenv("HALLMARK_VAR", folder, 1);
	return open_channels(demo);
}

static hm_status check_file(const char *path)
{
	return access(path, R_OK) ? hm_raise_errno(NOT_FOUND, "cannot read %s", path) : HM_OK;
}

static hm_status play(struct demo *demo, const char *folder)
{
	TRY(check_file(demo->accounts));
	TRY(check_file(demo->journal));
	TRY(set_the_stage(demo, folder));
	for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
		TRY(acts[i](demo));
		if (child_stop)
			return hm_raise(CANCELLED, "interrupted");
	}
	return HM_OK;
}

static void close_brand(struct demo_brand *brand)
{
	hm_context_close(brand->operator);
	hm_context_close(brand->keeper);
}

/* Ends everything, and only then says how it went. */
static int leave(struct demo *demo, hm_status status)
{
	const struct hm_error error = *hm_error_get();
	bool was_up = demo->stage.up;
	int ended;

	close_brand(&demo->loop);
	close_brand(&demo->nova);
	hm_channel_close(demo->platform);
	hm_channel_close(demo->identity);
	hm_channel_close(demo->accounting);
	ended = stage_close(&demo->stage);
	if (child_stop) {
		fprintf(stderr, "demo: interrupted; nothing is left running\n");
		return 128 + child_stop;
	}
	if (status != HM_OK) {
		fprintf(stderr, "demo: %s: %s\n", hm_status_name(status), error.message);
		return 1;
	}
	story_check(was_up && !ended, "asked to end, the platform ended in order");
	return story_end() ? 1 : 0;
}

static bool read_options(int argc, char **argv, struct demo *demo, const char **folder)
{
	static const struct option options[] = {
		{ "var", required_argument, NULL, 'v' },
		{ "accounts", required_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 },
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter == 'v')
			*folder = optarg;
		else if (letter == 'a')
			demo->accounts = optarg;
		else
			return false;
	}
	if (optind < argc)
		demo->journal = argv[optind++];
	return optind == argc;
}

int main(int argc, char **argv)
{
	struct demo demo = { .stage = { .up_out = -1, .lock = -1 },
			     .accounts = "tests/data/accounts.jsonl",
			     .journal = "tests/data/journal.jsonl" };
	const char *folder = "var/demo";
	hm_status status;

	if (!read_options(argc, argv, &demo, &folder)) {
		fprintf(stderr, "usage: hallmark-demo [--var DIR] [--accounts FILE] [JOURNAL]\n");
		return 2;
	}
	catch_signals();
	tally_init();
	status = hm_crypto_init();
	if (status == HM_OK)
		status = play(&demo, folder);
	return leave(&demo, status);
}
