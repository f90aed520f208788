/* Command: options, help, and what names on the command line mean. */
#include "command.h"

#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/channel.h"
#include "host/services.h"
#include "net/tls.h"
#include "quota.h"
#include "store/migrate_header.h"

/* Every option there is. Which of them a command takes, it says by letter. */
static const struct {
	char letter;
	const char *name, *argument, *help;
} all_options[] = {
	{ 'b', "brand", "BRAND", "the brand to act in" },
	{ 'a', "as", "NAME", "who calls: a user who has logged in, or operator" },
	{ 'f', "file", "FILE", "a request a line; - reads standard input" },
	{ 'n', "jobs", "N", "so many of a file's calls at once, in no order; 1 if not given" },
	{ 't', "timeout", "MS", "give up after so many milliseconds" },
	{ 'r', "request", "ID", "the id to find the call by, a UUID or W3C traceparent; made if not given" },
	{ 'k', "idempotency-key", "KEY",
	  "a write that was done under this key is not done again, its reply comes again" },
	{ 'c', "connect", "SERVICE=URL", "where a service is reached; not its socket under --var" },
	{ 'l', "listen", "URL", "listen there too: tcp://127.0.0.1:7000, tls+tcp://0.0.0.0:7000; again for more" },
	{ 's', "tls", "DIR", "ca.pem, cert.pem, key.pem for tls+tcp://; or $HALLMARK_TLS (tools/make-certificates)" },
	{ 'u', "allow-user", "UID", "may connect over ipc too, beside root and your own; again for more" },
	{ 'U', "service-keys-optional", NULL, "believe services' tokens on connections that prove no service key" },
	{ 'd', "dsn", "CONNINFO", "a PostgreSQL database, without user: \"host=/run/h dbname=hallmark\"" },
	{ 'q', "quota", "BRAND=RATE[/N]",
	  "calls a second (0: any number), and under way at once; \"*\": each other brand, \"-\": no brand proven" },
	{ 'R', "running", "N", "calls a service runs at once, instead of as many as it finds good" },
	{ 'o', "fault", "RULE",
	  "what servers run with --faults are to do wrong: \"delay=200ms\", \"abort=UNAVAILABLE\"" },
	{ 'O', "faults", "FILE", "do wrong what its rules say; a server also what calls ask for: for tests alone" },
	{ 'x', "revoke", "ID", "the id of an operator's or a service's token that is to be void" },
	{ 'K', "rotate", "NAME", "make the key's successor, let it be known for 2 s, and sign with it from then on" },
	{ 'X', "retire", "NAME", "believe nothing any more that the key's predecessors have signed" },
	{ 'm', "metrics", "ADDRESS:PORT", "show metrics and health over HTTP there: 127.0.0.1:9464" },
	{ 'B', "bootstrap", NULL, "make roles, schemas and extensions as $HALLMARK_ADMIN_DSN, and nothing else" },
	{ 'S', "status", NULL, "show what was applied, when, and what is pending" },
	{ 'P', "plan", NULL, "show in which phase each service is, and what comes next" },
	{ 'D', "dry-run", NULL, "run what is pending and roll it back; takes the locks the files take" },
	{ 'G', "contract-gap", "TIME", "from an expanding file to its contract: 72h, none; 24h if not given" },
	{ 'T', "statement-timeout", "TIME", "of statements whose file says none: 30min, none" },
	{ 'F', "follow", NULL, "go on with what comes" },
	{ 'v', "var", "DIR", "keys, tokens, sockets, cluster; default var, or $HALLMARK_VAR" },
	{ 'j', "json", NULL, "JSON values on stdout, one a line, errors too; nothing else" },
	{ 'h', "help", NULL, "this" },
};
enum { TIME_MAX_MS = 596 * 3600 * 1000 }; /* the hours that an int holds as milliseconds */
enum { N_OPTIONS = sizeof all_options / sizeof *all_options };
static const char of_all_commands[] = "vjh";

static bool is_taken(const struct command *command, char letter)
{
	return strchr(of_all_commands, letter) || (command->takes && strchr(command->takes, letter));
}

/* A command that neither listens nor connects needs no certificates. */
static hm_status open_tls(const struct command *command, const struct options *options)
{
	const char *folder = options->tls ? options->tls : getenv("HALLMARK_TLS");

	return is_taken(command, 's') && folder && *folder ? hm_tls_configure_folder(folder) : HM_OK;
}

/* --connect follows=tcp://127.0.0.1:7003 says where a service is reached. */
static hm_status read_endpoint(char *text)
{
	char *url = strchr(text, '=');

	if (!url)
		return hm_raise(INVALID_ARGUMENT, "--connect %s: write SERVICE=URL", text);
	*url++ = '\0';
	return hm_endpoint_set(text, url);
}

static hm_status read_number(const char *option, const char *text, unsigned long max, uint32_t *ret_number)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*end || end == text || *text == '-' || !number || number > max)
		return hm_raise(INVALID_ARGUMENT, "--%s %s: write a number from 1 to %lu", option, text, max);
	*ret_number = (uint32_t)number;
	return HM_OK;
}

/* A time, or that there is none; the latter as -1. */
static hm_status read_time(const char *option, const char *text, int64_t unit_ms, int64_t *ret_units)
{
	uint64_t ms;

	*ret_units = -1;
	if (!strcmp(text, "none"))
		return HM_OK;
	if (!hm_migration_duration_read(text, TIME_MAX_MS, &ms) || ms < (uint64_t)unit_ms)
		return hm_raise(INVALID_ARGUMENT, "--%s %s: write a time like 30s, 15min or 72h, or none", option,
				text);
	*ret_units = (int64_t)ms / unit_ms;
	return HM_OK;
}

static hm_status read_user(const char *text, struct options *options)
{
	uint32_t user;

	TRY(read_number("allow-user", text, UINT32_MAX - 1, &user));
	if (options->n_users == LIST_MAX)
		return hm_raise(INVALID_ARGUMENT, "--allow-user %s: more than %d", text, LIST_MAX);
	options->users[options->n_users++] = user;
	return HM_OK;
}

static hm_status add(const char **list, size_t n, const char *text)
{
	if (n >= LIST_MAX - 1)
		return hm_raise(INVALID_ARGUMENT, "more than %d of a kind: %s", LIST_MAX - 1, text);
	list[n] = text;
	return HM_OK;
}

/* Options that are kept as they were written. */
static const struct {
	char letter;
	size_t at;
} texts[] = {
	{ 'a', offsetof(struct options, as) },      { 'b', offsetof(struct options, brand) },
	{ 'd', offsetof(struct options, dsn) },     { 'o', offsetof(struct options, fault) },
	{ 'O', offsetof(struct options, faults) },  { 'f', offsetof(struct options, file) },
	{ 'k', offsetof(struct options, key) },     { 'm', offsetof(struct options, metrics) },
	{ 'r', offsetof(struct options, request) }, { 'X', offsetof(struct options, retire) },
	{ 'x', offsetof(struct options, revoke) },  { 'K', offsetof(struct options, rotate) },
	{ 's', offsetof(struct options, tls) },     { 'v', offsetof(struct options, var) },
};

static bool read_text(int letter, const char *value, struct options *options)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (texts[i].letter != letter)
			continue;
		memcpy((char *)options + texts[i].at, &value, sizeof value);
		return true;
	}
	return false;
}

/* Options without a value. */
static const struct {
	char letter;
	size_t at;
} flags[] = {
	{ 'B', offsetof(struct options, bootstrap) }, { 'D', offsetof(struct options, dry_run) },
	{ 'F', offsetof(struct options, follow) },    { 'h', offsetof(struct options, help) },
	{ 'j', offsetof(struct options, json) },      { 'P', offsetof(struct options, plan) },
	{ 'S', offsetof(struct options, status) },    { 'U', offsetof(struct options, service_keys_optional) },
};

static void set_flag(int letter, struct options *options)
{
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (flags[i].letter == letter)
			*((bool *)((char *)options + flags[i].at)) = true;
}

static hm_status read_option(int letter, char *value, size_t *n_listen, struct options *options)
{
	if (read_text(letter, value, options))
		return HM_OK;
	switch (letter) {
	case 'l':
		return add(options->listen, (*n_listen)++, value);
	case 'u':
		return read_user(value, options);
	case 'c':
		return read_endpoint(value);
	case 't':
		return read_number("timeout", value, INT32_MAX, &options->timeout_ms);
	case 'n':
		return read_number("jobs", value, JOBS_MAX, &options->jobs);
	case 'q':
		return quota_read(value, options);
	case 'R':
		return read_number("running", value, UINT16_MAX, &options->running_max);
	case 'G':
		return read_time("contract-gap", value, 1000, &options->contract_gap_s);
	case 'T':
		return read_time("statement-timeout", value, 1, &options->statement_timeout_ms);
	default:
		set_flag(letter, options);
		return HM_OK;
	}
}

/* What getopt_long gets: the options of one command. A leading colon tells a missing value from an unknown option. */
static void list_options(const struct command *command, struct option ret_long[N_OPTIONS + 1], char *ret_short)
{
	size_t n = 0;

	*ret_short++ = ':';
	for (size_t i = 0; i < N_OPTIONS; i++) {
		int argument = all_options[i].argument ? required_argument : no_argument;

		if (!is_taken(command, all_options[i].letter))
			continue;
		ret_long[n++] = (struct option){ all_options[i].name, argument, NULL, all_options[i].letter };
		if (!strchr("bfh", all_options[i].letter))
			continue;
		*ret_short++ = all_options[i].letter;
		if (argument == required_argument)
			*ret_short++ = ':';
	}
	ret_long[n] = (struct option){ 0 };
	*ret_short = '\0';
}

hm_status options_read(const struct command *command, int argc, char **argv, struct options *ret_options)
{
	struct option long_options[N_OPTIONS + 1];
	char short_options[2 * N_OPTIONS + 2];
	const char *var = getenv("HALLMARK_VAR");
	size_t n_listen = 0;
	int letter;

	*ret_options = (struct options){ .var = var && *var ? var : "var", .jobs = 1 };
	list_options(command, long_options, short_options);
	opterr = 0;
	while ((letter = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (letter == ':')
			return hm_raise(INVALID_ARGUMENT, "%s needs a value", argv[optind - 1]);
		if (letter == '?')
			return hm_raise(INVALID_ARGUMENT, "%s has no option %s", command->name, argv[optind - 1]);
		TRY(read_option(letter, optarg, &n_listen, ret_options));
	}
	if (strlen(ret_options->var) > PATH_BYTES / 2) /* leaves room for every path below it */
		return hm_raise(INVALID_ARGUMENT, "--var: a path of %zu bytes, at most %d are possible",
				strlen(ret_options->var), PATH_BYTES / 2);
	for (; optind < argc; optind++)
		TRY(add(ret_options->arguments, ret_options->n_arguments++, argv[optind]));
	return ret_options->help ? HM_OK : open_tls(command, ret_options);
}

void command_help(const struct command *command, FILE *to)
{
	fprintf(to, "usage: hallmark %s %s\n%s\n\n", command->name, command->usage, command->summary);
	for (size_t i = 0; i < N_OPTIONS; i++) {
		char option[48];

		if (!is_taken(command, all_options[i].letter))
			continue;
		snprintf(option, sizeof option, "--%s %s", all_options[i].name,
			 all_options[i].argument ? all_options[i].argument : "");
		fprintf(to, "  %-24s %s\n", option, all_options[i].help);
	}
	if (command->notes)
		fprintf(to, "\n%s", command->notes);
}

void var_path(const struct options *options, const char *name, char ret_path[PATH_BYTES])
{
	snprintf(ret_path, PATH_BYTES, "%s/%s", options->var, name);
}

int usage_fail(const struct command *command)
{
	fprintf(stderr, "usage: hallmark %s %s\n(hallmark %s --help)\n", command->name, command->usage, command->name);
	return 2;
}

const struct hm_service *services_find(const char *name)
{
	char names[256] = "";

	for (const struct hm_service *const *service = hm_services; *service; service++) {
		const struct hm_service_table *table = (*service)->table;

		if (!strcmp(table->short_name, name) || !strcmp(table->name, name))
			return *service;
		snprintf(names + strlen(names), sizeof names - strlen(names), " %s", table->short_name);
	}
	(void)hm_raise(NOT_FOUND, "there is no service %s; there are%s", name, names);
	return NULL;
}

/* The method whose name is fewest edits away, to suggest; NULL: none is like it. */
static const char *nearest_method(const char *name)
{
	const char *nearest = NULL;
	size_t least = SIZE_MAX;

	for (const struct hm_service *const *service = hm_services; *service; service++) {
		for (size_t i = 0; i < (*service)->table->n_methods; i++) {
			const char *candidate = (*service)->table->methods[i].name;
			size_t distance = hm_text_distance(name, candidate);

			if (distance < least) {
				least = distance;
				nearest = candidate;
			}
		}
	}
	return nearest && least <= strlen(nearest) / 2 ? nearest : NULL;
}

const struct hm_method *methods_find(const char *name, const struct hm_service **ret_service)
{
	const char *nearest;

	for (const struct hm_service *const *service = hm_services; *service; service++) {
		const struct hm_method *method = strchr(name, '/') ? hm_method_find((*service)->table, name) : NULL;

		if (!method)
			continue;
		*ret_service = *service;
		return method;
	}
	nearest = nearest_method(name);
	(void)hm_raise(UNIMPLEMENTED, "there is no method %s%s%s%s (hallmark ls)", name,
		       nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
	return NULL;
}
