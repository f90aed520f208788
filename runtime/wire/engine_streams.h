/*
 * The streams of an engine: their credits, and who waits to send. For wire/ alone.
 *
 *     place   0: the call is unary      1 … HM_STREAMS_LIMIT: of a stream in the table      HM_STREAM_GONE: it was answered
 *
 * A call's place is kept with the call, on either end, so a unary call pays for streams with a look at that number. Places are
 * numbers, not pointers, so the table can grow; nothing is allocated for a frame, and each frame costs O(1).
 *
 *     sending    credit = the peer's window + granted; at 0 or below the writer waits for a CREDIT
 *     receiving  own window = allowance (the peer may still send) + unread (at the reader) + owed (read, not yet told)
 */
#pragma once
#include "wire/packet_codec.h"

struct hm_engine;
struct hm_engine_config;
struct hm_event;

enum { HM_STREAM_GONE = UINT16_MAX };

/* What a writer that was told BLOCKED waits for. */
enum hm_stream_wait { HM_STREAM_FLOWS, HM_STREAM_WAITS_CREDIT, HM_STREAM_WAITS_ROOM };

struct hm_stream {
	int64_t granted; /* by the peer's CREDITs, less what was sent */
	int64_t allowance, owed;
	uint64_t credit_leaves; /* where the last CREDIT ends in the outgoing frames; 0: none yet */
	uint32_t call;
	uint16_t next, previous; /* among those that wait for room; next also in the free list */
	uint8_t halves; /* enum hm_stream_halves */
	uint8_t wait; /* enum hm_stream_wait */
	bool has_ended; /* its requests: END was sent, or came */
};

struct hm_streams {
	struct hm_stream *table; /* place 1 is the first */
	uint32_t capacity, used, count, count_max; /* allocated; ever used; under way; at most */
	uint16_t free; /* place of the first free one */
	uint16_t first, last; /* places that wait for room, in the order they came */
	int64_t own_window, peer_window;
};

void hm_streams_init(struct hm_streams *streams, const struct hm_engine_config *config);
void hm_streams_fini(struct hm_streams *streams);

/* hm_streams_greet takes the limits of the peer's HELLO. */
void hm_streams_greet(struct hm_engine *engine);

/* hm_streams_begin takes a place for a call. The caller has checked that fewer than count_max are taken. */
uint16_t hm_streams_begin(struct hm_streams *streams, uint32_t call, uint8_t halves);
void hm_streams_free(struct hm_streams *streams, uint16_t place);

/* hm_streams_begin_call does so for a call that has just begun on a client. */
void hm_streams_begin_call(struct hm_engine *engine, uint32_t call, uint8_t halves);

/* hm_streams_place returns the place of a call; 0: there is no such call, or it is unary. */
uint16_t hm_streams_place(const struct hm_engine *engine, uint32_t call);

/* hm_streams_is_over says whether nobody waits any more for the call of a stream that is under way. */
bool hm_streams_is_over(const struct hm_engine *engine, uint32_t call);

/* hm_streams_wait notes what a writer waits for. */
void hm_streams_wait(struct hm_streams *streams, uint16_t place, enum hm_stream_wait wait);

/* hm_streams_wake tells a writer that it may send, if it may; else it waits on. hm_streams_next_writable does so for those that
 * waited for room; hm_streams_can_wake says whether it would look at any. */
bool hm_streams_wake(struct hm_engine *engine, uint16_t place, struct hm_event *ret_event);
bool hm_streams_next_writable(struct hm_engine *engine, struct hm_event *ret_event);
bool hm_streams_can_wake(const struct hm_engine *engine);

/* What the frames of streams mean; see engine_frames.c. */
bool hm_streams_take_data(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
			  struct hm_event *event);
bool hm_streams_take_end(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
			 struct hm_event *event);
bool hm_streams_take_credit(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
			    struct hm_event *event);
