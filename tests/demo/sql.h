/* Sql: what the demo asks the database itself, behind the services' backs. */
#pragma once
#include <libpq-fe.h>
#include <stdint.h>

#include "base/status.h"

/* sql_open connects as a role, on a conninfo without user. Close with PQfinish. */
hm_status sql_open(const char *conninfo, const char *role, PGconn **ret_connection);

/* sql_run runs one statement with up to two text parameters (NULL: not given). Clear with PQclear. */
hm_status sql_run(PGconn *connection, const char *sql, const char *first, const char *second, PGresult **ret_result);

/* sql_number runs one and returns its first value. */
hm_status sql_number(PGconn *connection, const char *sql, const char *first, const char *second, int64_t *ret_number);
