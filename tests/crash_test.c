/*
 * Crashes: a serving process and PostgreSQL itself are killed in the middle of load. Whatever was acknowledged is there with its
 * audit entry; whatever is there has one; nothing is there in part.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accounting/v1/accounting.hm.h"
#include "base/log.h"
#include "store/cluster.h"
#include "store/migrate.h"
#include "tests/child.h"
#include "tests/ledger_load.h"
#include "tests/mortal.h"

enum { ROUNDS = 3, ACKNOWLEDGED = 100 };

Test(crash, a_killed_process_loses_no_acknowledged_call_and_leaves_no_half_ones, .timeout = 120)
{
	char dsn[TEST_DSN_BYTES], admin_dsn[TEST_DSN_BYTES];
	SCOPED(hm_channel) channel = NULL;
	pid_t pid;

	test_database(dsn);
	test_admin_dsn(dsn, admin_dsn);
	mortal_init();
	must(hm_channel_open_url(mortal_url(), &channel));
	pid = mortal_serve(dsn);
	for (int round = 1; round <= ROUNDS; round++) {
		struct ledger_load *load;

		load_prepare(channel);
		load = load_begin(channel);
		load_wait(load, ACKNOWLEDGED);
		mortal_kill(pid);
		load_end(load);
		load_is_exact(load, admin_dsn, true);
		pid = mortal_serve(dsn);
	}
	load_prepare(channel);
	cr_assert_eq(child_end(pid, 10000), 0);
}

/* The same service in this process, on a cluster of the test's own. */
struct world {
	struct hm_cluster *cluster;
	struct hm_host *host;
	struct hm_channel *channel;
	char directory[100], dsn[TEST_DSN_BYTES], admin_dsn[TEST_DSN_BYTES];
};

static void start_cluster(struct world *world)
{
	must(hm_cluster_start(&(struct hm_cluster_config){ .directory = world->directory, .durable = true },
			      &world->cluster));
	must(hm_cluster_admit(world->cluster, "accounting"));
	snprintf(world->dsn, sizeof world->dsn, "%s", hm_cluster_dsn(world->cluster));
	snprintf(world->admin_dsn, sizeof world->admin_dsn, "%s", hm_cluster_admin_dsn(world->cluster));
}

static void open_world(struct world *world)
{
	static const struct hm_service *const services[] = { &accounting_service, NULL }, *const nobody[] = { NULL };
	char run[100];

	mortal_init();
	hm_log_set_level(HM_LOG_OFF); /* that the log cannot be written is what happens here, thousands of times */
	snprintf(world->directory, sizeof world->directory, "%s/pg", mortal_var());
	snprintf(run, sizeof run, "%s/run", mortal_var());
	start_cluster(world);
	must(hm_migrate(&(struct hm_migrate_config){ .admin_dsn = world->admin_dsn,
						     .dsn = world->dsn,
						     .service = "accounting",
						     .directory = "services/accounting/migrations" }));
	must(hm_host_open(&(struct hm_host_config){ .services = services,
						    .known = nobody,
						    .dsn = world->dsn,
						    .keys = test_keys_folder(),
						    .run = run },
			  &world->host));
	must(hm_channel_open_url(mortal_url(), &world->channel));
	load_prepare(world->channel);
}

static void close_world(struct world *world)
{
	hm_channel_close(world->channel);
	hm_host_close(world->host);
	hm_cluster_stop(world->cluster);
}

static pid_t find_backend(const struct world *world)
{
	return (pid_t)load_count(
		world->admin_dsn,
		"SELECT pid FROM pg_stat_activity WHERE usename = 'accounting_app' AND state = 'active' "
		"UNION ALL SELECT pid FROM pg_stat_activity WHERE usename = 'accounting_app' LIMIT 1");
}

/* PostgreSQL answers the death of one session by ending all of them, and recovers. */
Test(crash, a_killed_session_of_postgresql_costs_its_calls_alone, .timeout = 120)
{
	struct world world = { 0 };
	struct ledger_load *load;

	open_world(&world);
	load = load_begin(world.channel);
	for (int round = 1; round <= ROUNDS; round++) {
		pid_t backend;

		load_wait(load, load_acknowledged(load) + ACKNOWLEDGED);
		backend = find_backend(&world);
		cr_assert_gt(backend, 1);
		cr_assert_eq(kill(backend, SIGKILL), 0);
	}
	load_wait(load, load_acknowledged(load) + ACKNOWLEDGED);
	load_end(load);
	load_is_exact(load, world.admin_dsn, false);
	close_world(&world);
}

Test(crash, postgresql_stopped_and_started_is_found_again, .timeout = 120)
{
	struct world world = { 0 };
	struct ledger_load *load;

	open_world(&world);
	load = load_begin(world.channel);
	load_wait(load, ACKNOWLEDGED);
	hm_cluster_stop(world.cluster);
	start_cluster(&world);
	load_wait(load, load_acknowledged(load) + ACKNOWLEDGED);
	load_end(load);
	load_is_exact(load, world.admin_dsn, false);
	close_world(&world);
}

/* Sessions ended politely, again and again, each at another moment of its call. */
Test(crash, sessions_ended_in_a_loop_cost_their_calls_alone, .timeout = 120)
{
	struct world world = { 0 };
	struct ledger_load *load;

	open_world(&world);
	load = load_begin(world.channel);
	for (int i = 0; i < 100; i++)
		(void)load_count(world.admin_dsn,
				 "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename LIKE "
				 "'accounting_%'");
	load_wait(load, load_acknowledged(load) + ACKNOWLEDGED);
	load_end(load);
	load_is_exact(load, world.admin_dsn, false);
	close_world(&world);
}
