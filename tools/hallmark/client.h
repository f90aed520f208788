/* Client: the calling side of the commands: whose token, which brand, one call from JSON to JSON. */
#pragma once
#include "base/buffer.h"
#include "client/channel.h"
#include "command.h"

/* client_open makes the context that --brand and --as ask for. --as operator signs a token with var/keys/operator.key; any
 * other name takes the token that `hallmark token login` keeps in var/tokens/<brand>/<name>. No --as: no token. Close it
 * whatever comes back. */
hm_status client_open(const struct options *options, struct hm_context **ret_context);

/* client_endpoint settles where a service is reached: --connect, else its socket under var/run. */
hm_status client_endpoint(const struct options *options, const char *service);

/* client_channel opens the way to a service. */
hm_status client_channel(const struct options *options, const char *service, struct hm_channel **ret_channel);

/* client_call_channel opens it for the call that was asked for, which goes wrong as --faults says. */
hm_status client_call_channel(const struct options *options, const char *service, struct hm_channel **ret_channel);

/* client_token_path writes where the token of --as in --brand is kept; INVALID_ARGUMENT for a name that is no file name. */
hm_status client_token_path(const struct options *options, char ret_path[PATH_BYTES]);

/* client_call makes one call from JSON; the reply's JSON is appended to ret_reply. ret_ids is written on failure too: which call
 * it was, or zero if the request was not one. */
hm_status client_call(struct hm_channel *channel, struct hm_context *context, const struct hm_method *method,
		      const char *json, size_t json_bytes, struct hm_buffer *ret_reply, struct call_ids *ret_ids);
