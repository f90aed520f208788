/* Errors: the map from SQLSTATE to status, one table; the longest prefix that fits decides, so they stand in that order. */
#include "store/error.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 200 };

struct mapping {
	const char *prefix;
	hm_status code;
	const char *text; /* NULL: PostgreSQL's own words, which name identifiers but quote no rows */
	const char *reason;
};

/* Source: ARCHITECTURE's "Status"; classes from PostgreSQL 15's appendix A. */
static const struct mapping mappings[] = {
	{ "23505", HM_ALREADY_EXISTS, "exists already", "" },
	{ "23503", HM_FAILED_PRECONDITION, "what this refers to does not exist, or is still referred to", "" },
	{ "23P01", HM_FAILED_PRECONDITION, "conflicts with what is there", "" },
	{ "23001", HM_FAILED_PRECONDITION, "is append-only, or still referred to", "" },
	{ "23502", HM_INVALID_ARGUMENT, "is missing", "" },
	{ "23514", HM_INVALID_ARGUMENT, "is refused by a rule of the table", "" },
	{ "22001", HM_INVALID_ARGUMENT, "a text is too long", "" },
	{ "22003", HM_INVALID_ARGUMENT, "a number is out of range", "" },
	{ "22007", HM_INVALID_ARGUMENT, "a date or time is malformed", "" },
	{ "22008", HM_INVALID_ARGUMENT, "a date or time is out of range", "" },
	{ "22012", HM_INVALID_ARGUMENT, "a division by zero", "" },
	{ "22021", HM_INVALID_ARGUMENT, "a text is not valid UTF-8", "" },
	{ "22P02", HM_INVALID_ARGUMENT, "a value is malformed", "" },
	{ "22", HM_INVALID_ARGUMENT, "a value is not acceptable", "" },
	{ "40001", HM_ABORTED, "another transaction changed the same rows", "SERIALIZATION" },
	{ "40P01", HM_ABORTED, "a deadlock with another transaction", "SERIALIZATION" },
	{ "40003", HM_UNKNOWN, "the outcome is not known", "" },
	{ "55P03", HM_ABORTED, "another transaction holds the rows", "LOCKED" },
	{ "57014", HM_CANCELLED, "the statement was cancelled", "" },
	{ "53", HM_RESOURCE_EXHAUSTED, "PostgreSQL has no room", "" },
	{ "08", HM_UNAVAILABLE, "the connection to PostgreSQL broke", "" },
	{ "57P", HM_UNAVAILABLE, "PostgreSQL is shutting down or starting", "" },
	{ "P0001", HM_INTERNAL, "a trigger refused without saying how: its RAISE needs ERRCODE = 'HMnnn'", "" },
	{ "P0002", HM_NOT_FOUND, "no rows", "" },
	{ "", HM_INTERNAL, NULL, "" },
};

static const char *field(const PGresult *result, int code)
{
	const char *text = PQresultErrorField(result, code);

	return text ? text : "";
}

static const struct mapping *find_mapping(const char *sqlstate)
{
	const struct mapping *mapping = mappings;

	while (strncmp(sqlstate, mapping->prefix, strlen(mapping->prefix)))
		mapping++;
	return mapping;
}

/* The author's status and words: class HM. A number that is no failure is the author's mistake. */
static hm_status raise_authors(const PGresult *result, const struct hm_query *query)
{
	static const char reason_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const char *hint = field(result, PG_DIAG_MESSAGE_HINT);
	long code = strtol(field(result, PG_DIAG_SQLSTATE) + 2, NULL, 10);
	hm_status status;

	if (code <= HM_OK || code >= HM_STATUS_COUNT)
		return hm_raise(INTERNAL, "%s: SQLSTATE %s names no status", query->name,
				field(result, PG_DIAG_SQLSTATE));
	status = hm_raise_at(__FILE__, __LINE__, (hm_status)code, "%s", field(result, PG_DIAG_MESSAGE_PRIMARY));
	if (hint[strspn(hint, reason_letters)] == '\0')
		hm_error_set_reason(hint);
	return status;
}

/* 42501 is two things: the brand's policy refused a row, or the migration forgot a grant. */
static bool is_policy(const PGresult *result)
{
	return !strcmp(field(result, PG_DIAG_SQLSTATE), "42501") &&
	       !strcmp(field(result, PG_DIAG_SOURCE_FUNCTION), "ExecWithCheckOptions");
}

static hm_status raise_mapped(const PGresult *result, const struct hm_query *query, const char *columns)
{
	const char *sqlstate = field(result, PG_DIAG_SQLSTATE), *column = field(result, PG_DIAG_COLUMN_NAME);
	const struct mapping *mapping = find_mapping(sqlstate);
	const char *what = *columns ? columns : *column ? column : query->name;

	if (!mapping->text)
		return hm_raise(INTERNAL, "%s:%d: %s: %.*s (SQLSTATE %s)", query->file, query->line, query->name,
				WORDS_MAX, field(result, PG_DIAG_MESSAGE_PRIMARY), sqlstate);
	(void)!hm_raise_at(__FILE__, __LINE__, mapping->code, "%s: %s", what, mapping->text);
	hm_error_set_reason(mapping->reason);
	if (mapping->code == HM_INVALID_ARGUMENT && what != query->name)
		hm_error_add_violation(what, "%s", mapping->text);
	return mapping->code;
}

hm_status from_pq_result(const PGresult *result, const struct hm_query *query, const char *columns, bool expired)
{
	const char *sqlstate = field(result, PG_DIAG_SQLSTATE);

	if (!strncmp(sqlstate, "HM", 2))
		return raise_authors(result, query);
	if (pq_is_stale(result)) {
		(void)!hm_raise(ABORTED, "%s: the schema has changed meanwhile", query->name);
		hm_error_set_reason("SERIALIZATION");
		return HM_ABORTED;
	}
	if (is_policy(result))
		return hm_raise(PERMISSION_DENIED, "%s: a row of another brand", query->name);
	if (!strcmp(sqlstate, "57014") && expired)
		return hm_raise(DEADLINE_EXCEEDED, "%s: the deadline came while PostgreSQL was at work", query->name);
	return raise_mapped(result, query, columns);
}

/* The first line of libpq's words, without the newline. They hold host, port and user, and no password. */
static int first_line(const PGconn *pg)
{
	return (int)strcspn(PQerrorMessage(pg), "\n");
}

hm_status from_pq_connect(const PGconn *pg, const char *user)
{
	if (!*PQerrorMessage(pg))
		return hm_raise(UNAVAILABLE, "PostgreSQL did not answer %s in time", user);
	return hm_raise(UNAVAILABLE, "%s cannot connect: %.*s", user, first_line(pg), PQerrorMessage(pg));
}

hm_status from_pq_lost(const PGconn *pg, const struct hm_query *query)
{
	return hm_raise(UNAVAILABLE, "%s: the connection to PostgreSQL broke: %.*s", query->name, first_line(pg),
			PQerrorMessage(pg));
}

bool pq_is_stale(const PGresult *result)
{
	const char *sqlstate = field(result, PG_DIAG_SQLSTATE);

	return !strcmp(sqlstate, "26000") ||
	       (!strcmp(sqlstate, "0A000") && !strcmp(field(result, PG_DIAG_SOURCE_FUNCTION), "RevalidateCachedQuery"));
}

bool pq_is_lost(const PGresult *result)
{
	const char *sqlstate = field(result, PG_DIAG_SQLSTATE);

	return !*sqlstate || !strncmp(sqlstate, "08", 2) || !strncmp(sqlstate, "57P", 3);
}

bool pq_is_of_future(const PGresult *result)
{
	return !strcmp(field(result, PG_DIAG_SQLSTATE), "22023") &&
	       !strcmp(field(result, PG_DIAG_SOURCE_FUNCTION), "TransactionIdInRecentPast");
}

bool pq_names_constraint(const PGresult *result)
{
	return !strncmp(field(result, PG_DIAG_SQLSTATE), "23", 2) && *field(result, PG_DIAG_CONSTRAINT_NAME);
}
