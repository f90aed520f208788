/* Packet codec: the parts that are more than a few stores. Foreign bytes are read front to back, each length checked first. */
#include "wire/packet_codec.h"

enum { KEY_IDEMPOTENCY = 1, KEY_TRACE_FLAGS = 2, KEY_FAULT = 3, KEY_ATTEMPT = 4, TRACE_SAMPLED = 1 };

/*
 *     HELLO    0               2               4                    8              12             16
 *              u16 version min u16 version max u32 packet bytes max u32 calls max  u32 slots max  u32 keepalive ms
 *              20        36
 *              nonce     name, filled with NULs
 *              100                      104
 *              u32 stream window bytes  u32 streams max
 */
void hm_hello_encode(const struct hm_hello *hello, uint8_t to[static HM_HELLO_BYTES])
{
	memset(to, 0, HM_HELLO_BYTES);
	hm_put16(to, hello->version_min);
	hm_put16(to + 2, hello->version_max);
	hm_put32(to + 4, hello->packet_bytes_max);
	hm_put32(to + 8, hello->calls_max);
	hm_put32(to + 12, hello->slots_max);
	hm_put32(to + 16, hello->keepalive_ms);
	memcpy(to + 20, hello->nonce, sizeof hello->nonce);
	memcpy(to + 36, hello->name, strnlen(hello->name, sizeof hello->name - 1));
	hm_put32(to + 100, hello->stream_window_bytes);
	hm_put32(to + 104, hello->streams_max);
}

/* The name is for people and may end in their terminals and logs: nothing but printable ASCII passes. */
static void clean_name(const uint8_t *from, char ret_name[static 64])
{
	memcpy(ret_name, from, 64);
	ret_name[63] = '\0';
	for (char *c = ret_name; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* HELLO grows at its end: a field that its sender did not know yet means the same as 0. */
static uint32_t get_later(const uint8_t *body, size_t body_bytes, size_t at, uint32_t otherwise)
{
	uint32_t value = body_bytes < at + sizeof value ? 0 : hm_get32(body + at);

	return value ? value : otherwise;
}

/* Who says nothing of streams does not know them: a CALL with their flags would break its protocol. */
static bool knows_streams(size_t body_bytes)
{
	return body_bytes >= HM_HELLO_BYTES;
}

const char *hm_hello_decode(const uint8_t *body, size_t body_bytes, struct hm_hello *ret_hello)
{
	struct hm_hello hello = { 0 };

	if (body_bytes < HM_HELLO_BYTES_MIN)
		return "fewer than 100 bytes";
	hello.version_min = hm_get16(body);
	hello.version_max = hm_get16(body + 2);
	hello.packet_bytes_max = hm_get32(body + 4);
	hello.calls_max = hm_get32(body + 8);
	hello.slots_max = hm_get32(body + 12);
	hello.keepalive_ms = hm_get32(body + 16);
	memcpy(hello.nonce, body + 20, sizeof hello.nonce);
	clean_name(body + 36, hello.name);
	hello.stream_window_bytes = get_later(body, body_bytes, 100, HM_STREAM_WINDOW_MIN);
	hello.streams_max = knows_streams(body_bytes) ? get_later(body, body_bytes, 104, HM_STREAMS_MIN) : 0;
	if (hello.version_min > hello.version_max)
		return "its versions the wrong way round";
	if (hello.packet_bytes_max < HM_PACKET_BYTES_MIN)
		return "a packet_bytes_max under 64 KiB";
	if (hello.stream_window_bytes < HM_STREAM_WINDOW_MIN || hello.stream_window_bytes > HM_STREAM_CREDIT_MAX)
		return "a stream_window_bytes under 64 KiB or over 2 GiB";
	*ret_hello = hello;
	return NULL;
}

static uint8_t *put_metadata(uint8_t *to, uint8_t key, const void *value, uint16_t value_bytes)
{
	to[0] = key;
	hm_put16(to + 1, value_bytes);
	memcpy(to + HM_METADATA_HEAD_BYTES, value, value_bytes);
	return to + HM_METADATA_HEAD_BYTES + value_bytes;
}

void hm_call_head_encode(const struct hm_call_head *head, uint8_t *to)
{
	hm_put64(to, head->method);
	memcpy(to + 8, head->request_id.bytes, sizeof head->request_id.bytes);
	hm_put64(to + 24, head->parent);
	hm_put32(to + 32, head->timeout_ms);
	hm_put16(to + 36, head->slot);
	hm_put16(to + 38, (uint16_t)(hm_call_head_bytes(head) - HM_CALL_HEAD_BYTES));
	to += HM_CALL_HEAD_BYTES;
	if (head->is_unsampled)
		to = put_metadata(to, KEY_TRACE_FLAGS, &(uint8_t){ 0 }, 1);
	if (head->attempt > 1)
		to = put_metadata(to, KEY_ATTEMPT, &head->attempt, 1);
	if (head->idempotency_key)
		to = put_metadata(to, KEY_IDEMPOTENCY, head->idempotency_key, head->idempotency_key_bytes);
	if (head->fault)
		put_metadata(to, KEY_FAULT, head->fault, head->fault_bytes);
}

/* A key becomes a C string above, where a NUL would make it equal to another caller's. */
static const char *take_key(const uint8_t *value, uint16_t value_bytes, struct hm_call_head *head)
{
	if (head->idempotency_key)
		return "two idempotency keys";
	if (!value_bytes || value_bytes > HM_CALL_KEY_BYTES_MAX)
		return "an idempotency key that is empty or over 128 bytes";
	if (memchr(value, '\0', value_bytes))
		return "a NUL in its idempotency key";
	head->idempotency_key = (const char *)value;
	head->idempotency_key_bytes = value_bytes;
	return NULL;
}

static const char *take_fault(const uint8_t *value, uint16_t value_bytes, struct hm_call_head *head)
{
	if (head->fault)
		return "two faults";
	if (!value_bytes || value_bytes > HM_CALL_FAULT_BYTES_MAX || memchr(value, '\0', value_bytes))
		return "a fault that is empty, over 256 bytes, or has a NUL";
	head->fault = (const char *)value;
	head->fault_bytes = value_bytes;
	return NULL;
}

static const char *take_trace_flags(const uint8_t *value, uint16_t value_bytes, struct hm_call_head *head)
{
	if (value_bytes != 1)
		return "trace flags that are not one byte";
	head->is_unsampled = !(value[0] & TRACE_SAMPLED);
	return NULL;
}

static const char *take_attempt(const uint8_t *value, uint16_t value_bytes, struct hm_call_head *head)
{
	if (value_bytes != 1 || !value[0])
		return "an attempt that is not one byte from 1";
	head->attempt = value[0];
	return NULL;
}

static const char *take_metadata(const uint8_t *at, const uint8_t *end, struct hm_call_head *head)
{
	const char *wrong = NULL;

	while (!wrong && at < end) {
		size_t left = (size_t)(end - at);
		uint16_t value_bytes;

		if (left < HM_METADATA_HEAD_BYTES)
			return "metadata cut off in an entry's head";
		value_bytes = hm_get16(at + 1);
		if (value_bytes > left - HM_METADATA_HEAD_BYTES)
			return "metadata cut off in a value";
		if (at[0] == KEY_IDEMPOTENCY)
			wrong = take_key(at + HM_METADATA_HEAD_BYTES, value_bytes, head);
		else if (at[0] == KEY_TRACE_FLAGS)
			wrong = take_trace_flags(at + HM_METADATA_HEAD_BYTES, value_bytes, head);
		else if (at[0] == KEY_FAULT)
			wrong = take_fault(at + HM_METADATA_HEAD_BYTES, value_bytes, head);
		else if (at[0] == KEY_ATTEMPT)
			wrong = take_attempt(at + HM_METADATA_HEAD_BYTES, value_bytes, head);
		at += HM_METADATA_HEAD_BYTES + value_bytes;
	}
	return wrong;
}

const char *hm_call_head_decode(const uint8_t *body, size_t body_bytes, struct hm_call_head *ret_head,
				size_t *ret_bytes)
{
	size_t metadata_bytes;

	if (body_bytes < HM_CALL_HEAD_BYTES)
		return "fewer than 40 bytes";
	metadata_bytes = hm_get16(body + 38);
	if (metadata_bytes > body_bytes - HM_CALL_HEAD_BYTES)
		return "metadata longer than its body";
	ret_head->method = hm_get64(body);
	memcpy(ret_head->request_id.bytes, body + 8, sizeof ret_head->request_id.bytes);
	ret_head->parent = hm_get64(body + 24);
	ret_head->timeout_ms = hm_get32(body + 32);
	ret_head->slot = hm_get16(body + 36);
	ret_head->is_unsampled = false;
	ret_head->idempotency_key = NULL;
	ret_head->idempotency_key_bytes = 0;
	ret_head->fault = NULL;
	ret_head->fault_bytes = 0;
	ret_head->stream = HM_STREAM_NONE;
	ret_head->attempt = 1;
	*ret_bytes = HM_CALL_HEAD_BYTES + metadata_bytes;
	return take_metadata(body + HM_CALL_HEAD_BYTES, body + *ret_bytes, ret_head);
}
