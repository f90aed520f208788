/* Pipe: in: greeting and messages out of the bytes that came. All lengths are checked before anything is allocated for them. */
#include <string.h>

#include "net/pipe_own.h"

enum { GREETING_BYTES = 8, LENGTH_BYTES = 8, WORD_BYTES = 4, KEPT_BYTES = 256 << 10, LARGE_BYTES = 16 << 10 };

static uint64_t get_u64(const uint8_t *at)
{
	uint64_t value = 0;

	for (int i = 0; i < LENGTH_BYTES; i++)
		value = value << 8 | at[i];
	return value;
}

/* Returns the bytes taken; 0: more are needed. */
static size_t take_greeting(struct hm_pipe *pipe, const uint8_t *at, size_t left, int *ret_number)
{
	const uint8_t expected[GREETING_BYTES] = { 0, 'S', 'P', 0, 0, pipe->is_server ? 48 : 49, 0, 0 };

	if (left < GREETING_BYTES)
		return 0;
	if (memcmp(at, expected, GREETING_BYTES)) {
		*ret_number = NNG_EPROTO;
		return 0;
	}
	pipe->is_greeted = true;
	pipe->handler->up(pipe->user);
	return GREETING_BYTES;
}

/* The header ends with the first word whose high bit is set. */
static int tell_message(struct hm_pipe *pipe, const uint8_t *at, size_t size)
{
	struct hm_address from = { .size = 0 };
	bool is_last = false;

	while (!is_last) {
		if (size - from.size < WORD_BYTES || from.size + WORD_BYTES > sizeof from.bytes)
			return NNG_EPROTO;
		memcpy(from.bytes + from.size, at + from.size, WORD_BYTES);
		is_last = at[from.size] & 0x80;
		from.size += WORD_BYTES;
	}
	pipe->handler->packet(pipe->user, &from, at + from.size, size - from.size);
	return 0;
}

static size_t take_message(struct hm_pipe *pipe, const uint8_t *at, size_t left, int *ret_number)
{
	size_t head = LENGTH_BYTES + pipe->has_type_byte;
	uint64_t size;

	if (left < head)
		return 0;
	size = get_u64(at + head - LENGTH_BYTES);
	if (pipe->has_type_byte && *at != 1)
		*ret_number = NNG_EPROTO;
	else if (size > pipe->packet_bytes_max + HM_ADDRESS_BYTES)
		*ret_number = NNG_EMSGSIZE;
	else if (left - head >= size)
		*ret_number = tell_message(pipe, at + head, size);
	else
		return 0;
	return head + size;
}

/* A buffer that a large packet made large is given back when it is empty. */
static void keep_rest(struct hm_pipe *pipe, size_t taken)
{
	if (taken < pipe->in.size) {
		hm_buffer_drop(&pipe->in, taken);
		return;
	}
	hm_buffer_reset(&pipe->in);
	if (pipe->in.capacity > KEPT_BYTES)
		hm_buffer_fini(&pipe->in);
}

/* Answers to a large packet leave before the next is looked at, so that the peer has work meanwhile: else the ends take turns. */
int hm_pipe_take(struct hm_pipe *pipe)
{
	const uint8_t *bytes = (const uint8_t *)pipe->in.data;
	size_t taken = 0, part;
	int number = 0;

	do {
		part = (pipe->is_greeted ? take_message : take_greeting)(pipe, bytes + taken, pipe->in.size - taken,
									 &number);
		taken += part;
		if (part >= LARGE_BYTES && taken < pipe->in.size && !number)
			pipe->handler->idle(pipe->user);
	} while (part && !number && !atomic_load(&pipe->is_closed));
	if (number)
		return number;
	if (atomic_load(&pipe->is_closed))
		return NNG_ECLOSED;
	keep_rest(pipe, taken);
	if (taken)
		pipe->handler->idle(pipe->user);
	return 0;
}
