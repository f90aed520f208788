/*
 * Passwords: Argon2id through libsodium, in its text form ("$argon2id$v=19$m=…"). Each hash takes 64 MiB and tens of
 * milliseconds, so no more than a few run at once (hm_password_set_cost); others wait their turn.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { HM_PASSWORD_HASH_BYTES = 128 };

/* hm_password_set_cost sets memory (bytes), passes and how many may run at once; before the first hash of the process. */
void hm_password_set_cost(uint64_t memory_bytes, uint64_t passes, unsigned concurrent);

/* hm_password_hash hashes. RESOURCE_EXHAUSTED when the memory cannot be had or deadline_us (monotonic) passes in the queue. */
hm_status hm_password_hash(const char *password, int64_t deadline_us, char ret_hash[HM_PASSWORD_HASH_BYTES]);

/* hm_password_verify sets *ret_match. A NULL hash is verified against a dummy of the same cost and never matches, so that an
 * unknown user takes as long as a wrong password. *ret_stale: matches, but was hashed with other costs: hash again. */
hm_status hm_password_verify(const char *password, const char *hash, int64_t deadline_us, bool *ret_match,
			     bool *ret_stale);
