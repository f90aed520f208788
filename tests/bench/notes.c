/*
 * Notes: audited writes and reads through the generated client, for a signed user, under the brand's row-level security; a
 * reply leaves when its audit entry is durable.
 */
#include "notes/v1/notes.hm.h"

#include <stdio.h>
#include <string.h>

#include "tests/bench/database.h"
#include "tests/bench/server.h"
#include "tests/bench/user.h"
#include "tests/bench/window.h"

/* What a reply is held against, and the next call's request; one a slot. */
static char ids[WINDOW_MAX][HM_ID_TEXT_BYTES];

static hm_status open_window(const char *folder, const char *url, window_begin *begin)
{
	struct hm_arena arena = { 0 };
	char *token;
	hm_status status = user_sign(folder, BENCH_BRAND, &arena, &token);

	for (unsigned i = 0; i < WINDOW_MAX; i++)
		window_slot_get(i)->user = ids[i];
	if (status == HM_OK)
		status = window_open(url, token, begin);
	hm_arena_fini(&arena);
	return status;
}

static void added(void *user, hm_status status, const Notes__Note *note)
{
	struct window_slot *slot = user;

	window_ended(slot, status, status == HM_OK && note->amount == (int64_t)(slot->sequence % 1000));
}

static hm_status begin_add(struct hm_channel *channel, struct window_slot *slot)
{
	const Notes__AddNoteRequest request = {
		NOTES_ADD_NOTE_REQUEST_BASE,
		.title = DATABASE_NOTE_TITLE,
		.body = DATABASE_NOTE_BODY,
		HM_SET(amount, (int64_t)(slot->sequence % 1000)),
	};

	return notes_add_note_start(channel, slot->context, &request, added, slot);
}

static void got(void *user, hm_status status, const Notes__Note *note)
{
	struct window_slot *slot = user;

	window_ended(slot, status, status == HM_OK && !strcmp(note->id, slot->user));
}

/* Any of the notes that are there from the beginning, one far from the last. */
static hm_status begin_get(struct hm_channel *channel, struct window_slot *slot)
{
	const uint64_t mixed = (slot->sequence + 1) * 0x9e3779b97f4a7c15 ^ (uintptr_t)slot;
	const Notes__GetNoteRequest request = { NOTES_GET_NOTE_REQUEST_BASE, .id = slot->user };

	database_note_id((unsigned)(mixed >> 32) % DATABASE_NOTES + 1, slot->user);
	return notes_get_note_start(channel, slot->context, &request, got, slot);
}

static hm_status open_add(const char *folder, const char *url)
{
	return open_window(folder, url, begin_add);
}

static hm_status open_get(const char *folder, const char *url)
{
	return open_window(folder, url, begin_get);
}

const struct load add_note_load = {
	.role = "add-note",
	.open = open_add,
	.start = window_start,
	.stop = window_stop,
	.count = window_count,
	.close = window_close,
};

const struct load get_note_load = {
	.role = "get-note",
	.open = open_get,
	.start = window_start,
	.stop = window_stop,
	.count = window_count,
	.close = window_close,
};
