/* Streams at the terminal: a line of JSON a message, each way. */
#pragma once
#include "base/buffer.h"
#include "client/channel.h"
#include "command.h"

/* call_stream makes one call that streams. Requests that stream come from the file of --file or from standard input, a line each,
 * but for `argument`, if there is one, which is the only request. Replies are printed as they come. ret_ids as client_call's. */
hm_status call_stream(const struct options *options, const char *service, const struct hm_method *method,
		      const char *argument, struct call_ids *ret_ids);
