/*
 * Passwords: Argon2id through libsodium, in its text form ("$argon2id$v=19$m=…"). Each hash takes 64 MiB and tens of
 * milliseconds, so no more than a few run at once (hm_password_set_cost); others wait their turn.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { HM_PASSWORD_HASH_BYTES = 128, HM_PASSWORD_BYTES_MAX = 1024 };

/* hm_password_set_cost sets memory (bytes), passes and how many may run at once; before the first hash of the process.
 * Otherwise it is 64 MiB, 2 and 4. */
void hm_password_set_cost(uint64_t memory_bytes, uint64_t passes, unsigned concurrent);

/* hm_password_hash hashes. RESOURCE_EXHAUSTED when the memory cannot be had or deadline_us (monotonic; INT64_MAX: none)
 * passes in the queue; INVALID_ARGUMENT for more than HM_PASSWORD_BYTES_MAX. Thread-safe. */
hm_status hm_password_hash(const char *password, int64_t deadline_us, char ret_hash[HM_PASSWORD_HASH_BYTES]);

/* hm_password_verify sets *ret_match. With a NULL hash it takes as long and never matches, so that an unknown user is not
 * told from a wrong password. *ret_stale: matches, but was hashed with other costs: hash again. Fails as hm_password_hash
 * does, and with DATA_LOSS if the stored hash is none of Argon2id's. Thread-safe. */
hm_status hm_password_verify(const char *password, const char *hash, int64_t deadline_us, bool *ret_match,
			     bool *ret_stale);
