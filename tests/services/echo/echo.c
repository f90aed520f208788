/* Echo: methods without a database, for the runtime's own tests and the bench. */
#include "tests/services/echo/streams.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static hm_status echo(struct hm_call *call, const Echo__EchoMessage *request, Echo__EchoMessage *reply)
{
	(void)call;
	*reply = *request;
	return HM_OK;
}

static hm_status sleep_for(struct hm_call *call, const Echo__SleepRequest *request, Echo__SleepReply *reply)
{
	const struct timespec time = { .tv_sec = request->ms / 1000, .tv_nsec = request->ms % 1000 * 1000000L };

	(void)call;
	(void)reply;
	nanosleep(&time, NULL);
	return HM_OK;
}

static hm_status fail(struct hm_call *call, const Echo__FailRequest *request, Echo__FailReply *reply)
{
	struct hm_error error = { .code = (hm_status)request->code };

	(void)call;
	(void)reply;
	snprintf(error.message, sizeof error.message, "%s", request->message ? request->message : "as asked");
	return hm_error_set(&error);
}

static hm_status whoami(struct hm_call *call, const Echo__WhoamiRequest *request, Echo__WhoamiReply *reply)
{
	static const char *const types[] = { "anonymous", "user", "operator", "service" };
	char *request_id = hm_arena_alloc(hm_call_arena(call), HM_ID_TEXT_BYTES);
	char *traceparent = hm_arena_alloc(hm_call_arena(call), HM_TRACEPARENT_BYTES);

	(void)request;
	hm_context_traceparent(hm_call_context(call), traceparent);
	hm_id_format(&hm_call_context(call)->request_id, request_id);
	reply->brand = hm_call_brand(call);
	reply->actor_type = types[hm_call_actor(call)->type];
	reply->actor_id = hm_call_actor(call)->id;
	reply->request_id = request_id;
	reply->traceparent = traceparent;
	return HM_OK;
}

const struct hm_service echo_service =
	ECHO_SERVICE(.echo = echo, .sleep = sleep_for, .fail = fail, .whoami = whoami, ECHO_STREAMS);
