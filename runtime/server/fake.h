/*
 * Fake: a service that a test makes up, where the service under test expects the real one: no database, no guard, in this
 * process, under the real one's name. What all generated fakes (gen/identity/v1/identity.fake.h) stand on; tests use those.
 *
 *     SCOPED(identity_fake) identity = NULL;
 *     must(identity_fake_open(&identity));                                 GetUser answers UNIMPLEMENTED, and says so
 *     identity_fake_get_user_replies(identity, &ben);                      now with ben, each time
 *     identity_fake_get_user_fails(identity, HM_UNAVAILABLE, "asleep");    now it fails
 *     identity->on.get_user = my_function;                                 now my_function does it: a handler like any other
 *
 * Functions may be called from any thread at any time; a handler is to be put into `on` before the calls that it is to serve.
 * Requests are held against the contract's rules, as by the real service; tokens, permissions and brands are not looked at.
 */
#pragma once
#include "server/call.h"

struct hm_fake;

/* hm_fake_open serves a contract at inproc://<short name>, and has this process look for the service there. handlers: the
 * generated struct, whose slots may be filled later. UNAVAILABLE: the service, or a fake of it, is served in this process already. */
hm_status hm_fake_open(const struct hm_service_table *table, const void *handlers, struct hm_fake **ret_fake);

/* hm_fake_close ends the calls under way, and leads to where the service was looked for before. NULL is fine. */
void hm_fake_close(struct hm_fake *fake);

/* hm_fake_replies says what a method without a handler answers, in place of what was said before. Where replies stream it says one
 * message more, and the stream ends well behind the last (NULL: no more, so maybe none); requests that stream are read to their end
 * first. The reply is copied. */
void hm_fake_replies(struct hm_fake *fake, const struct hm_method *method, const ProtobufCMessage *reply);

/* hm_fake_fails says how it fails; where replies stream, behind those that were said. */
void hm_fake_fails(struct hm_fake *fake, const struct hm_method *method, hm_status status, const char *message);

/* hm_fake_calls is how many calls of a method have come; hm_fake_request the last request or message of a stream of them, NULL: none
 * yet. It lives as long as the fake. */
unsigned hm_fake_calls(struct hm_fake *fake, const struct hm_method *method);
const ProtobufCMessage *hm_fake_request(struct hm_fake *fake, const struct hm_method *method);
