/* Echo, streaming: one method of each kind, and one that goes on until it is stopped. */
#include "tests/services/echo/streams.h"

#include <stdio.h>
#include <string.h>

_Atomic unsigned long echo_written, echo_read, echo_streaming;
_Atomic int echo_last_status;

static hm_status ended(hm_status status)
{
	atomic_store(&echo_last_status, status);
	atomic_fetch_sub(&echo_streaming, 1);
	return status;
}

static hm_status count(struct hm_call *call, const Echo__CountRequest *request)
{
	Echo__EchoMessage message = { ECHO_ECHO_MESSAGE_BASE };
	char text[16];

	message.has_payload = request->has_bytes;
	message.payload.len = request->bytes;
	message.payload.data = hm_arena_zalloc(hm_call_arena(call), request->bytes);
	message.text = text;
	for (unsigned i = 0; i < request->count; i++) {
		snprintf(text, sizeof text, "%u", i);
		TRY(echo_count_write(call, &message));
		atomic_fetch_add(&echo_written, 1);
	}
	if (!request->has_code)
		return HM_OK;
	return hm_error_set(&(struct hm_error){ .code = (hm_status)request->code, .message = "as asked" });
}

hm_status echo_handle_count(struct hm_call *call, const Echo__CountRequest *request)
{
	atomic_fetch_add(&echo_streaming, 1);
	return ended(count(call, request));
}

static hm_status gather(struct hm_call *call, Echo__GatherReply *reply)
{
	Echo__EchoMessage *message;

	reply->has_messages = reply->has_bytes = true;
	for (;;) {
		TRY(echo_gather_read(call, &message));
		if (!message || (message->text && !strcmp(message->text, "stop")))
			return HM_OK;
		atomic_fetch_add(&echo_read, 1);
		reply->messages++;
		reply->bytes += message->payload.len;
		reply->text = hm_arena_strdup(hm_call_arena(call), message->text);
	}
}

hm_status echo_handle_gather(struct hm_call *call, Echo__GatherReply *reply)
{
	atomic_fetch_add(&echo_streaming, 1);
	return ended(gather(call, reply));
}

static hm_status chat(struct hm_call *call)
{
	Echo__EchoMessage *message;

	for (;;) {
		TRY(echo_chat_read(call, &message));
		if (!message)
			return HM_OK;
		TRY(echo_chat_write(call, message));
	}
}

hm_status echo_handle_chat(struct hm_call *call)
{
	atomic_fetch_add(&echo_streaming, 1);
	return ended(chat(call));
}

static hm_status linger(struct hm_call *call)
{
	TRY(echo_linger_write(call, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "here" }));
	for (;;)
		TRY(hm_call_wait(call, 3600 * 1000));
}

hm_status echo_handle_linger(struct hm_call *call, const Echo__LingerRequest *request)
{
	(void)request;
	atomic_fetch_add(&echo_streaming, 1);
	return ended(linger(call));
}
