/*
 * hallmark-bench: how near Hallmark comes to what the machine can do, measured against a peer in the same session, turn about.
 *
 *     echo       the real path (generated client, channel, server, guard) against a hand-written epoll program that packs,
 *                sends, unpacks and checks the same messages in the same frames over the same kind of socket: the limit
 *     bytes      the same against a program that does not even look into its frames: what the sockets alone could do
 *     threads16  sixteen callers that wait, against sixteen blocking sockets to the epoll server
 *     audited_*  calls with their audit entry against pgbench with the same statements
 *     overload   a closed loop's best against ten times as many calls offered by an open one, with deadlines: done in time
 *     fairness   a quiet brand's latency while another brand does that, against the same brand alone
 *     rolling_restart  calls that failed while a server's process was replaced under them: none
 *     suspension  how long a brand is still served anywhere once SuspendBrand has replied, by real services: a second at most
 *     lost       calls that were never answered, of 1 and 4 clients: none
 *
 * Every server and every client is a process of its own (role.h), but for inproc, which is one process on both sides. Over sockets
 * servers get one half of the CPUs and clients the other, ours and theirs alike: left to itself the kernel puts an epoll client and
 * its server on one CPU, where they take turns and nothing ever travels between two.
 */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/contest.h"
#include "tests/bench/database.h"
#include "tests/bench/folder.h"
#include "tests/bench/process.h"
#include "tests/bench/progress.h"
#include "tests/bench/role.h"

#define REPORT_PATH "build/bench/report.json"

enum {
	ROUNDS = 5,
	ROUND_MS = 600,
	QUICK_ROUNDS = 2,
	QUICK_ROUND_MS = 100,
	DATABASE_ROUND_MS = 1500,
	OVERLOAD_ROUND_MS = 3000
};

static const struct contest contests[] = {
	{
		.name = "echo.tcp",
		.against = "epoll program over tcp, same messages",
		.ours = { .server = "hallmark-server", .server_address = "tcp", .load = "hallmark-client" },
		.theirs = { .server = "epoll-server", .server_address = "tcp", .load = "epoll-client" },
		.is_apart = true,
		.depths = { 1, 16, 128, 1024 },
		.targets = { 0.45, 0.5, 0.55, 0.55 },
	},
	{
		.name = "echo.ipc",
		.against = "epoll program over a unix socket, same messages",
		.ours = { .server = "hallmark-server", .server_address = "ipc", .load = "hallmark-client" },
		.theirs = { .server = "epoll-server", .server_address = "ipc", .load = "epoll-client" },
		.is_apart = true,
		.depths = { 1, 16, 128, 1024 },
	},
	{
		.name = "echo.inproc",
		.against = "epoll program over a unix socket pair between two threads, same messages",
		.ours = { .load = "hallmark-inproc" },
		.theirs = { .load = "epoll-inproc" },
		.depths = { 1, 16, 128, 1024 },
	},
	{
		.name = "bytes.tcp",
		.against =
			"epoll program over tcp that copies the same frames unread: no message is packed or unpacked",
		.ours = { .server = "hallmark-server", .server_address = "tcp", .load = "hallmark-client" },
		.theirs = { .server = "epoll-bytes-server", .server_address = "tcp", .load = "epoll-bytes-client" },
		.is_apart = true,
		.depths = { 1, 16, 128, 1024 },
	},
	{
		.name = "threads16.tcp",
		.against = "16 threads with a blocking socket each to the epoll server, same messages",
		.ours = { .server = "hallmark-server", .server_address = "tcp", .load = "hallmark-threads" },
		.theirs = { .server = "epoll-server", .server_address = "tcp", .load = "epoll-threads" },
		.is_apart = true,
		.depths = { 16 },
	},
	{
		.name = "audited_write",
		.against = "pgbench, 16 connections: same INSERT and audit INSERT, one pipeline a transaction",
		.ours = { .server = "notes-server", .load = "add-note", .depth = 64 },
		.theirs = { .load = "pgbench-write" },
		.depths = { 16 },
		.targets = { 0.6 },
		.needs_database = true,
	},
	{
		.name = "audited_read",
		.against = "pgbench, 16 connections: same SELECT without an audit INSERT, one pipeline a transaction",
		.ours = { .server = "notes-server", .load = "get-note", .depth = 64 },
		.theirs = { .load = "pgbench-read" },
		.depths = { 16 },
		.targets = { 0.2 },
		.needs_database = true,
	},
};

static const char usage[] = "usage: hallmark-bench [--quick] [--filter TEXT] [--unpinned] [--json] [--help]\n"
			    "  --quick        short rounds: does it work, not how fast is it\n"
			    "  --filter TEXT  only rows whose name contains TEXT, such as audited or suspension\n"
			    "  --unpinned     servers and clients on any CPU, not apart from each other\n"
			    "  --json         the report on standard output instead of the table\n"
			    "The report is always in " REPORT_PATH ".\n";

struct options {
	bool is_quick, is_unpinned, wants_json, wants_help;
	const char *filter;
};

/* Their arrival ends whatever is being waited for; everything is then put away in order. */
static void ignore_but_wake(int number)
{
	(void)number;
}

static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = ignore_but_wake };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* The database is started when the first contest needs it. */
static hm_status need_database(const struct session *session, struct database *database)
{
	if (database->cluster)
		return HM_OK;
	progress_show("starting PostgreSQL", 0, 0);
	return database_start(session->folder, database);
}

static hm_status run_contest(const struct contest *contest, struct session *session, struct database *database)
{
	struct session slower = *session;
	hm_status status;

	if (!contest_is_wanted(contest, session))
		return HM_OK;
	if (!contest->needs_database)
		return contest_run(contest, session);
	TRY(need_database(session, database));
	slower.dsn = hm_cluster_dsn(database->cluster);
	if (!session->report->is_quick)
		slower.round_ms = DATABASE_ROUND_MS;
	status = contest_run(contest, &slower);
	session->lost = slower.lost;
	return status;
}

/* The database is on the server's side of the CPUs, so one of its own. */
static hm_status run_overload(struct session *session)
{
	struct database database = { 0 };
	struct session slower = *session;
	hm_status status;

	if (!contest_overload_is_wanted(session))
		return HM_OK;
	progress_show("starting PostgreSQL", 0, 0);
	if (!session->is_unpinned)
		cpus_keep_to(CPUS_FIRST_HALF);
	status = database_start(session->folder, &database);
	if (!session->is_unpinned)
		cpus_free();
	if (status == HM_OK) {
		slower.dsn = hm_cluster_dsn(database.cluster);
		if (!session->report->is_quick)
			slower.round_ms = OVERLOAD_ROUND_MS;
		status = contest_overload(&slower);
		session->lost = slower.lost;
	}
	database_stop(&database);
	return status;
}

static hm_status run_with_database(hm_status (*contest)(struct session *session), struct session *session,
				   struct database *database)
{
	struct session with_database = *session;
	hm_status status;

	TRY(need_database(session, database));
	with_database.dsn = hm_cluster_dsn(database->cluster);
	status = contest(&with_database);
	session->lost = with_database.lost;
	return status;
}

static hm_status run_all(struct session *session)
{
	struct database database = { 0 };
	hm_status status = HM_OK;

	for (size_t i = 0; i < sizeof contests / sizeof *contests && status == HM_OK; i++)
		status = run_contest(&contests[i], session, &database);
	if (status == HM_OK && contest_rolling_is_wanted(session))
		status = run_with_database(contest_rolling, session, &database);
	if (status == HM_OK && contest_suspension_is_wanted(session))
		status = run_with_database(contest_suspension, session, &database);
	database_stop(&database);
	TRY(status);
	TRY(run_overload(session));
	TRY(contest_lost("tcp", session));
	return contest_lost("ipc", session);
}

static hm_status show(const struct report *report, bool wants_json)
{
	progress_clear();
	(void)mkdir("build", 0755); /* if it cannot be made, it is there, or saving says what is wrong */
	(void)mkdir("build/bench", 0755);
	TRY(report_save(report, REPORT_PATH));
	if (wants_json)
		return report_json(report, stdout);
	report_print(report, stdout);
	return HM_OK;
}

static hm_status run(const struct options *options, uint64_t *ret_lost)
{
	struct report report = {
		.rounds = options->is_quick ? QUICK_ROUNDS : ROUNDS,
		.round_ms = options->is_quick ? QUICK_ROUND_MS : ROUND_MS,
		.is_quick = options->is_quick,
		.is_unpinned = options->is_unpinned,
	};
	char folder[FOLDER_BYTES];
	struct session session = {
		.folder = folder,
		.filter = options->filter,
		.rounds = report.rounds,
		.round_ms = report.round_ms,
		.is_unpinned = options->is_unpinned,
		.report = &report,
	};
	hm_status status;

	TRY(folder_make(folder));
	status = run_all(&session);
	folder_remove(folder);
	*ret_lost = session.lost;
	TRY(status);
	if (!report.n_rows)
		return hm_raise(INVALID_ARGUMENT, "no row's name contains \"%s\"", options->filter);
	return show(&report, options->wants_json);
}

static bool read_options(int argc, char **argv, struct options *ret_options)
{
	static const struct option known[] = {
		{ "quick", no_argument, NULL, 'q' },    { "filter", required_argument, NULL, 'f' },
		{ "unpinned", no_argument, NULL, 'u' }, { "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },     { 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'q')
			ret_options->is_quick = true;
		else if (option == 'f')
			ret_options->filter = optarg;
		else if (option == 'u')
			ret_options->is_unpinned = true;
		else if (option == 'j')
			ret_options->wants_json = true;
		else if (option == 'h')
			ret_options->wants_help = true;
		else
			return false;
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	struct options options = { 0 };
	uint64_t lost = 0;
	hm_status status;

	if (argc == 5 && !strcmp(argv[1], "--role"))
		return role_run(argv[2], argv[3], argv[4]);
	if (!read_options(argc, argv, &options)) {
		fputs(usage, stderr);
		return 2;
	}
	if (options.wants_help)
		return fputs(usage, stdout) < 0;
	catch_signals();
	status = run(&options, &lost);
	progress_clear();
	if (status != HM_OK)
		fprintf(stderr, "hallmark-bench: %s: %s\n", hm_status_name(status), hm_error_get()->message);
	if (lost)
		fprintf(stderr, "hallmark-bench: %llu calls were lost\n", (unsigned long long)lost);
	return status == HM_OK && !lost ? EXIT_SUCCESS : EXIT_FAILURE;
}
