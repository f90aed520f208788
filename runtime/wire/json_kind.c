/* Messages that are not objects in JSON, and base64 (RFC 4648, sections 4 and 5). */
#include "wire/json_kind.h"

#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>

static const struct {
	const ProtobufCMessageDescriptor *descriptor;
	enum hm_json_kind kind;
} kinds[] = {
	{ &google__protobuf__timestamp__descriptor, HM_JSON_TIMESTAMP },
	{ &google__protobuf__duration__descriptor, HM_JSON_DURATION },
	{ &google__protobuf__string_value__descriptor, HM_JSON_WRAPPER },
	{ &google__protobuf__bytes_value__descriptor, HM_JSON_WRAPPER },
	{ &google__protobuf__bool_value__descriptor, HM_JSON_WRAPPER },
	{ &google__protobuf__int32_value__descriptor, HM_JSON_WRAPPER },
	{ &google__protobuf__int64_value__descriptor, HM_JSON_WRAPPER },
	{ &google__protobuf__uint32_value__descriptor, HM_JSON_WRAPPER },
	{ &google__protobuf__uint64_value__descriptor, HM_JSON_WRAPPER },
	{ &google__protobuf__float_value__descriptor, HM_JSON_WRAPPER },
	{ &google__protobuf__double_value__descriptor, HM_JSON_WRAPPER },
};

enum hm_json_kind hm_json_kind_of(const ProtobufCMessageDescriptor *descriptor)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].descriptor == descriptor)
			return kinds[i].kind;
	return HM_JSON_OBJECT;
}

size_t hm_base64_size(size_t size)
{
	return (size + 2) / 3 * 4;
}

void hm_base64_encode(const void *bytes, size_t size, char *ret_text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *at = bytes;

	for (; size; at += 3) {
		size_t part = size < 3 ? size : 3;
		uint32_t group = (uint32_t)at[0] << 16;

		if (part > 1)
			group |= (uint32_t)at[1] << 8;
		if (part > 2)
			group |= at[2];
		*ret_text++ = digits[group >> 18];
		*ret_text++ = digits[group >> 12 & 63];
		*ret_text++ = part > 1 ? digits[group >> 6 & 63] : '=';
		*ret_text++ = part > 2 ? digits[group & 63] : '=';
		size -= part;
	}
}

static int digit_value(char digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - 'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - 'a' + 26;
	if (digit >= '0' && digit <= '9')
		return digit - '0' + 52;
	if (digit == '+' || digit == '-')
		return 62;
	return digit == '/' || digit == '_' ? 63 : -1;
}

bool hm_base64_decode(const char *text, size_t size, uint8_t *ret_bytes, size_t *ret_size)
{
	uint32_t bits = 0;
	size_t n_bits = 0, n_bytes = 0, padding = 0;

	for (; padding < 2 && size && text[size - 1] == '='; padding++)
		size--;
	if (size % 4 == 1 || (padding && (size + padding) % 4))
		return false;
	for (size_t i = 0; i < size; i++) {
		int value = digit_value(text[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			ret_bytes[n_bytes++] = (uint8_t)(bits >> n_bits);
		}
	}
	*ret_size = n_bytes;
	return true;
}
