/* Watch: how every process comes to know the brands' state, by asking and by being told. */
#pragma once
#include "platform/v1/platform.hm.h"

hm_status platform_handle_watch_brands(struct hm_call *call, const Platform__WatchBrandsRequest *request);

/* What every other process does with the two methods: see struct hm_service. */
hm_status platform_feed_lease(struct hm_lease *lease, struct hm_channel *channel, struct hm_context *context);
hm_status platform_watch_lease(struct hm_lease *lease, struct hm_channel *channel, struct hm_context *context);
