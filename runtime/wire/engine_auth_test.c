/* AUTH: proofs travel as they are, in their time, and both ends bind them to the same HELLOs. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/engine_forge.h"
#include "tests/engine_pair.h"

static const uint8_t proof[HM_AUTH_BYTES_MAX] = "a proof";

static void has_proof(struct hm_engine *engine, size_t size)
{
	struct hm_event event = pair_next(engine, HM_EVENT_AUTH);

	cr_assert_eq(event.body_bytes, size);
	cr_assert_arr_eq(event.body, proof, size);
}

Test(engine_auth, a_proof_arrives_as_it_was_sent_on_either_side)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);

	pair_greet(pair);
	hm_engine_auth(pair->client, proof, 1);
	hm_engine_auth(pair->client, proof, HM_AUTH_BYTES_MAX);
	pair_move(pair, pair->client, pair->server);
	has_proof(pair->server, 1);
	has_proof(pair->server, HM_AUTH_BYTES_MAX);
	pair_no_event(pair->server);
	hm_engine_auth(pair->server, proof, 7);
	pair_move(pair, pair->server, pair->client);
	has_proof(pair->client, 7);
	pair_close(pair);
}

/* What was bound or called before was bound or called by nobody. */
Test(engine_auth, a_proof_behind_a_bind_or_a_call_is_refused)
{
	for (int binds = 0; binds < 2; binds++) {
		struct pair *pair = pair_open(HM_CALLS_MIN, 0);
		struct forged packet;

		pair_greet(pair);
		forge_packet(&packet, 0, 1);
		if (binds)
			forge_add(&packet, (struct hm_frame){ 5, 0, HM_FRAME_BIND, 0, 0 }, "\4loop");
		else
			forge_call(&packet, 0x10000);
		forge_add(&packet, (struct hm_frame){ 7, 0, HM_FRAME_AUTH, HM_FRAME_OPTIONAL, 0 }, proof);
		forge_breaks(pair->server, &packet, "AUTH behind a BIND or CALL");
		pair_close(pair);
	}
}

Test(engine_auth, proofs_are_counted)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct forged packet, one;

	pair_greet(pair);
	forge_packet(&packet, 0, 1);
	one = packet;
	for (int i = 0; i < HM_AUTHS_MAX; i++)
		forge_add(&packet, (struct hm_frame){ 7, 0, HM_FRAME_AUTH, HM_FRAME_OPTIONAL, 0 }, proof);
	forge_is_fine(pair->server, &packet);
	forge_add(&one, (struct hm_frame){ 7, 0, HM_FRAME_AUTH, HM_FRAME_OPTIONAL, 0 }, proof);
	forge_breaks(pair->server, &one, "AUTH behind a BIND or CALL, or the ");
	pair_close(pair);
}

/* u32 length, the client's HELLO, u32 length, the server's: as they crossed the wire. */
Test(engine_auth, both_ends_have_the_same_transcript_the_clients_hello_first)
{
	enum { HELLO_AT = HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES, LENGTH_BYTES = 4 };
	struct pair *pair = pair_open(8, 0); /* so that the two HELLOs differ */
	uint8_t wanted[2 * (LENGTH_BYTES + HM_HELLO_BYTES)], client[HM_TRANSCRIPT_BYTES_MAX],
		server[HM_TRANSCRIPT_BYTES_MAX];
	uint8_t *second = wanted + LENGTH_BYTES + HM_HELLO_BYTES;

	hm_put32(wanted, HM_HELLO_BYTES);
	hm_put32(second, HM_HELLO_BYTES);
	pair_move(pair, pair->client, pair->server);
	memcpy(wanted + LENGTH_BYTES, pair->packet + HELLO_AT, HM_HELLO_BYTES);
	pair_next(pair->server, HM_EVENT_HELLO);
	pair_move(pair, pair->server, pair->client);
	memcpy(second + LENGTH_BYTES, pair->packet + HELLO_AT, HM_HELLO_BYTES);
	pair_next(pair->client, HM_EVENT_HELLO);
	cr_assert(memcmp(wanted, second, LENGTH_BYTES + HM_HELLO_BYTES), "else it would not show which is first");
	cr_assert_eq(hm_engine_transcript(pair->client, client), sizeof wanted);
	cr_assert_eq(hm_engine_transcript(pair->server, server), sizeof wanted);
	cr_assert_arr_eq(client, wanted, sizeof wanted);
	cr_assert_arr_eq(server, wanted, sizeof wanted);
	pair_close(pair);
}

/* A later version's HELLO may be longer than what is kept of it: its length is told, and what was kept. */
Test(engine_auth, of_a_long_hello_the_transcript_has_what_is_kept)
{
	enum { LONG_BYTES = HM_HELLO_KEPT_BYTES + 100 };
	struct hm_hello hello = { 1, 1, HM_PACKET_BYTES_MIN, HM_CALLS_MIN, HM_SLOTS_MIN, 0, { 0 }, "", 0, 0 };
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint8_t body[LONG_BYTES] = { 0 }, transcript[HM_TRANSCRIPT_BYTES_MAX];
	struct forged packet;

	hm_hello_encode(&hello, body);
	forge_packet(&packet, 0, 0);
	forge_add(&packet, (struct hm_frame){ LONG_BYTES, 0, HM_FRAME_HELLO, 0, 0 }, body);
	forge_is_fine(pair->server, &packet);
	cr_assert_eq(hm_engine_transcript(pair->server, transcript), 4 + HM_HELLO_KEPT_BYTES + 4 + HM_HELLO_BYTES);
	cr_assert_eq(hm_get32(transcript), LONG_BYTES);
	cr_assert_arr_eq(transcript + 4, body, HM_HELLO_KEPT_BYTES);
	pair_close(pair);
}
