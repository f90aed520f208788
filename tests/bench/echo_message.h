/*
 * Echo message: what all echo measurements send, 64 bytes when packed: a payload of 62, its first eight the number of the call,
 * so that a reply can be told from another call's.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "echo/v1/echo.pb-c.h"

enum { ECHO_PAYLOAD_BYTES = 62, ECHO_PACKED_BYTES = 64 };

struct echo_message {
	Echo__EchoMessage message;
	uint8_t payload[ECHO_PAYLOAD_BYTES];
};

/* echo_message_init makes the message; it points into itself, so it stays where it is. */
static inline void echo_message_init(struct echo_message *message, uint64_t sequence)
{
	echo__echo_message__init(&message->message);
	memset(message->payload, 'h', sizeof message->payload);
	memcpy(message->payload, &sequence, sizeof sequence);
	message->message.has_payload = 1;
	message->message.payload.len = sizeof message->payload;
	message->message.payload.data = message->payload;
}

static inline bool echo_is_answer(const Echo__EchoMessage *reply, uint64_t sequence)
{
	struct echo_message expected;

	echo_message_init(&expected, sequence);
	return reply->payload.len == sizeof expected.payload &&
	       !memcmp(reply->payload.data, expected.payload, sizeof expected.payload);
}
