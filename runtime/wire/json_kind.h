/* The messages that are not objects in JSON, and base64; for the two halves of JSON and for fields as text. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hm_json_kind { HM_JSON_OBJECT, HM_JSON_TIMESTAMP, HM_JSON_DURATION, HM_JSON_WRAPPER };

/* hm_json_kind_of says what a message of this type is in JSON. A wrapper's value is its only field. */
enum hm_json_kind hm_json_kind_of(const ProtobufCMessageDescriptor *descriptor);

/* hm_base64_size returns the characters that size bytes take, with padding. */
size_t hm_base64_size(size_t size);

/* hm_base64_encode writes them, without a NUL. */
void hm_base64_encode(const void *bytes, size_t size, char *ret_text);

/* hm_base64_decode reads either alphabet, with padding or without; false for anything else. ret_bytes has room for
 * size * 3 / 4 bytes. */
bool hm_base64_decode(const char *text, size_t size, uint8_t *ret_bytes, size_t *ret_size);
