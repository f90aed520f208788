/* Forged packets: what a peer that is no engine may send to one, and what the engine says to it. */
#pragma once
#include "wire/engine.h"
#include "wire/packet_codec.h"

struct forged {
	uint8_t bytes[8192];
	size_t size;
};

/* forge_packet begins a packet; forge_add adds a frame, whose body is left zero if NULL; forge_call a CALL without request. */
void forge_packet(struct forged *packet, uint8_t flags, uint32_t acknowledged);
void forge_add(struct forged *packet, struct hm_frame frame, const void *body);
void forge_call(struct forged *packet, uint32_t call);

/* forge_breaks feeds the packet, drops its events, and expects the words; forge_is_fine expects none. */
void forge_breaks(struct hm_engine *engine, const struct forged *packet, const char *words);
void forge_is_fine(struct hm_engine *engine, const struct forged *packet);
