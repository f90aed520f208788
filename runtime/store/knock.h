/*
 * Knocking: PostgreSQL lets nobody in while it starts or recovers, and each attempt costs it a process, which is what the recovery
 * then waits for. So once it has refused one, one at a time knocks, after a pause that grows; who comes meanwhile waits for that
 * answer and shares it.
 *
 *     open ─ refused ─> closed ─ pause ─> one knocks ─┬─ let in ─> open
 *                          └────────── refused ───────┘ all who waited fail with it
 *
 * knock_count → knock_turn ─┬─ KNOCK_NOT: knock_wait, and again
 *                           └─ else: connect → knock_end
 */
#pragma once
#include <pthread.h>

#include "store/store.h"

struct knock {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int64_t due_us, pause_ms; /* closed: when the next may knock; 0: open */
	bool is_knocking;
	uint64_t n_refused;
	struct hm_error refusal; /* the last */
};

enum knock_turn { KNOCK_NOT, KNOCK_FREELY, KNOCK_ALONE };

void knock_init(struct knock *knock);
void knock_fini(struct knock *knock);

/* knock_count: how often it was refused so far. Who begins now shares no earlier refusal. */
uint64_t knock_count(struct knock *knock);

/* knock_turn says whether this thread may connect; knock_end must follow then. seen: knock_count when it began. */
enum knock_turn knock_turn(struct knock *knock, uint64_t seen);

/* knock_wait returns OK when it is worth asking for a turn again. Else the refusal, when one came since `seen` or the deadline did;
 * CANCELLED. */
hm_status knock_wait(struct knock *knock, uint64_t seen, const struct hm_tx_options *options);

/* knock_end: the thread was let in (OK), or refused, with its error; one whose own time was over learnt nothing. */
void knock_end(struct knock *knock, enum knock_turn turn, hm_status status, const struct hm_tx_options *options);
