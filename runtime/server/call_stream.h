/*
 * Call, streaming: how a handler reads the requests and writes the replies of its call. Generated code wraps read and write with
 * types (platform_watch_brands_write(call, &brand)).
 *
 *     static hm_status watch(struct hm_call *call, const Request *request)
 *     {
 *             for (;;) {
 *                     TRY(hm_query_many(call, …));        what it gives lives until the transaction after the next
 *                     hm_release(call);                   no transaction may be open while a stream waits
 *                     TRY(my_watch_write(call, &news));   waits while the caller does not read
 *                     TRY(hm_call_wait(call, 200));
 *             }
 *     }
 *
 * The handler has a thread of its own, which may sleep. Its return ends the call, whether the requests were read to their end or
 * not. read, write and wait fail, at once, when the call cannot go on; a handler passes the failure on:
 *     CANCELLED          the caller gave up, or its connection is gone
 *     DEADLINE_EXCEEDED  the time is over
 *     UNAVAILABLE        the server is being drained (wait alone: what waits for nothing but time need not be finished)
 *     PERMISSION_DENIED, UNAUTHENTICATED, …  the call would not be admitted any more: the brand was suspended, the token has expired
 *     FAILED_PRECONDITION  a transaction is open: hm_release or hm_step must come first
 */
#pragma once
#include "server/call.h"

/* hm_call_read waits for the next request; OK and NULL: the caller sends no more. The message lives until the next one is read.
 * INVALID_ARGUMENT: it breaks the contract, or cannot be read. */
hm_status hm_call_read(struct hm_call *call, const struct hm_method *method, ProtobufCMessage **ret_message);

/* hm_call_write waits until the message may leave. It is copied. RESOURCE_EXHAUSTED: larger than the caller accepts. */
hm_status hm_call_write(struct hm_call *call, const struct hm_method *method, const ProtobufCMessage *message);

/* hm_call_wait sleeps for that long. */
hm_status hm_call_wait(struct hm_call *call, uint32_t ms);
