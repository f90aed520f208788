/*
 * Window: a number of calls in flight through a generated asynchronous client; each that ends begins the next, from its callback.
 *
 * A slot makes one call after the other, so its fields have one writer at a time and counting takes no locked instruction.
 */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

#include "client/channel.h"
#include "client/context.h"
#include "tests/bench/load.h"

enum { WINDOW_MAX = 1024 };

struct window_slot {
	struct hm_context *context;
	uint64_t sequence; /* of its call: what the reply must be the answer to */
	_Atomic uint64_t started, answered;
	void *user; /* its begin function's */
};

/* A begin function starts the slot's next call; the call's callback ends in window_ended. */
typedef hm_status window_begin(struct hm_channel *channel, struct window_slot *slot);

/* window_open connects and makes the slots, all under the bench's brand and the token (NULL: none). The user pointers are the
 * caller's to set, by window_slot_get, before the first start. */
hm_status window_open(const char *url, const char *token, window_begin *begin);
void window_close(void);
struct window_slot *window_slot_get(unsigned index);

/* window_ended takes in the end of a slot's call; is_right: the reply is the answer to what was asked. A call that failed is
 * told of on standard error and ends the slot's turn. */
void window_ended(struct window_slot *slot, hm_status status, bool is_right);

/* These are a load's own functions. */
hm_status window_start(unsigned depth);
hm_status window_stop(void);
struct tally window_count(void);
