/* Identity, for tests. */
#include "tests/identity.h"

#include <string.h>

#include "crypto/password.h"

struct fixture test_identity(void)
{
	hm_password_set_cost(8192, 1, 4);
	return fixture_serving(&identity_service);
}

const char *test_user(struct fixture *f, const char *username)
{
	struct hm_context *operator= fixture_operator(f, "loop");
	Identity__User *user;

	must(identity_register_user(
		f->channel, operator,
		request(REGISTER_USER, RegisterUser, .username = username, .password = TEST_PASSWORD), &user));
	return user->id;
}

void test_role(struct fixture *f, const char *user_id, const char *role, const char *permission)
{
	struct hm_context *operator= fixture_operator(f, "loop");
	const char *permissions[] = { permission };
	Identity__Assignment *assignment;
	Identity__Role *defined;

	must(identity_define_role(f->channel, operator, request(DEFINE_ROLE, DefineRole, .name = role,
								.n_permissions = 1, .permissions = permissions),
				  &defined));
	must(identity_assign_role(f->channel, operator,
				  request(ASSIGN_ROLE, AssignRole, .user_id = user_id, .role = role), &assignment));
}

Identity__Tokens *test_login(struct fixture *f, const char *username)
{
	Identity__Tokens *tokens;

	must(identity_login(f->channel, fixture_anonymous(f, "loop"),
			    request(LOGIN, Login, .username = username, .password = TEST_PASSWORD), &tokens));
	return tokens;
}

struct hm_context *test_bearer(struct fixture *f, const Identity__Tokens *tokens)
{
	return fixture_bearer(f, "loop", tokens->access_token);
}

void test_feed(struct fixture *f)
{
	must(identity_service.feed_lease(hm_host_lease(f->host), f->channel, fixture_service(f, "identity")));
}

bool test_reason(const char *reason)
{
	return !strcmp(hm_error_get()->reason, reason);
}
