/* Handled: a copy of the service, with other handlers. */
#include "tests/handled.h"

#include "tests/services/notes/streams.h"

hm_status handled_insert(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply)
{
	return hm_query_one(call, &notes_sql_insert_note, request, reply);
}

static hm_status keep_secret(struct hm_call *, const Notes__AddNoteRequest *, Notes__SecretNoteReply *)
{
	return HM_OK;
}

static hm_status ask_nobody(struct hm_call *, const Notes__NoteCallerRequest *, Notes__Note *)
{
	return HM_OK;
}

struct fixture handled_serving(add_note_handler *handler, const struct hm_method *methods)
{
	static struct hm_service_table table;
	static struct notes_handlers handlers;
	static const char *const nobody[] = { NULL };
	static struct hm_service service;

	table = notes_table;
	table.calls = nobody;
	if (methods)
		table.methods = methods;
	handlers = (struct notes_handlers){ .fail_after_write = handler,
					    .refuse_after_write = handled_insert,
					    .release_after_write = handled_insert,
					    .secret_note = keep_secret,
					    .note_caller = ask_nobody,
					    NOTES_STREAMS };
	service = notes_service;
	service.table = &table;
	service.handlers = &handlers;
	return fixture_serving(&service);
}

hm_status handled_run(struct fixture *fixture, struct hm_context *context)
{
	const Notes__AddNoteRequest request = { NOTES_ADD_NOTE_REQUEST_BASE, .title = "a note" };
	Notes__Note *note;

	return notes_fail_after_write(fixture->channel, context, &request, &note);
}

int64_t handled_count_notes(const struct fixture *fixture)
{
	return test_sql(fixture->dsn, "SELECT count(*) FROM notes.notes");
}
