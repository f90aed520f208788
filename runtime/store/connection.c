/* Connections: made without blocking past a deadline, as the service's role, on its schema alone. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sleep.h"
#include "store/error.h"
#include "store/pool.h"

enum { CONNECT_US_MAX = 10 * HM_US_PER_S, OPTIONS_BYTES = 160 };

bool socket_wait(const PGconn *pg, short events, int64_t deadline_us)
{
	struct pollfd file = { .fd = PQsocket(pg), .events = events };

	return hm_sleep_poll(&file, deadline_us);
}

/* libpq reports notices on stderr unless told not to; errors arrive as results. */
static void ignore_notice(void *user, const PGresult *result)
{
	(void)user;
	(void)result;
}

static PGconn *start(const struct hm_store *store, enum hm_role role)
{
	char options[OPTIONS_BYTES];
	const char *const keywords[] = { "dbname", "user", "application_name", "client_encoding", "options", NULL };
	const char *const values[] = { store->dsn, store->user[role], store->user[role], "UTF8", options, NULL };

	snprintf(options, sizeof options, "-c search_path=%s,pg_temp -c client_min_messages=error -c TimeZone=UTC",
		 store->service);
	return PQconnectStartParams(keywords, values, true);
}

static bool finish(PGconn *pg, int64_t deadline_us)
{
	PostgresPollingStatusType step = PGRES_POLLING_WRITING;

	if (PQstatus(pg) == CONNECTION_BAD)
		return false;
	while (step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED) {
		if (!socket_wait(pg, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_us))
			return false;
		step = PQconnectPoll(pg);
	}
	return step == PGRES_POLLING_OK;
}

/* Which server this is, and since when: outcome.c has to know. Without it (a server that keeps no such statistics) outcomes cannot be
 * told apart, which is safe. */
static bool learn_recovery(PGconn *pg, int64_t deadline_us, char ret_recovery[RECOVERY_TEXT_BYTES])
{
	PGresult *result;

	if (!PQsendQuery(pg, "SELECT " RECOVERY_SQL " FROM pg_catalog.pg_stat_wal"))
		return false;
	do {
		while (PQisBusy(pg))
			if (!socket_wait(pg, POLLIN, deadline_us) || !PQconsumeInput(pg))
				return false;
		result = PQgetResult(pg);
		if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result))
			snprintf(ret_recovery, RECOVERY_TEXT_BYTES, "%s", PQgetvalue(result, 0, 0));
		PQclear(result);
	} while (result);
	return true;
}

static bool prepare(PGconn *pg, int64_t deadline_us, char ret_recovery[RECOVERY_TEXT_BYTES])
{
	return finish(pg, deadline_us) && learn_recovery(pg, deadline_us, ret_recovery) && PQenterPipelineMode(pg) &&
	       !PQsetnonblocking(pg, 1);
}

hm_status connection_open(const struct hm_store *store, enum hm_role role, int64_t deadline_us,
			  struct connection **ret_connection)
{
	int64_t latest_us = hm_clock_mono_us() + CONNECT_US_MAX;
	struct connection *connection = calloc(1, sizeof *connection);
	PGconn *pg = start(store, role);

	if (!pg || !connection)
		abort();
	if (deadline_us && deadline_us < latest_us)
		latest_us = deadline_us;
	connection->pg = pg;
	if (!prepare(pg, latest_us, connection->recovery)) {
		hm_status status = from_pq_connect(pg, store->user[role]);

		connection_close(connection);
		return status;
	}
	PQsetNoticeReceiver(pg, ignore_notice, NULL);
	connection->role = role;
	*ret_connection = connection;
	return HM_OK;
}

void connection_close(struct connection *connection)
{
	PQfinish(connection->pg);
	free(connection->prepared);
	free(connection);
}

bool connection_is_alive(struct connection *connection)
{
	return PQconsumeInput(connection->pg) && PQstatus(connection->pg) == CONNECTION_OK;
}

unsigned *connection_prepared(struct connection *connection, const struct statement *statement)
{
	size_t n = connection->n_prepared;

	if (statement->index >= n) {
		while (statement->index >= n)
			n = n ? 2 * n : 32;
		connection->prepared = realloc(connection->prepared, n * sizeof *connection->prepared);
		if (!connection->prepared)
			abort();
		memset(connection->prepared + connection->n_prepared, 0,
		       (n - connection->n_prepared) * sizeof *connection->prepared);
		connection->n_prepared = n;
	}
	return &connection->prepared[statement->index];
}
