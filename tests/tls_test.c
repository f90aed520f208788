/* TLS between processes: who is believed, who is not and is told why, and what it costs a server to be knocked at. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/port.h"
#include "net/tls.h"
#include "tests/certificates.h"
#include "tests/cli.h"
#include "tests/raw_peer.h"
#include "tests/rpc_world.h"

enum { COMMAND_BYTES = 1024, SILENT = 400, CHURN = 2000 };

static hm_status echo_over(struct hm_channel *channel, struct hm_context *context)
{
	Echo__EchoMessage *reply = NULL;

	return echo_echo(channel, context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "hello" }, &reply);
}

/* A client that shows who it is; what its call ended with. */
static hm_status call_as(const struct rpc_world *world, const char *who, const char *url)
{
	SCOPED(hm_channel) channel = NULL;
	hm_status status;

	test_tls(who);
	cr_assert_eq(hm_channel_open_url(url, &channel), HM_OK, "%s", hm_error_get()->message);
	status = echo_over(channel, world->context);
	test_tls("one");
	return status;
}

#define fails_to(expected_text, expression)                                                                     \
	do {                                                                                                    \
		cr_expect_eq(expression, HM_UNAVAILABLE);                                                       \
		cr_expect(strstr(hm_error_get()->message, expected_text), "%s", hm_error_get()->message);       \
		cr_expect(strstr(hm_error_get()->message, "was not processed"), "%s", hm_error_get()->message); \
	} while (0)

Test(tls, a_client_of_the_same_authority_is_served, .timeout = 60)
{
	struct rpc_world world;

	rpc_world_open(&world, "tls+tcp");
	cr_expect_eq(call_as(&world, "two", world.url), HM_OK, "%s", hm_error_get()->message);
	rpc_world_close(&world);
}

Test(tls, a_server_of_another_authority_is_not_believed, .timeout = 60)
{
	struct rpc_world world;

	rpc_world_open(&world, "tls+tcp");
	fails_to("is of no authority in our ca.pem", call_as(&world, "stranger", world.url));
	cr_expect_eq(rpc_counts.bound, 0, "no token was sent");
	rpc_world_close(&world);
}

Test(tls, a_server_that_is_not_the_host_asked_for_is_not_believed, .timeout = 60)
{
	SCOPED(hm_server) server = NULL;
	struct rpc_world world;
	char url[256];

	rpc_world_open(&world, "tls+tcp");
	test_tls("elsewhere");
	cr_assert_eq(hm_server_open(&world.config, &server), HM_OK);
	cr_assert_eq(hm_server_listen(server, "tls+tcp://127.0.0.1:0", url), HM_OK);
	fails_to("does not name this host", call_as(&world, "two", url));
	rpc_world_close(&world);
}

/* openssl's own client shows what ours would not, and stays for so long. True: the server greeted it. */
static bool is_greeted(const struct rpc_world *world, const char *options, int seconds)
{
	char command[COMMAND_BYTES];

	snprintf(command, sizeof command,
		 "cd %s && (printf '\\0SP\\0\\0\\060\\0\\0'; sleep %d) | openssl s_client -quiet -no_ign_eof -connect "
		 "127.0.0.1:%s -CAfile one/ca.pem %s 2> /dev/null | head -c 8 | grep -qa SP",
		 test_certificates(), seconds, strrchr(world->url, ':') + 1, options);
	return !system(command);
}

Test(tls, a_client_without_a_certificate_of_the_authority_gets_no_greeting, .timeout = 120)
{
	static const char *const refused[] = {
		"",
		"-cert old/cert.pem -key old/key.pem",
		"-cert stranger/cert.pem -key stranger/key.pem",
		"-cert two/cert.pem -key two/key.pem -tls1_1",
	};
	struct rpc_world world;

	rpc_world_open(&world, "tls+tcp");
	cr_assert(is_greeted(&world, "-cert two/cert.pem -key two/key.pem", 3));
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		cr_expect_not(is_greeted(&world, refused[i], 1), "%s", refused[i]);
	cr_expect_eq(echo_over(world.channel, world.context), HM_OK);
	rpc_world_close(&world);
}

static void with_scheme(const char *scheme, const char *url, char ret_url[256])
{
	snprintf(ret_url, 256, "%s%s", scheme, strstr(url, "://"));
}

Test(tls, plaintext_and_tls_do_not_understand_each_other, .timeout = 60)
{
	struct rpc_world secure, plain;
	char url[256];

	rpc_world_open(&secure, "tls+tcp");
	rpc_world_open(&plain, "tcp");
	with_scheme("tls+tcp", plain.url, url);
	fails_to("does not speak TLS", call_as(&plain, "two", url));
	with_scheme("tcp", secure.url, url);
	cr_expect_eq(call_as(&secure, "two", url), HM_UNAVAILABLE);
	cr_expect_eq(echo_over(secure.channel, secure.context), HM_OK);
	cr_expect_eq(echo_over(plain.channel, plain.context), HM_OK);
	rpc_world_close(&plain);
	rpc_world_close(&secure);
}

Test(tls, nothing_is_dialled_or_listened_for_without_certificates)
{
	SCOPED(hm_channel) channel = NULL;
	SCOPED(hm_context) context = NULL;
	struct rpc_world world;

	rpc_world_open(&world, "inproc");
	cr_assert_eq(hm_tls_configure(NULL), HM_OK);
	cr_expect_eq(hm_server_listen(world.server, "tls+tcp://127.0.0.1:0", NULL), HM_FAILED_PRECONDITION);
	cr_expect(strstr(hm_error_get()->message, "ca.pem"), "%s", hm_error_get()->message);
	cr_assert_eq(hm_channel_open_url("tls+tcp://127.0.0.1:1", &channel), HM_OK);
	cr_expect_eq(echo_over(channel, world.context), HM_FAILED_PRECONDITION);
	rpc_world_close(&world);
}

/* Silent connections of this very address, as many as are admitted and more: the good client waits a moment, not for them. */
static void sit_silent(const char *kind)
{
	static struct raw_peer silent[SILENT];
	struct rpc_world world;

	rpc_world_open(&world, kind);
	for (int i = 0; i < SILENT; i++) {
		silent[i] = raw_connect(world.url);
		if (i % 2)
			raw_write(&silent[i], "\0S", 1);
	}
	rpc_wait_for(echo_over(world.channel, world.context) == HM_OK);
	for (int i = 0; i < SILENT; i++)
		raw_close(&silent[i]);
	rpc_world_close(&world);
}

Test(tls, silent_connections_do_not_keep_others_out, .timeout = 120)
{
	sit_silent("tcp");
	sit_silent("tls+tcp");
}

/* A byte now and then does not buy more time: it is counted from the first. */
static void dribble(const char *kind, const char *bytes, size_t size)
{
	const struct hm_port_limits limits = { .greeting_ms = 300 };
	struct rpc_world world;
	struct raw_peer peer;
	size_t sent = 0;

	rpc_world_open_with(&world, kind, &(struct hm_server_config){ .limits = &limits });
	peer = raw_connect(world.url);
	while (sent < size && raw_write(&peer, bytes + sent, 1)) {
		sent++;
		usleep(100000); /* this is the attack, not a wait for anything */
	}
	cr_expect_lt(sent, size, "%s: cut off before the last byte", kind);
	raw_close(&peer);
	rpc_world_close(&world);
}

Test(tls, bytes_that_dribble_are_cut_off, .timeout = 120)
{
	static const char client_hello[100] = { 22, 3, 1, 2, 0, 1, 0, 1, 0xfc - 256, 3, 3 };
	static const char greeting[100] = { 0, 'S', 'P', 0, 0, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12 };

	dribble("tls+tcp", client_hello, sizeof client_hello);
	dribble("tcp", greeting, 8);
}

static size_t open_files(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 4096; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* What a peer has said when it vanishes: nothing, a piece of a ClientHello, a whole one, or what is none. */
static void vanish(const struct rpc_world *world, int number)
{
	static const struct {
		const char *bytes;
		size_t size;
	} words[] = {
		{ "", 0 },
		{ "\x16\x03\x01", 3 },
		{ "\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03"
		  "0123456789abcdef0123456789abcdef\x00\x00\x04\xc0\x2b\xc0\x2c\x01\x00",
		  52 },
		{ "GET / HTTP/1.1\r\n\r\n", 18 },
		{ "\x16\x03\x01\xff\xff\x01\x00", 7 },
	};
	struct raw_peer peer = raw_connect(world->url);

	raw_write(&peer, words[number % 5].bytes, words[number % 5].size);
	if (number % 3 == 0) { /* as a process that was killed: the server's answer meets a reset */
		const struct linger reset = { .l_onoff = 1 };

		setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	}
	raw_close(&peer);
}

Test(tls, thousands_that_vanish_in_the_handshake_leave_nothing_behind, .timeout = 300)
{
	const struct hm_port_limits limits = { .handshakes_per_s = 1000000, .handshakes_of_source_per_s = 1000000 };
	struct rpc_world world;
	size_t before;

	rpc_world_open_with(&world, "tls+tcp", &(struct hm_server_config){ .limits = &limits });
	cr_assert_eq(echo_over(world.channel, world.context), HM_OK);
	before = open_files();
	for (int i = 0; i < CHURN; i++)
		vanish(&world, i);
	rpc_wait_for(open_files() <= before);
	cr_expect_eq(echo_over(world.channel, world.context), HM_OK, "the old connection goes on");
	cr_expect_eq(call_as(&world, "two", world.url), HM_OK, "new ones are served: %s", hm_error_get()->message);
	rpc_world_close(&world);
}

static void pass_over(void *user, hm_status status, const Echo__EchoMessage *reply)
{
	(void)user;
	(void)status;
	(void)reply;
}

/* Clients that leave in the middle of their own handshake, over and over. */
Test(tls, links_closed_while_they_shake_hands_end, .timeout = 120)
{
	struct rpc_world world;

	rpc_world_open(&world, "tls+tcp");
	for (int i = 0; i < 200; i++) {
		SCOPED(hm_channel) channel = NULL;

		cr_assert_eq(hm_channel_open_url(world.url, &channel), HM_OK);
		cr_assert_eq(echo_echo_start(channel, world.context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE },
					     pass_over, NULL),
			     HM_OK);
		usleep((unsigned)(i * 37 % 4000)); /* so that each ends somewhere else */
	}
	cr_expect_eq(echo_over(world.channel, world.context), HM_OK);
	rpc_world_close(&world);
}

Test(tls, the_command_line_shows_the_certificates_it_is_given, .timeout = 60)
{
	struct fixture f = cli_serving_all();
	char url[256], connect[300], folder[256];
	struct child_result refused, told, called;

	test_tls("one");
	must(hm_server_listen(hm_host_server(f.host), "tls+tcp://127.0.0.1:0", url));
	snprintf(connect, sizeof connect, "platform=%s", url);
	snprintf(folder, sizeof folder, "%s/two", test_certificates());
	called = hallmark("call", "platform.v1.Platform/ListBrands", "--as", "operator", "--connect", connect, "--tls",
			  folder, NULL);
	ends(called, 0);
	refused = hallmark("call", "platform.v1.Platform/ListBrands", "--as", "operator", "--connect", connect, NULL);
	ends(refused, 1);
	shows(refused.err.data, "--tls");
	snprintf(folder, sizeof folder, "%s/stranger", test_certificates());
	told = hallmark("call", "platform.v1.Platform/ListBrands", "--as", "operator", "--connect", connect, "--tls",
			folder, NULL);
	ends(told, 1);
	shows(told.err.data, "no authority in our ca.pem");
}
