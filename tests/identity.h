/*
 * Identity, for tests: the service with cheap hashes, its users, and contexts of those who logged in. All that fails here
 * fails the test. What is returned lives until the test ends.
 */
#pragma once
#include "identity/v1/identity.hm.h"
#include "tests/fixture.h"

/* A request of identity: request(LOGIN, Login, .username = "ana"). */
#define request(macro, type, ...)                                          \
	&(Identity__##type##Request)                                       \
	{                                                                  \
		IDENTITY_##macro##_REQUEST_BASE __VA_OPT__(, ) __VA_ARGS__ \
	}

#define TEST_PASSWORD "correct horse"

/* test_identity serves identity alone, its hashes made in no time. */
struct fixture test_identity(void);

/* test_user registers a user of brand "loop" with TEST_PASSWORD and returns the id. */
const char *test_user(struct fixture *f, const char *username);

/* test_role defines a role of brand "loop" with one permission and gives it to a user. */
void test_role(struct fixture *f, const char *user_id, const char *role, const char *permission);

/* test_login logs a user of brand "loop" in, with TEST_PASSWORD; test_bearer makes a context of it. */
Identity__Tokens *test_login(struct fixture *f, const char *username);
struct hm_context *test_bearer(struct fixture *f, const Identity__Tokens *tokens);

/* test_feed brings identity's revocations to the host's lease, as its feeder does. */
void test_feed(struct fixture *f);

/* test_reason says why the last call was refused. */
bool test_reason(const char *reason);
