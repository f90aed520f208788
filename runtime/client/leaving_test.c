/* Leaving: a server that takes every connection and says at once that it goes away is not called upon without end. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "client/channel.h"
#include "echo/v1/echo.hm.h"
#include "net/port.h"
#include "wire/engine.h"

static _Atomic unsigned connections;

/* One of its connections. */
struct leaver {
	struct hm_pipe *pipe;
	struct hm_engine *engine;
};

static void *on_connected(void *user, struct hm_pipe *pipe, const char *name)
{
	const struct hm_engine_config config = {
		.side = HM_SERVER,
		.hello = { .version_min = HM_PROTOCOL_VERSION,
			   .version_max = HM_PROTOCOL_VERSION,
			   .packet_bytes_max = HM_PACKET_BYTES_MIN,
			   .calls_max = HM_CALLS_MIN,
			   .slots_max = HM_SLOTS_MIN },
	};
	struct leaver *leaver = malloc(sizeof *leaver);

	(void)user;
	(void)name;
	cr_assert_not_null(leaver);
	*leaver = (struct leaver){ hm_pipe_hold(pipe), hm_engine_open(&config, 0) };
	hm_engine_goaway(leaver->engine);
	atomic_fetch_add(&connections, 1);
	return leaver;
}

static void on_packet(void *user, const struct hm_address *from, const void *bytes, size_t size)
{
	struct leaver *leaver = user;
	struct hm_event event;

	(void)from;
	cr_assert_eq(hm_engine_feed(leaver->engine, bytes, size, 0), HM_OK);
	while (hm_engine_next_event(leaver->engine, &event))
		cr_assert_neq(event.type, HM_EVENT_CALL);
}

static void on_idle(void *user)
{
	struct leaver *leaver = user;
	size_t bytes;

	while ((bytes = hm_engine_packet_size(leaver->engine))) {
		hm_engine_take_packet(leaver->engine, hm_pipe_reserve(leaver->pipe, NULL, bytes));
		hm_pipe_commit(leaver->pipe);
	}
	hm_pipe_push(leaver->pipe);
}

static void on_disconnected(void *user)
{
	struct leaver *leaver = user;

	hm_pipe_release(leaver->pipe);
	hm_engine_close(leaver->engine);
	free(leaver);
}

Test(leaving, a_server_that_goes_away_as_soon_as_it_is_reached_is_left_alone_for_longer_each_time, .timeout = 60)
{
	static const struct hm_port_handler handler = {
		.connected = on_connected, .packet = on_packet, .idle = on_idle, .disconnected = on_disconnected
	};
	struct hm_port *port =
		hm_port_open(&(struct hm_port_limits){ .packet_bytes_max = HM_PACKET_BYTES_MIN }, &handler, NULL);
	struct hm_channel *channel;
	struct hm_context *context;
	Echo__EchoMessage *reply;

	cr_assert_eq(hm_port_listen(port, "inproc://leaving", NULL), HM_OK);
	cr_assert_eq(hm_channel_open_url("inproc://leaving", &channel), HM_OK);
	cr_assert_eq(hm_context_open("loop", NULL, &context), HM_OK);
	hm_context_set_wait_for_ready(context, true);
	hm_context_set_timeout(context, 1000);
	cr_assert_eq(echo_echo(channel, context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE }, &reply),
		     HM_DEADLINE_EXCEEDED);
	cr_expect_lt(connections, 100, "%u connections for one call", connections);
	hm_channel_close(channel);
	hm_context_close(context);
	hm_port_close(port);
}
