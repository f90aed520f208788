/* Notes, streaming: its handlers. */
#pragma once
#include "notes/v1/notes.hm.h"

hm_status notes_handle_stream(struct hm_call *call, const Notes__StreamNotesRequest *request);
hm_status notes_handle_import(struct hm_call *call, Notes__ImportNotesReply *reply);
hm_status notes_handle_answer(struct hm_call *call);

#define NOTES_STREAMS \
	.stream_notes = notes_handle_stream, .import_notes = notes_handle_import, .answer_notes = notes_handle_answer
