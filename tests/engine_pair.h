/* Engine pair: a client and a server engine side by side, for tests that need no accidents. */
#pragma once
#include "wire/engine.h"
#include "wire/packet_codec.h"

struct pair {
	struct hm_engine *client, *server;
	uint8_t packet[1 << 20]; /* the last one that moved: events point into it */
	int64_t now_us;
};

/* pair_open makes two ends that know nothing of each other (streams: the smallest limits); pair_greet moves their HELLOs. */
struct pair *pair_open(uint32_t calls_max, uint32_t keepalive_ms);
struct pair *pair_open_with_window(uint32_t stream_window_bytes);
void pair_greet(struct pair *pair);
void pair_close(struct pair *pair);

/* pair_move takes one packet from one end to the other; returns its size, 0 if none may leave. */
size_t pair_move(struct pair *pair, struct hm_engine *from, struct hm_engine *to);

/* pair_move_all takes what may leave, and drops the events; returns the packets. */
size_t pair_move_all(struct pair *pair, struct hm_engine *from, struct hm_engine *to);

/* pair_call begins a call with a body of `size` zeros; user is the pair. */
uint32_t pair_call(struct pair *pair, size_t size, int64_t deadline_us);

/* pair_next takes the next event, which must be of the type. */
struct hm_event pair_next(struct hm_engine *engine, enum hm_event_type type);

/* pair_begin begins a call with these halves, as pair_call does. */
uint32_t pair_begin(struct pair *pair, uint8_t halves, int64_t deadline_us);

/* pair_send sends a message of `size` bytes, all of them `letter`; pair_fill does until it is blocked, and returns how many went. */
enum hm_sent pair_send(struct hm_engine *engine, uint32_t call, size_t size, char letter);
size_t pair_fill(struct hm_engine *engine, uint32_t call, size_t size);

/* pair_no_event expects that the engine has nothing to tell, and is not broken. */
void pair_no_event(struct hm_engine *engine);
