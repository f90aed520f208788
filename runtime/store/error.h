/*
 * Errors of PostgreSQL as statuses: the one place where SQLSTATE is read. What reaches a caller are our words, columns'
 * names and what a trigger's author wrote; never a detail line, for it quotes rows.
 *
 * A trigger or function says a status and its own words with SQLSTATE class HM and gRPC's number, and a reason
 * (google.rpc.ErrorInfo) in the hint:
 *
 *     RAISE EXCEPTION 'entries do not sum to zero' USING ERRCODE = 'HM009', HINT = 'UNBALANCED';    FAILED_PRECONDITION
 */
#pragma once
#include <libpq-fe.h>

#include "base/status.h"
#include "store/query.h"

/* from_pq_result begins a failure out of an error result. columns: what the violated constraint is about, or "". expired: the
 * transaction's deadline has come. Statuses with the reason SERIALIZATION may be run again as they are. */
hm_status from_pq_result(const PGresult *result, const struct hm_query *query, const char *columns, bool expired);

/* from_pq_connect begins a failure to connect. */
hm_status from_pq_connect(const PGconn *pg, const char *user);

/* from_pq_lost begins a failure of a connection that was open. */
hm_status from_pq_lost(const PGconn *pg, const struct hm_query *query);

/* pq_is_stale says whether a prepared statement must be prepared again; pq_is_lost whether the connection is gone. */
bool pq_is_stale(const PGresult *result);
bool pq_is_lost(const PGresult *result);

/* pq_is_of_future says whether a query was refused as pg_xact_status refuses an id that was not given out yet: one who asks it knows that
 * it was that. */
bool pq_is_of_future(const PGresult *result);

/* pq_names_constraint says whether the error has a constraint whose columns are worth finding out. */
bool pq_names_constraint(const PGresult *result);
