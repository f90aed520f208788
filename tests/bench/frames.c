/* Frames: two engines greet each other, make one call and answer it; what they sent is the pattern for all others. */
#include "tests/bench/frames.h"

#include <string.h>

#include "echo/v1/echo.hm.h"
#include "tests/bench/echo_message.h"
#include "wire/engine.h"
#include "wire/packet_codec.h"

/* A packet on its way; events point into it. */
struct parcel {
	uint8_t bytes[1024];
	size_t size;
};

static struct hm_engine *open_engine(enum hm_side side)
{
	const struct hm_engine_config config = {
		.side = side,
		.hello = {
			.version_min = HM_PROTOCOL_VERSION,
			.version_max = HM_PROTOCOL_VERSION,
			.packet_bytes_max = HM_PACKET_BYTES_MIN,
			.calls_max = HM_CALLS_MIN,
			.slots_max = HM_SLOTS_MIN,
		},
	};

	return hm_engine_open(&config, 0);
}

/* Moves what waits at one end to the other and gives the last event it makes there. */
static hm_status move(struct hm_engine *from, struct hm_engine *to, struct parcel *parcel, struct hm_event *ret_event)
{
	parcel->size = hm_engine_packet_size(from);
	if (!parcel->size || parcel->size > sizeof parcel->bytes)
		return hm_raise(INTERNAL, "an engine has a packet of %zu bytes", parcel->size);
	hm_engine_take_packet(from, parcel->bytes);
	TRY(hm_engine_feed(to, parcel->bytes, parcel->size, 0));
	while (hm_engine_next_event(to, ret_event))
		;
	return hm_engine_error(to);
}

static hm_status keep(const struct parcel *parcel, uint8_t ret_frame[FRAME_BYTES_MAX], size_t *ret_size)
{
	size_t size = parcel->size - HM_PACKET_HEAD_BYTES;

	if (size > FRAME_BYTES_MAX)
		return hm_raise(INTERNAL, "a frame of %zu bytes", size);
	memcpy(ret_frame, parcel->bytes + HM_PACKET_HEAD_BYTES, size);
	*ret_size = size;
	return HM_OK;
}

static hm_status call_and_answer(struct hm_engine *client, struct hm_engine *server, struct frames *frames)
{
	const struct hm_call_head head = { .method = hm_method_find(&echo_table, "Echo")->id };
	struct echo_message message;
	struct hm_event event = { 0 };
	struct parcel parcel;
	uint32_t id;
	uint8_t *body;

	echo_message_init(&message, 0);
	TRY(hm_engine_call(client, &head, ECHO_PACKED_BYTES, 0, 0, NULL, &id, &body));
	echo__echo_message__pack(&message.message, body);
	TRY(move(client, server, &parcel, &event));
	TRY(keep(&parcel, frames->call, &frames->call_bytes));
	if (event.type != HM_EVENT_CALL || event.body_bytes != ECHO_PACKED_BYTES ||
	    !hm_engine_reply(server, event.call, HM_OK, NULL, ECHO_PACKED_BYTES, &body))
		return hm_raise(INTERNAL, "the call did not arrive");
	memcpy(body, event.body, ECHO_PACKED_BYTES);
	TRY(move(server, client, &parcel, &event));
	return keep(&parcel, frames->reply, &frames->reply_bytes);
}

hm_status frames_init(struct frames *ret_frames)
{
	struct hm_engine *client = open_engine(HM_CLIENT), *server = open_engine(HM_SERVER);
	struct hm_event event;
	struct parcel parcel;
	hm_status status = move(client, server, &parcel, &event);

	if (status == HM_OK)
		status = move(server, client, &parcel, &event);
	if (status == HM_OK)
		status = call_and_answer(client, server, ret_frames);
	hm_engine_close(client);
	hm_engine_close(server);
	return status;
}

uint32_t frames_id(const uint8_t *frame)
{
	return hm_get32(frame + offsetof(struct hm_frame, call));
}

static void set_id(uint8_t *frame, uint32_t id)
{
	hm_put32(frame + offsetof(struct hm_frame, call), id);
}

/* protobuf-c's allocations, out of a piece of stack that is forgotten with the message. */
struct scratch {
	_Alignas(max_align_t) uint8_t bytes[512];
	size_t used;
};

static void *scratch_alloc(void *data, size_t size)
{
	struct scratch *scratch = data;
	size_t at = scratch->used;

	size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (size > sizeof scratch->bytes - at)
		return NULL;
	scratch->used += size;
	return scratch->bytes + at;
}

static void scratch_free(void *data, void *pointer)
{
	(void)data;
	(void)pointer;
}

static Echo__EchoMessage *unpack(struct scratch *scratch, const uint8_t *bytes, size_t size)
{
	ProtobufCAllocator allocator = { .alloc = scratch_alloc, .free = scratch_free, .allocator_data = scratch };

	scratch->used = 0;
	return echo__echo_message__unpack(&allocator, size, bytes);
}

void frames_call(const struct frames *frames, uint32_t id, uint8_t *ret_frame)
{
	struct echo_message message;

	memcpy(ret_frame, frames->call, HM_FRAME_HEAD_BYTES + HM_CALL_HEAD_BYTES);
	set_id(ret_frame, id);
	echo_message_init(&message, id);
	echo__echo_message__pack(&message.message, ret_frame + HM_FRAME_HEAD_BYTES + HM_CALL_HEAD_BYTES);
}

bool frames_is_answer(const struct frames *frames, const uint8_t *frame, size_t size)
{
	struct scratch scratch;
	const Echo__EchoMessage *reply;

	if (size != frames->reply_bytes)
		return false;
	reply = unpack(&scratch, frame + HM_FRAME_HEAD_BYTES, size - HM_FRAME_HEAD_BYTES);
	return reply && echo_is_answer(reply, frames_id(frame));
}

bool frames_reply(const struct frames *frames, const uint8_t *frame, size_t size, uint8_t *ret_frame)
{
	const size_t head = HM_FRAME_HEAD_BYTES + HM_CALL_HEAD_BYTES;
	struct scratch scratch;
	const Echo__EchoMessage *request;

	if (size != frames->call_bytes)
		return false;
	request = unpack(&scratch, frame + head, size - head);
	if (!request || echo__echo_message__get_packed_size(request) != ECHO_PACKED_BYTES)
		return false;
	memcpy(ret_frame, frames->reply, HM_FRAME_HEAD_BYTES);
	set_id(ret_frame, frames_id(frame));
	echo__echo_message__pack(request, ret_frame + HM_FRAME_HEAD_BYTES);
	return true;
}

void frames_copy(const struct frames *frames, uint32_t id, uint8_t *ret_frame)
{
	memcpy(ret_frame, frames->call, frames->call_bytes);
	set_id(ret_frame, id);
}

void frames_mirror(const struct frames *frames, const uint8_t *frame, uint8_t *ret_frame)
{
	memcpy(ret_frame, frames->reply, HM_FRAME_HEAD_BYTES);
	set_id(ret_frame, frames_id(frame));
	memcpy(ret_frame + HM_FRAME_HEAD_BYTES, frame + HM_FRAME_HEAD_BYTES + HM_CALL_HEAD_BYTES, ECHO_PACKED_BYTES);
}
