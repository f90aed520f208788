/*
 * Outcome: was it committed? Asked when a connection broke after COMMIT was sent and before it was answered. PostgreSQL
 * keeps the fate of every recent transaction id; a transaction whose client vanished may stay in progress for a moment.
 *
 * A crash loses what was not yet in the log, and the ids with it: recovered, PostgreSQL gives them out again, and a stranger's
 * commit would answer for the lost one. What had been committed keeps its id. So after a recovery, a restart or a change of servers an
 * id that is not committed never was, and one that is says nothing. That there was one is told by when the server started and when the
 * statistics of the log began, which somebody may have reset by hand: then, too, no answer is wrong, though a commit is not known for
 * one. A standby does not know yet what its primary committed: it is asked again until it is a primary itself. An id that was not given
 * out again leaves an ERROR in PostgreSQL's log.
 */
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "store/error.h"
#include "store/tx.h"

enum { OUTCOME_US_MAX = 5 * HM_US_PER_S, PAUSE_MS = 20, XID_TEXT_BYTES = 24 };

static const char *const ask_parameters[] = { "xid", "recovery", NULL };

static const struct hm_query ask_query = {
	.name = "outcome",
	.sql = "SELECT CASE WHEN pg_is_in_recovery() THEN 'in progress'"
	       " WHEN " RECOVERY_SQL " = $2 THEN pg_xact_status($1)"
	       " ELSE coalesce(nullif(pg_xact_status($1), 'committed'), 'unknown') END "
	       "FROM pg_stat_wal",
	.rows = HM_ROWS_ONE,
	.parameters = ask_parameters,
	.file = __FILE__,
	.line = __LINE__,
};

/* pg_xact_status's word, in the arena; "unknown" or "" where it does not tell. */
static hm_status ask_once(struct hm_tx *lost, int64_t deadline_us, const char **ret_word)
{
	const struct hm_tx_options options = {
		.role = lost->options.role,
		.brand = lost->options.brand,
		.read_only = true,
		.deadline_us = deadline_us,
	};
	const char *xid = hm_arena_printf(lost->arena, "%llu", (unsigned long long)lost->xid);
	const struct hm_builtin builtins[] = { { "xid", xid }, { "recovery", lost->recovery }, { NULL, NULL } };
	PGresult *result = NULL;
	uint64_t page_size;
	struct hm_tx *tx;
	hm_status status;

	TRY(hm_tx_open(lost->store, lost->arena, &options, &tx));
	tx->needs_fresh = true;
	status = tx_statement_queue(tx, &ask_query, NULL, builtins, &page_size);
	if (status == HM_OK)
		status = pipeline_collect(tx, true, &result);
	if (tx->is_of_future) { /* lost, and not given out again */
		*ret_word = "aborted";
		status = HM_OK;
	} else if (status == HM_OK) {
		*ret_word = hm_arena_dup(tx->arena, PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0));
	}
	PQclear(result);
	hm_tx_rollback(tx);
	return status;
}

static hm_status raise_unknown(void)
{
	struct hm_error error;

	(void)!hm_raise(UNKNOWN,
			"the connection to PostgreSQL broke during the commit, and the outcome cannot be found out");
	error = *hm_error_get();
	error.maybe_processed = true;
	return hm_error_set(&error);
}

hm_status outcome_ask(struct hm_tx *lost)
{
	int64_t latest_us = hm_clock_mono_us() + OUTCOME_US_MAX;

	while (lost->xid && hm_clock_mono_us() < latest_us) {
		const char *word = "in progress";

		if (ask_once(lost, latest_us, &word) == HM_OK && strcmp(word, "in progress") != 0) {
			if (!strcmp(word, "committed"))
				return HM_OK;
			if (!strcmp(word, "aborted"))
				return hm_raise(UNAVAILABLE,
						"the connection to PostgreSQL broke; nothing was committed");
			break;
		}
		poll(NULL, 0, PAUSE_MS);
	}
	return raise_unknown();
}
