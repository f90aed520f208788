/* Live: connections to a cluster that is there, and the services in it one after the other. Nothing is written there. */
#include "live.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/service_name.h"

enum { NAMES_MAX = 256, ROLE_BYTES = 80 };

struct names {
	const char *items[NAMES_MAX];
	size_t n;
};

/* ---- Connections ------------------------------------------------------------------------------------------------------ */

static const char *first_line(struct hm_arena *arena, const char *text)
{
	return hm_arena_dup(arena, text, strcspn(text, "\n"));
}

static void ignore_notice(void *user, const PGresult *result)
{
	(void)user, (void)result;
}

/* A user of NULL is the conninfo's own. */
static PGconn *login(const char *dsn, const char *user)
{
	const char *const keywords[] = { "dbname",          "application_name",   "client_encoding",
					 "connect_timeout", user ? "user" : NULL, NULL };
	const char *const values[] = { dsn, "hallmark check", "UTF8", "10", user, NULL };
	PGconn *pg = PQconnectdbParams(keywords, values, true);

	PQsetNoticeReceiver(pg, ignore_notice, NULL);
	return pg;
}

static bool carry_out(PGconn *pg, const char *format, const char *name)
{
	char sql[2 * ROLE_BYTES];
	PGresult *result;
	bool is_done;

	snprintf(sql, sizeof sql, format, name);
	result = PQexec(pg, sql);
	is_done = PQresultStatus(result) == PGRES_COMMAND_OK;
	PQclear(result);
	return is_done;
}

/* Names of services need no quoting (store/service_name.h). */
static bool settle(PGconn *pg, const char *role, const char *service)
{
	return PQstatus(pg) == CONNECTION_OK && (!role || carry_out(pg, "SET ROLE %s", role)) &&
	       carry_out(pg, "SET search_path = %s, pg_temp", service) &&
	       carry_out(pg, "SET default_transaction_read_only = on", "");
}

/* What a conninfo says itself. A password in it would be seen in the list of processes. */
static hm_status read_conninfo(const char *dsn, bool *ret_has_user)
{
	char *problem = NULL;
	PQconninfoOption *options = PQconninfoParse(dsn, &problem);
	bool has_password = false;

	*ret_has_user = false;
	if (!options) {
		PQfreemem(problem); /* it quotes what it cannot read, which may be a password */
		return hm_raise(INVALID_ARGUMENT,
				"--dsn is neither key=value pairs nor a postgresql:// URI that libpq can read");
	}
	for (const PQconninfoOption *one = options; one->keyword; one++) {
		has_password |= one->val && (!strcmp(one->keyword, "password") || !strcmp(one->keyword, "sslpassword"));
		*ret_has_user |= one->val && !strcmp(one->keyword, "user");
	}
	PQconninfoFree(options);
	return has_password ? hm_raise(INVALID_ARGUMENT, "--dsn has a password in it, which every process can read: "
							 "~/.pgpass, PGPASSFILE or PGPASSWORD")
			    : HM_OK;
}

hm_status live_connect(const char *dsn, const char *service, const char *suffix, PGconn **ret_pg)
{
	char role[ROLE_BYTES];
	bool has_user;
	hm_status status;

	TRY(hm_service_name_check(service));
	TRY(read_conninfo(dsn, &has_user));
	snprintf(role, sizeof role, "%s%s", service, suffix);
	for (unsigned way = 0; way < 2; way++) {
		bool by_name = has_user == (way == 1);
		PGconn *pg = login(dsn, by_name ? role : NULL);

		if (settle(pg, by_name ? NULL : role, service)) {
			*ret_pg = pg;
			return HM_OK;
		}
		status = way ? HM_OK
			     : hm_raise(UNAVAILABLE, "cannot be %s in that database: %.*s", role,
					(int)strcspn(PQerrorMessage(pg), "\n"), PQerrorMessage(pg));
		PQfinish(pg);
	}
	(void)status;
	return HM_UNAVAILABLE;
}

hm_status live_query(const struct live *live, const char *sql, PGresult **ret_result)
{
	const char *const values[] = { live->service };
	PGresult *result = PQexecParams(live->pg, sql, strstr(sql, "$1") ? 1 : 0, NULL, values, NULL, NULL, 0);

	*ret_result = result;
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return HM_OK;
	return hm_raise(UNAVAILABLE, "the catalog of %s cannot be read: %s", live->service,
			first_line(&live->check->arena, PQerrorMessage(live->pg)));
}

void live_complain(const struct live *live, const char *rule, const char *object, const char *format, ...)
{
	struct hm_arena *arena = &live->check->arena;
	va_list arguments;

	va_start(arguments, format);
	finding_add_at(live->check, rule, hm_arena_printf(arena, "catalog:%s.%s", live->service, object), 0, 0,
		       hm_arena_vprintf(arena, format, arguments));
	va_end(arguments);
}

/* ---- Services --------------------------------------------------------------------------------------------------------- */

static void add_name(struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->items[i], name))
			return;
	if (names->n < NAMES_MAX)
		names->items[names->n++] = name;
}

/* The database's own: a schema with the migrator's record. */
static hm_status add_schemas(struct check *check, const char *dsn, struct names *names)
{
	static const char sql[] =
		"SELECT nspname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace "
		"WHERE relname = 'hallmark_migration' ORDER BY 1";
	bool has_user;
	SCOPED(pg_conn) pg = NULL;
	SCOPED(pg_result) result = NULL;

	TRY(read_conninfo(dsn, &has_user));
	pg = login(dsn, NULL);
	if (PQstatus(pg) != CONNECTION_OK && names->n) {
		PQfinish(take(&pg));
		TRY(live_connect(dsn, names->items[0], "_app", &pg));
	}
	result = PQexec(pg, sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		return hm_raise(UNAVAILABLE, "%s", first_line(&check->arena, PQerrorMessage(pg)));
	for (int i = 0; i < PQntuples(result); i++)
		add_name(names, hm_arena_strdup(&check->arena, PQgetvalue(result, i, 0)));
	return HM_OK;
}

static const struct group *group_of(const struct check *check, const char *service)
{
	for (const struct group *group = check->groups; group; group = group->next)
		if (group->is_whole && group->service && !strcmp(group->service, service))
			return group;
	return NULL;
}

static hm_status check_service(struct check *check, const char *dsn, const char *service)
{
	struct live live = { .check = check, .dsn = dsn, .service = service, .group = group_of(check, service) };
	SCOPED(pg_conn) pg = NULL;

	TRY(live_connect(dsn, service, "_app", &pg));
	live.pg = pg;
	TRY(live_catalog(&live));
	TRY(live_routines(&live));
	TRY(live_drift(&live));
	return live_queries(&live);
}

hm_status live_check(struct check *check, const char *dsn, const char *service)
{
	struct names names = { 0 };

	if (service)
		add_name(&names, service);
	for (const struct group *group = check->groups; group && !service; group = group->next)
		if (group->is_whole && group->service)
			add_name(&names, group->service);
	if (!service)
		TRY(add_schemas(check, dsn, &names));
	if (!names.n)
		return hm_raise(
			NOT_FOUND,
			"no schema in that database has a table hallmark_migration: hallmark migrate, or --service");
	for (size_t i = 0; i < names.n; i++)
		TRY(check_service(check, dsn, names.items[i]));
	return HM_OK;
}
