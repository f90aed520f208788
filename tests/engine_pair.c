/* Engine pair: see the header. */
#include "tests/engine_pair.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct hm_engine *open_end(enum hm_side side, uint32_t calls_max, uint32_t keepalive_ms, uint32_t window_bytes)
{
	struct hm_engine_config config = { side,
					   { .version_min = 1,
					     .version_max = 1,
					     .packet_bytes_max = 1 << 20,
					     .calls_max = calls_max,
					     .slots_max = HM_SLOTS_MIN,
					     .keepalive_ms = keepalive_ms,
					     .name = "pair",
					     .stream_window_bytes = window_bytes } };

	return hm_engine_open(&config, 0);
}

static struct pair *open_both(uint32_t calls_max, uint32_t keepalive_ms, uint32_t window_bytes)
{
	struct pair *pair = calloc(1, sizeof *pair);
	uint32_t servers_max = calls_max < HM_CALLS_MIN ? HM_CALLS_MIN : calls_max;

	cr_assert_not_null(pair);
	pair->client = open_end(HM_CLIENT, calls_max, keepalive_ms, window_bytes);
	pair->server = open_end(HM_SERVER, servers_max, keepalive_ms, window_bytes);
	return pair;
}

struct pair *pair_open(uint32_t calls_max, uint32_t keepalive_ms)
{
	return open_both(calls_max, keepalive_ms, 0);
}

struct pair *pair_open_with_window(uint32_t stream_window_bytes)
{
	return open_both(HM_CALLS_MIN, 0, stream_window_bytes);
}

void pair_greet(struct pair *pair)
{
	pair_move_all(pair, pair->client, pair->server);
	pair_move_all(pair, pair->server, pair->client);
	cr_assert(hm_engine_peer(pair->client) && hm_engine_peer(pair->server));
}

void pair_close(struct pair *pair)
{
	hm_engine_close(pair->client);
	hm_engine_close(pair->server);
	free(pair);
}

size_t pair_move(struct pair *pair, struct hm_engine *from, struct hm_engine *to)
{
	size_t size = hm_engine_packet_size(from);

	cr_assert_leq(size, sizeof pair->packet);
	if (!size)
		return 0;
	hm_engine_take_packet(from, pair->packet);
	cr_assert_eq(hm_engine_feed(to, pair->packet, size, pair->now_us), HM_OK, "%s", hm_error_get()->message);
	return size;
}

size_t pair_move_all(struct pair *pair, struct hm_engine *from, struct hm_engine *to)
{
	struct hm_event event;
	size_t n = 0;

	for (; pair_move(pair, from, to); n++)
		while (hm_engine_next_event(to, &event))
			;
	cr_assert_eq(hm_engine_error(to), HM_OK, "%s", hm_error_get()->message);
	return n;
}

uint32_t pair_call(struct pair *pair, size_t size, int64_t deadline_us)
{
	struct hm_call_head head = { .method = 1 };
	uint8_t *body;
	uint32_t call;

	cr_assert_eq(hm_engine_call(pair->client, &head, size, deadline_us, pair->now_us, pair, &call, &body), HM_OK);
	memset(body, 0, size);
	return call;
}

struct hm_event pair_next(struct hm_engine *engine, enum hm_event_type type)
{
	struct hm_event event = { 0 };

	cr_assert(hm_engine_next_event(engine, &event), "no event");
	cr_assert_eq(event.type, type);
	return event;
}

uint32_t pair_begin(struct pair *pair, uint8_t halves, int64_t deadline_us)
{
	struct hm_call_head head = { .method = 1, .stream = halves };
	uint8_t *body;
	uint32_t call;

	cr_assert_eq(hm_engine_call(pair->client, &head, 0, deadline_us, pair->now_us, pair, &call, &body), HM_OK);
	return call;
}

enum hm_sent pair_send(struct hm_engine *engine, uint32_t call, size_t size, char letter)
{
	uint8_t *body;
	enum hm_sent sent = hm_engine_send(engine, call, size, &body);

	if (sent == HM_SENT)
		memset(body, letter, size);
	return sent;
}

size_t pair_fill(struct hm_engine *engine, uint32_t call, size_t size)
{
	size_t n = 0;

	while (pair_send(engine, call, size, '.') == HM_SENT)
		n++;
	cr_assert_eq(pair_send(engine, call, size, '.'), HM_SEND_BLOCKED);
	return n;
}

void pair_no_event(struct hm_engine *engine)
{
	struct hm_event event;

	cr_assert_not(hm_engine_next_event(engine, &event), "an event of type %d", event.type);
	cr_assert_eq(hm_engine_error(engine), HM_OK, "%s", hm_error_get()->message);
}
