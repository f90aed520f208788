/*
 * Flow of packets: when one may leave, and when an acknowledgement must.
 *
 *   WINDOW   frames leave while fewer than 3 counted packets (those with frames) are unacknowledged; while more are, frames
 *            gather. A packet of 16 KiB need not gather and leaves while fewer than 32 are. Measured with 4 clients and 128
 *            calls under way each: 1.37 M calls/s with a window of 2–4, 280 k without one (32), for packets then carry one
 *            frame. 2 would do, but leaves the line idle while an acknowledgement travels; 3 keeps one packet under way.
 *   ACK      every packet acknowledges all that came before. When 2 are unacknowledged here and no frames may leave, a bare
 *            acknowledgement does.
 *   HOLD     a server with more than 4 MiB of frames waiting sends no bare acknowledgement: a client that asks and never takes its
 *            replies runs out of credit. Each packet that leaves still acknowledges, so one that takes them goes on.
 *
 * No stall. Say A has frames that may not leave: at least WINDOW ≥ 2 of its packets are unacknowledged to A. All that was sent
 * arrives; then B has either sent a packet that acknowledges all of them, or has not acknowledged at most 1 (with 2 one is due, if
 * only a bare one, which nothing holds back). So once B's packets have arrived at most 1 is unacknowledged to A, 1 < WINDOW, and A's
 * frames leave. Neither a handler that takes long nor B's own full window delays this.
 *
 * Never over 64 in nng's reply queue. What waits there are packets the client has not seen. (1) Counted ones: at most 32, as all are
 * unacknowledged. (2) Bare acknowledgements: the client has seen none of the acknowledgements in the queue, so all that came from it and
 * they acknowledge, each packet once, was sent under one credit of 32; each bare one acknowledges 2 or more of these, so they are
 * at most 16. 32 + 16 = 48 < 64. (A client that breaks its credit is cut off, below, before it makes more.) SOLO replies
 * are outside of this: an nng REQ socket has one at a time.
 */
#include <assert.h>

#include "wire/engine_own.h"

enum { WINDOW = 3, ACKNOWLEDGE_AT = 2, LARGE_BYTES = 16 << 10, HOLD_BYTES = 4 << 20 };
static_assert(WINDOW >= ACKNOWLEDGE_AT, "else the sender stalls");

static bool frames_may_leave(const struct hm_engine *engine)
{
	const struct hm_outgoing *outgoing = &engine->outgoing;
	uint32_t under_way = engine->sent - engine->sent_acknowledged;
	bool large = outgoing->cut < hm_outgoing_pending(outgoing) || outgoing->cut >= LARGE_BYTES;

	return outgoing->cut && under_way < (large ? HM_PACKETS_UNACKNOWLEDGED_MAX : WINDOW);
}

static bool acknowledgement_is_due(const struct hm_engine *engine)
{
	if (engine->side == HM_SERVER && hm_outgoing_pending(&engine->outgoing) > HOLD_BYTES)
		return false;
	return engine->received - engine->received_acknowledged >= ACKNOWLEDGE_AT;
}

size_t hm_engine_packet_size(const struct hm_engine *engine)
{
	if (engine->error)
		return 0;
	if (frames_may_leave(engine))
		return HM_PACKET_HEAD_BYTES + engine->outgoing.cut;
	return acknowledgement_is_due(engine) ? HM_PACKET_HEAD_BYTES : 0;
}

void hm_engine_take_packet(struct hm_engine *engine, void *out)
{
	struct hm_packet_head head = { HM_PACKET_MAGIC, engine->version, 0, 0, engine->received };

	hm_packet_head_encode(&head, out);
	engine->received_acknowledged = engine->received;
	if (!frames_may_leave(engine))
		return;
	hm_outgoing_take(&engine->outgoing, (uint8_t *)out + HM_PACKET_HEAD_BYTES);
	engine->sent++;
}

void hm_engine_packet_arrived(struct hm_engine *engine, uint32_t acknowledged, bool has_frames)
{
	uint32_t under_way = engine->sent - engine->sent_acknowledged;

	if (acknowledged - engine->sent_acknowledged > under_way) {
		hm_engine_violation(engine, "it acknowledges %u packets; %u were sent and %u acknowledged before",
				    acknowledged, engine->sent, engine->sent_acknowledged);
		return;
	}
	engine->sent_acknowledged = acknowledged;
	if (!has_frames)
		return;
	engine->received++;
	if (engine->received - engine->received_acknowledged > HM_PACKETS_UNACKNOWLEDGED_MAX)
		hm_engine_violation(engine, "more than %d packets came unacknowledged", HM_PACKETS_UNACKNOWLEDGED_MAX);
}

size_t hm_engine_pending_bytes(const struct hm_engine *engine)
{
	return hm_outgoing_pending(&engine->outgoing);
}
