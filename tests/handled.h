/*
 * Handled: the notes service with a handler of the test's own, for FailAfterWrite: so that a test can end a call in any way there is.
 */
#pragma once
#include "notes/v1/notes.hm.h"
#include "tests/fixture.h"

typedef hm_status add_note_handler(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply);

/* handled_serving serves notes, which calls nobody here, with the handler for FailAfterWrite. Once a test. methods NULL: the
 * contract's. */
struct fixture handled_serving(add_note_handler *handler, const struct hm_method *methods);

/* handled_insert is a handler that stores the note, for others to begin with. */
hm_status handled_insert(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply);

/* handled_run makes the call of a note titled "a note". */
hm_status handled_run(struct fixture *fixture, struct hm_context *context);

int64_t handled_count_notes(const struct fixture *fixture);
