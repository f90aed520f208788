/* HELLO: what holds before it, what it settles, and what may not be in it. */
#include <criterion/criterion.h>

#include "tests/engine_forge.h"
#include "tests/engine_pair.h"

Test(engine_hello, before_hello_a_client_keeps_to_what_every_server_takes_and_then_to_what_this_one_does)
{
	struct pair *pair = pair_open(4096, 0);
	struct hm_hello hello = { .version_min = 1,
				  .version_max = 1,
				  .packet_bytes_max = HM_PACKET_BYTES_MIN,
				  .calls_max = 1500,
				  .slots_max = 20 };
	uint8_t body[HM_HELLO_BYTES];
	struct forged packet;

	cr_assert_eq(hm_engine_room(pair->client), HM_CALLS_MIN);
	cr_assert_eq(hm_engine_bind(pair->client, HM_SLOTS_MIN, "loop", NULL), HM_INVALID_ARGUMENT);
	hm_hello_encode(&hello, body);
	forge_packet(&packet, 0, 0);
	forge_add(&packet, (struct hm_frame){ HM_HELLO_BYTES, 0, HM_FRAME_HELLO, 0, 0 }, body);
	forge_is_fine(pair->client, &packet);
	cr_assert_eq(hm_engine_room(pair->client), 1500);
	cr_assert_eq(hm_engine_bind(pair->client, 19, "loop", NULL), HM_OK);
	cr_assert_eq(hm_engine_bind(pair->client, 20, "loop", NULL), HM_INVALID_ARGUMENT);
	pair_close(pair);
}

Test(engine_hello, packets_before_hello_are_ignored)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct forged packet;

	forge_packet(&packet, 0, 77);
	forge_call(&packet, 0x10000);
	forge_is_fine(pair->server, &packet);
	forge_is_fine(pair->client, &packet);
	cr_assert_eq(hm_engine_calls(pair->server), 0);
	pair_greet(pair);
	pair_close(pair);
}

Test(engine_hello, ends_without_a_common_version_part)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct hm_hello hello = { 2, 3, HM_PACKET_BYTES_MIN, HM_CALLS_MIN, HM_SLOTS_MIN, 0, { 0 }, "", 0, 0 };
	uint8_t body[HM_HELLO_BYTES];
	struct forged packet;

	hm_hello_encode(&hello, body);
	forge_packet(&packet, 0, 0);
	packet.bytes[1] = 2;
	forge_add(&packet, (struct hm_frame){ HM_HELLO_BYTES, 0, HM_FRAME_HELLO, 0, 0 }, body);
	forge_breaks(pair->server, &packet, "it speaks versions 2 to 3, this end 1 to 1");
	pair_close(pair);
}

Test(engine_hello, an_end_introduces_itself_once)
{
	struct hm_hello hello = { 1, 1, HM_PACKET_BYTES_MIN, HM_CALLS_MIN, HM_SLOTS_MIN, 0, { 0 }, "", 0, 0 };
	uint8_t body[HM_HELLO_BYTES];

	hm_hello_encode(&hello, body);
	for (enum hm_side to = HM_CLIENT; to <= HM_SERVER; to++) {
		struct pair *pair = pair_open(HM_CALLS_MIN, 0);
		struct forged packet;

		pair_greet(pair);
		forge_packet(&packet, 0, 1);
		forge_add(&packet, (struct hm_frame){ HM_HELLO_BYTES, 0, HM_FRAME_HELLO, 0, 0 }, body);
		forge_breaks(to == HM_CLIENT ? pair->client : pair->server, &packet, "HELLO has come before");
		pair_close(pair);
	}
}

Test(engine_hello, a_server_that_takes_less_than_every_server_must_is_refused)
{
	static const struct {
		uint32_t calls_max, slots_max, streams_max;
		const char *words;
	} servers[] = {
		{ HM_CALLS_MIN - 1, HM_SLOTS_MIN, 0, "calls_max of 1023 (least: 1024)" },
		{ HM_CALLS_MIN, HM_SLOTS_MIN - 1, 0, "slots_max of 15 (16)" },
		{ HM_CALLS_MIN, HM_SLOTS_MIN, HM_STREAMS_MIN - 1, "streams_max of 63 (64)" },
	};

	for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
		struct pair *pair = pair_open(HM_CALLS_MIN, 0);
		struct hm_hello hello = { 1, 1, HM_PACKET_BYTES_MIN, 0, 0, 0, { 0 }, "", 0, 0 };
		uint8_t body[HM_HELLO_BYTES];
		struct forged packet;

		hello.calls_max = servers[i].calls_max;
		hello.slots_max = servers[i].slots_max;
		hello.streams_max = servers[i].streams_max;
		hm_hello_encode(&hello, body);
		forge_packet(&packet, 0, 0);
		forge_add(&packet, (struct hm_frame){ HM_HELLO_BYTES, 0, HM_FRAME_HELLO, 0, 0 }, body);
		forge_breaks(pair->client, &packet, servers[i].words);
		cr_assert_null(hm_engine_peer(pair->client));
		pair_close(pair);
	}
}
