/* Notes, streaming: reading in pages, writing in steps, and a question at a time. */
#include "tests/services/notes/streams.h"

#include <string.h>

#include "wire/message.h"

enum { BATCH = 10 };

/* A page is read, its transaction let go, and then it is sent: whoever reads slowly holds no transaction open. */
hm_status notes_handle_stream(struct hm_call *call, const Notes__StreamNotesRequest *request)
{
	Notes__ListNotesRequest next = { NOTES_LIST_NOTES_REQUEST_BASE, HM_SET(page_size, request->page_size) };

	for (;;) {
		Notes__ListNotesReply page = NOTES__LIST_NOTES_REPLY__INIT;

		TRY(hm_query_many(call, &notes_sql_notes_after, &next, &page));
		hm_release(call);
		for (size_t i = 0; i < page.n_notes; i++)
			TRY(notes_stream_notes_write(call, page.notes[i]));
		if (!page.next_page_token)
			return HM_OK;
		next.page_token = page.next_page_token;
	}
}

/* The requests of a batch, copied, for each lives until the next is read. Fewer than BATCH: the last ones. */
static hm_status read_batch(struct hm_call *call, struct hm_arena *arena, ProtobufCMessage *ret_batch[BATCH],
			    size_t *ret_count)
{
	Notes__AddNoteRequest *request;
	size_t count = 0;

	hm_arena_reset(arena);
	while (count < BATCH) {
		TRY(notes_import_notes_read(call, &request));
		if (!request)
			break;
		TRY(hm_message_copy(arena, &request->base, &ret_batch[count++]));
	}
	*ret_count = count;
	return HM_OK;
}

static hm_status add(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__ImportNotesReply *reply)
{
	Notes__Note note = NOTES__NOTE__INIT;
	Notes__AddNoteRequest *next;

	if (!strcmp(request->title, "abort"))
		return hm_fail(call, ABORTED, "as asked");
	TRY(hm_query_one(call, &notes_sql_insert_note, request, &note));
	reply->last_id = note.id;
	reply->count++;
	return strcmp(request->title, "hold") ? HM_OK : notes_import_notes_read(call, &next);
}

/* No transaction is open while requests are waited for. All but the last batch are steps; that one commits with the call. */
static hm_status import(struct hm_call *call, struct hm_arena *arena, Notes__ImportNotesReply *reply)
{
	ProtobufCMessage *batch[BATCH];
	size_t count;

	for (;;) {
		TRY(read_batch(call, arena, batch, &count));
		for (size_t i = 0; i < count; i++)
			TRY(add(call, (const Notes__AddNoteRequest *)batch[i], reply));
		if (count < BATCH)
			return HM_OK;
		TRY(hm_step(call, "note.batch_imported"));
	}
}

hm_status notes_handle_import(struct hm_call *call, Notes__ImportNotesReply *reply)
{
	struct hm_arena arena = { 0 };
	hm_status status;

	reply->has_count = true;
	status = import(call, &arena, reply);
	hm_arena_fini(&arena);
	return status;
}

hm_status notes_handle_answer(struct hm_call *call)
{
	Notes__GetNoteRequest *request;

	for (;;) {
		Notes__Note note = NOTES__NOTE__INIT;

		TRY(notes_answer_notes_read(call, &request));
		if (!request)
			return HM_OK;
		TRY(hm_query_one(call, &notes_sql_note, request, &note));
		hm_release(call);
		TRY(notes_answer_notes_write(call, &note));
	}
}
