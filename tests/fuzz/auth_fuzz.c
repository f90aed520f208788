/* Fuzzer of the proofs of AUTH frames: any bytes, to a server with one known key. None of them may convince it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "rpc/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hm_identity identity;
static struct hm_engine *server;

static void remove_key(const char *folder, const char *suffix)
{
	char path[128];

	snprintf(path, sizeof path, "%s/service-echo%s", folder, suffix);
	unlink(path);
}

/* An engine that has had its client's HELLO, and a ring with one key whose secret half is gone. */
static void set_up(void)
{
	struct hm_engine_config config = {
		HM_SERVER, { 1, 1, HM_PACKET_BYTES_MIN, HM_CALLS_MIN, HM_SLOTS_MIN, 0, { 0 }, "fuzz", 0, 0 }
	};
	char folder[] = "/tmp/hallmark-auth-fuzz-XXXXXX";
	struct hm_keyring *ring;
	struct hm_engine *client;
	struct hm_event event;
	uint8_t packet[1024];
	size_t bytes;

	server = hm_engine_open(&config, 0);
	config.side = HM_CLIENT;
	client = hm_engine_open(&config, 0);
	bytes = hm_engine_packet_size(client);
	hm_engine_take_packet(client, packet);
	hm_engine_close(client);
	if (hm_crypto_init() || !mkdtemp(folder) || hm_key_generate(folder, "service-echo") ||
	    hm_keyring_open(folder, &ring) || hm_engine_feed(server, packet, bytes, 0) ||
	    !hm_engine_next_event(server, &event) || hm_engine_next_event(server, &event))
		abort();
	identity.ring = ring;
	remove_key(folder, ".key");
	remove_key(folder, ".pub");
	rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct hm_event event = { .type = HM_EVENT_AUTH, .body = data, .body_bytes = size };
	struct hm_proof proof;

	if (!server)
		set_up();
	if (hm_identity_check(&identity, server, HM_CLIENT, &event, &proof) == HM_OK)
		abort();
	return 0;
}
