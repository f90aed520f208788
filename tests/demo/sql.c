/* Sql: libpq with the demo's errors. */
#include "tests/demo/sql.h"

#include <stdlib.h>

hm_status sql_open(const char *conninfo, const char *role, PGconn **ret_connection)
{
	const char *const names[] = { "dbname", "user", "application_name", NULL };
	const char *const values[] = { conninfo, role, "hallmark demo", NULL };
	PGconn *connection = PQconnectdbParams(names, values, 1);

	if (PQstatus(connection) != CONNECTION_OK) {
		hm_status status = hm_raise(UNAVAILABLE, "as %s: %s", role, PQerrorMessage(connection));

		PQfinish(connection);
		return status;
	}
	*ret_connection = connection;
	return HM_OK;
}

hm_status sql_run(PGconn *connection, const char *sql, const char *first, const char *second, PGresult **ret_result)
{
	const char *const values[] = { first, second };
	PGresult *result = PQexecParams(connection, sql, !!first + !!second, NULL, values, NULL, NULL, 0);
	ExecStatusType how = PQresultStatus(result);

	if (how != PGRES_TUPLES_OK && how != PGRES_COMMAND_OK) {
		hm_status status = hm_raise(UNAVAILABLE, "%s: %s", sql, PQerrorMessage(connection));

		PQclear(result);
		return status;
	}
	*ret_result = result;
	return HM_OK;
}

hm_status sql_number(PGconn *connection, const char *sql, const char *first, const char *second, int64_t *ret_number)
{
	PGresult *result;

	TRY(sql_run(connection, sql, first, second, &result));
	*ret_number = PQntuples(result) ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
	PQclear(result);
	return HM_OK;
}
