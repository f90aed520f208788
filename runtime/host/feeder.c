/* Feeder: one thread, one channel a source. A source that does not answer is asked again; its lease runs out by itself. */
#include "host/feeder.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "crypto/token.h"
#include "rpc/channel.h"
#include "rpc/context.h"

enum { PERIOD_MS = 500, FIRST_PERIOD_MS = 20, CALL_TIMEOUT_MS = 2000, TOKEN_LIFE_S = 600, SOURCES_MAX = 8 };

struct source {
	const struct hm_service *service;
	struct hm_channel *channel;
	bool was_heard, is_silent;
};

struct hm_feeder {
	struct hm_lease *lease;
	const struct hm_secret_key *key;
	const char *name;
	struct source sources[SOURCES_MAX];
	size_t n_sources, n_heard;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_closing;
};

/* The process speaks as the service itself, under the system's brand, with a token that is soon over. */
static hm_status sign_own_token(const struct hm_feeder *feeder, struct hm_arena *arena, char **ret_token)
{
	static const char *const nothing[] = { NULL };
	struct hm_id id = hm_id_new();
	char id_text[HM_ID_TEXT_BYTES];
	int64_t now_us = hm_clock_wall_us();

	hm_id_format(&id, id_text);
	return hm_token_sign(feeder->key,
			     &(struct hm_claims){ .subject = feeder->name,
						  .type = "service",
						  .id = id_text,
						  .permissions = nothing,
						  .issued_at_us = now_us,
						  .expires_at_us = now_us + (int64_t)TOKEN_LIFE_S * HM_US_PER_S },
			     arena, ret_token);
}

static hm_status ask_with_token(struct hm_feeder *feeder, struct source *source, const char *token)
{
	SCOPED(hm_context) context = NULL;

	TRY(hm_context_open(HM_SYSTEM_BRAND, token, &context));
	hm_context_set_timeout(context, CALL_TIMEOUT_MS);
	return source->service->feed_lease(feeder->lease, source->channel, context);
}

static hm_status ask(struct hm_feeder *feeder, struct source *source)
{
	struct hm_arena arena = { 0 };
	char *token;
	hm_status status = sign_own_token(feeder, &arena, &token);

	if (status == HM_OK)
		status = ask_with_token(feeder, source, token);
	hm_arena_fini(&arena);
	return status;
}

/* A source falling silent, or speaking again, is said once. */
static void note(struct hm_feeder *feeder, struct source *source, hm_status status)
{
	bool is_silent = status != HM_OK;

	if (!is_silent && !source->was_heard) {
		pthread_mutex_lock(&feeder->lock);
		source->was_heard = true;
		feeder->n_heard++;
		pthread_cond_broadcast(&feeder->changed);
		pthread_mutex_unlock(&feeder->lock);
	}
	if (is_silent != source->is_silent && source->was_heard)
		hm_log(is_silent ? HM_LOG_WARNING : HM_LOG_INFO,
		       is_silent ? "lease source is silent" : "lease source is back", "source",
		       source->service->table->short_name, "error", is_silent ? hm_error_get()->message : "", NULL);
	source->is_silent = is_silent;
}

/* Waits for the next round; false: the feeder is closing. */
static bool rest(struct hm_feeder *feeder)
{
	int64_t pause_ms = feeder->n_heard < feeder->n_sources ? FIRST_PERIOD_MS : PERIOD_MS;
	int64_t until_us = hm_clock_mono_us() + pause_ms * HM_US_PER_MS;
	struct timespec until = { .tv_sec = until_us / HM_US_PER_S, .tv_nsec = until_us % HM_US_PER_S * 1000 };
	bool goes_on;

	pthread_mutex_lock(&feeder->lock);
	while (!feeder->is_closing && hm_clock_mono_us() < until_us)
		pthread_cond_clockwait(&feeder->changed, &feeder->lock, CLOCK_MONOTONIC, &until);
	goes_on = !feeder->is_closing;
	pthread_mutex_unlock(&feeder->lock);
	return goes_on;
}

static void *feed(void *user)
{
	struct hm_feeder *feeder = user;

	do
		for (size_t i = 0; i < feeder->n_sources; i++)
			note(feeder, &feeder->sources[i], ask(feeder, &feeder->sources[i]));
	while (rest(feeder));
	return NULL;
}

hm_status hm_feeder_open(const struct hm_service *const *known, struct hm_lease *lease, const struct hm_secret_key *key,
			 const char *name, const struct hm_identity *identity, struct hm_feeder **ret_feeder)
{
	SCOPED(hm_feeder) feeder = calloc(1, sizeof *feeder);

	if (!feeder)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for a feeder");
	pthread_mutex_init(&feeder->lock, NULL);
	pthread_cond_init(&feeder->changed, NULL);
	feeder->lease = lease;
	feeder->key = key;
	feeder->name = name;
	for (; *known && feeder->n_sources < SOURCES_MAX; known++) {
		struct source *source = &feeder->sources[feeder->n_sources];

		if (!(*known)->feed_lease)
			continue;
		source->service = *known;
		TRY(hm_channel_open((*known)->table->short_name, &source->channel));
		hm_channel_set_identity(source->channel, identity);
		feeder->n_sources++;
	}
	if (pthread_create(&feeder->thread, NULL, feed, feeder))
		return hm_raise(RESOURCE_EXHAUSTED, "no thread for the lease feeder");
	feeder->has_thread = true;
	*ret_feeder = take(&feeder);
	return HM_OK;
}

void hm_feeder_close(struct hm_feeder *feeder)
{
	if (!feeder)
		return;
	pthread_mutex_lock(&feeder->lock);
	feeder->is_closing = true;
	pthread_cond_broadcast(&feeder->changed);
	pthread_mutex_unlock(&feeder->lock);
	if (feeder->has_thread)
		pthread_join(feeder->thread, NULL);
	for (size_t i = 0; i < feeder->n_sources; i++)
		hm_channel_close(feeder->sources[i].channel);
	pthread_cond_destroy(&feeder->changed);
	pthread_mutex_destroy(&feeder->lock);
	free(feeder);
}

static const char *first_unheard(const struct hm_feeder *feeder)
{
	for (size_t i = 0; i < feeder->n_sources; i++)
		if (!feeder->sources[i].was_heard)
			return feeder->sources[i].service->table->short_name;
	return "nobody";
}

hm_status hm_feeder_wait(struct hm_feeder *feeder, uint32_t timeout_ms)
{
	int64_t until_us = hm_clock_mono_us() + (int64_t)timeout_ms * HM_US_PER_MS;
	struct timespec until = { .tv_sec = until_us / HM_US_PER_S, .tv_nsec = until_us % HM_US_PER_S * 1000 };
	hm_status status = HM_OK;

	pthread_mutex_lock(&feeder->lock);
	while (feeder->n_heard < feeder->n_sources && hm_clock_mono_us() < until_us)
		pthread_cond_clockwait(&feeder->changed, &feeder->lock, CLOCK_MONOTONIC, &until);
	if (feeder->n_heard < feeder->n_sources)
		status = hm_raise(DEADLINE_EXCEEDED,
				  "service %s did not answer in %u ms: is it being served? (hallmark serve %s)",
				  first_unheard(feeder), timeout_ms, first_unheard(feeder));
	pthread_mutex_unlock(&feeder->lock);
	return status;
}
