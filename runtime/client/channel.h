/*
 * Channel: a client's way to one service. Opens lazily, reconnects by itself, shared by any number of threads.
 *
 * It reaches a service at one endpoint or many (docs/rules.md, Endpoints): which one a call goes to is its own affair.
 *
 * Generated clients wrap hm_channel_call and hm_channel_start with types: follows_follow(channel, context, &request,
 * &reply). URLs are nng's: inproc://follows, ipc:///run/h/follows.sock, tcp://127.0.0.1:7003.
 */
#pragma once
#include "base/scoped.h"
#include "client/context.h"
#include "rpc/method.h"

struct hm_channel;
struct hm_faults;
struct hm_identity;

/* How a channel with several endpoints chooses one for a call (client/picker.h has the formula). */
enum hm_balancing {
	HM_LEAST_LOADED, /* of two drawn at random, the one with less latency × calls under way; the default */
	HM_ROUND_ROBIN,
};

/* hm_channel_open opens the channel to a service by short name ("follows"), at the target the process's configuration
 * gives (hm_endpoint_set; else ipc under the run folder). No connection is made yet; UNAVAILABLE comes from the calls. */
hm_status hm_channel_open(const char *service, struct hm_channel **ret_channel);

/* hm_channel_open_url opens a channel to an explicit target: a URL, several separated by commas, file:///PATH, dns+tcp://NAME:PORT or
 * dns+tls+tcp://NAME:PORT; options behind it (client/target.h). INVALID_ARGUMENT: no such target; what is wrong with a URL the calls
 * say. */
hm_status hm_channel_open_url(const char *url, struct hm_channel **ret_channel);

/* hm_channel_set_identity has the channel prove what its process is, and believe a server if the identity says so (rpc/identity.h). Before
 * the first call; the identity must outlive the channel. A channel to a URL is to no service by name, and proves nothing. */
void hm_channel_set_identity(struct hm_channel *channel, const struct hm_identity *identity);

/* hm_channel_set_faults has the calls made by the channel go wrong as the rules for callers say (rpc/fault.h, at=caller), for tests. They
 * must outlive the channel, and may be several channels'; NULL: none. Thread-safe. */
void hm_channel_set_faults(struct hm_channel *channel, struct hm_faults *faults);

/* hm_channel_close cancels the calls and streams under way (CANCELLED), waits for their callbacks to return, frees. NULL is fine. */
void hm_channel_close(struct hm_channel *channel);
HM_SCOPED(hm_channel, hm_channel_close)

/* hm_channel_call makes a unary call and waits; what was surely not processed, or is idempotent, is made again by itself (client/attempt.h).
 * The reply lives in the context's arena. Errors: the service's own; and UNAVAILABLE (no connection: surely not processed; or lost
 * midway: hm_error_get()->maybe_processed),
 * DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED (request larger than the method allows, or kept back: reason THROTTLED, docs/rules.md).
 * Thread-safe (one context a thread). */
hm_status hm_channel_call(struct hm_channel *channel, struct hm_context *context, const struct hm_method *method,
			  const ProtobufCMessage *request, ProtobufCMessage **ret_reply);

/* A generic completion; generated ones are typed. Called exactly once, on a transport thread: must not block. */
typedef void hm_done_fn(void (*typed)(void), void *user, hm_status status, const ProtobufCMessage *reply);

/* hm_channel_start begins a unary call and returns at once; done is called with the typed callback and user when it
 * ends. The reply lives until done returns. On a non-OK return done is never called. */
hm_status hm_channel_start(struct hm_channel *channel, struct hm_context *context, const struct hm_method *method,
			   const ProtobufCMessage *request, hm_done_fn *done, void (*typed)(void), void *user);

/* hm_endpoint_set says where a service is reached from this process: a target; hm_endpoint_get answers with it, or NULL. */
hm_status hm_endpoint_set(const char *service, const char *url);
const char *hm_endpoint_get(const char *service);
