/* Guard: what is wrapped around every call, on the notes service and a real database. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "crypto/token.h"
#include "guard/lease.h"
#include "notes/v1/notes.hm.h"
#include "platform/v1/platform.hm.h"
#include "tests/fixture.h"
#include "tests/services.h"

#define ADD(...)                                         \
	&(Notes__AddNoteRequest)                         \
	{                                                \
		NOTES_ADD_NOTE_REQUEST_BASE, __VA_ARGS__ \
	}

static Notes__Note *added(struct fixture *f, struct hm_context *context, const char *title)
{
	Notes__Note *note;

	must(notes_add_note(f->channel, context, ADD(.title = title), &note));
	return note;
}

static hm_status get(struct fixture *f, struct hm_context *context, const char *id, Notes__Note **ret_note)
{
	return notes_get_note(f->channel, context, &(Notes__GetNoteRequest){ NOTES_GET_NOTE_REQUEST_BASE, .id = id },
			      ret_note);
}

Test(guard, a_write_and_its_entry_commit_together)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note = added(&f, ana, "hello");

	cr_assert_str_eq(note->title, "hello");
	cr_assert_str_eq(note->brand_id, "loop");
	cr_assert_eq(fixture_audited(&f, "notes", ana), 1);
	cr_assert_eq(test_sql(f.dsn,
			      "SELECT count(*) FROM notes.audit_log a JOIN notes.notes n ON a.entity_id = n.id::text "
			      "WHERE event_type = 'note.added' AND actor_id = 'ana' AND actor_type = 'user' AND "
			      "a.brand_id = 'loop' "
			      "AND details->>'outcome' = 'OK' AND details->'request' = '{\"title\": \"hello\"}'"),
		     1);
	cr_assert(!hm_id_is_zero(&ana->audit_id));
}

Test(guard, a_read_is_audited_before_its_reply)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note = added(&f, ana, "hello"), *read;
	char id[HM_ID_TEXT_BYTES];

	snprintf(id, sizeof id, "%s", note->id);
	hm_context_reset(ana);
	must(get(&f, ana, id, &read));
	cr_assert_str_eq(read->title, "hello");
	cr_assert_eq(fixture_audited(&f, "notes", ana), 1);
}

Test(guard, another_brand_sees_nothing_and_that_is_audited)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana"), *eve = fixture_user(&f, "nova", "eve");
	Notes__Note *note = added(&f, ana, "hello"), *read;
	Notes__ListNotesReply *list;

	refuses(NOT_FOUND, get(&f, eve, note->id, &read));
	cr_assert_str_eq(hm_error_get()->message, hm_arena_printf(&ana->arena, "no note %s", note->id));
	cr_assert_eq(fixture_audited(&f, "notes", eve), 1);
	must(notes_list_notes(f.channel, eve, &(Notes__ListNotesRequest){ NOTES_LIST_NOTES_REQUEST_BASE }, &list));
	cr_assert_eq(list->n_notes, 0);
}

Test(guard, what_was_written_before_a_release_is_gone)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note;

	must(notes_release_after_write(f.channel, ana, ADD(.title = "hello"), &note));
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes"), 1);
	cr_assert_eq(fixture_audited(&f, "notes", ana), 1);
	cr_assert_eq(
		test_sql(f.dsn, "SELECT count(*) FROM notes.notes JOIN notes.audit_log ON entity_id = notes.id::text"),
		1);
}

Test(guard, a_failed_write_leaves_nothing_but_its_entry)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note;

	refuses(FAILED_PRECONDITION, notes_fail_after_write(f.channel, ana, ADD(.title = "gone"), &note));
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes"), 0);
	cr_assert_eq(test_sql(f.dsn,
			      "SELECT count(*) FROM notes.audit_log WHERE event_type = 'call.failed' AND "
			      "details->>'outcome' = 'FAILED_PRECONDITION' AND details->>'event' = 'note.failed'"),
		     1);
}

Test(guard, a_refused_write_keeps_what_was_written)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note;

	refuses(FAILED_PRECONDITION, notes_refuse_after_write(f.channel, ana, ADD(.title = "kept"), &note));
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes WHERE title = 'kept'"), 1);
	cr_assert_eq(fixture_audited(&f, "notes", ana), 1);
}

Test(guard, phi_never_reaches_the_audit_log)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note;

	must(notes_add_note(f.channel, ana, ADD(.title = "visit", .body = "diagnosis-7731"), &note));
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes WHERE body = 'diagnosis-7731'"), 1);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log WHERE details::text LIKE '%7731%'"), 0);
}

Test(guard, every_wrong_field_is_named_at_once)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note;

	refuses(INVALID_ARGUMENT, notes_add_note(f.channel, ana, ADD(HM_SET(amount, 5000000)), &note));
	cr_assert_eq(hm_error_get()->n_violations, 2);
	cr_assert_eq(fixture_audited(&f, "notes", ana), 1);
}

Test(guard, a_brand_id_in_the_request_must_be_the_calls)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note;

	refuses(PERMISSION_DENIED, notes_add_note(f.channel, ana, ADD(.title = "x", .brand_id = "nova"), &note));
	must(notes_add_note(f.channel, ana, ADD(.title = "x", .brand_id = "loop"), &note));
}

struct denial {
	const char *reason;
	struct hm_context *context;
	hm_status status;
};

Test(guard, who_is_not_admitted_is_told_why_and_audited)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *mixed = fixture_user(&f, "loop", "ana"), *torn = fixture_user(&f, "loop", "ana");
	char *token = hm_arena_strdup(&torn->arena, torn->token);
	Notes__Note *note;

	snprintf(mixed->brand, sizeof mixed->brand, "nova");
	token[40] = token[40] == 'A' ? 'B' : 'A';
	torn->token = token;
	const struct denial denials[] = {
		{ "BRAND_MISSING", fixture_anonymous(&f, NULL), HM_UNAUTHENTICATED },
		{ "TOKEN_MISSING", fixture_anonymous(&f, "loop"), HM_UNAUTHENTICATED },
		{ "BRAND_UNKNOWN", fixture_user(&f, "nobody", "ana"), HM_PERMISSION_DENIED },
		{ "BRAND_SUSPENDED", fixture_user(&f, "closed", "ana"), HM_PERMISSION_DENIED },
		{ "BRAND_MISMATCH", mixed, HM_PERMISSION_DENIED },
		{ "BRAND_RESERVED", fixture_user(&f, "system", "ana"), HM_PERMISSION_DENIED },
		{ "PERMISSION_MISSING", fixture_user_with(&f, "loop", "bob", "notes.read", NULL),
		  HM_PERMISSION_DENIED },
		{ "", torn, HM_UNAUTHENTICATED },
	};

	for (size_t i = 0; i < sizeof denials / sizeof *denials; i++) {
		hm_status status = notes_add_note(f.channel, denials[i].context, ADD(.title = "x"), &note);

		cr_assert_eq(status, denials[i].status, "%s: %s", denials[i].reason, hm_error_get()->message);
		if (*denials[i].reason)
			cr_assert_str_eq(hm_error_get()->reason, denials[i].reason);
		cr_assert_eq(fixture_audited(&f, "notes", denials[i].context), 1, "%s", denials[i].reason);
	}
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes"), 0);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log WHERE event_type <> 'call.denied'"), 0);
}

/* Longer than PostgreSQL has room for in an index, and not to be compressed. */
Test(guard, no_id_is_too_long_for_a_denial_to_be_recorded)
{
	enum { IDS = 1000 };
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *nobody = fixture_anonymous(&f, "loop");
	char text[IDS * HM_ID_TEXT_BYTES + 1];
	Notes__Note *note;

	for (size_t i = 0; i < IDS; i++) {
		const struct hm_id id = hm_id_new();

		hm_id_format(&id, text + i * (HM_ID_TEXT_BYTES - 1));
	}
	refuses(UNAUTHENTICATED, get(&f, nobody, text, &note));
	cr_assert_eq(fixture_audited(&f, "notes", nobody), 1);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log WHERE entity_id LIKE '0%' AND "
				     "length(details::text) < 1000"),
		     1);
}

Test(guard, a_permission_may_end_in_a_star)
{
	struct fixture f = fixture_serving(&notes_service);

	added(&f, fixture_user_with(&f, "loop", "bob", "notes.*", NULL), "starred");
}

Test(guard, an_operators_crossing_shows_in_the_entry)
{
	struct fixture f = fixture_serving(&notes_service);

	added(&f, fixture_operator(&f, "loop"), "crossed");
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log WHERE actor_type = 'operator' AND "
				     "actor_brand_id = 'system' AND brand_id = 'loop'"),
		     1);
}

Test(guard, a_service_may_not_act_for_a_brand_by_itself)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *service = fixture_service(&f, "echo");
	Notes__Note *note;

	snprintf(service->brand, sizeof service->brand, "loop");
	refuses(PERMISSION_DENIED, notes_add_note(f.channel, service, ADD(.title = "x"), &note));
}

Test(guard, a_service_cannot_grant_itself_permissions)
{
	static const char *const everything[] = { "*", NULL };
	const struct hm_service *const services[] = { &platform_service, NULL };
	struct fixture f = fixture_serving_all(services, NULL);
	struct hm_context *echo = fixture_service_granting(&f, "echo", everything);
	Platform__Brand *brand;

	refuses(PERMISSION_DENIED,
		platform_create_brand(f.channel, echo,
				      &(Platform__CreateBrandRequest){ PLATFORM_CREATE_BRAND_REQUEST_BASE, .id = "evil",
								       .name = "Evil" },
				      &brand));
	cr_assert_str_eq(hm_error_get()->reason, "PERMISSION_MISSING");
}

Test(guard, a_revoked_token_is_refused_and_a_newer_one_is_not)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *old = fixture_user(&f, "loop", "ana");
	int64_t now_us = hm_clock_wall_us();
	Notes__Note *note;

	added(&f, old, "before");
	hm_lease_put_revocation(hm_host_lease(f.host), "loop", "ana", now_us, now_us + 3600LL * HM_US_PER_S);
	refuses(UNAUTHENTICATED, notes_add_note(f.channel, old, ADD(.title = "after"), &note));
	cr_assert_str_eq(hm_error_get()->reason, "TOKEN_REVOKED");
	added(&f, fixture_user(&f, "loop", "ana"), "again");
}

Test(guard, a_revocation_is_of_one_brand)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *loop = fixture_user(&f, "loop", "ana"), *nova = fixture_user(&f, "nova", "ana");
	int64_t now_us = hm_clock_wall_us();
	Notes__Note *note;

	hm_lease_put_revocation(hm_host_lease(f.host), "nova", "ana", now_us, now_us + 3600LL * HM_US_PER_S);
	added(&f, loop, "not meant");
	refuses(UNAUTHENTICATED, notes_add_note(f.channel, nova, ADD(.title = "meant"), &note));
}

Test(guard, without_news_of_brands_calls_fail_closed)
{
	SCOPED(hm_lease) lease = NULL;
	int64_t now_us = hm_clock_mono_us();

	must(hm_lease_open(1000, &lease));
	hm_lease_put_brand(lease, "loop", true);
	refuses(UNAVAILABLE, hm_lease_check_brand(lease, hm_lease_find_brand(lease, "loop"), now_us));
	hm_lease_renew(lease, HM_LEASE_BRANDS, now_us);
	must(hm_lease_check_brand(lease, hm_lease_find_brand(lease, "loop"), now_us));
	refuses(UNAVAILABLE, hm_lease_check_brand(lease, hm_lease_find_brand(lease, "loop"), now_us + HM_US_PER_S));
	refuses(UNAVAILABLE, hm_lease_check_token(lease, &(struct hm_lease_token){ .id = "t", .user = "u" }, now_us));
}

Test(guard, without_an_audit_log_calls_fail_closed)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note = added(&f, ana, "hello"), *read;

	hm_log_set_level(HM_LOG_OFF); /* it would say so */
	test_sql(f.dsn, "ALTER TABLE notes.audit_log RENAME TO audit_log_away");
	cr_assert_neq(get(&f, ana, note->id, &read), HM_OK);
	cr_assert_neq(notes_add_note(f.channel, ana, ADD(.title = "unseen"), &note), HM_OK);
	test_sql(f.dsn, "ALTER TABLE notes.audit_log_away RENAME TO audit_log");
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes WHERE title = 'unseen'"), 0);
	must(get(&f, ana, added(&f, ana, "again")->id, &read));
}

Test(guard, postgres_gone_and_back)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	Notes__Note *note;

	added(&f, ana, "before");
	test_sql(f.dsn, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
			"WHERE datname = current_database() AND pid <> pg_backend_pid()");
	/* The first call may meet the dead connection; it fails cleanly or is carried out, and the next one works. */
	if (notes_add_note(f.channel, ana, ADD(.title = "during"), &note) != HM_OK)
		cr_assert_eq(hm_error_get()->code, HM_UNAVAILABLE, "%s", hm_error_get()->message);
	added(&f, ana, "after");
}
