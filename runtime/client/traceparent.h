/*
 * Traceparent: W3C Trace Context (level 1), in and out, where a request comes from or goes to something that is not Hallmark.
 *
 *     00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
 *        request id                       parent           sampled
 *
 * Within Hallmark it needs no header: a call's request id is the trace's id, its span (the low half of its audit entry's id) is the
 * span's, and both travel in every CALL with the sampled flag. Thread-safe but for the context.
 */
#pragma once
#include "client/context.h"

enum { HM_TRACEPARENT_BYTES = 56 };

/* hm_context_set_traceparent makes the context's calls part of the trace. INVALID_ARGUMENT: the text is none, and the context is as it
 * was (W3C would have the receiver begin a trace of its own: the context's request id is one). */
hm_status hm_context_set_traceparent(struct hm_context *context, const char *traceparent);

/* hm_context_traceparent writes what to send along; in a handler, with hm_call_context. A context without a span, which is nobody's
 * child, names the low half of its request id. */
void hm_context_traceparent(const struct hm_context *context, char ret_text[static HM_TRACEPARENT_BYTES]);
