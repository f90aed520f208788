/*
 * Command: what every command of the `hallmark` program shares: options, folders, how it speaks to people and machines.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/id.h"
#include "base/status.h"
#include "host/host.h"
#include "rpc/method.h"

enum { LIST_MAX = 64, JOBS_MAX = 64, PATH_BYTES = 512 };

/* The options of all commands; each takes those it names in `takes`. */
struct options {
	bool json; /* --json: one JSON value a line, nothing else, on stdout */
	const char *brand, *as, *file, *dsn, *request, *key;
	uid_t users[LIST_MAX]; /* --allow-user */
	size_t n_users;
	bool service_keys_optional; /* --service-keys-optional */
	const char *tls; /* --tls: folder of the certificates; NULL: not given */
	const char *var; /* --var: where the cluster, keys, sockets and tokens are; "var" */
	const char *listen[LIST_MAX]; /* --listen URL, NULL-terminated */
	uint32_t timeout_ms; /* --timeout; 0: the method's own */
	struct hm_host_quota quotas[LIST_MAX]; /* --quota; ended by one without a brand */
	const char *metrics; /* --metrics: where they are shown; NULL: nowhere */
	uint32_t running_max; /* --running; 0: the service finds out */
	uint32_t jobs; /* --jobs: calls of a file under way at once */
	const char *fault, *faults; /* --fault RULE of a call, --faults FILE of a process */
	const char *revoke; /* --revoke: a token's id */
	const char *rotate, *retire; /* --rotate, --retire: a key's name */
	bool bootstrap, status, plan, dry_run; /* of migrate */
	int64_t contract_gap_s, statement_timeout_ms; /* as in struct hm_migrate_config */
	bool follow; /* --follow */
	bool help; /* --help */
	const char *arguments[LIST_MAX]; /* what is no option; NULL-terminated */
	size_t n_arguments;
};

struct command {
	const char *name, *usage, *summary;
	const char *takes; /* letters of its options (command.c), beside those that all commands take */
	const char *notes; /* further lines of its help, each ended; NULL: none */
	int (*run)(const struct options *options); /* returns the exit status */
	const char
		*program; /* a program beside this one that reads the command line and does the work; NULL: run does */
};

extern const struct command up_command, serve_command, call_command, ls_command, describe_command, migrate_command,
	audit_command, keygen_command, token_command, new_command, status_command, check_command;

/* options_read reads a command's line, argv[0] being its name. INVALID_ARGUMENT says which option and why. */
hm_status options_read(const struct command *command, int argc, char **argv, struct options *ret_options);

/* command_help prints what `hallmark COMMAND --help` shows. */
void command_help(const struct command *command, FILE *to);

/* var_path writes <var>/<name>. */
void var_path(const struct options *options, const char *name, char ret_path[PATH_BYTES]);

/* A call, to find it again in the audit log. Zero: no call was made, or none is in the log. */
struct call_ids {
	struct hm_id request, audit;
	uint32_t attempts; /* made at it */
};

/* fail says what this thread's last error was, for people or as JSON, and returns the exit status 1. fail_call says of a call that
 * was made which one it was, too. */
int fail(const struct options *options);
int fail_call(const struct options *options, const struct call_ids *ids);

/* print_ids says on stderr which call it was, and how often it was tried if that is more than once, and ends the line. no_entry is what
 * stands where nobody told of an entry: "none", or that it is not known. */
void print_ids(const struct call_ids *ids, const char *no_entry);

/* usage_fail says how the command is called and returns the exit status 2. */
int usage_fail(const struct command *command);

/* Styles for a terminal; plain text elsewhere. `to` decides: each stream may be another. */
enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD };
void print_styled(FILE *to, enum style style, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool is_terminal(FILE *stream);

/* print_foreign prints a text of someone else's: what would steer a terminal (C0, DEL, C1, what is no UTF-8) or change the order of what
 * is read (marks of direction) is shown as "?", so that it stays within its line. NULL: nothing. print_foreign_in fills up to width bytes with spaces behind it. */
void print_foreign(FILE *to, const char *text);
void print_foreign_in(FILE *to, size_t width, const char *text);

/* step says on stderr what is being done with what ("cluster", "starting in var/pg"); silent with --json. Thread-safe. */
void step(const struct options *options, const char *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* progress shows "what done/total" on one line of a terminal's stderr, overwritten each time; silent elsewhere, and where the
 * results themselves go to the terminal. */
void progress(const char *what, size_t done, size_t total);

/* services_find returns a service by name, short ("follows") or full ("follows.v1.Follows"), or NULL with an error that lists those there are. */
const struct hm_service *services_find(const char *name);

/* methods_find returns the method of a full name ("follows.v1.Follows/Follow"), or NULL with an error naming the nearest. */
const struct hm_method *methods_find(const char *name, const struct hm_service **ret_service);
