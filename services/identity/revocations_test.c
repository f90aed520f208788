/* Revocations as the other processes hear of them: by the feeder alone, whose rounds are half a second apart, and are counted here. */
#include <stdatomic.h>

#include "crypto/password.h"
#include "guard/lease.h"
#include "tests/identity.h"
#include "tests/rpc_world.h"

static atomic_uint begun; /* rounds of the feeder */

/* Identity's own news; of brands there is no one else to tell. */
static hm_status count_and_feed(struct hm_lease *lease, struct hm_channel *channel, struct hm_context *context)
{
	begun++;
	hm_lease_put_brand(lease, "loop", true);
	hm_lease_renew(lease, HM_LEASE_BRANDS, hm_clock_mono_us());
	return identity_service.feed_lease(lease, channel, context);
}

static hm_status list(struct fixture *f, struct hm_context *context)
{
	Identity__ListSessionsReply *sessions;

	return identity_list_sessions(f->channel, context, request(LIST_SESSIONS, ListSessions), &sessions);
}

/* The round that was under way may have asked too early; the next one cannot have, and of the one after it only the beginning may be
 * seen here. */
Test(revocations, are_heard_of_with_the_next_round_of_news, .timeout = 60)
{
	static const struct hm_service *const served[] = { &identity_service, NULL };
	struct hm_service *counted = fixture_altered(&identity_service);
	const struct hm_service *const known[] = { counted, NULL };
	Identity__LogoutReply *out;
	struct hm_context *ana;
	struct fixture f;
	unsigned before;

	counted->feed_lease = count_and_feed;
	hm_password_set_cost(8192, 1, 4);
	f = fixture_serving_all(served, known);
	test_user(&f, "ana");
	ana = test_bearer(&f, test_login(&f, "ana"));
	must(list(&f, ana));
	must(identity_logout(f.channel, test_bearer(&f, test_login(&f, "ana")), request(LOGOUT, Logout), &out));
	must(list(&f, ana));
	must(identity_logout(f.channel, ana, request(LOGOUT, Logout), &out));
	before = begun;
	rpc_wait_for(list(&f, ana) != HM_OK);
	cr_expect(test_reason("TOKEN_REVOKED"), "%s", hm_error_get()->message);
	cr_expect_leq(begun, before + 2);
}
