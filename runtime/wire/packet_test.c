/* Packet codec: what is written is read back, and what is cut or wrong is refused with the reason. */
#include <criterion/criterion.h>

#include "wire/packet_codec.h"

static const struct hm_hello hello = { 1, 3, 1 << 20, 4096, 64, 5000, { 1, 2, 3 }, "follows", 1 << 20, 200 };

Test(packet, a_hello_comes_back_as_it_went)
{
	uint8_t bytes[HM_HELLO_BYTES + 8] = { 0 };
	struct hm_hello back;

	hm_hello_encode(&hello, bytes);
	cr_assert_null(hm_hello_decode(bytes, HM_HELLO_BYTES, &back));
	cr_assert_arr_eq(&back, &hello, sizeof hello);
	cr_assert_null(hm_hello_decode(bytes, sizeof bytes, &back), "a later version's HELLO may be longer");
}

Test(packet, a_name_from_a_peer_cannot_drive_a_terminal)
{
	uint8_t bytes[HM_HELLO_BYTES];
	struct hm_hello back;

	hm_hello_encode(&hello, bytes);
	memset(bytes + 36, 'x', 64);
	memcpy(bytes + 36, "\033[2J\xff\n", 6);
	cr_assert_null(hm_hello_decode(bytes, sizeof bytes, &back));
	cr_assert_eq(strncmp(back.name, "?[2J??xx", 8), 0);
	cr_assert_eq(strlen(back.name), 63);
}

Test(packet, refuses_hellos_that_are_short_or_senseless)
{
	uint8_t bytes[HM_HELLO_BYTES];
	struct hm_hello back;

	hm_hello_encode(&hello, bytes);
	cr_assert_str_eq(hm_hello_decode(bytes, HM_HELLO_BYTES_MIN - 1, &back), "fewer than 100 bytes");
	hm_put16(bytes, 4);
	cr_assert_str_eq(hm_hello_decode(bytes, HM_HELLO_BYTES, &back), "its versions the wrong way round");
	hm_put16(bytes, 1);
	hm_put32(bytes + 4, HM_PACKET_BYTES_MIN - 1);
	cr_assert_str_eq(hm_hello_decode(bytes, HM_HELLO_BYTES, &back), "a packet_bytes_max under 64 KiB");
}

Test(packet, a_call_head_comes_back_as_it_went)
{
	const struct hm_call_head head = { .method = 0x1122334455667788,
					   .request_id = { "request id here" },
					   .parent = 99,
					   .timeout_ms = 1500,
					   .slot = 7,
					   .is_unsampled = true,
					   .idempotency_key = "the key",
					   .idempotency_key_bytes = 7,
					   .attempt = 3 };
	uint8_t bytes[64];
	struct hm_call_head back;
	size_t size;

	cr_assert_eq(hm_call_head_bytes(&head), 58);
	hm_call_head_encode(&head, bytes);
	cr_assert_null(hm_call_head_decode(bytes, 58, &back, &size));
	cr_assert_eq(size, 58);
	cr_assert(back.is_unsampled);
	cr_assert_eq(back.attempt, 3);
	cr_assert_eq(back.method, head.method);
	cr_assert(hm_id_equal(&back.request_id, &head.request_id));
	cr_assert(back.parent == 99 && back.timeout_ms == 1500 && back.slot == 7);
	cr_assert_eq(back.idempotency_key_bytes, 7);
	cr_assert_arr_eq(back.idempotency_key, "the key", 7);
}

/* Metadata by hand, behind a head that says how long it is. */
static const struct {
	const char *metadata;
	uint16_t bytes, claimed;
	const char *wrong; /* NULL: fine */
} cases[] = {
	{ "\1\3\0key", 6, 6, NULL },
	{ "\2\1\0\1\1\3\0key", 10, 10, NULL },
	{ "\2\2\0\1\1", 5, 5, "trace flags that are not one byte" },
	{ "\4\1\0\2", 4, 4, NULL },
	{ "\4\2\0\2\0", 5, 5, "an attempt that is not one byte from 1" },
	{ "\4\1\0\0", 4, 4, "an attempt that is not one byte from 1" },
	{ "\7\2\0??\1\3\0key", 11, 11, NULL },
	{ "\1\3\0key", 6, 7, "metadata longer than its body" },
	{ "\1\3", 2, 2, "metadata cut off in an entry's head" },
	{ "\1\4\0key", 6, 6, "metadata cut off in a value" },
	{ "\7\xff\xff?", 4, 4, "metadata cut off in a value" },
	{ "\1\1\0a\1\1\0b", 8, 8, "two idempotency keys" },
	{ "\1\0\0", 3, 3, "an idempotency key that is empty or over 128 bytes" },
	{ "\1\3\0k\0y", 6, 6, "a NUL in its idempotency key" },
	{ "\3\4\0drop\1\3\0key", 13, 13, NULL },
	{ "\3\4\0drop\3\4\0drop", 14, 14, "two faults" },
	{ "\3\0\0", 3, 3, "a fault that is empty, over 256 bytes, or has a NUL" },
	{ "\3\2\0d\0", 5, 5, "a fault that is empty, over 256 bytes, or has a NUL" },
};

Test(packet, refuses_metadata_that_reaches_too_far_or_means_two_things)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t bytes[64] = { 0 };
		struct hm_call_head back;
		const char *wrong;
		size_t size;

		hm_put16(bytes + 38, cases[i].claimed);
		memcpy(bytes + HM_CALL_HEAD_BYTES, cases[i].metadata, cases[i].bytes);
		wrong = hm_call_head_decode(bytes, HM_CALL_HEAD_BYTES + (size_t)cases[i].bytes, &back, &size);
		cr_assert(wrong == cases[i].wrong || (wrong && cases[i].wrong && !strcmp(wrong, cases[i].wrong)),
			  "case %zu: %s", i, wrong);
	}
	cr_assert_str_eq(hm_call_head_decode((const uint8_t *)"", 1, &(struct hm_call_head){ 0 }, &(size_t){ 0 }),
			 "fewer than 40 bytes");
}

Test(packet, refuses_a_key_of_129_bytes)
{
	uint8_t bytes[HM_CALL_HEAD_BYTES + 3 + 129] = { 0 };
	struct hm_call_head back;
	size_t size;

	memset(bytes + HM_CALL_HEAD_BYTES + 3, 'k', 129);
	bytes[HM_CALL_HEAD_BYTES] = 1;
	for (uint16_t length = 128; length <= 129; length++) {
		hm_put16(bytes + 38, length + 3);
		hm_put16(bytes + HM_CALL_HEAD_BYTES + 1, length);
		cr_assert_eq(hm_call_head_decode(bytes, sizeof bytes, &back, &size) == NULL, length == 128);
	}
}
