/* Proof that the audit logs say what was done: for each method, as many entries as calls, and not one more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/cluster.h"
#include "tests/demo/demo.h"
#include "tests/demo/sql.h"

/* Calls or entries of a service, as the summary has them. */
struct counts {
	int64_t reads, writes, refused;
};

static hm_status load(PGconn *connection, const struct hm_service_table *table, struct tally *ret_entries)
{
	char sql[300];
	hm_status status = HM_OK;
	PGresult *result;

	*ret_entries = (struct tally){ .table = table };
	snprintf(sql, sizeof sql,
		 "SELECT details->>'method', details->>'outcome' = 'OK', sum(coalesce((details->>'calls')::bigint, 1)) "
		 "FROM %s.audit_log GROUP BY 1, 2", /* an entry may stand for several refused calls */
		 table->schema);
	TRY(sql_run(connection, sql, NULL, NULL, &result));
	for (int i = 0; i < PQntuples(result) && status == HM_OK; i++) {
		const char *name = PQgetvalue(result, i, 0);
		const struct hm_method *method = hm_method_find(table, name);
		bool ok = *PQgetvalue(result, i, 1) == 't';

		if (!method)
			status = hm_raise(DATA_LOSS, "%s has entries of the unknown method %s", table->name, name);
		else
			*(ok ? &ret_entries->ok[method - table->methods]
			     : &ret_entries->refused[method - table->methods]) =
				strtoll(PQgetvalue(result, i, 2), NULL, 10);
	}
	PQclear(result);
	return status;
}

/* What leaves no entry by contract is left out. */
static struct counts sum(const struct tally *tally)
{
	struct counts counts = { 0 };

	for (size_t i = 0; i < tally->table->n_methods; i++) {
		enum hm_effect effect = tally->table->methods[i].effect;

		if (effect == HM_EFFECT_NONE)
			continue;
		*(effect == HM_EFFECT_READ ? &counts.reads : &counts.writes) += tally->ok[i];
		counts.refused += tally->refused[i];
	}
	return counts;
}

static void tell_differences(const struct tally *calls, const struct tally *entries)
{
	for (size_t i = 0; i < calls->table->n_methods; i++)
		if (calls->ok[i] != entries->ok[i] || calls->refused[i] != entries->refused[i])
			story_say("%s: %lld OK and %lld refused, but %lld and %lld entries",
				  calls->table->methods[i].name, (long long)calls->ok[i], (long long)calls->refused[i],
				  (long long)entries->ok[i], (long long)entries->refused[i]);
}

static hm_status check_service(PGconn *connection, const struct tally *calls, int64_t *total)
{
	struct tally entries;
	struct counts made, logged;
	bool same;

	TRY(load(connection, calls->table, &entries));
	made = sum(calls);
	logged = sum(&entries);
	same = !memcmp(calls->ok, entries.ok, sizeof entries.ok) &&
	       !memcmp(calls->refused, entries.refused, sizeof entries.refused);
	story_check(same, "%-10s  calls: %lld reads, %lld writes, %lld refused   entries: %lld, %lld, %lld",
		    calls->table->short_name, (long long)made.reads, (long long)made.writes, (long long)made.refused,
		    (long long)logged.reads, (long long)logged.writes, (long long)logged.refused);
	tell_differences(calls, &entries);
	*total += made.reads + made.writes + made.refused;
	return HM_OK;
}

hm_status demo_audit(struct demo *demo)
{
	hm_status status = HM_OK;
	PGconn *connection;
	int64_t total = 0;

	story_act("Proof: every call left its audit entry, and nothing else did");
	TRY(sql_open(hm_cluster_dsn(demo->stage.cluster), "postgres", &connection));
	for (const struct tally *tally = tallies; tally->table && status == HM_OK; tally++)
		if (tally->table->schema)
			status = check_service(connection, tally, &total);
	PQfinish(connection);
	story_say("%lld calls in all, compared method by method", (long long)total);
	return status;
}
