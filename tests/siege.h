/*
 * Siege: a host over real sockets for tests that attack it, and what must hold after each attack: a well-behaved client is
 * served as before, and nothing the attackers cost is kept.
 */
#pragma once
#include "notes/v1/notes.hm.h"
#include "tests/fixture.h"
#include "tests/raw_peer.h"

struct siege {
	struct fixture f;
	char urls[2][256]; /* tcp and ipc */
	size_t fds; /* open before any attack */
};

/* siege_begin serves notes and echo over tcp and ipc. */
struct siege siege_begin(void);

/* siege_token is a good token of user ana of brand loop with every permission. It lives as long as the test. */
const char *siege_token(struct siege *siege);

/* siege_holds waits until no more file descriptors are open than at the beginning, then makes a call as a good client over the
 * URL does, and looks again. Fails the test otherwise. */
void siege_holds(struct siege *siege, const char *url);

/* siege_entries counts the audit entries of a request, whatever their brand; siege_outcomes those with this outcome. */
int64_t siege_entries(struct siege *siege, const struct hm_id *request_id);
int64_t siege_outcomes(struct siege *siege, const struct hm_id *request_id, const char *outcome);

/* siege_rows counts the notes. */
int64_t siege_rows(struct siege *siege);

/* siege_note is a packed AddNoteRequest with a title. */
void siege_note(struct hm_buffer *ret_body, const char *title);
