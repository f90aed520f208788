/*
 * Feeder: a thread and a channel a source, which polls, then watches as long as the stream lasts, then begins again: never both at
 * once, as the older answer could come later and stay. A source that does not answer is asked again; its lease runs out by itself.
 */
#include "host/feeder.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/sleep.h"
#include "client/channel.h"
#include "client/context.h"
#include "crypto/token.h"

enum {
	PERIOD_MS = 500,
	FIRST_PERIOD_MS = 20,
	CALL_TIMEOUT_MS = 2000,
	PATIENCE_MS = 1000, /* a stream that is silent for so long is no better than none */
	TOKEN_LIFE_S = 600,
	SOURCES_MAX = 8,
};

struct source {
	struct hm_feeder *feeder;
	const struct hm_service *service;
	struct hm_channel *channel;
	struct hm_context *context; /* of what is under way, under the lock; NULL: nothing */
	pthread_t thread;
	bool has_thread, was_heard, is_silent;
};

/* One of the two ways a service has. */
typedef hm_status way_fn(struct hm_lease *lease, struct hm_channel *channel, struct hm_context *context);

struct hm_feeder {
	struct hm_lease *lease;
	const struct hm_secret_key *key;
	const char *name;
	struct source sources[SOURCES_MAX];
	size_t n_sources, n_heard;
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

/* Whoever closes the feeder cancels what is under way, and what begins after that finds the feeder closing. */
static bool publish(struct source *source, struct hm_context *context)
{
	bool goes_on;

	pthread_mutex_lock(&source->feeder->lock);
	goes_on = !source->feeder->is_closing;
	source->context = context;
	pthread_mutex_unlock(&source->feeder->lock);
	return goes_on;
}

static hm_status go_with_token(struct source *source, way_fn *way, const char *token)
{
	SCOPED(hm_context) context = NULL;
	hm_status status;

	TRY(hm_context_open(HM_SYSTEM_BRAND, token, &context));
	hm_context_set_patience(context, PATIENCE_MS);
	if (way == source->service->feed_lease)
		hm_context_set_timeout(context, CALL_TIMEOUT_MS);
	if (publish(source, context))
		status = way(source->feeder->lease, source->channel, context);
	else
		status = hm_raise(CANCELLED, "the process is going away");
	(void)publish(source, NULL);
	return status;
}

static hm_status go(struct source *source, way_fn *way)
{
	struct hm_arena arena = { 0 };
	char *token;
	hm_status status = sign_own_token(source->feeder, &arena, &token);

	if (status == HM_OK)
		status = go_with_token(source, way, token);
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
	int64_t until_us;
	bool goes_on;

	pthread_mutex_lock(&feeder->lock);
	until_us =
		hm_clock_mono_us() + (feeder->n_heard < feeder->n_sources ? FIRST_PERIOD_MS : PERIOD_MS) * HM_US_PER_MS;
	while (!feeder->is_closing && hm_clock_mono_us() < until_us)
		hm_sleep_on(&feeder->changed, &feeder->lock, until_us);
	goes_on = !feeder->is_closing;
	pthread_mutex_unlock(&feeder->lock);
	return goes_on;
}

static void *feed(void *user)
{
	struct source *source = user;
	hm_status status;

	do {
		status = go(source, source->service->feed_lease);
		note(source->feeder, source, status);
		if (status == HM_OK && source->service->watch_lease)
			status = go(source, source->service->watch_lease); /* why it ended the next poll will tell */
	} while (rest(source->feeder));
	return NULL;
}

static hm_status open_source(struct hm_feeder *feeder, const struct hm_service *service,
			     const struct hm_identity *identity)
{
	struct source *source = &feeder->sources[feeder->n_sources++];

	source->feeder = feeder;
	source->service = service;
	TRY(hm_channel_open(service->table->short_name, &source->channel));
	hm_channel_set_identity(source->channel, identity);
	return HM_OK;
}

static hm_status start(struct hm_feeder *feeder)
{
	for (size_t i = 0; i < feeder->n_sources; i++) {
		struct source *source = &feeder->sources[i];

		if (pthread_create(&source->thread, NULL, feed, source))
			return hm_raise(RESOURCE_EXHAUSTED, "no thread for the lease feeder");
		source->has_thread = true;
	}
	return HM_OK;
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
	for (; *known && feeder->n_sources < SOURCES_MAX; known++)
		if ((*known)->feed_lease)
			TRY(open_source(feeder, *known, identity));
	TRY(start(feeder));
	*ret_feeder = take(&feeder);
	return HM_OK;
}

/* For good: what has not begun yet finds the flag. */
static void cancel(struct hm_context *context)
{
	hm_cancel_set(&context->cancel);
	hm_context_cancel(context);
}

void hm_feeder_close(struct hm_feeder *feeder)
{
	if (!feeder)
		return;
	pthread_mutex_lock(&feeder->lock);
	feeder->is_closing = true;
	for (size_t i = 0; i < feeder->n_sources; i++)
		if (feeder->sources[i].context)
			cancel(feeder->sources[i].context);
	pthread_cond_broadcast(&feeder->changed);
	pthread_mutex_unlock(&feeder->lock);
	for (size_t i = 0; i < feeder->n_sources; i++) {
		if (feeder->sources[i].has_thread)
			pthread_join(feeder->sources[i].thread, NULL);
		hm_channel_close(feeder->sources[i].channel);
	}
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
	hm_status status = HM_OK;

	pthread_mutex_lock(&feeder->lock);
	while (feeder->n_heard < feeder->n_sources && hm_clock_mono_us() < until_us)
		hm_sleep_on(&feeder->changed, &feeder->lock, until_us);
	if (feeder->n_heard < feeder->n_sources)
		status = hm_raise(DEADLINE_EXCEEDED,
				  "service %s did not answer in %u ms: is it being served? (hallmark serve %s)",
				  first_unheard(feeder), timeout_ms, first_unheard(feeder));
	pthread_mutex_unlock(&feeder->lock);
	return status;
}
