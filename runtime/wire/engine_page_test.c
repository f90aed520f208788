/* The stream of runtime/wire/README.md, byte for byte, between two engines. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/engine_pair.h"
#include "tests/page.h"

static void leaves_as_written(struct pair *pair, struct hm_engine *from, struct hm_engine *to, const char *heading)
{
	struct page_packet wanted = page_example(heading), packet = { 0 };
	char is[3 * PAGE_PACKET_BYTES + 1], should[3 * PAGE_PACKET_BYTES + 1];

	packet.size = pair_move(pair, from, to);
	cr_assert_leq(packet.size, sizeof packet.bytes);
	memcpy(packet.bytes, pair->packet, packet.size);
	cr_assert_str_eq(page_hex(&packet, is), page_hex(&wanted, should), "%s:\n%s instead of\n%s", heading, is,
			 should);
}

/* The server's next message: field 2, "1" or "2". */
static void say(struct hm_engine *server, uint32_t call, uint8_t digit)
{
	const uint8_t message[] = { 0x12, 0x01, digit };
	uint8_t *body;

	cr_assert_eq(hm_engine_send(server, call, sizeof message, &body), HM_SENT);
	memcpy(body, message, sizeof message);
}

static void hears(struct hm_engine *client, uint8_t digit)
{
	struct hm_event event = pair_next(client, HM_EVENT_DATA);

	cr_assert(event.body_bytes == 3 && event.body[2] == digit);
}

Test(engine_page, the_written_stream_is_what_engines_say)
{
	static const uint8_t id[] = { 0x01, 0xa2, 0x04, 0xdc, 0x03, 0xff, 0x70, 0x00,
				      0xbb, 0xdc, 0x35, 0x15, 0x92, 0x89, 0x8f, 0x46 };
	struct hm_call_head head = { .method = 0x0a530010c048fbba, .timeout_ms = 1000, .stream = HM_STREAM_REPLIES };
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct hm_event event;
	uint8_t *body;
	uint32_t call;

	pair_greet(pair);
	memcpy(head.request_id.bytes, id, sizeof id);
	cr_assert_eq(hm_engine_call(pair->client, &head, 2, 0, 0, pair, &call, &body), HM_OK);
	memcpy(body, "\x08\x02", 2);
	leaves_as_written(pair, pair->client, pair->server, "### A stream's call");
	event = pair_next(pair->server, HM_EVENT_CALL);
	cr_assert(event.head.stream == HM_STREAM_REPLIES && event.body_bytes == 2);
	say(pair->server, event.call, '1');
	say(pair->server, event.call, '2');
	cr_assert(hm_engine_reply(pair->server, event.call, HM_OK, NULL, 0, &body));
	leaves_as_written(pair, pair->server, pair->client, "### Its messages and its reply");
	hears(pair->client, '1');
	hears(pair->client, '2');
	cr_assert_eq(pair_next(pair->client, HM_EVENT_REPLY).status, HM_OK);
	pair_close(pair);
}
