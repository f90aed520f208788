/*
 * Sender: puts packets into an nng socket's queue, from any thread, without ever blocking and without a callback.
 *
 * The queue takes a message at once or not at all (a zero time-out makes nng decide within the call), so one aio is enough and
 * its completion needs no thread. One sender belongs to one connection; its owner's lock serialises it, as packets must leave in
 * the order the engine made them.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct hm_sender;

/* hm_sender_reserve returns room for a packet of `bytes`; hm_sender_send sends it. False: the queue is full, which the packet
 * credit rules out for a peer that keeps the protocol, or the connection is gone; the packet is dropped. */
void *hm_sender_reserve(struct hm_sender *sender, size_t bytes);
bool hm_sender_send(struct hm_sender *sender);

/* hm_sender_goodbye asks the peer to hang up, with an empty packet. Nothing may be sent behind it. */
void hm_sender_goodbye(struct hm_sender *sender);
