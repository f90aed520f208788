/*
 * Pending: a call a client has under way. A waiting caller's lies on its stack, a started one's in the channel's free list.
 *
 * Before its connection is ready a call is parked: then head, brand, token and body must hold by themselves, so a started one
 * gets a copy of them. (client's own header)
 */
#pragma once
#include "client/latency.h"
#include "client/picker.h"
#include "wire/packet.h"

struct hm_parked;

struct hm_pending {
	struct hm_pending *next; /* listed, ended, or free */
	struct hm_parked *list; /* of the channel it is in: parked, resting or lost; NULL: none */
	struct hm_pending **listed_at; /* listed: what points to it */
	const struct hm_method *method;
	/* What to send. */
	struct hm_call_head head; /* but for slot and time-out, which are known when it leaves */
	const char *brand, *token;
	uint64_t caller; /* throttle_rule.h's name for them */
	const ProtobufCMessage *request; /* NULL: packed already, or none */
	const uint8_t *packed;
	size_t body_bytes;
	int64_t deadline_us; /* 0: none */
	void *copied; /* what a started call points into, so that it can be parked and made again; kept for the next one */
	size_t copied_room;
	bool is_copied;
	bool waits_for_ready; /* no endpoint that can be reached is no reason to fail */
	/* Attempts. */
	uint8_t attempts; /* made, or about to be, that count */
	bool was_spared; /* one was made that does not count */
	bool is_in_doubt; /* one may have been processed: nothing was heard of it, or that */
	int64_t due_us; /* resting or lost: until then */
	struct hm_places tried;
	/* Hedging (hedge.h). */
	int64_t hedge_after_us; /* without an answer; 0: it gets no twin */
	struct hm_latency *latency; /* of its method, where that decides when; NULL: it does not */
	bool is_hedged; /* it had its twin, or is not to have one any more */
	bool is_armed; /* in the channel's list, until hedge_us */
	bool is_twin; /* whose call is `twin` */
	int64_t hedge_us;
	struct hm_pending *sooner, *later; /* armed */
	struct hm_pending *twin; /* the other attempt under way; NULL: there is none */
	/* What goes wrong with this attempt on purpose (call_fault.h). */
	bool has_met_faults;
	uint8_t faults; /* 1 << kind */
	hm_status abort_with; /* HM_OK: it is not */
	bool is_copy; /* whose end nobody is told */
	/* Where it is. */
	struct hm_connection *connection; /* NULL: parked */
	int64_t started_us; /* when it was made ready */
	int64_t began_us; /* when it was given to the connection */
	uint8_t place; /* of the endpoint, in the channel */
	uint32_t id; /* 0: parked */
	uint64_t begins; /* where its frame begins in the connection's stream; what has left by then went before it */
	/* Whom to tell: the context of a waiting caller, or done. */
	struct hm_context *context;
	hm_done_fn *done;
	void (*typed)(void);
	void *user;
	struct hm_stream *stream; /* whose call it is, which is told of all in their stead; NULL: of none */
	/* How it ended. */
	bool has_ended;
	bool has_expired; /* its deadline passed here */
	uint16_t status; /* of a REPLY */
	const uint8_t *body; /* of a REPLY; for a waiting caller in its context's arena */
	size_t reply_bytes;
	struct hm_id audit_id;
	const struct hm_error *error; /* ended by this end; NULL: by a REPLY */
};

/* hm_pending_take gives memory for a started call or a twin, from the channel's list, which grows to what was ever under way at once: all
 * but copied and copied_room is to be filled in. hm_pending_keep puts it back. With the lock held. */
struct hm_pending *hm_pending_take(struct hm_channel *channel);
void hm_pending_keep(struct hm_channel *channel, struct hm_pending *pending);

/* hm_pending_double gives another attempt at a call: it sends what the call has sent, from the same memory, which it needs no longer than
 * that. */
struct hm_pending *hm_pending_double(struct hm_channel *channel, const struct hm_pending *pending);

/* hm_request_measure says how many bytes a request has; NULL: 0. INVALID_ARGUMENT: it was not made with its …_BASE, so nothing can read it.
 * RESOURCE_EXHAUSTED: they are more than the method allows. */
hm_status hm_request_measure(const struct hm_method *method, const ProtobufCMessage *request, size_t *ret_bytes);

/* hm_pending_init makes the call ready to be sent. FAILED_PRECONDITION: the context is in a transaction. CANCELLED: its caller
 * is gone. DEADLINE_EXCEEDED: its time is up. hm_request_measure's, too. */
hm_status hm_pending_init(struct hm_pending *pending, struct hm_context *context, const struct hm_method *method,
			  const ProtobufCMessage *request, int64_t now_us);

/* hm_pending_left_ms is what is left of its time, at least 1; 0: it has all. */
uint32_t hm_pending_left_ms(const struct hm_pending *pending, int64_t now_us);

/* hm_pending_copy makes a started call independent of its caller's memory. */
void hm_pending_copy(struct hm_pending *pending);

/* hm_pending_is_kept says whether all that is sent is there to be sent once more. */
bool hm_pending_is_kept(const struct hm_pending *pending);

/* hm_pending_drop leaves no token behind in that copy, and keeps its memory for the next call if it is small. */
void hm_pending_drop(struct hm_pending *pending);

/* hm_pending_status is how an ended call ended, before its reply is read. */
hm_status hm_pending_status(const struct hm_pending *pending);

/* hm_pending_left makes the status of a call that nobody waits for any more: CANCELLED or DEADLINE_EXCEEDED. */
hm_status hm_pending_left(const struct hm_pending *pending, hm_status code);

/* hm_pending_result makes the status of an ended call, on the thread that wants it: the reply is unpacked into the arena. */
hm_status hm_pending_result(const struct hm_pending *pending, struct hm_arena *arena, ProtobufCMessage **ret_reply);
