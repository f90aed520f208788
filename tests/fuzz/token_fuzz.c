/*
 * Fuzz: tokens from the world. The first byte chooses what the rest is: a whole token; a bare one, that names no key; or a
 * payload which is signed here with a trusted key, so that the fuzzer gets past the signature and into the claims.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/token.h"

static struct hm_secret_key *key;
static struct hm_keyring *ring;

static void check(hm_status status)
{
	if (status == HM_OK)
		return;
	fprintf(stderr, "%s\n", hm_error_get()->message);
	abort();
}

/* One key pair, in a folder that is gone again before the first input. */
static void make_keys(void)
{
	char directory[] = "/tmp/hallmark-fuzz-XXXXXX", path[64];

	check(hm_crypto_init());
	if (!mkdtemp(directory))
		abort();
	check(hm_key_generate(directory, "identity"));
	check(hm_secret_key_open(directory, "identity", &key));
	check(hm_keyring_open(directory, &ring));
	for (const char *const *suffix = (const char *const[]){ "key", "pub", NULL }; *suffix; suffix++) {
		snprintf(path, sizeof path, "%s/identity.%s", directory, *suffix);
		unlink(path);
	}
	rmdir(directory);
}

/* Whatever is accepted can be signed again, and then says the same. */
static void check_claims(const struct hm_claims *claims, int64_t now_us, struct hm_arena *arena)
{
	struct hm_claims again;
	char *token;

	if (!claims->subject || !claims->id || !claims->brand || !claims->permissions ||
	    claims->expires_at_us <= now_us)
		abort();
	if (claims->issued_at_us < 0 || hm_token_sign(key, claims, arena, &token) != HM_OK)
		return; /* too old, or written at more length than it was */
	check(hm_token_verify(ring, token, strlen(token), now_us, arena, &again));
	if (strcmp(again.subject, claims->subject) != 0 || again.expires_at_us != claims->expires_at_us)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { WHOLE_TOKEN, BARE_TOKEN, PAYLOAD, N_KINDS };
	static const int64_t now_us = INT64_C(1700000000000000);
	struct hm_arena arena = { 0 };
	struct hm_claims claims;
	const char *text;
	char *token, *footer, *payload;

	if (!key)
		make_keys();
	if (!size)
		return 0;
	text = (const char *)data + 1;
	token = hm_arena_dup(&arena, text, --size);
	if (data[0] % N_KINDS == PAYLOAD) {
		footer = hm_arena_printf(&arena, "{\"kid\":\"%s\"}", hm_secret_key_public(key)->id);
		check(hm_paseto_sign(key, text, size, footer, NULL, &arena, &token));
		size = strlen(token);
	}
	if (data[0] % N_KINDS == BARE_TOKEN) {
		if (hm_paseto_open(hm_secret_key_public(key)->bytes, token, size, NULL, &arena, &payload, &size,
				   &footer) == HM_OK)
			abort(); /* a signature forged */
	} else if (hm_token_verify(ring, token, size, now_us, &arena, &claims) == HM_OK) {
		check_claims(&claims, now_us, &arena);
	}
	hm_arena_fini(&arena);
	return 0;
}
