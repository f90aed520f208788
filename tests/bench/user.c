/* User: a token signed as identity signs them. */
#include "tests/bench/user.h"

#include <stdio.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "crypto/key.h"
#include "crypto/token.h"
#include "tests/bench/server.h"

enum { TOKEN_S = 3600, PATH_BYTES = 128 };

hm_status user_sign(const char *folder, const char *brand, struct hm_arena *arena, char **ret_token)
{
	static const char *const permissions[] = { "notes.write", "notes.read", NULL };
	SCOPED(hm_secret_key) key = NULL;
	const int64_t now_us = hm_clock_wall_us();
	char keys[PATH_BYTES];

	snprintf(keys, sizeof keys, "%s/" BENCH_KEYS, folder);
	TRY(hm_crypto_init());
	TRY(hm_secret_key_open(keys, "identity", &key));
	return hm_token_sign(key,
			     &(struct hm_claims){ .subject = "bench",
						  .type = "user",
						  .brand = brand,
						  .id = "bench",
						  .permissions = permissions,
						  .issued_at_us = now_us,
						  .expires_at_us = now_us + (int64_t)TOKEN_S * HM_US_PER_S },
			     arena, ret_token);
}
