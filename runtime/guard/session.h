/*
 * Session: the guard's own state of one call: its service's stores, its transaction, what its audit entry will say.
 * It hangs at call->guard from admission to reply. (guard's own header)
 */
#pragma once
#include "base/buffer.h"
#include "guard/ward.h"
#include "server/call.h"
#include "store/store.h"

struct hm_session {
	const struct hm_ward *ward;
	struct hm_tx *tx; /* brand set; NULL until the first query */
	bool keeps_writes; /* hm_refuse: commit although the call fails */
	bool is_stepping; /* within hm_step */
	struct hm_keyed *key; /* of a write that has one; NULL */
	const char *replayed; /* the id of the entry whose kept reply is this call's; NULL: none */
	bool has_stepped; /* hm_step: part of the work is committed */
	const char *entity_id;
	bool turn; /* of a stream's two arenas, the one of its last transaction */
	struct hm_buffer details; /* `"key":"text",` … */
};

/* hm_session_builtins names what a query may use without a field for it; NULL-terminated. */
extern const char *const hm_session_builtins[];

/* hm_session_query runs a query as hm_query_one and the others do, whatever its rows: in the session's transaction, or
 * read-only in one of its own if it crosses brands. */
hm_status hm_session_query(struct hm_call *call, const struct hm_query *query, const ProtobufCMessage *arguments,
			   ProtobufCMessage *reply, uint64_t *ret_rows);

/* hm_session_arena is where a transaction's memory is. hm_session_turn begins a stream's next one: what came of the last is kept, what of
 * the one before it is not. */
struct hm_arena *hm_session_arena(struct hm_call *call);
void hm_session_turn(struct hm_call *call);

/* hm_session_open opens the call's transaction, if it is not, and claims its idempotency key. */
hm_status hm_session_open(struct hm_call *call);

/* hm_session_commit ends the call's transaction. One that wrote commits together with the entry of the call, which sets
 * call->audited; what only read just ends. */
hm_status hm_session_commit(struct hm_call *call, const struct hm_audit_outcome *outcome);

/* hm_session_rollback drops the transaction, if any. Keeps the thread's error. */
void hm_session_rollback(struct hm_call *call);

/* hm_session_fini frees what is not in the arena. */
void hm_session_fini(struct hm_session *session);
