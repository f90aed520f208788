/*
 * Engine, inside: the state of one end and what its parts offer each other. For wire/ alone.
 *
 *     engine.c         life, calls and replies begun here, time       engine_flow.c      packets out, acknowledgements
 *     engine_in.c      packets in, frame by frame                     engine_outgoing.c  frames that wait
 *     engine_frames.c  what each type of frame means                  engine_calls.c     a client's calls; _wheel: deadlines
 *     engine_streams.c their table, their frames coming in            engine_send.c      streams' frames going out
 */
#pragma once
#include "wire/engine.h"
#include "wire/engine_calls.h"
#include "wire/engine_outgoing.h"
#include "wire/engine_streams.h"

enum {
	HM_ENGINE_TEXT_BYTES = 256,
	HM_PING_BYTES = 8,
	HM_REPLY_HEADS_BYTES = HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES + sizeof(struct hm_id),
};

/* A call a server has been asked for, at the index of its id. */
struct hm_served {
	uint32_t call; /* the last id here; 0: none yet */
	bool running, cancelled; /* not answered yet; nobody waits for the answer */
	uint16_t stream; /* place; 0: unary */
	uint64_t
		leaves; /* answered: where its REPLY ends in the outgoing frames. The index is free once that has left */
};

/* The packet that is being read. */
struct hm_incoming {
	const uint8_t *bytes;
	size_t size, at; /* at: of the next frame */
	size_t frame_at;
	uint32_t frames; /* begun so far */
	bool solo, solo_bound, solo_called;
};

struct hm_engine {
	enum hm_side side;
	bool introduced; /* the peer's HELLO has come */
	bool going_away; /* GOAWAY was sent or came, or the calls were failed: no new ones */
	bool goaway_told; /* the GOAWAY frame is among the outgoing */
	bool goaway_event; /* GOAWAY came and has been told */
	bool pinged; /* a PING waits for any sign of life */
	uint8_t version;
	struct hm_hello own, peer;
	size_t packet_bytes_max; /* the peer takes */
	uint32_t calls_max,
		slots_max; /* of the server, whichever end that is; a client's calls_max is at most its own */

	uint32_t sent, sent_acknowledged; /* packets with frames that left; of these, the peer has had */
	uint32_t received, received_acknowledged; /* packets with frames that came; of these, the peer has been told */
	struct hm_outgoing outgoing;
	uint64_t pong_leaves; /* where the last PONG ends in the outgoing frames */
	struct hm_incoming in;

	/* engine_auth.c */
	uint8_t own_hello[HM_HELLO_BYTES], peer_hello[HM_HELLO_KEPT_BYTES]; /* as it left, as it came */
	uint32_t peer_hello_bytes; /* as many as came, kept or not */
	uint32_t auths; /* AUTHs that came */
	bool has_asked; /* server: a BIND or CALL has come */

	struct hm_streams streams;
	struct hm_calls calls; /* client */
	struct hm_served *served; /* server */
	uint32_t served_capacity, running;

	int64_t now_us, heard_us, pinged_us;
	hm_status error;
	char error_text[HM_ENGINE_TEXT_BYTES];
};

/* hm_engine_break makes the engine end with a status; the first one stays. */
void hm_engine_break(struct hm_engine *engine, hm_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));

/* hm_engine_violation breaks the engine: the peer broke the protocol, in the frame that is being read. */
void hm_engine_violation(struct hm_engine *engine, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* hm_engine_frame_take does what a frame says; true: that gave an event. */
bool hm_engine_frame_take(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
			  struct hm_event *ret_event);

/* hm_engine_introduce appends this end's HELLO (and a GOAWAY that was due before it). */
void hm_engine_introduce(struct hm_engine *engine);

/* hm_engine_packet_arrived takes note of a packet's acknowledgement, and counts it if it has frames. */
void hm_engine_packet_arrived(struct hm_engine *engine, uint32_t acknowledged, bool has_frames);

/* engine_auth.c: keeps the peer's HELLO; takes an AUTH. */
void hm_engine_auth_hello(struct hm_engine *engine, const uint8_t *body, uint32_t body_bytes);
bool hm_engine_auth_take(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
			 struct hm_event *event);
