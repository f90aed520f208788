/* Middle: the second of a chain of calls; the third is notes. */
#include "middle/v1/middle.hm.h"
#include "notes/v1/notes.hm.h"

static hm_status pass(struct hm_call *call, const Middle__PassRequest *request, Middle__PassReply *reply)
{
	const Notes__AddSlowNoteRequest last = { NOTES_ADD_SLOW_NOTE_REQUEST_BASE, .title = "passed on",
						 HM_SET(seconds, request->seconds) };
	struct hm_channel *channel;
	Notes__Note *note;

	(void)reply;
	TRY(hm_call_channel(call, "notes", &channel));
	return notes_add_slow_note(channel, hm_call_context(call), &last, &note);
}

const struct hm_service middle_service = MIDDLE_SERVICE(.pass = pass);
