/* Health: what a server answers to whoever asks, as health.v1 has it. */
#include "rpc/health.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "client/stream.h"
#include "tests/rpc_world.h"

#define SERVING HEALTH__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING HEALTH__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING

static hm_status check(struct rpc_world *world, const char *service, int *ret_serving)
{
	Health__HealthCheckRequest request = HEALTH__HEALTH_CHECK_REQUEST__INIT;
	ProtobufCMessage *reply;

	request.service = service;
	TRY(hm_channel_call(world->channel, world->context, &hm_health_check, &request.base, &reply));
	*ret_serving = (int)((const Health__HealthCheckResponse *)reply)->status;
	return HM_OK;
}

static void expect(struct rpc_world *world, const char *service, int expected)
{
	int serving = -1;

	cr_assert_eq(check(world, service, &serving), HM_OK, "%s", hm_error_get()->message);
	cr_expect_eq(serving, expected, "\"%s\" is %d", service ? service : "", serving);
}

Test(health, the_methods_ids_are_their_names)
{
	for (size_t i = 0; i < hm_health_service.table->n_methods; i++)
		cr_expect_eq(hm_health_methods[i].id, hm_method_id(hm_health_methods[i].name));
}

RPC_TEST(health, everything_serves_until_told_otherwise)
{
	unsigned ran = rpc_counts.ran;

	expect(world, NULL, SERVING);
	expect(world, "", SERVING);
	expect(world, "echo.v1.Echo", SERVING);
	cr_expect_eq(rpc_counts.ran, ran, "the interceptor has no part in it");
}

RPC_TEST(health, a_service_is_no_healthier_than_its_server)
{
	cr_assert_eq(hm_server_set_health(world->server, "echo", false), HM_OK);
	expect(world, "echo.v1.Echo", NOT_SERVING);
	expect(world, "", SERVING);
	cr_assert_eq(hm_server_set_health(world->server, "echo.v1.Echo", true), HM_OK);
	cr_assert_eq(hm_server_set_health(world->server, "", false), HM_OK);
	expect(world, "", NOT_SERVING);
	expect(world, "echo.v1.Echo", NOT_SERVING);
}

RPC_TEST(health, a_service_that_is_not_there_is_not_found)
{
	int serving;

	cr_expect_eq(check(world, "follows.v1.Follows", &serving), HM_NOT_FOUND);
	cr_expect(strstr(hm_error_get()->message, "follows.v1.Follows"), "%s", hm_error_get()->message);
	cr_expect_eq(hm_server_set_health(world->server, "follows", true), HM_NOT_FOUND);
}

/* A request that cannot be read goes to a worker to be refused; the interceptor knows nothing of this service. */
RPC_TEST(health, a_request_that_cannot_be_read_is_refused)
{
	struct hm_method wrong = hm_health_check;
	Echo__EchoMessage request = { ECHO_ECHO_MESSAGE_BASE, .has_payload = 1,
				      .payload = { 2, (uint8_t[]){ 0xff, 0xff } } };
	unsigned refused = rpc_counts.refused;
	ProtobufCMessage *reply;

	wrong.request = &echo__echo_message__descriptor; /* its payload is no UTF-8 */
	cr_expect_eq(hm_channel_call(world->channel, world->context, &wrong, &request.base, &reply),
		     HM_INVALID_ARGUMENT, "%s", hm_error_get()->message);
	cr_expect_eq(rpc_counts.refused, refused);
	expect(world, "", SERVING);
}

static int next(struct hm_stream *stream)
{
	ProtobufCMessage *message;

	cr_assert_eq(hm_stream_next(stream, &message), HM_OK, "%s", hm_error_get()->message);
	return message ? (int)((const Health__HealthCheckResponse *)message)->status : -1;
}

static void *drain(void *server)
{
	hm_server_drain(server, 30000);
	return NULL;
}

RPC_TEST(health, a_watch_tells_of_each_change_and_of_the_servers_end)
{
	Health__HealthCheckRequest request = HEALTH__HEALTH_CHECK_REQUEST__INIT;
	struct hm_stream *stream;
	pthread_t thread;

	cr_assert_eq(hm_stream_open(world->channel, world->context, &hm_health_watch, &request.base, &stream), HM_OK);
	cr_expect_eq(next(stream), SERVING);
	cr_assert_eq(hm_server_set_health(world->server, "", false), HM_OK);
	cr_expect_eq(next(stream), NOT_SERVING);
	cr_assert_eq(hm_server_set_health(world->server, "", true), HM_OK);
	cr_expect_eq(next(stream), SERVING);
	pthread_create(&thread, NULL, drain, world->server);
	cr_expect_eq(next(stream), NOT_SERVING);
	cr_expect_eq(next(stream), -1, "the stream ends well, and so does the drain");
	hm_stream_close(stream);
	pthread_join(thread, NULL);
}

RPC_TEST(health, a_watch_of_an_unknown_service_says_so)
{
	Health__HealthCheckRequest request = HEALTH__HEALTH_CHECK_REQUEST__INIT;
	struct hm_stream *stream;

	request.service = "follows.v1.Follows";
	cr_assert_eq(hm_stream_open(world->channel, world->context, &hm_health_watch, &request.base, &stream), HM_OK);
	cr_expect_eq(next(stream), HEALTH__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN);
	hm_stream_close(stream);
}

/* Who asks is nobody in particular, so shares are the connections'. */
Test(health, one_connections_watches_leave_others_theirs, .timeout = 60)
{
	enum { WATCHES = 64 };
	Health__HealthCheckRequest request = HEALTH__HEALTH_CHECK_REQUEST__INIT;
	struct hm_stream *streams[WATCHES], *stream;
	SCOPED(hm_channel) other = NULL;
	ProtobufCMessage *message;
	struct rpc_world world;

	rpc_world_open(&world, "tcp");
	for (int i = 0; i < WATCHES; i++) {
		cr_assert_eq(hm_stream_open(world.channel, world.context, &hm_health_watch, &request.base, &streams[i]),
			     HM_OK);
		cr_assert_eq(next(streams[i]), SERVING);
	}
	cr_assert_eq(hm_stream_open(world.channel, world.context, &hm_health_watch, &request.base, &stream), HM_OK);
	cr_expect_eq(hm_stream_next(stream, &message), HM_RESOURCE_EXHAUSTED);
	hm_stream_close(stream);
	cr_assert_eq(hm_channel_open_url(world.url, &other), HM_OK);
	cr_assert_eq(hm_stream_open(other, world.context, &hm_health_watch, &request.base, &stream), HM_OK);
	cr_expect_eq(next(stream), SERVING);
	hm_stream_close(stream);
	for (int i = 0; i < WATCHES; i++)
		hm_stream_close(streams[i]);
	rpc_world_close(&world);
}
