/* Hallmark's loads: echo through the generated asynchronous client, to a server in another process or in this one. */
#include <string.h>

#include "echo/v1/echo.hm.h"
#include "tests/bench/echo_message.h"
#include "tests/bench/server.h"
#include "tests/bench/window.h"

static struct hm_host *host; /* of the load that has its server with it */

static void answered(void *user, hm_status status, const Echo__EchoMessage *reply)
{
	struct window_slot *slot = user;

	window_ended(slot, status, status == HM_OK && echo_is_answer(reply, slot->sequence));
}

static hm_status begin(struct hm_channel *channel, struct window_slot *slot)
{
	struct echo_message message;

	echo_message_init(&message, slot->sequence);
	return echo_echo_start(channel, slot->context, &message.message, answered, slot);
}

static hm_status open_load(const char *folder, const char *url)
{
	(void)folder;
	return window_open(url, NULL, begin);
}

static hm_status open_inproc(const char *folder, const char *address)
{
	(void)address;
	TRY(server_open(&echo_service, folder, NULL, &host));
	return window_open("inproc://echo", NULL, begin);
}

static void close_inproc(void)
{
	window_close();
	hm_host_close(host);
}

const struct load hallmark_load = {
	.role = "hallmark-client",
	.open = open_load,
	.start = window_start,
	.stop = window_stop,
	.count = window_count,
	.close = window_close,
};

const struct load hallmark_inproc_load = {
	.role = "hallmark-inproc",
	.open = open_inproc,
	.start = window_start,
	.stop = window_stop,
	.count = window_count,
	.close = close_inproc,
};
