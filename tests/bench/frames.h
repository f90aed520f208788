/*
 * Frames: the bytes the epoll programs exchange: a CALL of the echo message and the REPLY to it, as two of Hallmark's own
 * engines make them, without the heads of the packets they travel in.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { FRAME_BYTES_MAX = 256 };

struct frames {
	uint8_t call[FRAME_BYTES_MAX], reply[FRAME_BYTES_MAX];
	size_t call_bytes, reply_bytes;
};

hm_status frames_init(struct frames *ret_frames);

/* How an optimal program works on them. frames_call writes a CALL, its message packed; frames_is_answer unpacks a REPLY's message
 * and looks whether it answers the call; frames_reply unpacks a CALL's message and writes the REPLY with it, packed anew.
 * Each writes exactly call_bytes or reply_bytes. False: not what was expected. */
void frames_call(const struct frames *frames, uint32_t id, uint8_t *ret_frame);
bool frames_is_answer(const struct frames *frames, const uint8_t *frame, size_t size);
bool frames_reply(const struct frames *frames, const uint8_t *frame, size_t size, uint8_t *ret_frame);

/* frames_copy and frames_mirror make a CALL and a REPLY without knowing what is in the message. */
void frames_copy(const struct frames *frames, uint32_t id, uint8_t *ret_frame);
void frames_mirror(const struct frames *frames, const uint8_t *frame, uint8_t *ret_frame);

uint32_t frames_id(const uint8_t *frame);
