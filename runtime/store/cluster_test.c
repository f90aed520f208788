/* Cluster: each test makes a PostgreSQL of its own in a directory of its own, as the account that runs the tests. */
#include "store/cluster.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char base[] = "/tmp/hallmark-test-XXXXXX";
static char directory[300];

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	(void)info, (void)type, (void)walk;
	return remove(path);
}

static void set_up(void)
{
	cr_assert(mkdtemp(base) != NULL);
	cr_assert_eq(chmod(base, 0755), 0);
	snprintf(directory, sizeof directory, "%s/var/pg", base);
}

static void tear_down(void)
{
	nftw(base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(cluster, .init = set_up, .fini = tear_down, .timeout = 120);

/* Some things can only be tried as root; cr_skip_test would leave the directory behind. */
static bool is_root(void)
{
	if (geteuid())
		cr_log_info("skipped: not root");
	return geteuid() == 0;
}

static struct hm_cluster *start(void)
{
	struct hm_cluster *cluster = NULL;

	cr_assert_eq(hm_cluster_start(&(struct hm_cluster_config){ .directory = directory }, &cluster), HM_OK, "%s",
		     hm_error_get()->message);
	return cluster;
}

static void refuses_to_start(hm_status code, const char *words)
{
	struct hm_cluster *cluster = NULL;

	cr_assert_eq(hm_cluster_start(&(struct hm_cluster_config){ .directory = directory }, &cluster), code);
	cr_expect(strstr(hm_error_get()->message, words), "\"%s\" is not in: %s", words, hm_error_get()->message);
}

/* The first value of a statement, run as a role; NULL if that role cannot log in. */
static const char *ask(const struct hm_cluster *cluster, const char *user, const char *sql)
{
	static char answer[256];
	char dsn[512];
	PGconn *connection;
	PGresult *result;
	bool connected;

	snprintf(dsn, sizeof dsn, "%s user=%s", hm_cluster_dsn(cluster), user);
	connection = PQconnectdb(dsn);
	connected = PQstatus(connection) == CONNECTION_OK;
	if (connected) {
		result = PQexec(connection, sql);
		snprintf(answer, sizeof answer, "%s",
			 PQntuples(result) ? PQgetvalue(result, 0, 0) : PQresultErrorMessage(result));
		PQclear(result);
	}
	PQfinish(connection);
	return connected ? answer : NULL;
}

static pid_t postmaster_pid(void)
{
	char path[400], line[32] = "";
	FILE *file;

	snprintf(path, sizeof path, "%s/data/postmaster.pid", directory);
	file = fopen(path, "r");
	cr_assert(file && fgets(line, sizeof line, file));
	fclose(file);
	return (pid_t)strtol(line, NULL, 10);
}

static void append_to(const char *name, const char *text)
{
	char path[400];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "a");
	cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

Test(cluster, starts_from_nothing_on_a_unix_socket_alone)
{
	SCOPED(hm_cluster) cluster = start();
	struct stat info;
	char data[400];

	cr_expect_str_eq(ask(cluster, "postgres", "SHOW listen_addresses"), "");
	cr_expect_str_eq(ask(cluster, "postgres", "SELECT current_database()"), "hallmark");
	cr_expect_str_eq(ask(cluster, "postgres", "SHOW timezone"), "UTC");
	cr_expect_str_eq(ask(cluster, "postgres", "SHOW fsync"), "off");
	cr_expect_str_eq(ask(cluster, "postgres", "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'peer'"),
			 "0");
	snprintf(data, sizeof data, "%s/data", directory);
	cr_assert_eq(stat(data, &info), 0);
	cr_expect_eq(info.st_mode & 0777, 0700);
	cr_expect_neq(info.st_uid, 0, "postgres refuses root");
}

Test(cluster, keeps_its_data_over_a_restart)
{
	struct hm_cluster *cluster = start();

	ask(cluster, "postgres", "CREATE TABLE kept AS SELECT 42 AS answer");
	hm_cluster_stop(cluster);
	cluster = start();
	cr_expect_str_eq(ask(cluster, "postgres", "SELECT answer FROM kept"), "42");
	hm_cluster_stop(cluster);
}

Test(cluster, joins_the_one_that_runs_and_leaves_it_running)
{
	SCOPED(hm_cluster) first = start();
	struct hm_cluster *second = start();
	pid_t pid = postmaster_pid();

	cr_expect_str_eq(hm_cluster_dsn(second), hm_cluster_dsn(first));
	hm_cluster_stop(second);
	cr_expect_eq(postmaster_pid(), pid);
	cr_expect_str_eq(ask(first, "postgres", "SELECT 1"), "1");
}

Test(cluster, starts_after_its_postmaster_was_killed)
{
	struct hm_cluster *cluster = start();
	pid_t killed = postmaster_pid();

	ask(cluster, "postgres", "CREATE TABLE kept AS SELECT 42 AS answer");
	ask(cluster, "postgres", "CHECKPOINT"); /* it is not durable, so this alone makes sure */
	cr_assert_eq(kill(killed, SIGKILL), 0);
	hm_cluster_stop(cluster);
	cluster = start();
	cr_expect_neq(postmaster_pid(), killed);
	cr_expect_str_eq(ask(cluster, "postgres", "SELECT answer FROM kept"), "42");
	hm_cluster_stop(cluster);
}

Test(cluster, starts_although_the_pid_file_names_a_stranger)
{
	char line[32];

	hm_cluster_stop(start());
	snprintf(line, sizeof line, "%d\n", (int)getpid());
	append_to("data/postmaster.pid", line);
	hm_cluster_stop(start());
}

Test(cluster, finishes_an_initdb_that_was_interrupted)
{
	char data[400], unfinished[420];

	hm_cluster_stop(start());
	snprintf(data, sizeof data, "%s/data", directory);
	snprintf(unfinished, sizeof unfinished, "%s.new", data);
	cr_assert_eq(rename(data, unfinished), 0);
	hm_cluster_stop(start());
	cr_expect_eq(access(data, F_OK), 0);
	cr_expect_neq(access(unfinished, F_OK), 0);
}

Test(cluster, ends_with_the_process_that_started_it)
{
	struct pollfd end = { .events = POLLIN };
	int ready[2];
	pid_t starter;
	char byte;

	cr_assert_eq(pipe(ready), 0);
	starter = fork();
	if (starter == 0) {
		start();
		cr_assert_eq(write(ready[1], "", 1), 1);
		pause();
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	end.fd = pidfd_open(postmaster_pid(), 0);
	cr_assert(end.fd >= 0);
	cr_assert_eq(kill(starter, SIGKILL), 0);
	waitpid(starter, NULL, 0);
	cr_expect_eq(poll(&end, 1, -1), 1);
}

/* Whichever starts it, the other joins; a joined cluster ends with its starter, so the child stays until the parent has asked. */
Test(cluster, starts_once_when_two_processes_start_it)
{
	int outcome = -1, until[2];
	char end;
	pid_t other;

	cr_assert_eq(pipe(until), 0);
	other = fork();
	if (other == 0) {
		struct hm_cluster *cluster = NULL;
		hm_status status = hm_cluster_start(&(struct hm_cluster_config){ .directory = directory }, &cluster);

		close(until[1]);
		while (read(until[0], &end, 1) < 0 && errno == EINTR)
			;
		_exit(status != HM_OK);
	}
	hm_cluster_stop(start());
	close(until[1]);
	close(until[0]);
	cr_assert_eq(waitpid(other, &outcome, 0), other);
	cr_expect_eq(outcome, 0);
	hm_cluster_stop(start()); /* whichever had started it, it has ended now */
}

Test(cluster, puts_its_socket_elsewhere_when_the_path_is_too_long)
{
	memset(directory + strlen(directory), 'x', 120);
	SCOPED(hm_cluster) cluster = start();

	cr_expect_not(strstr(hm_cluster_dsn(cluster), directory));
	cr_expect_str_eq(ask(cluster, "postgres", "SELECT 1"), "1");
}

Test(cluster, lets_only_admitted_services_log_in)
{
	SCOPED(hm_cluster) cluster = start();

	ask(cluster, "postgres", "CREATE ROLE follows_app LOGIN; CREATE ROLE cash_app LOGIN");
	cr_expect_null(ask(cluster, "follows_app", "SELECT 1"));
	cr_assert_eq(hm_cluster_admit(cluster, "follows"), HM_OK, "%s", hm_error_get()->message);
	cr_assert_eq(hm_cluster_admit(cluster, "follows"), HM_OK);
	cr_expect_str_eq(ask(cluster, "follows_app", "SELECT current_user"), "follows_app");
	cr_expect_null(ask(cluster, "cash_app", "SELECT 1"));
}

Test(cluster, admits_nothing_that_is_no_name)
{
	SCOPED(hm_cluster) cluster = start();

	cr_expect_eq(hm_cluster_admit(cluster, "x postgres\nhallmark root"), HM_INVALID_ARGUMENT);
	cr_expect_eq(hm_cluster_admit(cluster, ""), HM_INVALID_ARGUMENT);
}

Test(cluster, says_why_postgres_did_not_start)
{
	hm_cluster_stop(start());
	append_to("data/postgresql.conf", "nonsense_setting = 1\n");
	refuses_to_start(HM_UNAVAILABLE, "nonsense_setting");
}

Test(cluster, refuses_a_directory_that_holds_what_is_not_its_own)
{
	struct stat info;

	if (!is_root())
		return;
	hm_cluster_stop(start());
	cr_assert_eq(stat(directory, &info), 0);
	cr_assert_eq(chown(directory, info.st_uid + 1, info.st_gid), 0);
	refuses_to_start(HM_FAILED_PRECONDITION, "choose another directory");
}

Test(cluster, goes_outside_a_checkout_that_its_account_cannot_reach)
{
	if (!is_root())
		return;
	cr_assert_eq(chmod(base, 0700), 0);
	struct hm_cluster *cluster = start();
	char outside[200];

	snprintf(outside, sizeof outside, "%s", hm_cluster_directory(cluster));
	cr_expect(strstr(outside, "/var/tmp/hallmark-") == outside, "%s", outside);
	cr_expect_str_eq(ask(cluster, "postgres", "SELECT 1"), "1");
	hm_cluster_stop(cluster);
	nftw(outside, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
