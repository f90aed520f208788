/*
 * hallmark-check: what `hallmark check` runs. A program of its own, since libpg_query brings names that the runtime's libraries have, too.
 *
 *     hallmark check [PATH…] [--service NAME] [--format text|line|json|github] [--require-timeouts]
 *                    [--against REV]
 *     hallmark check --trace FILE [--service NAME] [--json]
 *     hallmark check --dsn CONNINFO | --scratch [PATH…] [--service NAME]
 *     hallmark check --rules | --explain RULE
 *
 * Exit status: 0 nothing found, 1 findings, 2 the command line is wrong or something could not be read.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/text.h"
#include "contracts.h"
#include "live.h"
#include "report.h"
#include "rules.h"
#include "trace.h"

enum { OPTION_RULES = 256, OPTION_EXPLAIN, OPTION_REQUIRE_TIMEOUTS, OPTION_TRACE, OPTION_AGAINST, OPTION_SCRATCH };

static const struct option long_options[] = {
	{ "service", required_argument, NULL, 's' },
	{ "format", required_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },
	{ "rules", no_argument, NULL, OPTION_RULES },
	{ "explain", required_argument, NULL, OPTION_EXPLAIN },
	{ "require-timeouts", no_argument, NULL, OPTION_REQUIRE_TIMEOUTS },
	{ "trace", required_argument, NULL, OPTION_TRACE },
	{ "against", required_argument, NULL, OPTION_AGAINST },
	{ "dsn", required_argument, NULL, 'd' },
	{ "scratch", no_argument, NULL, OPTION_SCRATCH },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static const char usage[] =
	"usage: hallmark check [PATH…] [--service NAME] [--format text|line|json|github]\n"
	"       hallmark check --trace FILE [--service NAME] [--json]\n"
	"       hallmark check --dsn CONNINFO | --scratch [PATH…] [--service NAME]\n"
	"       hallmark check --rules | --explain RULE\n\n"
	"Holds migrations, queries and contracts against the rules. PATH is a repository (default: this folder), a "
	"service's\n"
	"folder (migrations and queries), a folder of migrations or of contracts, or a single file.\n\n"
	"  --service NAME        whose the files are, where the path does not say\n"
	"  --format text         for people; json: an array of {rule, file, line, column, message}; github: "
	"annotations\n"
	"  --json                the same as --format json\n"
	"  --require-timeouts    files that something else than hallmark migrate runs have to set lock_timeout "
	"themselves\n"
	"  --trace FILE          runs a migration in a cluster of its own, behind the files before it, and says what "
	"each\n"
	"                        statement really locked and wrote anew\n"
	"  --against REV         files that git has at REV (main, v1.2) were applied: they may not differ or be gone\n"
	"  --dsn CONNINFO        the schemas of that database, too, and every query on them; passwords come from "
	"~/.pgpass,\n"
	"                        PGPASSFILE or PGPASSWORD. Logs in as each service's NAME_app and NAME_system, or as "
	"who may "
	"SET ROLE to\n"
	"                        them; nothing is written\n"
	"  --scratch             the same on a PostgreSQL of its own, migrated for it and removed behind it\n"
	"  --rules               lists all rules\n"
	"  --explain RULE        why, a bad example, a good one\n\n"
	"An exception is a comment on the statement: -- hallmark:allow RULE because …\n"
	"Exit status: 0 nothing found, 1 findings, 2 the command line is wrong or a file cannot be read.\n";

struct request {
	const struct format *format;
	const char *service, *explain, *trace, *dsn;
	bool wants_rules, wants_help, wants_scratch;
};

/* NULL: none is like it. */
static const char *nearest(const char *name)
{
	const struct rule *best = rules_all(0), *rule;

	for (size_t i = 0; (rule = rules_all(i)); i++)
		if (hm_text_distance(name, rule->name) < hm_text_distance(name, best->name))
			best = rule;
	return hm_text_distance(name, best->name) <= strlen(best->name) / 2 ? best->name : NULL;
}

static bool read_option(int option, struct request *request, struct check *check)
{
	switch (option) {
	case 's':
		request->service = optarg;
		return true;
	case 'f':
		request->format = format_find(optarg);
		if (!request->format)
			fprintf(stderr, "hallmark check: there is no format %s: text, line, json, github\n", optarg);
		return request->format != NULL;
	case 'j':
		request->format = format_find("json");
		return true;
	case 'd':
		request->dsn = optarg;
		check->is_live = true;
		return true;
	case OPTION_SCRATCH:
		request->wants_scratch = true;
		return true;
	case 'h':
		request->wants_help = true;
		return true;
	case OPTION_RULES:
		request->wants_rules = true;
		return true;
	case OPTION_TRACE:
		request->trace = optarg;
		return true;
	case OPTION_EXPLAIN:
		request->explain = optarg;
		return true;
	case OPTION_AGAINST:
		check->against = optarg;
		return true;
	case OPTION_REQUIRE_TIMEOUTS:
		check->wants_timeouts = true;
		return true;
	default:
		return false;
	}
}

static int explain(const char *name)
{
	const char *like;

	if (report_page(name))
		return 0;
	like = nearest(name);
	fprintf(stderr, "hallmark check: there is no rule %s%s%s%s (hallmark check --rules)\n", name,
		like ? "; did you mean " : "", like ? like : "", like ? "?" : "");
	return 2;
}

static int fail(void)
{
	fprintf(stderr, "hallmark check: %s\n", hm_error_get()->message);
	return 2;
}

static int list_rules(struct check *check, bool json)
{
	const struct contract_rule *contracts;

	if (contracts_rules(check, &contracts) != HM_OK)
		return fail();
	report_rules(contracts, json);
	return 0;
}

/* A report that was not written is no report: whoever reads the status must not take it for one. */
static int outcome(const struct check *check)
{
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "hallmark check: the report cannot be written: %s\n", strerror(errno));
		return 2;
	}
	return check->n_findings ? 1 : 0;
}

static int run(struct check *check, const struct request *request, const char *const *paths, size_t n_paths)
{
	static const char *const here[] = { "." };

	if (check_read(check, n_paths ? paths : here, n_paths ? n_paths : 1, request->service) != HM_OK ||
	    against_read(check) != HM_OK)
		return fail();
	check_run(check);
	if (contracts_check(check) != HM_OK ||
	    (request->dsn && live_check(check, request->dsn, request->service) != HM_OK) ||
	    (request->wants_scratch && live_scratch(check, request->service) != HM_OK))
		return fail();
	findings_settle(check);
	request->format->write(check);
	return outcome(check);
}

/* The findings are those of the run; what the rules say of the file is for a call without --trace. */
static int run_trace(struct check *check, const struct request *request)
{
	if (check_read(check, &request->trace, 1, request->service) != HM_OK ||
	    trace_run(check, request->format) != HM_OK)
		return fail();
	return outcome(check);
}

/*
 * Parse trees are as deep as what they are of, and protobuf-c and our walks go down them by recursion. With this much stack they
 * reach the bottom of whatever the server would take: it refuses expressions that need more than its 2 MiB (max_stack_depth).
 */
static void make_room(void)
{
	enum { STACK_BYTES = 64 << 20 };
	struct rlimit stack;

	if (getrlimit(RLIMIT_STACK, &stack) || (stack.rlim_cur != RLIM_INFINITY && stack.rlim_cur >= STACK_BYTES))
		return;
	stack.rlim_cur = stack.rlim_max == RLIM_INFINITY || stack.rlim_max > STACK_BYTES ? STACK_BYTES : stack.rlim_max;
	(void)setrlimit(RLIMIT_STACK, &stack);
}

int main(int argc, char **argv)
{
	struct request request = { .format = format_find("text") };
	struct check check = { 0 };
	int option, status;

	make_room();
	while ((option = getopt_long(argc, argv, "s:f:jd:h", long_options, NULL)) != -1)
		if (!read_option(option, &request, &check)) {
			fputs("hallmark check --help says how\n", stderr);
			return 2;
		}
	if (request.wants_help)
		return fputs(usage, stdout) < 0;
	if (request.wants_rules) {
		status = list_rules(&check, !strcmp(request.format->name, "json"));
		hm_arena_fini(&check.arena);
		return status;
	}
	if (request.explain)
		return explain(request.explain);
	status = request.trace ? run_trace(&check, &request)
			       : run(&check, &request, (const char *const *)argv + optind, (size_t)(argc - optind));
	hm_arena_fini(&check.arena);
	return status;
}
