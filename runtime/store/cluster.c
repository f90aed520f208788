/*
 * Cluster: start, join and stop the postmaster, and the few statements it takes. Relies on libpq and on
 * cluster_{place,init,process}.c for the files and the processes. Everything that could meet another process doing
 * the same happens under the directory's lock.
 */
#include "store/cluster.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/cluster_internal.h"
#include "store/service_name.h"

enum { START_LIMIT_S = 60, MAX_CONNECTIONS = 200 };

/* Debian's first; the program is made for 15. */
static const char *const program_directories[] = {
	"/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin",
	"/usr/pgsql-15/bin",          "/usr/local/pgsql/bin",       "/usr/bin",
};

/* The same for every cluster. Tiny statements gain nothing from jit. */
static const char *const settings[] = {
	"listen_addresses=",
	"unix_socket_permissions=0700",
	"shared_buffers=128MB",
	"autovacuum=on",
	"timezone=UTC",
	"log_timezone=UTC",
	"jit=off",
	"log_min_messages=warning",
	"logging_collector=off",
	"log_destination=stderr",
	"log_line_prefix=%m [%p] %q%u@%d ",
};
static const char *const durable_settings[] = { "fsync", "synchronous_commit", "full_page_writes" };

enum { N_SETTINGS = sizeof settings / sizeof *settings };
enum { N_DURABLE = sizeof durable_settings / sizeof *durable_settings };

static hm_status find_programs(struct hm_cluster *cluster)
{
	for (size_t i = 0; i < sizeof program_directories / sizeof *program_directories; i++) {
		char *path = hm_arena_printf(&cluster->arena, "%s/initdb", program_directories[i]);

		if (access(path, X_OK) == 0) {
			cluster->programs = program_directories[i];
			return HM_OK;
		}
	}
	return hm_raise(FAILED_PRECONDITION, "no PostgreSQL server here: apt-get install postgresql-15");
}

static void set_dsn(struct hm_cluster *cluster)
{
	cluster->dsn = hm_arena_printf(&cluster->arena, "host=%s dbname=hallmark", cluster->sockets);
	cluster->admin_dsn = hm_arena_printf(&cluster->arena, "%s user=postgres", cluster->dsn);
}

/* ---- The postmaster ------------------------------------------------------------------------------------------- */

static hm_status spawn_postmaster(struct hm_cluster *cluster, const struct hm_cluster_config *config)
{
	struct hm_arena *arena = &cluster->arena;
	char *argv[3 + 2 * (N_SETTINGS + N_DURABLE + 3) + 1], set[] = "-c", data[] = "-D";
	unsigned connections = config->max_connections ? config->max_connections : MAX_CONNECTIONS;
	size_t n = 0;

	argv[n++] = hm_arena_printf(arena, "%s/postgres", cluster->programs);
	argv[n++] = data;
	argv[n++] = hm_arena_strdup(arena, cluster->data);
	for (size_t i = 0; i < N_SETTINGS; i++) {
		argv[n++] = set;
		argv[n++] = hm_arena_strdup(arena, settings[i]);
	}
	for (size_t i = 0; i < N_DURABLE; i++) {
		argv[n++] = set;
		argv[n++] = hm_arena_printf(arena, "%s=%s", durable_settings[i], config->durable ? "on" : "off");
	}
	argv[n++] = set;
	argv[n++] = hm_arena_printf(arena, "cluster_name=%s", cluster->name);
	argv[n++] = set;
	argv[n++] = hm_arena_printf(arena, "unix_socket_directories=%s", cluster->sockets);
	argv[n++] = set;
	argv[n++] = hm_arena_printf(arena, "max_connections=%u", connections);
	argv[n] = NULL;
	return cluster_spawn(cluster, argv, &cluster->postmaster);
}

static PGPing ping(const struct hm_cluster *cluster)
{
	return PQping(cluster->admin_dsn);
}

/* Waits until the server answers, or (no longer) runs. Only our own child can be seen ending; of another's postmaster
 * the processes are looked for. */
static hm_status await_answer(const struct hm_cluster *cluster, bool *ret_answers)
{
	int64_t limit_us = hm_clock_machine_us() + (int64_t)START_LIMIT_S * HM_US_PER_S;
	int pause_ms = 1;

	*ret_answers = true;
	while (ping(cluster) != PQPING_OK) {
		bool ended = cluster_pause(cluster->postmaster_fd, &pause_ms);

		if (ended || (!cluster->postmaster && !cluster_is_served(cluster))) {
			*ret_answers = false;
			return HM_OK;
		}
		if (hm_clock_machine_us() > limit_us)
			return cluster_raise_log(cluster, "postgres does not answer");
	}
	return HM_OK;
}

/* Nobody works in the data directory, so a pid file or socket lock can only be left from a crash; postgres would
 * believe it if the number has been given to another process of the same account. */
static void remove_leftovers(struct hm_cluster *cluster)
{
	unlink(hm_arena_printf(&cluster->arena, "%s/postmaster.pid", cluster->data));
	unlink(hm_arena_printf(&cluster->arena, "%s/.s.PGSQL.5432", cluster->sockets));
	unlink(hm_arena_printf(&cluster->arena, "%s/.s.PGSQL.5432.lock", cluster->sockets));
}

static hm_status launch(struct hm_cluster *cluster, const struct hm_cluster_config *config)
{
	struct stat log;
	bool answers;

	remove_leftovers(cluster);
	cluster->log_start = stat(cluster->log, &log) ? 0 : log.st_size;
	TRY(spawn_postmaster(cluster, config));
	cluster->starter = getpid();
	cluster->postmaster_fd = pidfd_open(cluster->postmaster, 0);
	if (cluster->postmaster_fd < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot watch postgres");
	TRY(await_answer(cluster, &answers));
	return answers ? HM_OK : cluster_raise_log(cluster, "postgres did not start");
}

static hm_status join_or_launch(struct hm_cluster *cluster, const struct hm_cluster_config *config)
{
	bool answers = false;

	if (cluster_is_served(cluster))
		TRY(await_answer(cluster, &answers));
	return answers ? HM_OK : launch(cluster, config);
}

/* ---- Statements ----------------------------------------------------------------------------------------------- */

static hm_status connect_as_admin(const struct hm_cluster *cluster, const char *database, PGconn **ret_connection)
{
	static const char *const names[] = { "host", "dbname", "user", "application_name", NULL };
	const char *const values[] = { cluster->sockets, database, "postgres", "hallmark cluster", NULL };
	PGconn *connection = PQconnectdbParams(names, values, 0);

	if (PQstatus(connection) != CONNECTION_OK) {
		hm_status status = hm_raise(UNAVAILABLE, "%s", PQerrorMessage(connection));

		PQfinish(connection);
		return status;
	}
	*ret_connection = connection;
	return HM_OK;
}

/* Runs one statement; ret_text (may be NULL) gets the first value, cut to fit. */
static hm_status run_statement(PGconn *connection, const char *sql, const char *parameter, char *ret_text, size_t size)
{
	PGresult *result = PQexecParams(connection, sql, parameter ? 1 : 0, NULL, &parameter, NULL, NULL, 0);
	ExecStatusType outcome = PQresultStatus(result);
	hm_status status = HM_OK;

	if (outcome != PGRES_TUPLES_OK && outcome != PGRES_COMMAND_OK)
		status = hm_raise(UNAVAILABLE, "%s", PQerrorMessage(connection));
	else if (ret_text)
		snprintf(ret_text, size, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	return status;
}

static hm_status ensure_database(const struct hm_cluster *cluster)
{
	PGconn *connection;
	char found[8];
	hm_status status;

	TRY(connect_as_admin(cluster, "postgres", &connection));
	status = run_statement(connection, "SELECT 1 FROM pg_database WHERE datname = 'hallmark'", NULL, found,
			       sizeof found);
	if (status == HM_OK && !*found)
		status = run_statement(connection, "CREATE DATABASE hallmark", NULL, NULL, 0);
	PQfinish(connection);
	return status;
}

/* A signal asks for the reload and nothing answers. The postmaster passes it on to its backends in the same breath, so
 * once this session has seen it, so has whoever accepts the next connection. */
static hm_status reload(const struct hm_cluster *cluster)
{
	char before[64], seen[8] = "f";
	PGconn *connection;
	hm_status status;
	int pause_ms = 1;

	TRY(connect_as_admin(cluster, "hallmark", &connection));
	status = run_statement(connection, "SELECT pg_conf_load_time()", NULL, before, sizeof before);
	if (status == HM_OK)
		status = run_statement(connection, "SELECT pg_reload_conf()", NULL, NULL, 0);
	while (status == HM_OK && *seen != 't') {
		cluster_pause(cluster->postmaster_fd, &pause_ms);
		status = run_statement(connection, "SELECT pg_conf_load_time() > $1::timestamptz", before, seen,
				       sizeof seen);
	}
	PQfinish(connection);
	return status;
}

static hm_status admit_locked(const struct hm_cluster *cluster, const char *service)
{
	static const char *const roles[] = { "migrator", "app", "system" };
	bool changed = false;

	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		char role[HM_SERVICE_NAME_MAX + 16];

		snprintf(role, sizeof role, "%s_%s", service, roles[i]);
		TRY(cluster_map_role(cluster, role, &changed));
	}
	return changed ? reload(cluster) : HM_OK;
}

hm_status hm_cluster_admit(const struct hm_cluster *cluster, const char *service)
{
	hm_status status;
	int lock_fd;

	TRY(hm_service_name_check(service));
	TRY(cluster_lock(cluster, &lock_fd));
	status = admit_locked(cluster, service);
	close(lock_fd);
	return status;
}

/* ---- Life cycle ------------------------------------------------------------------------------------------------ */

static hm_status start_locked(struct hm_cluster *cluster, const struct hm_cluster_config *config)
{
	TRY(cluster_init(cluster, config->durable));
	TRY(cluster_place_sockets(cluster));
	set_dsn(cluster);
	TRY(join_or_launch(cluster, config));
	return ensure_database(cluster);
}

static hm_status start(struct hm_cluster *cluster, const struct hm_cluster_config *config)
{
	hm_status status;
	int lock_fd;

	TRY(find_programs(cluster));
	TRY(cluster_place(cluster, config->directory));
	TRY(cluster_lock(cluster, &lock_fd));
	status = start_locked(cluster, config);
	close(lock_fd);
	return status;
}

hm_status hm_cluster_start(const struct hm_cluster_config *config, struct hm_cluster **ret_cluster)
{
	struct hm_cluster *cluster = calloc(1, sizeof *cluster);
	hm_status status;

	if (!cluster)
		return hm_raise(RESOURCE_EXHAUSTED, "out of memory");
	cluster->postmaster_fd = -1;
	status = start(cluster, config);
	if (status == HM_OK)
		*ret_cluster = cluster;
	else
		hm_cluster_stop(cluster);
	return status;
}

const char *hm_cluster_dsn(const struct hm_cluster *cluster)
{
	return cluster->dsn;
}

const char *hm_cluster_admin_dsn(const struct hm_cluster *cluster)
{
	return cluster->admin_dsn;
}

const char *hm_cluster_directory(const struct hm_cluster *cluster)
{
	return cluster->directory;
}

static bool has_ended(int postmaster_fd, int wait_ms)
{
	struct pollfd end = { .fd = postmaster_fd, .events = POLLIN };
	int n;

	while ((n = poll(&end, 1, wait_ms)) < 0 && errno == EINTR)
		;
	return n > 0;
}

/* Fast shutdown first; who does not end in time is asked less politely. */
static void end_postmaster(const struct hm_cluster *cluster)
{
	static const struct {
		int signal, wait_ms;
	} steps[] = { { SIGINT, 20000 }, { SIGQUIT, 5000 }, { SIGKILL, -1 } };

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		kill(cluster->postmaster, steps[i].signal);
		if (has_ended(cluster->postmaster_fd, steps[i].wait_ms))
			break;
	}
	waitpid(cluster->postmaster, NULL, 0);
}

void hm_cluster_stop(struct hm_cluster *cluster)
{
	if (!cluster)
		return;
	if (cluster->postmaster && cluster->starter == getpid()) {
		end_postmaster(cluster);
		cluster_leave_sockets(cluster);
	}
	if (cluster->postmaster_fd >= 0)
		close(cluster->postmaster_fd);
	hm_arena_fini(&cluster->arena);
	free(cluster);
}
