/* Sender, as net sees it: the socket and the header its packets carry. (net's own header) */
#pragma once
#include <nng/nng.h>

#include "base/status.h"
#include "net/sender.h"

struct hm_sender {
	nng_socket socket;
	nng_aio *aio;
	nng_msg *message; /* reserved, not sent */
	uint32_t pipe; /* REP: whom to; 0: REQ, which has one peer */
};

/* Packets are no requests of nng's kind: all carry the same request id, with the bit that ends a header. */
#define HM_REQUEST_ID 0x80000001u

hm_status hm_sender_init(struct hm_sender *sender, nng_socket socket, uint32_t pipe);
void hm_sender_fini(struct hm_sender *sender);

/* hm_sender_post sends a message of its own header. */
bool hm_sender_post(struct hm_sender *sender, nng_msg *message);
