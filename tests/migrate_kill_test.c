/*
 * Death of a migration: the program or its PostgreSQL session is killed (SIGKILL) at moments spread over the whole of a run, and the next
 * run completes. On a cluster of its own, since the death of a session ends all others.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/fixture.h"
#include "tests/place.h"
#include "tests/vault.h"

TestSuite(migrate_kill, .timeout = 600);

enum { MOMENTS_OF_CLIENT = 14, MOMENTS_OF_SESSION = 7 };

static struct vault v;
static struct hm_cluster *cluster;
static int64_t run_us; /* how long one takes that nobody kills */

static void write_files(void)
{
	vault_write(&v, "0001_init.sql",
		    VAULT_AUDIT_LOG VAULT_THINGS
		    "INSERT INTO things SELECT brand, n, 'n' || n FROM generate_series(1, 200) n, "
		    "unnest(ARRAY['loop', 'nova']) brand;");
	vault_write(&v, "0002_expand.sql", "ALTER TABLE things ADD upper_name text;");
	vault_write(&v, "0003_index.sql",
		    "-- notransaction\nCREATE INDEX CONCURRENTLY by_name ON things (brand_id, name);");
	vault_write(&v, "0004_fill.sql",
		    "-- backfill: table=things batch=20\n-- remaining: upper_name IS NULL\n"
		    "UPDATE things SET upper_name = upper(name) WHERE @batch;");
	vault_write(&v, "0005_unique.sql",
		    "-- notransaction\nCREATE UNIQUE INDEX CONCURRENTLY one_name ON things (brand_id, upper_name);");
	vault_write(&v, "0006_drop.sql", "-- notransaction\nDROP INDEX CONCURRENTLY by_name;");
	vault_write(&v, "0007_contract.sql", "-- contract: expands=0002\nALTER TABLE things DROP name;");
}

static void start_anew(void)
{
	cr_assert_neq(*vault_ask(&v, "", NULL, "DROP SCHEMA IF EXISTS vault CASCADE"), '!');
}

/* After a session's death PostgreSQL ends all sessions and recovers. */
static void await_server(void)
{
	while (strcmp(vault_ask(&v, "", NULL, "SELECT 1"), "1"))
		;
}

static void check_whole(void)
{
	static const char *const each[][2] = {
		{ "SELECT count(*) FROM hallmark_migration", "8" },
		{ "SELECT count(*) FROM things WHERE upper_name LIKE 'N%'", "400" },
		{ "SELECT rows_changed FROM hallmark_progress WHERE version = 4", "400" },
		{ "SELECT count(*) FROM pg_index WHERE indexrelid = 'one_name'::regclass AND indisvalid", "1" },
		{ "SELECT count(*) FROM pg_class JOIN pg_index ON oid = indexrelid WHERE relnamespace = "
		  "'vault'::regnamespace AND "
		  "NOT indisvalid",
		  "0" },
		{ "SELECT to_regclass('by_name')", "" },
		{ "SELECT count(*) FROM pg_attribute WHERE attrelid = 'things'::regclass AND attname = 'name'", "0" },
	};

	for (size_t i = 0; i < sizeof each / sizeof *each; i++)
		cr_expect_str_eq(vault_ask(&v, "", NULL, each[i][0]), each[i][1], "%s", each[i][0]);
}

static void stop_cluster(void)
{
	place_remove_cluster(cluster);
}

static void set_up(void)
{
	char directory[100];
	int64_t begun_us;

	v = vault_open();
	snprintf(directory, sizeof directory, "%s/pg", v.folder);
	must(hm_cluster_start(&(struct hm_cluster_config){ .directory = directory }, &cluster));
	must(hm_cluster_admit(cluster, "vault"));
	snprintf(v.dsn, sizeof v.dsn, "%s", hm_cluster_dsn(cluster));
	snprintf(v.admin_dsn, sizeof v.admin_dsn, "%s", hm_cluster_admin_dsn(cluster));
	write_files();
	must(vault_migrate(&v)); /* makes the roles */
	start_anew();
	begun_us = hm_clock_mono_us();
	must(vault_migrate(&v));
	run_us = hm_clock_mono_us() - begun_us;
	check_whole();
}

/* The moment itself: nothing is waited for. */
static void let_run(int64_t us)
{
	struct timespec pause = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	nanosleep(&pause, NULL);
}

/* Once the server has noticed, it lets nobody in until it has recovered. */
static void kill_session(void)
{
	pid_t pid = (pid_t)strtol(vault_ask(&v, "", NULL,
					    "SELECT max(pid) FROM pg_stat_activity WHERE application_name = "
					    "'hallmark migrate'"),
				  NULL, 10);

	if (pid <= 0) /* it was between two, or is done */
		return;
	kill(pid, SIGKILL);
	while (!kill(pid, 0))
		let_run(1000);
}

static void die_at(int64_t us, bool is_client)
{
	pid_t child;

	start_anew();
	child = fork();
	if (child == 0)
		_exit(vault_migrate(&v) != HM_OK);
	let_run(us);
	if (is_client)
		kill(child, SIGKILL);
	else
		kill_session();
	cr_assert_eq(waitpid(child, NULL, 0), child);
	await_server();
	must(vault_migrate(&v));
	check_whole();
}

Test(migrate_kill, a_run_completes_what_a_killed_one_began, .init = set_up, .fini = stop_cluster)
{
	for (int i = 0; i < MOMENTS_OF_CLIENT; i++)
		die_at(run_us * i / MOMENTS_OF_CLIENT, true);
}

Test(migrate_kill, a_run_completes_what_one_began_whose_session_died, .init = set_up, .fini = stop_cluster)
{
	for (int i = 0; i < MOMENTS_OF_SESSION; i++)
		die_at(run_us * i / MOMENTS_OF_SESSION, false);
}
