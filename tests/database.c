/* Database: the run's cluster, its template, and a copy for each test. */
#include "tests/database.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/id.h"
#include "crypto/crypto.h"
#include "crypto/key.h"
#include "host/services.h"
#include "store/cluster.h"
#include "store/migrate.h"
#include "tests/place.h"
#include "tests/services.h"

/* What the runner tells the tests, which run in processes of their own. */
#define ENV_ADMIN "HALLMARK_TEST_ADMIN_DSN" /* superuser's, without database */
#define ENV_DSN "HALLMARK_TEST_DSN" /* without database and user */
#define ENV_TEMPLATE "HALLMARK_TEST_TEMPLATE"
#define ENV_KEYS "HALLMARK_TEST_KEYS"
#define ENV_DROPS "HALLMARK_TEST_DROPS" /* set: a test drops its database */

/* PostgreSQL takes a checkpoint for each database it drops: on a disk, hundreds of them are gone sooner with the whole cluster. */
enum { DROPPED_MAX = 32, DATABASES_MAX = 64 };

static struct hm_cluster *cluster; /* the runner's alone */
static bool is_in_memory; /* the cluster's data */

/* Without these nothing can be tested, so a failure ends the run. */
static void need(hm_status status, const char *what)
{
	if (status == HM_OK)
		return;
	fprintf(stderr, "tests: %s: %s: %s\n", what, hm_status_name(status), hm_error_get()->message);
	hm_cluster_stop(cluster);
	exit(1);
}

/* A conninfo for another database: the last dbname of a conninfo counts. */
static void name_database(const char *dsn, const char *name, char ret_dsn[TEST_DSN_BYTES])
{
	snprintf(ret_dsn, TEST_DSN_BYTES, "%s dbname=%s", dsn, name);
}

/* Runs SQL on a database as the superuser; NULL and a message on failure. */
static PGresult *run(const char *admin_dsn, const char *sql, PGconn **ret_connection)
{
	PGresult *result;

	*ret_connection = PQconnectdb(admin_dsn);
	result = PQexec(*ret_connection, sql);
	if (PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	fprintf(stderr, "tests: %s: %s\n", sql, PQerrorMessage(*ret_connection));
	PQclear(result);
	return NULL;
}

static bool run_once(const char *admin_dsn, const char *sql)
{
	PGconn *connection;
	PGresult *result = run(admin_dsn, sql, &connection);
	bool ok = result;

	PQclear(result);
	PQfinish(connection);
	return ok;
}

static void prepare_key(const char *keys, const char *name)
{
	hm_status made = hm_key_generate(keys, name);

	need(made == HM_ALREADY_EXISTS ? HM_OK : made, name);
}

static void prepare_service(const struct hm_service *service, const char *root, const char *keys, const char *template)
{
	const char *name = service->table->short_name;
	char folder[256], key[HM_KEY_NAME_BYTES], admin_dsn[TEST_DSN_BYTES], dsn[TEST_DSN_BYTES];

	snprintf(key, sizeof key, "service-%s", name);
	prepare_key(keys, key);
	if (!service->table->schema)
		return;
	snprintf(folder, sizeof folder, "%s/%s/migrations", root, name);
	name_database(hm_cluster_admin_dsn(cluster), template, admin_dsn);
	name_database(hm_cluster_dsn(cluster), template, dsn);
	need(hm_cluster_admit(cluster, name), name);
	need(hm_migrate(&(struct hm_migrate_config){
		     .admin_dsn = admin_dsn, .dsn = dsn, .service = name, .directory = folder }),
	     name);
}

static void prepare_services(const char *keys, const char *template)
{
	prepare_key(keys, "operator");
	prepare_key(keys, "identity");
	need(hm_cluster_admit(cluster, "vault"), "vault"); /* the tests of migrations write its files themselves */
	need(hm_cluster_admit(cluster, "fresh"),
	     "fresh"); /* whose roles a test makes as an administrator who is no superuser, */
	need(hm_cluster_admit(cluster, "dba"), "dba"); /* dba_system */
	need(hm_cluster_admit(cluster, "example"), "example"); /* the service of the rules' pages */
	for (const struct hm_service *const *service = hm_services; *service; service++)
		prepare_service(*service, "services", keys, template);
	for (const struct hm_service *const *service = test_services; *service; service++)
		prepare_service(*service, "tests/services", keys, template);
}

/* The databases of tests, of this run and of one that was killed. */
static PGresult *list_databases(PGconn **ret_connection)
{
	return run(hm_cluster_admin_dsn(cluster), "SELECT datname FROM pg_database WHERE datname ~ '^t[0-9]+_'",
		   ret_connection);
}

static void drop_databases(void)
{
	PGconn *connection;
	PGresult *result = list_databases(&connection);
	char sql[128];

	for (int i = 0; i < PQntuples(result); i++) {
		snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", PQgetvalue(result, i, 0));
		PQclear(PQexec(connection, sql));
	}
	PQclear(result);
	PQfinish(connection);
}

static bool has_many_databases(void)
{
	PGconn *connection;
	PGresult *result = list_databases(&connection);
	bool has_many = PQntuples(result) > DROPPED_MAX;

	PQclear(result);
	PQfinish(connection);
	return has_many;
}

ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
	char root[PLACE_BYTES], path[PLACE_BYTES], keys[PLACE_BYTES + 8], template[64], sql[128];

	(void)set;
	place_root(root);
	need(hm_crypto_init(), "libsodium");
	is_in_memory = place_of_cluster(root, path);
	need(hm_cluster_start(&(struct hm_cluster_config){ .directory = path }, &cluster), "the test cluster");
	drop_databases();
	snprintf(template, sizeof template, "t%ld_template", (long)getpid());
	snprintf(sql, sizeof sql, "CREATE DATABASE %s", template);
	need(run_once(hm_cluster_admin_dsn(cluster), sql) ? HM_OK : hm_raise(INTERNAL, "refused"), sql);
	snprintf(keys, sizeof keys, "%s/keys", root);
	prepare_services(keys, template);
	setenv(ENV_DSN, hm_cluster_dsn(cluster), 1);
	setenv(ENV_ADMIN, hm_cluster_admin_dsn(cluster), 1);
	setenv(ENV_TEMPLATE, template, 1);
	setenv(ENV_KEYS, keys, 1);
	if (is_in_memory)
		setenv(ENV_DROPS, "", 1);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	if (is_in_memory || has_many_databases()) {
		place_remove_cluster(cluster);
		return;
	}
	drop_databases();
	hm_cluster_stop(cluster);
}

/* The databases of a test, which are dropped when its process ends. */
static struct {
	char names[DATABASES_MAX][64];
	size_t n;
} made;

static void drop_made(void)
{
	char sql[128];

	while (made.n) {
		snprintf(sql, sizeof sql, "DROP DATABASE %s WITH (FORCE)", made.names[--made.n]);
		(void)run_once(getenv(ENV_ADMIN), sql);
	}
}

/* One that is not dropped here goes with the cluster. */
static void drop_at_end(const char *name)
{
	if (!getenv(ENV_DROPS) || made.n == DATABASES_MAX)
		return;
	if (!made.n)
		atexit(drop_made);
	snprintf(made.names[made.n++], sizeof made.names[0], "%s", name);
}

void test_database(char ret_dsn[TEST_DSN_BYTES])
{
	char name[64], sql[200];
	unsigned number;

	hm_random(&number, sizeof number);
	snprintf(name, sizeof name, "t%ld_%08x", (long)getppid(), number);
	snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy", name, getenv(ENV_TEMPLATE));
	cr_assert(run_once(getenv(ENV_ADMIN), sql));
	drop_at_end(name);
	name_database(getenv(ENV_DSN), name, ret_dsn);
}

void test_admin_dsn(const char *dsn, char ret_dsn[TEST_DSN_BYTES])
{
	name_database(getenv(ENV_ADMIN), strstr(dsn, " dbname=t") + strlen(" dbname="), ret_dsn);
}

int64_t test_sql(const char *dsn, const char *sql)
{
	char admin_dsn[TEST_DSN_BYTES];
	PGconn *connection;
	PGresult *result;
	int64_t value = 0;

	test_admin_dsn(dsn, admin_dsn);
	result = run(admin_dsn, sql, &connection);
	cr_assert(result, "%s", sql);
	if (PQntuples(result) > 0 && PQnfields(result) > 0)
		value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	PQclear(result);
	PQfinish(connection);
	return value;
}

const char *test_keys_folder(void)
{
	return getenv(ENV_KEYS);
}

static char own_keys[64];

static void remove_own_keys(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf %s", own_keys);
	if (system(command))
		fprintf(stderr, "tests: %s is left behind\n", own_keys);
}

void test_keys_own(void)
{
	char command[400];

	snprintf(own_keys, sizeof own_keys, "/tmp/hallmark-own-keys-%ld", (long)getpid());
	snprintf(command, sizeof command, "cp -rp %s %s", test_keys_folder(), own_keys);
	cr_assert_eq(system(command), 0);
	atexit(remove_own_keys);
	cr_assert_eq(setenv(ENV_KEYS, own_keys, 1), 0);
}
