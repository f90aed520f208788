/*
 * Refusals: the calls of a service that were refused before they ran, in numbers too large for an entry each. A flood of them must
 * cost the database nothing that grows with it, and still none may go unrecorded:
 *
 *     refused ─┬─ within 128 a second ─→ an entry of its own, written before the reply leaves
 *              └─ beyond ──────────────→ counted by brand, method, outcome and reason; each second one entry for each that occurred
 *
 * A grouped entry has event `calls.denied`, the service as its actor, no request, and in details how many calls (`calls`) and until
 * when. The counts of the second under way are in memory alone. If the database is away they are kept and grow, which takes no more
 * memory, and are written when it is back, exactly once. (guard's own header)
 */
#pragma once
#include "guard/audit.h"
#include "rpc/method.h"

struct hm_refusals;

/* hm_refusals_open: the table and the writer must outlive it. */
struct hm_refusals *hm_refusals_open(const struct hm_service_table *table, struct hm_audit_writer *writer);

/* hm_refusals_close writes what is still counted, or logs how many could not be. NULL is fine. */
void hm_refusals_close(struct hm_refusals *refusals);

/* hm_refusals_has_room says whether a refusal now may have an entry of its own, and takes that into account. */
bool hm_refusals_has_room(struct hm_refusals *refusals);

/* hm_refusals_count counts a call that was refused with this thread's error; its brand is the context's. Never blocks on the
 * database. Thread-safe. */
void hm_refusals_count(struct hm_refusals *refusals, const struct hm_call *call);
