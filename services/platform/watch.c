/*
 * Watch: the brands are read again and again, and what differs from the last time is sent. Few rows, read by their key: cheaper
 * than a notification, which takes a lock on all of PostgreSQL at each commit, and never missed.
 */
#include "watch.h"

#include <string.h>

#include "guard/lease.h"

enum { LOOK_MS = 100 };

/* Both lists are in the order of ids. A brand is never deleted. */
static void find_changes(const Platform__PollBrandsReply *former, const Platform__PollBrandsReply *latest,
			 struct hm_arena *arena, Platform__BrandNews *ret_news)
{
	ret_news->brands = hm_arena_alloc(arena, latest->n_brands * sizeof(Platform__BrandState *));
	ret_news->n_brands = 0;
	for (size_t i = 0, j = 0; i < latest->n_brands; i++) {
		Platform__BrandState *brand = latest->brands[i];

		while (j < former->n_brands && strcmp(former->brands[j]->id, brand->id) < 0)
			j++;
		if (j == former->n_brands || strcmp(former->brands[j]->id, brand->id) ||
		    former->brands[j]->active != brand->active)
			ret_news->brands[ret_news->n_brands++] = brand;
	}
}

/* The former list lives as long as the latest: what a stream's query gives stays until the one after the next. */
static hm_status watch(struct hm_call *call, struct hm_arena *round)
{
	const Platform__PollBrandsRequest everything = { PLATFORM_POLL_BRANDS_REQUEST_BASE };
	Platform__PollBrandsReply former = PLATFORM__POLL_BRANDS_REPLY__INIT;
	int64_t began_us = hm_clock_mono_us();

	for (;;) {
		Platform__PollBrandsReply latest = PLATFORM__POLL_BRANDS_REPLY__INIT;
		Platform__BrandNews news = { PLATFORM_BRAND_NEWS_BASE,
					     HM_SET(after_us, hm_clock_mono_us() - began_us) };

		TRY(hm_query_many(call, &platform_sql_poll_brands, &everything, &latest));
		hm_arena_reset(round);
		find_changes(&former, &latest, round, &news);
		TRY(platform_watch_brands_write(call, &news));
		former = latest;
		TRY(hm_call_wait(call, LOOK_MS));
	}
}

hm_status platform_handle_watch_brands(struct hm_call *call, const Platform__WatchBrandsRequest *request)
{
	struct hm_arena round = { 0 };
	hm_status status = watch(call, &round);

	(void)request;
	hm_arena_fini(&round);
	return status;
}

static void put_brands(struct hm_lease *lease, Platform__BrandState *const *brands, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hm_lease_put_brand(lease, brands[i]->id, brands[i]->active);
}

hm_status platform_feed_lease(struct hm_lease *lease, struct hm_channel *channel, struct hm_context *context)
{
	int64_t asked_us = hm_clock_mono_us();
	Platform__PollBrandsReply *reply;

	TRY(platform_poll_brands(channel, context, &(Platform__PollBrandsRequest){ PLATFORM_POLL_BRANDS_REQUEST_BASE },
				 &reply));
	put_brands(lease, reply->brands, reply->n_brands);
	hm_lease_renew(lease, HM_LEASE_BRANDS, asked_us);
	return HM_OK;
}

/* The call began there after it was asked for here, so news may be younger than what the lease is told, never older: however
 * late they arrive. */
hm_status platform_watch_lease(struct hm_lease *lease, struct hm_channel *channel, struct hm_context *context)
{
	const Platform__WatchBrandsRequest request = { PLATFORM_WATCH_BRANDS_REQUEST_BASE };
	SCOPED(platform_watch_brands) stream = NULL;
	int64_t asked_us = hm_clock_mono_us();
	Platform__BrandNews *news;

	TRY(platform_watch_brands(channel, context, &request, &stream));
	for (;;) {
		TRY(platform_watch_brands_next(stream, &news));
		if (!news)
			return hm_raise(UNAVAILABLE, "platform has no more news of brands");
		put_brands(lease, news->brands, news->n_brands);
		hm_lease_renew(lease, HM_LEASE_BRANDS, asked_us + news->after_us);
	}
}
