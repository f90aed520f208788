/* Traceparent: the standard's examples, what it forbids, and the trace of a request that goes on through a service. */
#include "client/traceparent.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/rpc_world.h"

#define GIVEN "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

Test(traceparent, what_comes_in_goes_out)
{
	static const char *const texts[] = { GIVEN, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00" };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct hm_context context = { 0 };
		char text[HM_TRACEPARENT_BYTES];

		cr_assert_eq(hm_context_set_traceparent(&context, texts[i]), HM_OK);
		hm_context_traceparent(&context, text);
		cr_assert_str_eq(text, texts[i]);
	}
}

Test(traceparent, a_later_version_may_say_more)
{
	struct hm_context context = { 0 };
	char text[HM_TRACEPARENT_BYTES];

	cr_assert_eq(hm_context_set_traceparent(
			     &context, "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future"),
		     HM_OK);
	hm_context_traceparent(&context, text);
	cr_assert_str_eq(text, GIVEN);
}

Test(traceparent, what_the_standard_forbids_is_refused_and_changes_nothing)
{
	static const char *const wrong[] = {
		"",
		"00",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
		"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
		"00 0af7651916cd43dd8448eb211c80319c b7ad6b7169203331 01",
		"00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x",
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct hm_context context = { 0 };

		cr_assert_eq(hm_context_set_traceparent(&context, wrong[i]), HM_INVALID_ARGUMENT, "%s", wrong[i]);
		cr_assert(hm_id_is_zero(&context.request_id) && !context.parent);
	}
}

Test(traceparent, a_root_names_the_low_half_of_its_request_id)
{
	struct hm_context *context;
	char text[HM_TRACEPARENT_BYTES];

	cr_assert_eq(hm_context_open("", NULL, &context), HM_OK);
	hm_context_traceparent(context, text);
	cr_assert(!strncmp(text + 19, text + 36, 16), "%s", text);
	cr_assert_str_eq(text + 52, "-01");
	hm_context_close(context);
}

/* Whoami answers with what its service would send along: the same trace, its own span, the same flag. */
RPC_TEST(traceparent, a_call_carries_the_trace_and_whether_it_is_sampled)
{
	static const char *const given[] = { GIVEN, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00" };
	Echo__WhoamiRequest request = ECHO__WHOAMI_REQUEST__INIT;
	Echo__WhoamiReply *reply;

	for (int i = 0; i < 2; i++) {
		cr_assert_eq(hm_context_set_traceparent(world->context, given[i]), HM_OK);
		cr_assert_eq(echo_whoami(world->channel, world->context, &request, &reply), HM_OK);
		cr_assert(!strncmp(reply->traceparent, given[i], 36), "%s", reply->traceparent);
		cr_assert(strncmp(reply->traceparent + 36, given[i] + 36, 16), "the caller's span, not the call's");
		cr_assert_str_eq(reply->traceparent + 52, given[i] + 52);
	}
}
