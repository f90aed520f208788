/*
 * Suspend: an operator who suspends the brand and gives it back, while witnesses call notes under it.
 *
 *     parent                load, opened with the addresses of platform and of both notes
 *     61              →     wait until both serve, let 61 ms pass, suspend, wait until both refuse, watch on for a while, reactivate
 *                     ←     93120 95407 214 0      us from SuspendBrand's reply, and from its request, to the answer of the last call that
 *                                                  was served, of those begun after it; then the calls begun after their process had
 *                                                  refused one, and those of them that were served
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "guard/lease.h"
#include "platform/v1/platform.hm.h"
#include "tests/bench/load.h"
#include "tests/bench/server.h"
#include "tests/bench/user.h"
#include "tests/bench/witness.h"

enum { URL_BYTES = 256, WATCH_ON_MS = 300 };

static struct {
	struct hm_channel *channel;
	struct hm_context *context;
} platform;

static void pass_ms(unsigned ms)
{
	const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&pause, NULL);
}

static hm_status suspend(void)
{
	const Platform__SuspendBrandRequest request = { PLATFORM_SUSPEND_BRAND_REQUEST_BASE, .id = BENCH_BRAND,
							.reason = "measured" };
	Platform__Brand *brand;

	hm_context_reset(platform.context);
	return platform_suspend_brand(platform.channel, platform.context, &request, &brand);
}

static hm_status reactivate(void)
{
	const Platform__ReactivateBrandRequest request = { PLATFORM_REACTIVATE_BRAND_REQUEST_BASE, .id = BENCH_BRAND };
	Platform__Brand *brand;

	hm_context_reset(platform.context);
	return platform_reactivate_brand(platform.channel, platform.context, &request, &brand);
}

/* From a moment to the last answer of a call that was begun after it and served, wherever; 0: there was none. */
static int64_t served_for_us(const struct seen seen[WITNESSES], int64_t from_us)
{
	int64_t longest_us = 0;

	for (size_t i = 0; i < WITNESSES; i++)
		if (seen[i].served_begun_us > from_us && seen[i].served_us - from_us > longest_us)
			longest_us = seen[i].served_us - from_us;
	return longest_us;
}

static void tell(int64_t asked_us, int64_t replied_us, char *ret_answer, size_t size)
{
	struct seen seen[WITNESSES];
	unsigned after_refusal = 0, served = 0;

	witnesses_tell(seen);
	for (size_t i = 0; i < WITNESSES; i++) {
		after_refusal += seen[i].after_refusal;
		served += seen[i].served_after_refusal;
	}
	snprintf(ret_answer, size, "%lld %lld %u %u", (long long)served_for_us(seen, replied_us),
		 (long long)served_for_us(seen, asked_us), after_refusal, served);
}

static hm_status answer(const char *order, char *ret_answer, size_t size)
{
	int64_t asked_us, replied_us;

	witnesses_look_anew();
	TRY(witnesses_wait(witness_was_served));
	pass_ms((unsigned)strtoul(order, NULL, 10));
	asked_us = witnesses_look_anew();
	TRY(suspend());
	replied_us = hm_clock_mono_us();
	TRY(witnesses_wait(witness_was_refused));
	pass_ms(WATCH_ON_MS);
	tell(asked_us, replied_us, ret_answer, size);
	return reactivate();
}

static hm_status open_platform(const char *folder, const char *url)
{
	const Platform__CreateBrandRequest request = { PLATFORM_CREATE_BRAND_REQUEST_BASE, .id = BENCH_BRAND,
						       .name = "The bench's" };
	struct hm_arena arena = { 0 };
	Platform__Brand *brand;
	char *token;
	hm_status status = user_sign_operator(folder, &arena, &token);

	if (status == HM_OK)
		status = hm_context_open(HM_SYSTEM_BRAND, token, &platform.context);
	hm_arena_fini(&arena);
	TRY(status);
	TRY(hm_channel_open_url(url, &platform.channel));
	return platform_create_brand(platform.channel, platform.context, &request, &brand);
}

static hm_status open_load(const char *folder, const char *addresses)
{
	char url[URL_BYTES], first[URL_BYTES], second[URL_BYTES], *token;
	struct hm_arena arena = { 0 };
	hm_status status;

	if (sscanf(addresses, "%255s %255s %255s", url, first, second) != 1 + WITNESSES)
		return hm_raise(INVALID_ARGUMENT, "not three addresses: \"%s\"", addresses);
	TRY(open_platform(folder, url));
	status = user_sign(folder, BENCH_BRAND, &arena, &token);
	if (status == HM_OK)
		status = witnesses_open((const char *[]){ first, second }, token);
	hm_arena_fini(&arena);
	return status;
}

static void close_load(void)
{
	witnesses_close();
	hm_channel_close(platform.channel);
	hm_context_close(platform.context);
}

const struct load suspend_load = {
	.role = "suspend",
	.open = open_load,
	.answer = answer,
	.close = close_load,
};
