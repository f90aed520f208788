/* Front: the first of a chain of calls. */
#include "front/v1/front.hm.h"
#include "middle/v1/middle.hm.h"

static hm_status pass(struct hm_call *call, const Front__PassRequest *request, Front__PassReply *reply)
{
	const Middle__PassRequest next = { MIDDLE_PASS_REQUEST_BASE, HM_SET(seconds, request->seconds) };
	struct hm_channel *channel;
	Middle__PassReply *passed;

	(void)reply;
	TRY(hm_call_channel(call, "middle", &channel));
	return middle_pass(channel, hm_call_context(call), &next, &passed);
}

const struct hm_service front_service = FRONT_SERVICE(.pass = pass);
