/*
 * Work: what a handler may do with its service's data. The transaction is the runtime's: it opens at the first query,
 * carries the brand and the deadline, commits with the call's audit entry when the handler returns OK, and rolls back
 * when it fails. A handler neither begins nor commits.
 *
 * A call to another service while a transaction is open is refused (FAILED_PRECONDITION, a programmer's error): do it
 * before the first query, or make the work a sequence of hm_step transactions with calls between them.
 *
 * A call with an idempotency key has its transaction, and the key's lock, from the beginning (docs/rules.md): the handler is run
 * only if it was not before. A call that is cancelled has its query fail, CANCELLED.
 */
#pragma once
#include "crypto/key.h"
#include "server/call.h"
#include "store/query.h"
#include "store/store.h"

/* hm_query_one runs a :one query: exactly one row into reply, else NOT_FOUND in the method's name. Parameters come from the fields of arguments,
 * and from the runtime: @new_id, @caller_id (the actor's), @call_request_id, @page_size (1 to 500, 50 if absent). */
hm_status hm_query_one(struct hm_call *call, const struct hm_query *query, const void *arguments, void *reply);

/* hm_query_optional runs an :optional query; *ret_found says whether there was a row. */
hm_status hm_query_optional(struct hm_call *call, const struct hm_query *query, const void *arguments, void *reply,
			    bool *ret_found);

/* hm_query_many fills the reply's only repeated message field, one element a row. */
hm_status hm_query_many(struct hm_call *call, const struct hm_query *query, const void *arguments, void *reply);

/* hm_query_run runs a :none query; ret_rows (may be NULL) is the number of rows touched. */
hm_status hm_query_run(struct hm_call *call, const struct hm_query *query, const void *arguments, uint64_t *ret_rows);

/* hm_refuse ends a handler with a failure that KEEPS what was written (a failed login counts; a re-used refresh token
 * revokes its family): return hm_refuse(call, UNAUTHENTICATED, "…"); */
#define hm_refuse(call, code, ...) (hm_call_keep(call), hm_raise(code, __VA_ARGS__))
void hm_call_keep(struct hm_call *call);

/* hm_step commits what the handler has written so far, with an audit entry of the step; the next query begins a new
 * transaction. For sagas: step, call another service, step. */
hm_status hm_step(struct hm_call *call, const char *event);

/* hm_release ends the call's transaction and keeps nothing of it, so that slow work between reading and writing (hashing a
 * password) holds neither a connection nor a lock. The next query begins a new one: what was read may have changed. */
void hm_release(struct hm_call *call);

/* hm_query_arena is where what the queries give lives: the call's arena. A stream's is the present transaction's, and is kept until
 * the one after the next begins, so that a stream may go on for ever: what a handler wants longer it copies. */
struct hm_arena *hm_query_arena(struct hm_call *call);

/* hm_call_signing_key returns the key that the service's definition names (hm_service.signing_key), else NULL. */
const struct hm_secret_key *hm_call_signing_key(const struct hm_call *call);

/* hm_audit_entity sets the entity of this call's audit entry where the contract's entity_id cannot say it. */
void hm_audit_entity(struct hm_call *call, const char *id);

/* hm_audit_detail adds "key": "text" to the entry's details. Never a secret, never PHI. */
void hm_audit_detail(struct hm_call *call, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
