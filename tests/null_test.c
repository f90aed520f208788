/*
 * SQL NULL in a field that a reply requires, as a caller over a socket meets it: the contract promises what the schema does
 * not, so the call fails, plainly, and nothing of the row is shown.
 */
#include <stdio.h>
#include <string.h>

#include "notes/v1/notes.hm.h"
#include "tests/fixture.h"

/* Over ipc: a packet on a socket, not a queue within the process. */
static struct hm_channel *open_socket(void)
{
	struct hm_channel *channel;
	char url[128];

	snprintf(url, sizeof url, "ipc://%s/notes.sock", fixture_run_folder());
	must(hm_channel_open_url(url, &channel));
	return channel;
}

/* The error names the query and the column, for whoever must mend one of them, and holds nothing of the row. */
static void check_words(void)
{
	const char *message = hm_error_get()->message;

	cr_assert(strstr(message, "column title is NULL, and its field is required"), "%s", message);
	cr_assert(strstr(message, "tests/services/notes/queries.sql:"), "%s", message);
	cr_assert_null(strstr(message, "7731"), "%s", message);
	cr_assert_null(strstr(message, "untitled"), "%s", message);
	cr_assert_str_empty(hm_error_get()->reason);
	cr_assert_not(hm_error_get()->maybe_processed);
}

/* The one entry of the context's request says that it failed, and how, and shows no more than the request's audited fields. */
static int64_t count_failed(struct fixture *f, const struct hm_context *context, const char *event)
{
	char request_id[HM_ID_TEXT_BYTES], sql[400];

	hm_id_format(&context->request_id, request_id);
	cr_assert_eq(fixture_audited(f, "notes", context), 1);
	snprintf(sql, sizeof sql,
		 "SELECT count(*) FROM notes.audit_log WHERE request_id = '%s' AND event_type = 'call.failed' AND "
		 "details->>'outcome' = 'INTERNAL' AND details->>'event' = '%s' AND details::text NOT LIKE '%%7731%%'",
		 request_id, event);
	return test_sql(f->dsn, sql);
}

Test(null, a_read_that_lacks_what_its_reply_requires_fails_and_says_so)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana"), *ben = fixture_user(&f, "loop", "ben");
	SCOPED(hm_channel) channel = open_socket();
	Notes__GetNoteRequest wanted = { NOTES_GET_NOTE_REQUEST_BASE };
	Notes__Title *title = NULL;
	Notes__Note *note;

	must(notes_add_note(
		channel, ana,
		&(Notes__AddNoteRequest){ NOTES_ADD_NOTE_REQUEST_BASE, .title = "untitled", .body = "diagnosis-7731" },
		&note));
	wanted.id = note->id;
	refuses(INTERNAL, notes_get_title(channel, ben, &wanted, &title));
	check_words();
	cr_assert_null(title);
	cr_assert_eq(count_failed(&f, ben, "title.read"), 1);
	must(notes_get_note(channel, ben, &wanted, &note)); /* the connection and its transaction are as they were */
	cr_assert_str_eq(note->title, "untitled");
}

Test(null, a_write_that_lacks_what_its_reply_requires_leaves_nothing_but_its_entry)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana"), *ben = fixture_user(&f, "loop", "ben");
	SCOPED(hm_channel) channel = open_socket();
	Notes__AddNoteRequest note = { NOTES_ADD_NOTE_REQUEST_BASE, .title = "untitled", .body = "diagnosis-7731" };
	Notes__Title *title = NULL;

	refuses(INTERNAL, notes_take_title(channel, ana, &note, &title));
	check_words();
	cr_assert_null(title);
	cr_assert_eq(count_failed(&f, ana, "title.taken"), 1);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes"), 0);
	note.title = "visit";
	must(notes_take_title(channel, ben, &note, &title));
	cr_assert_str_eq(title->title, "visit");
}
