/* Identity: the service's definition, and the news every other service takes from it. */
#include "identity.h"

#include <string.h>

#include "guard/lease.h"

enum { PIECE = 5000 }; /* revocations a reply */

static int64_t time_us(const Google__Protobuf__Timestamp *time)
{
	return time->seconds * HM_US_PER_S + time->nanos / 1000;
}

static hm_status put_revocations(struct hm_lease *lease, const Identity__PollRevocationsReply *reply)
{
	for (size_t i = 0; i < reply->n_revocations; i++) {
		const Identity__Revocation *one = reply->revocations[i];

		if (!one->brand_id) /* else it would void nobody's tokens */
			return hm_raise(FAILED_PRECONDITION,
					"identity tells revocations without their brands: update it first");
		hm_lease_put_revocation(lease, one->brand_id, one->subject, time_us(one->tokens_before),
					time_us(one->kept_until));
	}
	return HM_OK;
}

/* All that is revoked and not yet expired, each time, so no commit can be overlooked: one that is made meanwhile is told the next time.
 * In pieces, as a message has only so many fields, and anybody may log in and out. A piece of another size is the last, or all there
 * is: an older identity knows no pieces. */
static hm_status feed_lease(struct hm_lease *lease, struct hm_channel *channel, struct hm_context *context)
{
	Identity__PollRevocationsRequest request = { IDENTITY_POLL_REVOCATIONS_REQUEST_BASE, HM_SET(most, PIECE) };
	int64_t asked_us = hm_clock_mono_us();
	Identity__PollRevocationsReply *reply;

	for (;;) {
		const Identity__Revocation *last;

		TRY(identity_poll_revocations(channel, context, &request, &reply));
		TRY(put_revocations(lease, reply));
		last = reply->n_revocations == PIECE ? reply->revocations[PIECE - 1] : NULL;
		if (!last || (request.after_subject && !strcmp(last->subject, request.after_subject)))
			break;
		request.after_brand = last->brand_id;
		request.after_subject = last->subject;
	}
	hm_lease_renew(lease, HM_LEASE_REVOCATIONS, asked_us);
	return HM_OK;
}

static const struct identity_handlers handlers = {
	.register_user = identity_do_register_user,
	.disable_user = identity_do_disable_user,
	.change_password = identity_do_change_password,
	.login = identity_do_login,
	.logout = identity_do_logout,
	.list_sessions = identity_do_list_sessions,
	.revoke_session = identity_do_revoke_session,
	.delegate = identity_do_delegate,
	.list_delegations = identity_do_list_delegations,
	.revoke_delegation = identity_do_revoke_delegation,
	.create_client = identity_do_create_client,
	.rotate_client_secret = identity_do_rotate_client_secret,
	.authorize = identity_do_authorize,
	.token = identity_do_token,
	.introspect = identity_do_introspect,
	.revoke = identity_do_revoke,
	.start_device = identity_do_start_device,
	.get_device = identity_do_get_device,
	.approve_device = identity_do_approve_device,
	.define_role = identity_do_define_role,
	.assign_role = identity_do_assign_role,
	.revoke_role = identity_do_revoke_role,
	.check_permission = identity_do_check_permission,
};

/* Written out, since it says one thing that IDENTITY_SERVICE does not: the key of end users' tokens. */
const struct hm_service identity_service = {
	.table = &identity_table,
	.handlers = &handlers,
	.queries = &identity_queries,
	.feed_lease = feed_lease,
	.signing_key = "identity",
};
