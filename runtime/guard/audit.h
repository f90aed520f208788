/*
 * Audit: the entry of each call. A write's goes into the writing transaction; those of denied, failed and read calls are
 * committed by a writer that groups what arrives while the last group was under way. (guard's own header)
 *
 * Seams: hm_audit_describe is where a field's value is let through or held back; every entry passes hm_audit_writer_record
 * or hm_audit_append, and carries its id, so that sealing can follow the table without touching the insert.
 */
#pragma once
#include "server/call.h"
#include "store/store.h"

struct hm_audit_writer;
struct hm_exposition;

/* An entry in words, ready for the INSERT; everything lives in the call's arena. */
struct hm_audit_entry {
	struct hm_builtin values[12]; /* NULL-terminated */
	struct hm_audit_entry *next; /* the writer's: queue link, and how the entry fared */
	struct hm_error *error; /* malloc'ed; NULL: it is durable */
	_Atomic uint32_t turn; /* its thread sleeps on it (rpc/wait.h) until the entry is written or leads */
	bool leads; /* its thread writes the next group */
};

/* What the entry says beyond the call itself. */
struct hm_audit_outcome {
	hm_status status;
	const char *reason; /* ErrorInfo's, NULL: none */
	bool was_denied; /* refused before the handler ran */
	bool is_opening; /* of a stream, which goes on */
	const char *entity_id; /* set by the handler; NULL: from the contract's entity_id field */
	const char *replayed; /* the id of the entry whose reply is given again, NULL: none */
	const struct hm_error
		*failure; /* what it failed with, where that is kept for the idempotency key; not in the entry */
	const char *details; /* JSON members made by the handler (`"key":"text",`), NULL: none */
};

/* hm_audit_describe writes the entry of a call. */
struct hm_audit_entry *hm_audit_describe(struct hm_call *call, const struct hm_audit_outcome *outcome);

/* hm_audit_append puts the entry into the call's own transaction, to commit with its rows. */
hm_status hm_audit_append(struct hm_tx *tx, const struct hm_audit_entry *entry);

/* hm_audit_list lists a service's entries of the brand: hallmark.ListAuditRequest in, hallmark.ListAuditReply out. */
extern const struct hm_query hm_audit_list;

/* A writer commits entries on a store under its system role. Thread-safe. */
hm_status hm_audit_writer_open(struct hm_store *store, struct hm_audit_writer **ret_writer);
void hm_audit_writer_close(struct hm_audit_writer *writer);

/* hm_audit_writer_record_all commits a chain of entries that no call waits for, some at a time; each that could not be written has
 * its error, the caller's to free. */
void hm_audit_writer_record_all(struct hm_audit_writer *writer, struct hm_audit_entry *first);

/* hm_audit_writer_record returns when the entry is durable; on failure the call must fail. */
hm_status hm_audit_writer_record(struct hm_audit_writer *writer, struct hm_audit_entry *entry);

/* hm_audit_writer_collect publishes what waits, what was written and what failed (docs/operations.md). */
void hm_audit_writer_collect(struct hm_audit_writer *writer, const char *service, struct hm_exposition *exposition);
