/*
 * Id: 16 bytes, a UUIDv7 (RFC 9562) where Hallmark makes it: 48 bits of milliseconds, a 12-bit counter that keeps one
 * process's ids in order within a millisecond, 62 random bits. Text form is the canonical lower-case 36 characters.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hm_id {
	uint8_t bytes[16];
};

enum { HM_ID_TEXT_BYTES = 37 };

/* hm_id_new makes a UUIDv7, greater than every one this process made before. Thread-safe. */
struct hm_id hm_id_new(void);

/* hm_id_parse reads the 36-character form, either case; false for anything else. */
bool hm_id_parse(const char *text, struct hm_id *ret_id);

void hm_id_format(const struct hm_id *id, char ret_text[HM_ID_TEXT_BYTES]);
bool hm_id_is_zero(const struct hm_id *id);
bool hm_id_equal(const struct hm_id *a, const struct hm_id *b);

/* hm_random fills with bytes from the kernel's generator (buffered a thread, never after fork). */
void hm_random(void *ret_bytes, size_t size);
