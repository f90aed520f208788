/* Guard: what is wrapped around a call that streams: its two entries, its transactions, and whether it may go on. */
#include <stdio.h>
#include <string.h>

#include "base/clock_manual.h"
#include "guard/guard.h"
#include "guard/lease.h"
#include "notes/v1/notes.hm.h"
#include "tests/fixture.h"
#include "tests/rpc_world.h"
#include "tests/services.h"

#define ADD(...)                                         \
	&(Notes__AddNoteRequest)                         \
	{                                                \
		NOTES_ADD_NOTE_REQUEST_BASE, __VA_ARGS__ \
	}

#define ENTRIES "SELECT count(*) FROM notes.audit_log WHERE "

static const Notes__StreamNotesRequest pages_of_two = { NOTES_STREAM_NOTES_REQUEST_BASE, HM_SET(page_size, 2) };

/* Imports so many notes; the last one may have a title that does something. */
static hm_status import(struct fixture *f, struct hm_context *context, int count, const char *last,
			Notes__ImportNotesReply **ret_reply)
{
	SCOPED(notes_import_notes) stream = NULL;

	TRY(notes_import_notes(f->channel, context, &stream));
	for (int i = 1; i <= count; i++)
		TRY(notes_import_notes_send(stream, ADD(.title = i == count && last ? last : "a note")));
	return notes_import_notes_finish(stream, ret_reply);
}

static int read_all(struct fixture *f, struct hm_context *context)
{
	SCOPED(notes_stream_notes) stream = NULL;
	Notes__Note *note;
	int count = 0;

	must(notes_stream_notes(f->channel, context, &pages_of_two, &stream));
	for (;; count++) {
		must(notes_stream_notes_next(stream, &note));
		if (!note)
			return count;
		cr_assert_str_eq(note->brand_id, context->brand);
	}
}

Test(guard_stream, an_entry_says_that_it_was_opened_and_another_how_it_was)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__ImportNotesReply *reply;

	must(import(&f, ana, 5, NULL, &reply));
	hm_context_reset(ana);
	cr_assert_eq(read_all(&f, ana), 5);
	cr_assert_eq(fixture_audited(&f, "notes", ana), 2);
	cr_assert_eq(test_sql(f.dsn, ENTRIES "event_type = 'note.streamed' AND details->>'outcome' = 'OPENED' AND "
					     "details->'request' = '{\"pageSize\": 2}' AND NOT details ? 'bytes_sent'"),
		     1);
	cr_assert_eq(test_sql(f.dsn, ENTRIES "event_type = 'note.streamed' AND details->>'outcome' = 'OK' AND "
					     "details->>'messages_sent' = '5' AND (details->>'bytes_sent')::int > 100 "
					     "AND NOT details ? 'bytes_received'"),
		     1);
	cr_assert_eq(test_sql(f.dsn, ENTRIES "details->>'span' = (SELECT details->>'parent' FROM notes.audit_log WHERE "
					     "event_type = 'note.streamed' AND details->>'outcome' = 'OPENED')"),
		     1, "the opening is the call's child");
	cr_assert(!hm_id_is_zero(&ana->audit_id));
}

Test(guard_stream, the_opening_is_known_while_it_goes_on)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	SCOPED(notes_answer_notes) stream = NULL;
	Notes__Note *note, *answer;

	must(notes_add_note(f.channel, ana, ADD(.title = "x"), &note));
	must(notes_answer_notes(f.channel, ana, &stream));
	must(notes_answer_notes_send(stream, &(Notes__GetNoteRequest){ NOTES_GET_NOTE_REQUEST_BASE, .id = note->id }));
	must(notes_answer_notes_next(stream, &answer));
	cr_assert_eq(test_sql(f.dsn, ENTRIES "event_type = 'note.answered' AND details->>'outcome' = 'OPENED'"), 1);
	cr_assert_eq(test_sql(f.dsn, ENTRIES "event_type = 'note.answered'"), 1);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
				     "AND state LIKE 'idle in transaction%'"),
		     0);
	must(notes_answer_notes_end(stream));
	must(notes_answer_notes_next(stream, &answer));
	cr_assert_null(answer);
	cr_assert_eq(test_sql(f.dsn, ENTRIES "event_type = 'note.answered' AND details->>'messages_received' = '1' "
					     "AND details->>'messages_sent' = '1'"),
		     1);
}

Test(guard_stream, steps_stay_and_the_last_batch_commits_with_the_call)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__ImportNotesReply *reply;

	must(import(&f, ana, 25, NULL, &reply));
	cr_assert_eq(reply->count, 25);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes"), 25);
	cr_assert_eq(test_sql(f.dsn, ENTRIES "event_type = 'note.batch_imported'"), 2);
	cr_assert_eq(test_sql(f.dsn, ENTRIES "event_type = 'note.imported'"), 2);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(DISTINCT a.xmin::text) FROM notes.notes n, notes.audit_log a "
				     "WHERE a.event_type = 'note.imported' AND a.xmin = n.xmin AND "
				     "a.entity_id = n.id::text"),
		     1, "the close commits with the last rows");
}

Test(guard_stream, what_fails_keeps_its_steps_alone)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__ImportNotesReply *reply;

	refuses(ABORTED, import(&f, ana, 15, "abort", &reply));
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes"), 10);
	cr_assert_eq(test_sql(f.dsn, ENTRIES "event_type = 'call.failed' AND details->>'messages_received' = '15' AND "
					     "details->>'outcome' = 'ABORTED'"),
		     1);
}

Test(guard_stream, no_transaction_is_held_open_while_it_waits)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__ImportNotesReply *reply;

	refuses(FAILED_PRECONDITION, import(&f, ana, 1, "hold", &reply));
	cr_assert(strstr(hm_error_get()->message, "hm_release"), "%s", hm_error_get()->message);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes"), 0);
}

Test(guard_stream, each_request_is_held_to_the_contract)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__ImportNotesReply *reply;
	SCOPED(notes_import_notes) stream = NULL;

	refuses(INVALID_ARGUMENT, import(&f, ana, 2, "", &reply));
	cr_assert_str_eq(hm_error_get()->violations[0].field, "title");
	must(notes_import_notes(f.channel, ana, &stream));
	must(notes_import_notes_send(stream, ADD(.title = "x", .brand_id = "nova")));
	refuses(PERMISSION_DENIED, notes_import_notes_finish(stream, &reply));
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes"), 0);
}

Test(guard_stream, who_is_not_admitted_leaves_one_entry)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ben = fixture_user_with(&f, "loop", "ben", "notes.read", NULL);
	Notes__ImportNotesReply *reply;

	refuses(PERMISSION_DENIED, import(&f, ben, 1, NULL, &reply));
	cr_assert_eq(fixture_audited(&f, "notes", ben), 1);
	cr_assert_eq(test_sql(f.dsn, ENTRIES "event_type = 'call.denied'"), 1);
}

static char note_id[HM_ID_TEXT_BYTES]; /* what waiting asked for */

/* A stream that has answered once and waits for the next question. */
static struct notes_answer_notes *waiting(struct fixture *f, struct hm_context *context)
{
	struct notes_answer_notes *stream;
	Notes__Note *note, *answer;

	must(notes_add_note(f->channel, context, ADD(.title = "x"), &note));
	snprintf(note_id, sizeof note_id, "%s", note->id);
	must(notes_answer_notes(f->channel, context, &stream));
	must(notes_answer_notes_send(stream, &(Notes__GetNoteRequest){ NOTES_GET_NOTE_REQUEST_BASE, .id = note_id }));
	must(notes_answer_notes_next(stream, &answer));
	return stream;
}

Test(guard_stream, it_ends_when_its_brand_is_suspended)
{
	struct fixture f = fixture_serving(&notes_service);
	SCOPED(notes_answer_notes) loop = waiting(&f, fixture_user(&f, "loop", "ana"));
	SCOPED(notes_answer_notes) nova = waiting(&f, fixture_user(&f, "nova", "ana"));
	Notes__Note *answer;

	hm_lease_put_brand(hm_host_lease(f.host), "loop", false);
	refuses(PERMISSION_DENIED, notes_answer_notes_next(loop, &answer));
	cr_assert_str_eq(hm_error_get()->reason, "BRAND_SUSPENDED");
	cr_assert_eq(test_sql(f.dsn, ENTRIES "brand_id = 'loop' AND event_type = 'call.failed' AND "
					     "details->>'reason' = 'BRAND_SUSPENDED'"),
		     1);
	must(notes_answer_notes_end(nova));
	must(notes_answer_notes_next(nova, &answer));
	cr_assert_null(answer, "another brand's goes on");
}

Test(guard_stream, it_ends_when_its_token_is_revoked)
{
	struct fixture f = fixture_serving(&notes_service);
	SCOPED(notes_answer_notes) stream = waiting(&f, fixture_user(&f, "loop", "ana"));
	int64_t now_us = hm_clock_wall_us();
	Notes__Note *answer;

	hm_lease_put_revocation(hm_host_lease(f.host), "loop", "ana", now_us, now_us + 3600LL * HM_US_PER_S);
	refuses(UNAUTHENTICATED, notes_answer_notes_next(stream, &answer));
	cr_assert_str_eq(hm_error_get()->reason, "TOKEN_REVOKED");
}

Test(guard_stream, it_ends_when_its_token_has_expired, .init = hm_clock_hold)
{
	struct fixture f = fixture_serving(&notes_service);
	SCOPED(notes_answer_notes) stream = waiting(&f, fixture_user(&f, "loop", "ana"));
	Notes__Note *answer;

	hm_clock_advance_ms(3600 * 1000);
	refuses(UNAUTHENTICATED, notes_answer_notes_next(stream, &answer));
	cr_assert_str_eq(hm_error_get()->reason, "TOKEN_EXPIRED");
}

enum { LOOKS_EVERY_MS = 250 }; /* whether it may go on */

static _Atomic bool was_told;

/* News of brands and revocations, once. */
static hm_status tell_once(struct hm_lease *lease, struct hm_channel *channel, struct hm_context *context)
{
	(void)channel;
	(void)context;
	if (atomic_exchange(&was_told, true))
		return hm_raise(UNAVAILABLE, "told once already");
	hm_lease_put_brand(lease, "loop", true);
	hm_lease_renew(lease, HM_LEASE_BRANDS, hm_clock_mono_us());
	hm_lease_renew(lease, HM_LEASE_REVOCATIONS, hm_clock_mono_us());
	return HM_OK;
}

Test(guard_stream, it_ends_when_the_last_news_are_five_seconds_old, .init = hm_clock_hold)
{
	struct hm_service *told_once = fixture_altered(&notes_service);
	const struct hm_service *const services[] = { told_once, NULL };
	SCOPED(notes_answer_notes) stream = NULL;
	Notes__Note *answer;
	struct fixture f;

	told_once->feed_lease = tell_once;
	f = fixture_serving_all(services, services);
	stream = waiting(&f, fixture_user(&f, "loop", "ana"));
	hm_clock_advance_ms(4999);
	must(notes_answer_notes_send(stream, &(Notes__GetNoteRequest){ NOTES_GET_NOTE_REQUEST_BASE, .id = note_id }));
	must(notes_answer_notes_next(stream, &answer));
	hm_clock_advance_ms(LOOKS_EVERY_MS);
	refuses(UNAVAILABLE, notes_answer_notes_next(stream, &answer));
	cr_assert_str_eq(hm_error_get()->reason, "LEASE_EXPIRED");
}

Test(guard_stream, a_caller_that_goes_away_leaves_its_entries)
{
	struct fixture f = fixture_serving(&notes_service);

	notes_answer_notes_close(waiting(&f, fixture_user(&f, "loop", "ana")));
	rpc_wait_for(test_sql(f.dsn, ENTRIES "event_type = 'call.failed' AND details->>'outcome' = 'CANCELLED' AND "
					     "details->>'messages_sent' = '1'") == 1);
}

Test(guard_stream, an_idempotency_key_is_not_for_it)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__ImportNotesReply *reply;

	ana->idempotency_key = "once";
	refuses(INVALID_ARGUMENT, import(&f, ana, 1, NULL, &reply));
}

Test(guard_stream, a_query_alone_cannot_be_one)
{
	SCOPED(hm_guard) guard = NULL;
	struct hm_service_table table = notes_table;
	struct hm_service service = notes_service;
	const struct hm_guarded guarded = { .service = &service };
	static struct hm_method methods[64];

	cr_assert_leq(table.n_methods, 64);
	memcpy(methods, notes_table.methods, table.n_methods * sizeof *methods);
	for (size_t i = 0; i < table.n_methods; i++)
		if (strstr(methods[i].name, "/ListNotes"))
			methods[i].kind = HM_SERVER_STREAM;
	table.methods = methods;
	service.table = &table;
	refuses(FAILED_PRECONDITION,
		hm_guard_open(&(struct hm_guard_config){ .services = &guarded, .n_services = 1 }, &guard));
	cr_assert(strstr(hm_error_get()->message, "ListNotes streams, and has no handler"), "%s",
		  hm_error_get()->message);
}
