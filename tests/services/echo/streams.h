/* Echo, streaming: its handlers, for whoever serves the contract in a test, and what they have done so far in this process. */
#pragma once
#include "echo/v1/echo.hm.h"

hm_status echo_handle_count(struct hm_call *call, const Echo__CountRequest *request);
hm_status echo_handle_gather(struct hm_call *call, Echo__GatherReply *reply);
hm_status echo_handle_chat(struct hm_call *call);
hm_status echo_handle_linger(struct hm_call *call, const Echo__LingerRequest *request);

#define ECHO_STREAMS \
	.count = echo_handle_count, .gather = echo_handle_gather, .chat = echo_handle_chat, .linger = echo_handle_linger

/* Messages that Count wrote and Gather read, calls that run, and how the last one of them ended. */
extern _Atomic unsigned long echo_written, echo_read, echo_streaming;
extern _Atomic int echo_last_status;
