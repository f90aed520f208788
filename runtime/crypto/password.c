/*
 * Passwords: Argon2id behind a small number of turns. Each hash holds tens of MiB for tens of milliseconds, so without a
 * bound a burst of logins would take all memory; a turn that cannot be had before the deadline is refused instead.
 */
#include "crypto/password.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/sleep.h"
#include "crypto/crypto.h"

enum { STORED_HASH_BYTES = 32, LEAST_KIBIBYTES = crypto_pwhash_argon2id_MEMLIMIT_MIN / 1024 };
static_assert(HM_PASSWORD_HASH_BYTES >= crypto_pwhash_argon2id_STRBYTES);

static struct {
	uint64_t memory_bytes, passes;
	unsigned concurrent;
} cost = { crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE, crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE, 4 };

/* The turns taken now. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t given_back;
	unsigned taken;
} turns = { .lock = PTHREAD_MUTEX_INITIALIZER, .given_back = PTHREAD_COND_INITIALIZER };

void hm_password_set_cost(uint64_t memory_bytes, uint64_t passes, unsigned concurrent)
{
	assert(memory_bytes >= crypto_pwhash_argon2id_MEMLIMIT_MIN &&
	       memory_bytes <= crypto_pwhash_argon2id_MEMLIMIT_MAX);
	assert(passes >= crypto_pwhash_argon2id_OPSLIMIT_MIN && passes <= crypto_pwhash_argon2id_OPSLIMIT_MAX);
	assert(concurrent);
	cost.memory_bytes = memory_bytes;
	cost.passes = passes;
	cost.concurrent = concurrent;
}

static hm_status turn_take(int64_t deadline_us)
{
	bool late = hm_clock_mono_us() >= deadline_us;

	pthread_mutex_lock(&turns.lock);
	while (!late && turns.taken >= cost.concurrent)
		late = !hm_sleep_on(&turns.given_back, &turns.lock, deadline_us);
	turns.taken += !late;
	pthread_mutex_unlock(&turns.lock);
	return late ? hm_raise(RESOURCE_EXHAUSTED,
			       "no turn to hash a password before the deadline: too many logins at once")
		    : HM_OK;
}

static void turn_give_back(void)
{
	pthread_mutex_lock(&turns.lock);
	turns.taken--;
	pthread_cond_signal(&turns.given_back);
	pthread_mutex_unlock(&turns.lock);
}

/* Argon2 reads its password once over: a bound keeps that, too, from being the caller's choice. */
static hm_status check_password(const char *password)
{
	if (strlen(password) > HM_PASSWORD_BYTES_MAX)
		return hm_raise(INVALID_ARGUMENT, "a password of more than %d bytes", HM_PASSWORD_BYTES_MAX);
	return HM_OK;
}

static hm_status no_memory(void)
{
	return hm_raise(RESOURCE_EXHAUSTED, "no memory to hash a password");
}

hm_status hm_password_hash(const char *password, int64_t deadline_us, char ret_hash[HM_PASSWORD_HASH_BYTES])
{
	char hash[crypto_pwhash_argon2id_STRBYTES];
	int failed;

	TRY(check_password(password));
	TRY(turn_take(deadline_us));
	failed = crypto_pwhash_argon2id_str(hash, password, strlen(password), cost.passes, cost.memory_bytes);
	turn_give_back();
	if (failed)
		return no_memory();
	memcpy(ret_hash, hash, sizeof hash);
	return HM_OK;
}

/* Making a hash takes what verifying one of today's costs takes. */
static hm_status verify_nobody(const char *password, int64_t deadline_us, bool *ret_match, bool *ret_stale)
{
	char hash[HM_PASSWORD_HASH_BYTES];

	TRY(hm_password_hash(password, deadline_us, hash));
	sodium_memzero(hash, sizeof hash);
	*ret_match = *ret_stale = false;
	return HM_OK;
}

/* A stored hash in parts: "$argon2id$v=19$m=<KiB>,t=<passes>,p=1$<salt>$<hash>". */
struct stored {
	unsigned kibibytes, passes;
	uint8_t salt[crypto_pwhash_argon2id_SALTBYTES], hash[STORED_HASH_BYTES];
};

static bool decode(const char *text, uint8_t *ret_bytes, size_t size)
{
	size_t got;

	return !sodium_base642bin(ret_bytes, size, text, strlen(text), NULL, &got, NULL,
				  sodium_base64_VARIANT_ORIGINAL_NO_PADDING) &&
	       got == size;
}

/* Only what reads the same when it is written again is a hash: sscanf alone takes signs, blanks and whatever follows. */
static bool parse_stored(const char *text, struct stored *ret_stored)
{
	char salt[23], hash[44], again[HM_PASSWORD_HASH_BYTES];
	struct stored stored;

	if (sscanf(text, "$argon2id$v=19$m=%9u,t=%9u,p=1$%22[A-Za-z0-9+/]$%43[A-Za-z0-9+/]", &stored.kibibytes,
		   &stored.passes, salt, hash) != 4)
		return false;
	snprintf(again, sizeof again, "$argon2id$v=19$m=%u,t=%u,p=1$%s$%s", stored.kibibytes, stored.passes, salt,
		 hash);
	if (strcmp(text, again) != 0 || !decode(salt, stored.salt, sizeof stored.salt) ||
	    !decode(hash, stored.hash, sizeof stored.hash) || stored.kibibytes < LEAST_KIBIBYTES || !stored.passes)
		return false;
	*ret_stored = stored;
	return true;
}

/* crypto_pwhash_argon2id_str_verify would call a lack of memory a wrong password (1.0.18: one errno for both), and the
 * user would be locked out for it. So the hash is made again, and compared here. */
static hm_status hash_again(const char *password, const struct stored *stored, int64_t deadline_us,
			    uint8_t ret_hash[STORED_HASH_BYTES])
{
	int failed;

	TRY(turn_take(deadline_us));
	failed = crypto_pwhash_argon2id(ret_hash, STORED_HASH_BYTES, password, strlen(password), stored->salt,
					stored->passes, (size_t)stored->kibibytes * 1024,
					crypto_pwhash_argon2id_ALG_ARGON2ID13);
	turn_give_back();
	return failed ? no_memory() : HM_OK;
}

hm_status hm_password_verify(const char *password, const char *hash, int64_t deadline_us, bool *ret_match,
			     bool *ret_stale)
{
	uint8_t made[STORED_HASH_BYTES];
	struct stored stored;

	if (!hash)
		return verify_nobody(password, deadline_us, ret_match, ret_stale);
	TRY(check_password(password));
	if (!parse_stored(hash, &stored))
		return hm_raise(DATA_LOSS, "a stored password hash is not of Argon2id's form");
	TRY(hash_again(password, &stored, deadline_us, made));
	*ret_match = hm_equal(made, stored.hash, sizeof made);
	*ret_stale = *ret_match && (stored.passes != cost.passes || stored.kibibytes != cost.memory_bytes / 1024);
	sodium_memzero(made, sizeof made);
	return HM_OK;
}
