/*
 * Serving, wrongly: what a server that was started with faults does with a call (rpc/fault.h). Delay and abort happen before the
 * call is decoded, so that an abort is refused and audited as any refusal; what happens to packets happens between engine and pipe,
 * so that the ends' engines are what it tests. A SOLO client's calls are delayed and aborted alone. (server's own header)
 */
#pragma once
#include "server/serving.h"

/* hm_serving_fault has the call wait, and raises what it is aborted with; the rest is noted for its answer. On its own thread. */
hm_status hm_serving_fault(struct hm_serving *serving);

/* hm_serving_fault_answer breaks the connection instead of an answer, if that is its fault. Without the peer's lock. */
void hm_serving_fault_answer(struct hm_serving *serving);

/* hm_serving_fault_packet takes the engine's next packet and sends it, or does not, as the peer's faults say. With the lock held. */
void hm_serving_fault_packet(struct hm_peer *peer, size_t bytes);
