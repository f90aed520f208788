/*
 * Entries: how many a call leaves where that is not plainly one. PostgreSQL lets the service's own role in no more, and the one that
 * writes the audit log it does: so the calls fail, and that they did is recorded.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/clock_manual.h"
#include "base/log.h"
#include "client/attempt.h"
#include "tests/handled.h"
#include "tests/relay.h"

enum { OUTCOME_MS = 5000 };

static void lock_out(const struct fixture *f)
{
	(void)test_sql(f->dsn, "DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC, notes_app', "
			       "current_database()); EXECUTE format('GRANT CONNECT ON DATABASE %I TO notes_system', "
			       "current_database()); END $$");
}

#define SESSIONS "FROM pg_stat_activity WHERE datname = current_database() AND usename = 'notes_app'"

static void end_sessions(const struct fixture *f)
{
	(void)test_sql(f->dsn, "SELECT count(pg_terminate_backend(pid)) " SESSIONS);
	while (test_sql(f->dsn, "SELECT count(*) " SESSIONS))
		sched_yield();
}

/* The entries of the context's request that say so; what: a condition. */
static int64_t count_entries(const struct fixture *f, const struct hm_context *context, const char *what)
{
	char id[HM_ID_TEXT_BYTES], sql[300];

	hm_id_format(&context->request_id, id);
	snprintf(sql, sizeof sql, "SELECT count(*) FROM notes.audit_log WHERE request_id = '%s' AND %s", id, what);
	return test_sql(f->dsn, sql);
}

Test(entries, each_attempt_of_a_call_made_again_has_one_that_says_which, .timeout = 60)
{
	struct fixture f = handled_serving(handled_insert, NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	const Notes__ListNotesRequest request = { NOTES_LIST_NOTES_REQUEST_BASE };
	Notes__ListNotesReply *notes;
	char what[100];

	lock_out(&f);
	end_sessions(&f);
	refuses(UNAVAILABLE, notes_list_notes(f.channel, ana, &request, &notes));
	cr_expect_eq(count_entries(&f, ana, "details->>'outcome' = 'UNAVAILABLE'"), HM_ATTEMPTS);
	cr_expect_eq(count_entries(&f, ana, "details->'attempt' IS NULL"), 1);
	for (int attempt = 2; attempt <= HM_ATTEMPTS; attempt++) {
		snprintf(what, sizeof what, "details->>'attempt' = '%d'", attempt);
		cr_expect_eq(count_entries(&f, ana, what), 1, "attempt %d", attempt);
	}
}

Test(entries, a_call_that_is_not_made_again_has_one, .timeout = 60)
{
	struct fixture f = handled_serving(handled_insert, NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");

	lock_out(&f);
	end_sessions(&f);
	refuses(UNAVAILABLE, handled_run(&f, ana));
	cr_expect_not(hm_error_get()->maybe_processed);
	cr_expect_eq(count_entries(&f, ana, "details->>'outcome' = 'UNAVAILABLE'"), 1);
	cr_expect_eq(fixture_audited(&f, "notes", ana), 1);
}

/* ---- A commit whose answer is lost, and whose outcome nobody can be asked for ------------------------------------------ */

static struct doubted {
	struct fixture f;
	struct hm_context *context;
	bool is_cut;
	hm_status status;
	struct hm_error error;
	atomic_bool is_over;
} doubted;

static hm_status insert_and_be_cut(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply)
{
	TRY(handled_insert(call, request, reply));
	if (!doubted.is_cut)
		return HM_OK;
	lock_out(&doubted.f);
	relay_cut_next(doubted.f.relay);
	return HM_OK;
}

static void *call(void *user)
{
	(void)user;
	doubted.status = handled_run(&doubted.f, doubted.context);
	doubted.error = *hm_error_get();
	atomic_store(&doubted.is_over, true);
	return NULL;
}

Test(entries, a_commit_in_doubt_has_the_one_of_its_rows, .timeout = 60, .init = hm_clock_take)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000000 };
	pthread_t thread;

	hm_log_set_level(HM_LOG_OFF); /* it would say that the entry cannot be written */
	fixture_put_relay();
	doubted.f = handled_serving(insert_and_be_cut, NULL);
	doubted.context = fixture_user(&doubted.f, "loop", "ana");
	must(handled_run(&doubted.f,
			 doubted.context)); /* from now on the entry is known to PostgreSQL, and goes with the commit */
	hm_context_reset(doubted.context);
	doubted.is_cut = true;
	cr_assert_eq(pthread_create(&thread, NULL, call, NULL), 0);
	/* Once more where no time was counted yet. */
	for (; !atomic_load(&doubted.is_over); nanosleep(&pause, NULL))
		if (handled_count_notes(&doubted.f) == 2)
			hm_clock_advance_ms(OUTCOME_MS);
	pthread_join(thread, NULL);
	cr_expect_eq(doubted.status, HM_UNKNOWN, "%s: %s", hm_status_name(doubted.status), doubted.error.message);
	cr_expect(doubted.error.maybe_processed);
	cr_expect_eq(handled_count_notes(&doubted.f), 2);
	cr_expect_eq(count_entries(&doubted.f, doubted.context, "details->>'outcome' = 'OK'"), 1);
	cr_expect_eq(fixture_audited(&doubted.f, "notes", doubted.context), 1);
}
