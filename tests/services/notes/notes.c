/* Notes: the handlers that end in ways a lone statement cannot, or call another service first. */
#include "tests/services/notes/streams.h"

#include <string.h>

#include "echo/v1/echo.hm.h"

static hm_status fail_after_write(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply)
{
	TRY(hm_query_one(call, &notes_sql_insert_note, request, reply));
	return hm_fail(call, FAILED_PRECONDITION, "nothing of note %s may stay", reply->id);
}

static hm_status refuse_after_write(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply)
{
	TRY(hm_query_one(call, &notes_sql_insert_note, request, reply));
	hm_audit_detail(call, "kept", "%s", reply->id);
	return hm_refuse(call, FAILED_PRECONDITION, "note %s stays", reply->id);
}

static hm_status release_after_write(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply)
{
	TRY(hm_query_one(call, &notes_sql_insert_note, request, reply));
	hm_release(call);
	return hm_query_one(call, &notes_sql_insert_note, request, reply);
}

static hm_status secret_note(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__SecretNoteReply *reply)
{
	Notes__Note note = NOTES__NOTE__INIT;

	TRY(hm_query_one(call, &notes_sql_insert_note, request, &note));
	reply->id = note.id;
	reply->secret = "correct horse battery staple";
	return HM_OK;
}

static hm_status note_caller(struct hm_call *call, const Notes__NoteCallerRequest *request, Notes__Note *reply)
{
	struct hm_arena *arena = hm_call_arena(call);
	Notes__AddNoteRequest note = { NOTES_ADD_NOTE_REQUEST_BASE, .title = "before" };
	struct hm_channel *channel;
	Echo__WhoamiReply *who;

	if (request->after_writing)
		TRY(hm_query_one(call, &notes_sql_insert_note, &note, reply));
	TRY(hm_call_channel(call, request->of_a_stranger ? "platform" : "echo", &channel));
	TRY(echo_whoami(channel, hm_call_context(call), &(Echo__WhoamiRequest){ ECHO_WHOAMI_REQUEST_BASE }, &who));
	note.title = hm_arena_printf(arena, "%s %s@%s", who->actor_type, who->actor_id, who->brand);
	note.body = who->request_id;
	return hm_query_one(call, &notes_sql_insert_note, &note, reply);
}

const struct hm_service notes_service =
	NOTES_SERVICE(.fail_after_write = fail_after_write, .refuse_after_write = refuse_after_write,
		      .release_after_write = release_after_write, .secret_note = secret_note,
		      .note_caller = note_caller, NOTES_STREAMS);
