/* Identity: the bytes that are signed, and the frame that carries the signature. */
#include "rpc/identity.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

enum { SIGNATURE_BYTES = 64, ID_CHARACTERS = HM_KEY_ID_BYTES - 1, SIGNED_BYTES = 1024 };

static const char domain[] = "hallmark auth 1", key_prefix[] = "service-";
static const char *const roles[] = { [HM_CLIENT] = "client", [HM_SERVER] = "server" };

static_assert(5 * 4 + sizeof domain + sizeof "client" + 2 * HM_KEY_NAME_BYTES + HM_KEY_ID_BYTES +
		      HM_TRANSCRIPT_BYTES_MAX <=
	      SIGNED_BYTES);
static_assert(2 * HM_KEY_NAME_BYTES + ID_CHARACTERS + SIGNATURE_BYTES <= HM_AUTH_BYTES_MAX);

static size_t put_text(uint8_t *to, const char *text)
{
	size_t bytes = strlen(text);
	uint32_t length = htole32((uint32_t)bytes);

	memcpy(to, &length, sizeof length);
	memcpy(to + sizeof length, text, bytes);
	return sizeof length + bytes;
}

static size_t write_signed(const struct hm_engine *engine, enum hm_side side, const struct hm_proof *proof,
			   const char *key_id, uint8_t ret_bytes[static SIGNED_BYTES])
{
	const char *const texts[] = { domain, roles[side], proof->to, proof->service, key_id };
	size_t size = 0;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		size += put_text(ret_bytes + size, texts[i]);
	return size + hm_engine_transcript(engine, ret_bytes + size);
}

/* "service-accounting" is the key of accounting; any other kind proves no service. NULL: that. */
static const char *service_of(const struct hm_public_key *key)
{
	size_t bytes = sizeof key_prefix - 1;

	return strncmp(key->name, key_prefix, bytes) ? NULL : key->name + bytes;
}

static size_t put_name(uint8_t *to, const char *name)
{
	size_t bytes = strlen(name);

	to[0] = (uint8_t)bytes;
	memcpy(to + 1, name, bytes);
	return 1 + bytes;
}

static void prove(const struct hm_secret_key *key, struct hm_engine *engine, enum hm_side side, const char *to)
{
	const struct hm_public_key *public = hm_secret_key_public(key);
	uint8_t signed_bytes[SIGNED_BYTES], body[HM_AUTH_BYTES_MAX];
	struct hm_proof proof = { 0 };
	size_t size;

	if (!service_of(public) || strlen(to) >= sizeof proof.to)
		return;
	memcpy(proof.to, to, strlen(to));
	memcpy(proof.service, service_of(public), strlen(service_of(public)));
	size = put_name(body, proof.to);
	size += put_name(body + size, proof.service);
	memcpy(body + size, public->id, ID_CHARACTERS);
	size += ID_CHARACTERS;
	hm_secret_key_sign(key, signed_bytes, write_signed(engine, side, &proof, public->id, signed_bytes),
			   body + size);
	hm_engine_auth(engine, body, size + SIGNATURE_BYTES);
}

void hm_identity_prove(const struct hm_identity *identity, struct hm_engine *engine, enum hm_side side, const char *to)
{
	for (size_t i = 0; i < identity->n_keys && i < HM_AUTHS_MAX; i++)
		prove(identity->keys[i], engine, side, to);
}

/* Returns the bytes taken; 0: this is no name. */
static size_t take_name(const uint8_t *at, size_t left, char ret_name[static HM_KEY_NAME_BYTES])
{
	size_t bytes = left ? at[0] : 0;

	if (!left || bytes >= left || bytes >= HM_KEY_NAME_BYTES || memchr(at + 1, '\0', bytes))
		return 0;
	memcpy(ret_name, at + 1, bytes);
	ret_name[bytes] = '\0';
	return 1 + bytes;
}

/* The names and the key id out of a proof; the signature is what is left. NULL: it is not of the form. */
static const uint8_t *parse(const struct hm_event *event, struct hm_proof *proof, char ret_id[static HM_KEY_ID_BYTES])
{
	size_t to_bytes = take_name(event->body, event->body_bytes, proof->to), name_bytes;

	if (!to_bytes)
		return NULL;
	name_bytes = take_name(event->body + to_bytes, event->body_bytes - to_bytes, proof->service);
	if (!name_bytes || event->body_bytes - to_bytes - name_bytes != ID_CHARACTERS + SIGNATURE_BYTES)
		return NULL;
	memcpy(ret_id, event->body + to_bytes + name_bytes, ID_CHARACTERS);
	ret_id[ID_CHARACTERS] = '\0';
	return event->body + to_bytes + name_bytes + ID_CHARACTERS;
}

hm_status hm_identity_check(const struct hm_identity *identity, const struct hm_engine *engine, enum hm_side side,
			    const struct hm_event *event, struct hm_proof *ret_proof)
{
	uint8_t signed_bytes[SIGNED_BYTES];
	const struct hm_public_key *key;
	const uint8_t *signature;
	char id[HM_KEY_ID_BYTES];
	struct hm_proof proof;

	signature = parse(event, &proof, id);
	if (!signature)
		return hm_raise(UNAUTHENTICATED, "an AUTH frame of %zu bytes that is none", event->body_bytes);
	key = hm_keyring_find(identity->ring, id);
	if (!key || !service_of(key))
		return hm_raise(NOT_FOUND, "a proof with a key that is no service's here");
	if (strcmp(service_of(key), proof.service) ||
	    !hm_public_key_signed(key, signed_bytes, write_signed(engine, side, &proof, id, signed_bytes), signature))
		return hm_raise(UNAUTHENTICATED, "a false proof of being a service");
	*ret_proof = proof;
	return HM_OK;
}
