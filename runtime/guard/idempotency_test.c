/* Idempotency keys: one effect, the same reply, and everything that must not be mistaken for it. */
#include "guard/idempotency.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "echo/v1/echo.hm.h"
#include "identity/v1/identity.hm.h"
#include "tests/handled.h"

#define ADD(...)                                         \
	&(Notes__AddNoteRequest)                         \
	{                                                \
		NOTES_ADD_NOTE_REQUEST_BASE, __VA_ARGS__ \
	}

/* The context, for a call of its own with this key. */
static struct hm_context *keyed(struct hm_context *context, const char *key)
{
	hm_context_reset(context);
	context->idempotency_key = key;
	return context;
}

static hm_status add(struct fixture *f, struct hm_context *context, const char *key, const char *title,
		     Notes__Note **ret_note)
{
	return notes_add_note(f->channel, keyed(context, key), ADD(.title = title), ret_note);
}

static int64_t count_replayed(const struct fixture *f)
{
	return test_sql(f->dsn, "SELECT count(*) FROM notes.audit_log WHERE event_type = 'call.replayed'");
}

static void bytes_of(const Notes__Note *note, struct hm_buffer *ret_bytes)
{
	size_t size = notes__note__get_packed_size(note);

	hm_buffer_advance(ret_bytes, notes__note__pack(note, (uint8_t *)hm_buffer_reserve(ret_bytes, size)));
}

Test(idempotency, the_same_key_gives_the_same_reply_and_one_effect)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	struct hm_buffer first = { 0 }, second = { 0 };
	const char *tags[] = { "a", "", "c" };
	const Notes__AddNoteRequest request = { NOTES_ADD_NOTE_REQUEST_BASE, .title = "once", .body = "",
						HM_SET(amount, 0),           .n_tags = 3,     .tags = tags };
	Notes__Note *note;

	must(notes_add_note(f.channel, keyed(ana, "k"), &request, &note));
	cr_expect_null(ana->idempotency_key, "the key is of one call");
	bytes_of(note, &first);
	must(notes_add_note(f.channel, keyed(ana, "k"), &request, &note));
	bytes_of(note, &second);
	cr_assert_eq(first.size, second.size);
	cr_assert_arr_eq(first.data, second.data, first.size);
	cr_expect_eq(handled_count_notes(&f), 1);
	cr_expect_eq(fixture_audited(&f, "notes", ana), 1);
	cr_expect_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log a JOIN notes.audit_log b "
				     "ON b.details->>'replayed' = a.id::text WHERE a.event_type = 'note.added' "
				     "AND b.event_type = 'call.replayed' AND b.details->>'event' = 'note.added' "
				     "AND b.details->>'outcome' = 'OK' AND a.entity_id = b.entity_id"),
		     1);
	hm_buffer_fini(&first);
	hm_buffer_fini(&second);
}

Test(idempotency, the_same_key_with_another_request_is_refused)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note;

	must(add(&f, ana, "k", "one", &note));
	refuses(FAILED_PRECONDITION, add(&f, ana, "k", "another", &note));
	cr_expect_str_eq(hm_error_get()->reason, "IDEMPOTENCY_KEY_REUSED");
	cr_expect_eq(handled_count_notes(&f), 1);
	cr_expect_eq(fixture_audited(&f, "notes", ana), 1);
}

Test(idempotency, a_key_is_of_its_brand_caller_and_method)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *const callers[] = { fixture_user(&f, "loop", "ana"), fixture_user(&f, "loop", "ben"),
					       fixture_user(&f, "nova", "ana"), fixture_operator(&f, "loop") };
	Notes__Note *note;

	for (size_t i = 0; i < sizeof callers / sizeof *callers; i++)
		must(add(&f, callers[i], "k", "mine", &note));
	must(notes_release_after_write(f.channel, keyed(callers[0], "k"), ADD(.title = "mine"), &note));
	must(add(&f, callers[0], "kk", "mine", &note));
	must(add(&f, callers[0], NULL, "mine", &note));
	cr_expect_eq(handled_count_notes(&f), 7);
	cr_expect_eq(count_replayed(&f), 0);
}

Test(idempotency, a_key_may_hold_any_bytes_but_nul)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	char longest[HM_IDEMPOTENCY_KEY_BYTES + 2];
	const char *const keys[] = {
		"\x01", "\xff\xfe", "'; DROP TABLE notes; --", "\xc0\x80", "%s%n", "🗝", longest
	};
	Notes__Note *note;

	for (size_t i = 0; i < sizeof longest; i++)
		longest[i] = (char)(0x80 + i % 0x80);
	longest[HM_IDEMPOTENCY_KEY_BYTES] = '\0';
	for (int twice = 0; twice < 2; twice++)
		for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
			must(add(&f, ana, keys[i], "odd", &note));
	cr_expect_eq(handled_count_notes(&f), sizeof keys / sizeof *keys);
	longest[HM_IDEMPOTENCY_KEY_BYTES] = 'x';
	longest[HM_IDEMPOTENCY_KEY_BYTES + 1] = '\0';
	refuses(INVALID_ARGUMENT, add(&f, ana, longest, "odd", &note));
	refuses(INVALID_ARGUMENT, add(&f, ana, "", "odd", &note));
}

Test(idempotency, denials_and_requests_against_the_rules_are_not_kept)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana"), *reader;
	Notes__Note *note;

	reader = fixture_user_with(&f, "loop", "ben", "notes.read", NULL);
	refuses(PERMISSION_DENIED, add(&f, reader, "k", "denied", &note));
	refuses(INVALID_ARGUMENT, add(&f, ana, "k", NULL, &note));
	cr_expect_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.idempotent_reply"), 0);
	must(add(&f, ana, "k", "in order", &note));
	cr_expect_eq(count_replayed(&f), 0);
}

Test(idempotency, a_failure_that_left_nothing_is_not_kept)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note;

	for (int i = 0; i < 2; i++)
		refuses(FAILED_PRECONDITION,
			notes_fail_after_write(f.channel, keyed(ana, "k"), ADD(.title = "gone"), &note));
	cr_expect_eq(count_replayed(&f), 0);
	cr_expect_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log WHERE event_type = 'call.failed'"), 2);
	cr_expect_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.idempotent_reply"), 0);
}

Test(idempotency, a_refusal_that_kept_something_is_kept)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	char message[HM_MESSAGE_BYTES];
	Notes__Note *note;

	refuses(FAILED_PRECONDITION, notes_refuse_after_write(f.channel, keyed(ana, "k"), ADD(.title = "kept"), &note));
	snprintf(message, sizeof message, "%s", hm_error_get()->message);
	refuses(FAILED_PRECONDITION, notes_refuse_after_write(f.channel, keyed(ana, "k"), ADD(.title = "kept"), &note));
	cr_expect_str_eq(hm_error_get()->message, message, "it names the note that stayed");
	cr_expect_eq(handled_count_notes(&f), 1);
	cr_expect_eq(fixture_audited(&f, "notes", ana), 1);
	cr_expect_eq(count_replayed(&f), 1);
}

Test(idempotency, a_secret_reply_is_not_kept_but_that_it_was_done)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__SecretNoteReply *reply;

	must(notes_secret_note(f.channel, keyed(ana, "k"), ADD(.title = "sealed"), &reply));
	refuses(ALREADY_EXISTS, notes_secret_note(f.channel, keyed(ana, "k"), ADD(.title = "sealed"), &reply));
	cr_expect_str_eq(hm_error_get()->reason, "REPLY_NOT_KEPT");
	cr_expect_eq(handled_count_notes(&f), 1);
	cr_expect_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.idempotent_reply WHERE reply IS NULL AND outcome = 0"),
		     1);
	cr_expect_eq(count_replayed(&f), 1);
}

Test(idempotency, who_reads_the_table_cannot_try_out_what_a_request_was)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note;

	must(add(&f, ana, "a", "my password", &note));
	must(add(&f, ana, "b", "my password", &note));
	cr_expect_eq(test_sql(f.dsn, "SELECT count(DISTINCT request_hash) FROM notes.idempotent_reply"), 2,
		     "the hash is of the request alone");
}

Test(idempotency, nobody_has_no_keys)
{
	struct fixture f = fixture_serving(&identity_service);
	const Identity__RevokeRequest request = { IDENTITY_REVOKE_REQUEST_BASE,
						  .client_id = "00000000-0000-7000-8000-000000000000", .token = "x" };
	Identity__RevokeReply *reply;

	refuses(INVALID_ARGUMENT,
		identity_revoke(f.channel, keyed(fixture_anonymous(&f, "loop"), "k"), &request, &reply));
	cr_expect(strstr(hm_error_get()->message, "idempotency key"), "%s", hm_error_get()->message);
}

Test(idempotency, a_stream_takes_no_key)
{
	struct fixture f = fixture_serving(&notes_service);
	struct notes_import_notes *stream = NULL;
	Notes__ImportNotesReply *reply;

	must(notes_import_notes(f.channel, keyed(fixture_user(&f, "loop", "ana"), "k"), &stream));
	refuses(INVALID_ARGUMENT, notes_import_notes_finish(stream, &reply));
	notes_import_notes_close(stream);
	cr_expect_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.idempotent_reply"), 0);
}

Test(idempotency, a_handler_may_call_others_first_or_let_go_of_its_transaction)
{
	static const struct hm_service *const both[] = { &notes_service, &echo_service, NULL };
	struct fixture f = fixture_serving_all(both, NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	const Notes__NoteCallerRequest asking = { NOTES_NOTE_CALLER_REQUEST_BASE };
	Notes__Note *note;

	for (int i = 0; i < 2; i++) {
		must(notes_note_caller(f.channel, keyed(ana, "k"), &asking, &note));
		must(notes_release_after_write(f.channel, keyed(ana, "k"), ADD(.title = "released"), &note));
	}
	cr_expect_eq(handled_count_notes(&f), 2);
	cr_expect_eq(count_replayed(&f), 2);
}

/* ---- Two at once ---------------------------------------------------------------------------------------------------- */

struct slow {
	struct fixture *f;
	struct hm_context *context;
	hm_status status;
};

static hm_status add_slowly(struct fixture *f, struct hm_context *context, double seconds)
{
	const Notes__AddSlowNoteRequest request = { NOTES_ADD_SLOW_NOTE_REQUEST_BASE, .title = "slow",
						    HM_SET(seconds, seconds) };
	Notes__Note *note;

	return notes_add_slow_note(f->channel, keyed(context, "k"), &request, &note);
}

static void *run_slow(void *user)
{
	struct slow *slow = user;

	slow->status = add_slowly(slow->f, slow->context, 300);
	return NULL;
}

Test(idempotency, of_two_at_once_one_runs, .timeout = 60)
{
	struct fixture f = fixture_serving(&notes_service);
	struct slow slow = { .f = &f, .context = fixture_user(&f, "loop", "ana") };
	struct hm_context *also_ana = fixture_user(&f, "loop", "ana");
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, run_slow, &slow), 0);
	while (!test_sql(
		f.dsn,
		"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"))
		sched_yield();
	refuses(ABORTED, add_slowly(&f, also_ana, 300));
	cr_expect_str_eq(hm_error_get()->reason, "IDEMPOTENCY_KEY_BUSY");
	cr_expect_gt(hm_error_get()->retry_after_ms, 0);
	hm_context_cancel(slow.context);
	pthread_join(thread, NULL);
	cr_expect_eq(slow.status, HM_CANCELLED);
	while (add_slowly(&f, also_ana, 0) == HM_ABORTED)
		sched_yield();
	must(add_slowly(&f, also_ana, 0));
	cr_expect_eq(handled_count_notes(&f), 1, "what was cancelled was not kept, what came then was");
}

enum { CROWD = 8 };

static void *insist(void *user)
{
	struct slow *one = user;
	Notes__Note *note;

	while ((one->status = add(one->f, one->context, "k", "one of many", &note)) == HM_ABORTED)
		sched_yield();
	return NULL;
}

Test(idempotency, many_at_once_all_get_the_one_reply, .timeout = 60)
{
	struct fixture f = fixture_serving(&notes_service);
	struct slow crowd[CROWD];
	pthread_t threads[CROWD];

	for (int i = 0; i < CROWD; i++) {
		crowd[i] = (struct slow){ .f = &f, .context = fixture_user(&f, "loop", "ana") };
		cr_assert_eq(pthread_create(&threads[i], NULL, insist, &crowd[i]), 0);
	}
	for (int i = 0; i < CROWD; i++) {
		pthread_join(threads[i], NULL);
		cr_expect_eq(crowd[i].status, HM_OK, "%s", hm_status_name(crowd[i].status));
	}
	cr_expect_eq(handled_count_notes(&f), 1);
	cr_expect_eq(count_replayed(&f), CROWD - 1);
}

/* ---- Several steps --------------------------------------------------------------------------------------------------- */

static hm_status step_and_go_on(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply)
{
	TRY(handled_insert(call, request, reply));
	TRY(hm_step(call, "note.stepped"));
	return handled_insert(call, request, reply);
}

Test(idempotency, a_call_of_steps_is_done_once_as_a_whole)
{
	struct fixture f = handled_serving(step_and_go_on, NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");

	for (int i = 0; i < 2; i++)
		must(handled_run(&f, keyed(ana, "k")));
	cr_expect_eq(handled_count_notes(&f), 2);
	cr_expect_eq(count_replayed(&f), 1);
}

static hm_status step_and_fail(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply)
{
	TRY(handled_insert(call, request, reply));
	TRY(hm_step(call, "note.stepped"));
	TRY(handled_insert(call, request, reply));
	return hm_fail(call, FAILED_PRECONDITION, "the second half of %s cannot be had", request->title);
}

Test(idempotency, a_failure_after_a_step_is_kept_for_the_step_is)
{
	struct fixture f = handled_serving(step_and_fail, NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");

	refuses(FAILED_PRECONDITION, handled_run(&f, keyed(ana, "k")));
	cr_expect_eq(fixture_audited(&f, "notes", ana), 2, "the step's entry and the call's");
	refuses(FAILED_PRECONDITION, handled_run(&f, keyed(ana, "k")));
	cr_expect_str_eq(hm_error_get()->message, "the second half of a note cannot be had");
	cr_expect_eq(fixture_audited(&f, "notes", ana), 1);
	cr_expect_eq(handled_count_notes(&f), 1);
	cr_expect_eq(count_replayed(&f), 1);
}

/* As if the process had died behind the step. */
Test(idempotency, steps_that_were_left_alone_are_not_done_again)
{
	struct fixture f = handled_serving(step_and_go_on, NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");

	must(handled_run(&f, keyed(ana, "k")));
	test_sql(f.dsn, "UPDATE notes.idempotent_reply SET outcome = NULL, reply = NULL, audit_id = gen_random_uuid()");
	refuses(ABORTED, handled_run(&f, keyed(ana, "k")));
	cr_expect_str_eq(hm_error_get()->reason, "IDEMPOTENCY_KEY_BUSY");
	test_sql(f.dsn, "UPDATE notes.idempotent_reply SET busy_until = now() - interval '1 second'");
	refuses(FAILED_PRECONDITION, handled_run(&f, keyed(ana, "k")));
	cr_expect_str_eq(hm_error_get()->reason, "IDEMPOTENCY_KEY_UNFINISHED");
	cr_expect_eq(handled_count_notes(&f), 2);
}

/* ---- The end of it --------------------------------------------------------------------------------------------------- */

Test(idempotency, what_has_expired_is_removed_by_the_system_role_and_nothing_else)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana"), *nova = fixture_user(&f, "nova", "nia");
	SCOPED(hm_store) store = NULL;
	Notes__Note *note;

	must(add(&f, ana, "old", "a", &note));
	must(add(&f, nova, "old", "a", &note));
	must(add(&f, ana, "new", "a", &note));
	cr_expect_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.idempotent_reply WHERE "
				     "expires_at BETWEEN now() + interval '23 hours' AND now() + interval '24 hours'"),
		     3);
	test_sql(f.dsn, "UPDATE notes.idempotent_reply r SET expires_at = now() - interval '1 second' "
			"WHERE audit_id <> (SELECT max(audit_id::text)::uuid FROM notes.idempotent_reply)");
	must(add(&f, ana, "old", "b", &note)); /* it is void before it is removed */
	must(hm_store_open(&(struct hm_store_config){ .service = "notes", .dsn = f.dsn }, &store));
	must(hm_idempotency_expire(store));
	cr_expect_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.idempotent_reply"), 2, "nova's old one is gone");
	cr_expect_eq(count_replayed(&f), 0);
}

Test(idempotency, a_connection_that_died_in_the_pool_is_not_noticed)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note;

	must(add(&f, ana, "k", "before", &note));
	test_sql(f.dsn, "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity "
			"WHERE datname = current_database() AND usename = 'notes_app'");
	must(add(&f, ana, "k", "before", &note));
	cr_expect_eq(handled_count_notes(&f), 1);
}
