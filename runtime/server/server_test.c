/* Server: its limits, what it makes of peers that do not keep the protocol, and how it ends. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/rpc_world.h"

static const Echo__SleepRequest standing = { ECHO_SLEEP_REQUEST_BASE, HM_SET(ms, 1) };

static void still_answers(struct rpc_world *world)
{
	Echo__EchoMessage *reply = NULL;

	cr_assert_eq(echo_echo(world->channel, world->context,
			       &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "still there" }, &reply),
		     HM_OK, "%s", hm_error_get()->message);
	cr_assert_str_eq(reply->text, "still there");
}

RPC_TEST(server, says_which_method_it_does_not_know)
{
	const struct hm_method missing = { .name = "echo.v1.Echo/Missing",
					   .id = 0x1234,
					   .request = &echo__echo_message__descriptor,
					   .reply = &echo__echo_message__descriptor };
	ProtobufCMessage *reply = NULL;

	cr_assert_eq(hm_channel_call(world->channel, world->context, &missing,
				     &(const Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE }.base, &reply),
		     HM_UNIMPLEMENTED);
	cr_expect(strstr(hm_error_get()->message, "0000000000001234"), "%s", hm_error_get()->message);
	still_answers(world);
}

/* The client checks too; a method row with a larger limit stands for a client that does not. */
RPC_TEST(server, refuses_a_request_over_the_methods_limit_before_it_is_decoded_and_audits_that)
{
	static uint8_t bytes[(1 << 20) + 1];
	struct hm_method lenient = echo_table.methods[0];
	const Echo__EchoMessage request = { ECHO_ECHO_MESSAGE_BASE, .has_payload = 1,
					    .payload = { sizeof bytes, bytes } };
	ProtobufCMessage *reply = NULL;
	unsigned refused = rpc_counts.refused, ran = rpc_counts.ran;

	lenient.request_bytes = 4 << 20;
	cr_assert_eq(hm_channel_call(world->channel, world->context, &lenient, &request.base, &reply),
		     HM_RESOURCE_EXHAUSTED);
	cr_expect_eq(rpc_counts.refused, refused + 1);
	cr_expect_eq(rpc_counts.last_refused, HM_RESOURCE_EXHAUSTED);
	cr_expect_eq(rpc_counts.ran, ran);
	cr_expect_not(hm_id_is_zero(&world->context->audit_id), "the refusal's audit entry is named");
	still_answers(world);
}

/* A Fail request's code, read as an Echo request's bytes, has the wrong wire type. */
RPC_TEST(server, refuses_a_body_that_is_no_such_message)
{
	struct hm_method disguised = echo_table.methods[0];
	struct hm_server_stats stats;
	const Echo__FailRequest request = { ECHO_FAIL_REQUEST_BASE, HM_SET(code, 3) };
	ProtobufCMessage *reply = NULL;
	unsigned refused = rpc_counts.refused;

	disguised.request = &echo__fail_request__descriptor;
	cr_assert_eq(hm_channel_call(world->channel, world->context, &disguised, &request.base, &reply),
		     HM_INVALID_ARGUMENT);
	cr_expect_eq(rpc_counts.refused, refused + 1);
	still_answers(world);
	/* Counted once, or no drain would ever see the last call end. */
	rpc_wait_for((hm_server_stats(world->server, &stats), stats.calls_started == stats.calls_ended));
}

RPC_TEST(server, refuses_calls_under_a_principal_it_does_not_accept)
{
	SCOPED(hm_context) stranger = NULL;
	Echo__EchoMessage *reply = NULL;

	cr_assert_eq(hm_context_open("forbidden", NULL, &stranger), HM_OK);
	cr_assert_eq(echo_echo(world->channel, stranger, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE }, &reply),
		     HM_PERMISSION_DENIED);
	cr_expect_str_eq(hm_error_get()->message, "no such brand here");
	still_answers(world);
}

Test(server, lets_go_of_every_principal_it_bound, .timeout = 60)
{
	for (int kind = 0; kind < RPC_KINDS; kind++) {
		struct rpc_world world;

		rpc_world_open(&world, rpc_kinds[kind]);
		for (int i = 0; i < 100; i++) {
			SCOPED(hm_context) context = NULL;
			Echo__WhoamiReply *reply = NULL;
			char token[16];

			snprintf(token, sizeof token, "t%d", i);
			cr_assert_eq(hm_context_open("loop", token, &context), HM_OK);
			cr_assert_eq(echo_whoami(world.channel, context,
						 &(Echo__WhoamiRequest){ ECHO_WHOAMI_REQUEST_BASE }, &reply),
				     HM_OK);
		}
		rpc_world_close(&world);
		cr_expect_eq(rpc_counts.bound, 100u * (unsigned)(kind + 1));
		cr_expect_eq(rpc_counts.unbound, rpc_counts.bound);
	}
}

enum { WORKERS = 2, QUEUE = 3, CALLS = 12 };
static _Atomic unsigned n_ok, n_exhausted, n_other;

static void count_end(void *user, hm_status status, const Echo__SleepReply *reply)
{
	(void)user;
	(void)reply;
	atomic_fetch_add(status == HM_OK ? &n_ok : status == HM_RESOURCE_EXHAUSTED ? &n_exhausted : &n_other, 1);
}

Test(server, refuses_what_no_worker_and_no_place_in_the_queue_is_left_for, .timeout = 60)
{
	for (int kind = 0; kind < RPC_KINDS; kind++) {
		struct rpc_world world;

		rpc_world_open_with(&world, rpc_kinds[kind],
				    &(struct hm_server_config){ .workers = WORKERS, .queue_max = QUEUE });
		rpc_gate_shut();
		n_ok = n_exhausted = n_other = 0;
		for (int i = 0; i < WORKERS; i++)
			cr_assert_eq(echo_sleep_start(world.channel, world.context, &standing, count_end, NULL), HM_OK);
		rpc_gate_wait(WORKERS);
		for (int i = WORKERS; i < CALLS; i++)
			cr_assert_eq(echo_sleep_start(world.channel, world.context, &standing, count_end, NULL), HM_OK);
		still_answers(&world); /* inline: needs no worker, and comes behind those started */
		rpc_gate_open();
		rpc_wait_for(n_ok + n_exhausted + n_other == CALLS);
		cr_expect_eq(n_ok, WORKERS + QUEUE);
		cr_expect_eq(n_exhausted, CALLS - WORKERS - QUEUE);
		rpc_world_close(&world);
	}
}

Test(server, takes_no_more_connections_than_it_may, .timeout = 60)
{
	for (int kind = 0; kind < RPC_KINDS; kind++) {
		struct rpc_world world;
		struct hm_channel *second = NULL;
		struct hm_server_stats stats;
		Echo__EchoMessage *reply = NULL;
		char target[300];

		rpc_world_open_with(&world, rpc_kinds[kind], &(struct hm_server_config){ .connections_max = 1 });
		still_answers(&world);
		snprintf(target, sizeof target, "%s;attempts=1", world.url);
		cr_assert_eq(hm_channel_open_url(target, &second), HM_OK);
		cr_expect_eq(echo_echo(second, world.context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE }, &reply),
			     HM_UNAVAILABLE);
		hm_channel_close(second);
		hm_server_stats(world.server, &stats);
		cr_expect_eq(stats.connections, 1);
		cr_expect_eq(stats.connections_refused, 1);
		still_answers(&world);
		rpc_world_close(&world);
	}
}

static int connect_raw(const struct rpc_world *world)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct sockaddr_in inet = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bool is_local = !strncmp(world->url, "ipc://", 6);
	int raw = socket(is_local ? AF_UNIX : AF_INET, SOCK_STREAM, 0);

	snprintf(local.sun_path, sizeof local.sun_path, "%s", world->url + 6);
	inet.sin_port = htons((uint16_t)strtoul(strrchr(world->url, ':') + 1, NULL, 10));
	if (is_local)
		cr_assert_eq(connect(raw, (struct sockaddr *)&local, sizeof local), 0);
	else
		cr_assert_eq(connect(raw, (struct sockaddr *)&inet, sizeof inet), 0);
	return raw;
}

/* Waits for the server to hang up; what it says before is read and dropped. */
static void is_hung_up(int raw)
{
	char bytes[256];
	ssize_t got;

	shutdown(raw, SHUT_WR);
	do
		got = read(raw, bytes, sizeof bytes);
	while (got > 0);
	close(raw);
}

/* What a raw socket may throw at the server; i is for the type byte ipc has. */
static const struct {
	const char *bytes;
	size_t size;
} garbage[] = {
	{ "", 0 },
	{ "\0SP", 3 },
	{ "GET / HTTP/1.1\r\n\r\n", 18 },
	{ "\0SP\0\0\x31\0\0", 8 }, /* another server */
	{ "\0SP\0\0\x30\0\0", 8 },
	{ "\0SP\0\0\x30\0\0\1\0\0\0\0\0\0\0", 16 }, /* half a length */
	{ "\0SP\0\0\x30\0\0\0\0\0\0\0\0\0\0", 16 }, /* an empty message, without a header */
	{ "\0SP\0\0\x30\0\0\0\0\0\0\0\0\0\x04\x80\0\0\1", 20 }, /* a header alone */
	{ "\0SP\0\0\x30\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x80\0\0\1", 20 }, /* a length out of this world */
	{ "\0SP\0\0\x30\0\0\0\0\0\0\0\0\0\x0c\x80\0\0\1HHHHHHHH", 28 }, /* no packet */
	{ "\0SP\0\0\x30\0\0\0\0\0\0\0\0\0\x18\x80\0\0\1H\1\0\0\0\0\0\0\xff\xff\xff\xff\1\0\0\0\3\0\0\0", 40 },
	{ "\0SP\0\0\x30\0\0\0\0\0\0\0\0\0\x14\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 36 }, /* a header without end */
};

Test(server, stands_whatever_a_raw_socket_sends, .timeout = 60)
{
	for (int kind = 1; kind < RPC_KINDS; kind++) {
		struct rpc_world world;

		rpc_world_open(&world, rpc_kinds[kind]);
		for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
			int raw = connect_raw(&world);

			cr_assert_eq(write(raw, garbage[i].bytes, garbage[i].size), (ssize_t)garbage[i].size);
			is_hung_up(raw);
			still_answers(&world);
		}
		rpc_world_close(&world);
	}
}

/* An ipc listener of nng's sockets would accept no more after this. */
Test(server, goes_on_accepting_after_peers_that_connect_and_are_gone, .timeout = 60)
{
	for (int kind = 1; kind < RPC_KINDS; kind++) {
		struct rpc_world world;

		rpc_world_open(&world, rpc_kinds[kind]);
		for (int i = 0; i < 50; i++)
			close(connect_raw(&world));
		still_answers(&world);
		rpc_world_close(&world);
	}
}

Test(server, makes_its_ipc_socket_for_its_own_user_alone)
{
	struct rpc_world world;
	struct stat status;

	rpc_world_open(&world, "ipc");
	cr_assert_eq(stat(world.url + 6, &status), 0);
	cr_expect_eq(status.st_mode & 0777, 0600);
	rpc_world_close(&world);
}

Test(server, says_which_endpoint_it_cannot_listen_at)
{
	struct rpc_world world;
	char url[256];

	for (int kind = 0; kind < RPC_KINDS; kind++) {
		rpc_world_open(&world, rpc_kinds[kind]);
		cr_expect_eq(hm_server_listen(world.server, world.url, NULL), HM_ALREADY_EXISTS, "%s", world.url);
		cr_expect(strstr(hm_error_get()->message, world.url), "%s", hm_error_get()->message);
		rpc_world_close(&world);
	}
	rpc_world_open(&world, "inproc");
	cr_expect_neq(hm_server_listen(world.server, "pigeon://loft", url), HM_OK);
	rpc_world_close(&world);
}

static _Atomic int last_status;

static void note_status(void *user, hm_status status, const Echo__SleepReply *reply)
{
	(void)user;
	(void)reply;
	atomic_store(&last_status, status);
}

static void *drain(void *server)
{
	hm_server_drain(server, 30000);
	return NULL;
}

/* The running call ends well although the drain began before; a new one finds no server. */
RPC_TEST(server, lets_running_calls_end_when_it_is_drained)
{
	Echo__EchoMessage *reply = NULL;
	pthread_t thread;

	rpc_gate_shut();
	last_status = -1;
	cr_assert_eq(echo_sleep_start(world->channel, world->context, &standing, note_status, NULL), HM_OK);
	rpc_gate_wait(1);
	pthread_create(&thread, NULL, drain, world->server);
	rpc_wait_for(echo_echo(world->channel, world->context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE },
			       &reply) == HM_UNAVAILABLE);
	cr_expect_eq(last_status, -1);
	rpc_gate_open();
	pthread_join(thread, NULL);
	rpc_wait_for(last_status != -1); /* the client hangs up before it tells its caller */
	cr_expect_eq(last_status, HM_OK);
}

RPC_TEST(server, cancels_the_calls_of_a_client_that_is_gone)
{
	struct hm_server_stats stats;

	rpc_gate_shut();
	cr_assert_eq(echo_sleep_start(world->channel, world->context, &standing, note_status, NULL), HM_OK);
	rpc_gate_wait(1);
	hm_channel_close(take(&world->channel));
	rpc_wait_for(rpc_gate_cancelled() == 1);
	rpc_gate_open();
	rpc_wait_for((hm_server_stats(world->server, &stats), stats.calls_started == stats.calls_ended));
}
