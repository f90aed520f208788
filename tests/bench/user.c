/* User: tokens, a user's signed as identity signs them. */
#include "tests/bench/user.h"

#include <stdio.h>

#include "base/clock.h"
#include "crypto/crypto.h"
#include "crypto/key.h"
#include "crypto/token.h"
#include "tests/bench/server.h"

enum { TOKEN_S = 3600, PATH_BYTES = 128 };

static hm_status sign(const char *folder, const char *key_name, struct hm_claims claims, struct hm_arena *arena,
		      char **ret_token)
{
	SCOPED(hm_secret_key) key = NULL;
	char keys[PATH_BYTES];

	snprintf(keys, sizeof keys, "%s/" BENCH_KEYS, folder);
	TRY(hm_crypto_init());
	TRY(hm_secret_key_open(keys, key_name, &key));
	claims.subject = claims.id = "bench";
	claims.issued_at_us = hm_clock_wall_us();
	claims.expires_at_us = claims.issued_at_us + (int64_t)TOKEN_S * HM_US_PER_S;
	return hm_token_sign(key, &claims, arena, ret_token);
}

hm_status user_sign(const char *folder, const char *brand, struct hm_arena *arena, char **ret_token)
{
	static const char *const permissions[] = { "notes.write", "notes.read", NULL };

	return sign(folder, "identity",
		    (struct hm_claims){ .type = "user", .brand = brand, .permissions = permissions }, arena, ret_token);
}

hm_status user_sign_operator(const char *folder, struct hm_arena *arena, char **ret_token)
{
	static const char *const permissions[] = { "*", NULL };

	return sign(folder, "operator", (struct hm_claims){ .type = "operator", .permissions = permissions }, arena,
		    ret_token);
}
