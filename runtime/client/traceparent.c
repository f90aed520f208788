/* Traceparent: read strictly, hex digit by hex digit: the text comes from outside. */
#include "client/traceparent.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	ID_AT = 3,
	PARENT_AT = 36,
	FLAGS_AT = 53,
	SPAN_BYTES = 8,
	LAST_VERSION = 0xfe, /* ff is forbidden */
	SAMPLED = 1,
};

/* Lower case alone, as the standard has it. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *text, uint8_t *ret_bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int high = digit(text[2 * i]), low = high < 0 ? -1 : digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		ret_bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static uint64_t span_of(const uint8_t bytes[static SPAN_BYTES])
{
	uint64_t span = 0;

	for (int i = 0; i < SPAN_BYTES; i++)
		span = span << 8 | bytes[i];
	return span;
}

/* A later version may say more behind a further "-". */
static bool has_shape(const char *text, size_t size, uint8_t version)
{
	if (text[ID_AT - 1] != '-' || text[PARENT_AT - 1] != '-' || text[FLAGS_AT - 1] != '-')
		return false;
	if (version == 0)
		return size == HM_TRACEPARENT_BYTES - 1;
	return version <= LAST_VERSION && (size == HM_TRACEPARENT_BYTES - 1 || text[HM_TRACEPARENT_BYTES - 1] == '-');
}

hm_status hm_context_set_traceparent(struct hm_context *context, const char *traceparent)
{
	size_t size = strlen(traceparent);
	uint8_t version, flags, parent[SPAN_BYTES];
	struct hm_id id;

	if (size < HM_TRACEPARENT_BYTES - 1 || !read_hex(traceparent, &version, 1) ||
	    !has_shape(traceparent, size, version) || !read_hex(traceparent + ID_AT, id.bytes, sizeof id.bytes) ||
	    !read_hex(traceparent + PARENT_AT, parent, sizeof parent) || !read_hex(traceparent + FLAGS_AT, &flags, 1) ||
	    hm_id_is_zero(&id) || !span_of(parent))
		return hm_raise(INVALID_ARGUMENT,
				"traceparent: not 00-<32 hex digits>-<16 hex digits>-<2 hex digits> with "
				"neither id all zeros");
	context->request_id = id;
	context->parent = span_of(parent);
	context->is_unsampled = !(flags & SAMPLED);
	return HM_OK;
}

void hm_context_traceparent(const struct hm_context *context, char ret_text[static HM_TRACEPARENT_BYTES])
{
	const uint8_t *id = context->request_id.bytes;
	uint64_t span = context->parent ? context->parent : span_of(id + SPAN_BYTES);

	snprintf(ret_text, HM_TRACEPARENT_BYTES, "00-%016" PRIx64 "%016" PRIx64 "-%016" PRIx64 "-%02x", span_of(id),
		 span_of(id + SPAN_BYTES), span, context->is_unsampled ? 0 : SAMPLED);
}
