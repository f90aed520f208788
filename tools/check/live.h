/*
 * Live: a cluster that is there, held against the rules: what dynamic SQL, a hand at psql or an older migrator left is in its catalog, and
 * in no migration's text.
 *
 *     conninfo ─ live_open ─► a connection a service, as <service>_app ─┬─ catalog    verify.sql, catalog.sql, bodies of routines
 *                                                                       ├─ drift      against the schema the migrations fold to
 *                                                                       └─ queries    prepared, described, planned
 */
#pragma once
#include <libpq-fe.h>

#include "base/scoped.h"
#include "check.h"

struct live {
	struct check *check;
	const char *dsn;
	PGconn *pg;
	const char *service;
	const struct group *group; /* its files; NULL: none were read */
};

HM_SCOPED(pg_conn, PQfinish)
HM_SCOPED(pg_result, PQclear)

/* live_check checks the services in the database of a conninfo, by names (NULL: those of the folders that were read and those the
 * database has). INVALID_ARGUMENT: the conninfo is none, or has a password in it; UNAVAILABLE: nothing can be read there. */
hm_status live_check(struct check *check, const char *dsn, const char *service);

/* live_connect connects as a role of a service ("_app", "_system"): by name, or by a login that may become it. Its search_path is the
 * schema. */
hm_status live_connect(const char *dsn, const char *service, const char *suffix, PGconn **ret_pg);

/* live_query runs SQL; $1, if there is one, is the service. */
hm_status live_query(const struct live *live, const char *sql, PGresult **ret_result);

/* live_complain adds a finding about an object of the service's schema. */
void live_complain(const struct live *live, const char *rule, const char *object, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* live_scratch is live_check on a cluster that is made for it (scratch.h), with the services that were read migrated. */
hm_status live_scratch(struct check *check, const char *service);

/* The parts. */
hm_status live_catalog(const struct live *live);
hm_status live_routines(const struct live *live);
hm_status live_drift(const struct live *live);
hm_status live_queries(const struct live *live);
