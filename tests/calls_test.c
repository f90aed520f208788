/* Calls from one service to another: what travels along, what is refused. Notes calls echo. */
#include <string.h>

#include "echo/v1/echo.hm.h"
#include "notes/v1/notes.hm.h"
#include "tests/fixture.h"

static struct fixture serve_both(void)
{
	static const struct hm_service *const both[] = { &notes_service, &echo_service, NULL };

	return fixture_serving_all(both, NULL);
}

static const Notes__NoteCallerRequest asking = { NOTES_NOTE_CALLER_REQUEST_BASE };

Test(calls, actor_brand_and_request_travel_to_the_next_service)
{
	struct fixture f = serve_both();
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	char request_id[HM_ID_TEXT_BYTES];
	Notes__Note *note;

	hm_id_format(&ana->request_id, request_id);
	must(notes_note_caller(f.channel, ana, &asking, &note));
	cr_assert_str_eq(note->title, "user ana@loop");
	cr_assert_str_eq(note->body, request_id);
	cr_assert_eq(fixture_audited(&f, "notes", ana), 1);
}

Test(calls, a_channel_is_opened_once_and_shared_by_all_calls)
{
	struct fixture f = serve_both();
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	struct hm_server_stats after_one, after_many;
	Notes__Note *note;

	must(notes_note_caller(f.channel, ana, &asking, &note));
	hm_server_stats(hm_host_server(f.host), &after_one);
	for (int i = 0; i < 20; i++)
		must(notes_note_caller(f.channel, ana, &asking, &note));
	hm_server_stats(hm_host_server(f.host), &after_many);
	cr_assert_eq(after_many.connections, after_one.connections);
	cr_assert_eq(after_many.calls_started - after_one.calls_started, 40);
}

Test(calls, permission_is_asked_for_at_every_hop)
{
	struct fixture f = serve_both();
	struct hm_context *ben = fixture_user_with(&f, "loop", "ben", "notes.write", NULL);
	Notes__Note *note;

	refuses(PERMISSION_DENIED, notes_note_caller(f.channel, ben, &asking, &note));
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes"), 0);
}

Test(calls, a_service_the_contract_does_not_name_is_refused)
{
	struct fixture f = serve_both();
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	const Notes__NoteCallerRequest request = { NOTES_NOTE_CALLER_REQUEST_BASE, HM_SET(of_a_stranger, true) };
	Notes__Note *note;

	refuses(INTERNAL, notes_note_caller(f.channel, ana, &request, &note));
	cr_assert(strstr(hm_error_get()->message, "calls: [\"platform\"]"), "%s", hm_error_get()->message);
}

Test(calls, none_is_made_while_a_transaction_is_open)
{
	struct fixture f = serve_both();
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	const Notes__NoteCallerRequest request = { NOTES_NOTE_CALLER_REQUEST_BASE, HM_SET(after_writing, true) };
	Notes__Note *note;

	refuses(FAILED_PRECONDITION, notes_note_caller(f.channel, ana, &request, &note));
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes"), 0);
}
