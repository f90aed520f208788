/* Identity: a proof convinces on the connection it was made for, of the name it was made for, and nowhere else. */
#include "rpc/identity.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "tests/keys.h"

enum { PACKET_BYTES = 4096 };

/* Two engines that have greeted each other. */
struct pair {
	struct hm_engine *client, *server;
};

static struct test_keys keys;
static struct hm_secret_key *accounting, *platform, *operator;
static struct hm_keyring *ring;
static struct hm_identity identity;

static struct hm_engine *open_engine(enum hm_side side)
{
	struct hm_engine_config config = {
		.side = side,
		.hello = { .version_min = HM_PROTOCOL_VERSION,
			   .version_max = HM_PROTOCOL_VERSION,
			   .packet_bytes_max = HM_PACKET_BYTES_MIN,
			   .calls_max = HM_CALLS_MIN,
			   .slots_max = HM_SLOTS_MIN,
			   .stream_window_bytes = HM_STREAM_WINDOW_MIN,
			   .streams_max = HM_STREAMS_MIN,
			   .name = "test" },
	};

	hm_random(config.hello.nonce, sizeof config.hello.nonce);
	return hm_engine_open(&config, 0);
}

/* Moves what waits from one engine to the other; the last event, its body in memory of its own. */
static struct hm_event move(struct hm_engine *from, struct hm_engine *to)
{
	static uint8_t packet[PACKET_BYTES];
	struct hm_event event, last = { 0 };
	size_t size = hm_engine_packet_size(from);

	cr_assert(size && size <= sizeof packet);
	hm_engine_take_packet(from, packet);
	cr_assert_eq(hm_engine_feed(to, packet, size, 0), HM_OK);
	while (hm_engine_next_event(to, &event))
		last = event;
	return last;
}

static struct pair greet(void)
{
	struct pair pair = { open_engine(HM_CLIENT), open_engine(HM_SERVER) };

	cr_assert_eq(move(pair.client, pair.server).type, HM_EVENT_HELLO);
	cr_assert_eq(move(pair.server, pair.client).type, HM_EVENT_HELLO);
	return pair;
}

static void part(struct pair *pair)
{
	hm_engine_close(pair->client);
	hm_engine_close(pair->server);
}

static void set_up(void)
{
	test_keys_init(&keys);
	accounting = test_keys_open(&keys, "service-accounting");
	platform = test_keys_open(&keys, "service-platform");
	operator= test_keys_open(&keys, "operator");
	ring = test_keys_ring(&keys);
	identity.ring = ring;
}

static void tear_down(void)
{
	hm_secret_key_close(accounting);
	hm_secret_key_close(platform);
	hm_secret_key_close(operator);
	hm_keyring_close(ring);
	test_keys_fini(&keys);
}

TestSuite(identity, .init = set_up, .fini = tear_down);

static struct hm_event prove(struct pair *pair, const struct hm_secret_key *key, const char *to)
{
	identity.keys = &key;
	identity.n_keys = 1;
	hm_identity_prove(&identity, pair->client, HM_CLIENT, to);
	return move(pair->client, pair->server);
}

Test(identity, a_proof_says_who_it_is_and_whom_it_is_for)
{
	struct pair pair = greet();
	struct hm_event event = prove(&pair, accounting, "platform");
	struct hm_proof proof;

	cr_assert_eq(event.type, HM_EVENT_AUTH);
	cr_assert_eq(hm_identity_check(&identity, pair.server, HM_CLIENT, &event, &proof), HM_OK, "%s",
		     hm_error_get()->message);
	cr_expect_str_eq(proof.service, "accounting");
	cr_expect_str_eq(proof.to, "platform");
	part(&pair);
}

Test(identity, each_end_proves_itself_and_several_services_if_it_is_several)
{
	const struct hm_secret_key *const both[] = { accounting, platform };
	struct pair pair = greet();
	struct hm_event event;
	struct hm_proof proof;

	identity.keys = both;
	identity.n_keys = 2;
	hm_identity_prove(&identity, pair.server, HM_SERVER, "");
	event = move(pair.server, pair.client);
	cr_assert_eq(hm_identity_check(&identity, pair.client, HM_SERVER, &event, &proof), HM_OK);
	cr_expect_str_eq(proof.service, "platform", "the last of the two");
	part(&pair);
}

Test(identity, a_proof_is_good_for_its_connection_alone)
{
	struct pair here = greet(), there = greet();
	struct hm_event event = prove(&here, accounting, "platform");
	struct hm_proof proof;

	cr_expect_eq(hm_identity_check(&identity, there.server, HM_CLIENT, &event, &proof), HM_UNAUTHENTICATED);
	part(&here);
	part(&there);
}

Test(identity, a_clients_proof_is_not_a_servers)
{
	struct pair pair = greet();
	struct hm_event event = prove(&pair, accounting, "");
	struct hm_proof proof;

	cr_expect_eq(hm_identity_check(&identity, pair.client, HM_SERVER, &event, &proof), HM_UNAUTHENTICATED);
	part(&pair);
}

Test(identity, no_bit_of_a_proof_may_be_another)
{
	struct pair pair = greet();
	struct hm_event event = prove(&pair, accounting, "platform");
	uint8_t *bytes = malloc(event.body_bytes);
	struct hm_proof proof;

	cr_assert(bytes);
	memcpy(bytes, event.body, event.body_bytes);
	event.body = bytes;
	for (size_t bit = 0; bit < event.body_bytes * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_expect_neq(hm_identity_check(&identity, pair.server, HM_CLIENT, &event, &proof), HM_OK, "bit %zu",
			      bit);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t size = event.body_bytes; event.body_bytes--;)
		cr_expect_eq(hm_identity_check(&identity, pair.server, HM_CLIENT, &event, &proof), HM_UNAUTHENTICATED,
			     "%zu of %zu bytes", event.body_bytes, size);
	free(bytes);
	part(&pair);
}

Test(identity, a_key_that_is_not_known_proves_nothing)
{
	struct test_keys elsewhere;
	struct hm_secret_key *impostor;
	struct pair pair = greet();
	struct hm_proof proof;
	struct hm_event event;

	test_keys_init(&elsewhere);
	impostor = test_keys_open(&elsewhere, "service-accounting");
	event = prove(&pair, impostor, "platform");
	cr_expect_eq(hm_identity_check(&identity, pair.server, HM_CLIENT, &event, &proof), HM_NOT_FOUND);
	hm_secret_key_close(impostor);
	test_keys_fini(&elsewhere);
	part(&pair);
}

Test(identity, a_key_of_another_kind_is_no_service)
{
	const struct hm_secret_key *const not_a_service[] = { operator};
	struct pair pair = greet();

	identity.keys = not_a_service;
	identity.n_keys = 1;
	hm_identity_prove(&identity, pair.client, HM_CLIENT, "platform");
	cr_expect_eq(hm_engine_packet_size(pair.client), 0, "nothing is sent");
	part(&pair);
}
