/* Channel status: what a channel does at the moment, as the message that operators are shown (proto/hallmark/admin.proto). */
#pragma once
#include "base/arena.h"
#include "client/channel.h"
#include "hallmark/admin.pb-c.h"

/* hm_channel_status fills in all but the service, in the arena. Thread-safe. */
void hm_channel_status(struct hm_channel *channel, struct hm_arena *arena, Admin__Channel *ret_status);
