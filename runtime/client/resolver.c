/* Resolver: the table of schemes, and the thread of a target that may change. */
#include "client/resolver.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/sleep.h"
#include "client/backoff.h"

static const struct hm_scheme schemes[] = {
	{ "file://", hm_file_check, hm_file_resolve, 1000, 100 },
	{ "dns+tcp://", hm_dns_check, hm_dns_resolve_tcp, 30000, 5000 },
	{ "dns+tls+tcp://", hm_dns_check, hm_dns_resolve_tls, 30000, 5000 },
};

struct hm_resolver {
	const struct hm_scheme *scheme;
	hm_resolved_fn *resolved;
	void *user;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned references; /* its owner's and its thread's */
	bool is_closing, is_nudged;
	bool is_telling; /* resolved runs */
	/* Of the thread. */
	bool has_list;
	_Atomic unsigned failures; /* in a row; read by others, too */
	struct hm_endpoints *current, *next;
	char target[];
};

hm_status hm_endpoints_add(struct hm_endpoints *endpoints, const char *url, size_t url_bytes, uint8_t weight)
{
	struct hm_endpoint *endpoint;

	if (!url_bytes || url_bytes >= sizeof endpoint->url)
		return hm_raise(INVALID_ARGUMENT, "URL of %zu bytes, 1 to %zu are possible", url_bytes,
				sizeof endpoint->url - 1);
	for (size_t i = 0; i < endpoints->count; i++) {
		endpoint = &endpoints->list[i];
		if (strncmp(endpoint->url, url, url_bytes) == 0 && !endpoint->url[url_bytes]) {
			endpoint->weight = weight;
			return HM_OK;
		}
	}
	if (endpoints->count == HM_PLACES)
		return HM_OK;
	endpoint = &endpoints->list[endpoints->count++];
	*endpoint = (struct hm_endpoint){ .weight = weight };
	memcpy(endpoint->url, url, url_bytes);
	return HM_OK;
}

static const struct hm_scheme *find_scheme(const char *target)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (!strncmp(target, schemes[i].prefix, strlen(schemes[i].prefix)))
			return &schemes[i];
	return NULL;
}

static void *allocate(size_t bytes)
{
	void *memory = calloc(1, bytes);

	if (!memory)
		abort();
	return memory;
}

/* Lets go of the lock, too. */
static void release(struct hm_resolver *resolver)
{
	bool is_last = !--resolver->references;

	pthread_mutex_unlock(&resolver->lock);
	if (!is_last)
		return;
	pthread_cond_destroy(&resolver->changed);
	pthread_mutex_destroy(&resolver->lock);
	free(resolver->current);
	free(resolver->next);
	free(resolver);
}

/* Without the lock while it is told, but for is_telling, which close waits for. */
static void tell(struct hm_resolver *resolver, hm_status status)
{
	pthread_mutex_lock(&resolver->lock);
	if (!resolver->is_closing) {
		resolver->is_telling = true;
		pthread_mutex_unlock(&resolver->lock);
		resolver->resolved(resolver->user, status, resolver->current);
		pthread_mutex_lock(&resolver->lock);
		resolver->is_telling = false;
		pthread_cond_broadcast(&resolver->changed);
	}
	pthread_mutex_unlock(&resolver->lock);
}

static bool is_same(const struct hm_endpoints *a, const struct hm_endpoints *b)
{
	return a->count == b->count && !memcmp(a->list, b->list, a->count * sizeof *a->list);
}

static void resolve(struct hm_resolver *resolver)
{
	struct hm_endpoints *next = resolver->next;
	hm_status status;

	next->count = 0;
	status = resolver->scheme->resolve(resolver->target, next);
	if (status == HM_OK && !next->count)
		status = hm_raise(UNAVAILABLE, "%s%s: no endpoint there", resolver->scheme->prefix, resolver->target);
	atomic_store(&resolver->failures, status == HM_OK ? 0 : atomic_load(&resolver->failures) + 1);
	if (status == HM_OK && !(resolver->has_list && is_same(next, resolver->current))) {
		resolver->next = resolver->current;
		resolver->current = next;
		resolver->has_list = true;
		tell(resolver, HM_OK);
	} else if (status != HM_OK && !resolver->has_list) {
		tell(resolver, status);
	}
}

/* When to resolve again if nothing happens: the period ± a fifth; after failures as soon as the back-off says. */
static int64_t next_us(const struct hm_resolver *resolver, int64_t now_us)
{
	int64_t period_us = (int64_t)resolver->scheme->period_ms * HM_US_PER_MS, wait_us;
	unsigned failures = atomic_load(&resolver->failures);
	uint32_t chance;

	hm_random(&chance, sizeof chance);
	wait_us = period_us * 4 / 5 + (period_us * 2 / 5 * chance >> 32);
	if (failures) {
		int64_t backoff_us = hm_backoff_us("", failures, chance);

		wait_us = backoff_us < wait_us ? backoff_us : wait_us;
	}
	return now_us + wait_us;
}

/* With the lock held. */
static void wait_for_next(struct hm_resolver *resolver, int64_t now_us)
{
	int64_t least_us = now_us + (int64_t)resolver->scheme->least_ms * HM_US_PER_MS;
	int64_t due_us = next_us(resolver, now_us);

	if (due_us < least_us)
		due_us = least_us;
	while (!resolver->is_closing && hm_clock_mono_us() < (resolver->is_nudged ? least_us : due_us))
		hm_sleep_on(&resolver->changed, &resolver->lock, resolver->is_nudged ? least_us : due_us);
	resolver->is_nudged = false;
}

static void *run(void *user)
{
	struct hm_resolver *resolver = user;

	pthread_mutex_lock(&resolver->lock);
	while (!resolver->is_closing) {
		pthread_mutex_unlock(&resolver->lock);
		resolve(resolver);
		pthread_mutex_lock(&resolver->lock);
		wait_for_next(resolver, hm_clock_mono_us());
	}
	release(resolver);
	return NULL;
}

static struct hm_resolver *make_resolver(const struct hm_scheme *scheme, const char *target)
{
	struct hm_resolver *resolver = allocate(sizeof *resolver + strlen(target) + 1);

	resolver->scheme = scheme;
	memcpy(resolver->target, target, strlen(target));
	resolver->references = 2;
	resolver->current = allocate(sizeof *resolver->current);
	resolver->next = allocate(sizeof *resolver->next);
	pthread_mutex_init(&resolver->lock, NULL);
	pthread_cond_init(&resolver->changed, NULL);
	return resolver;
}

/* Signals are for the threads of the program's own. */
static void start_thread(struct hm_resolver *resolver)
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, run, resolver))
		abort();
	pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static hm_status open_static(const char *target, hm_resolved_fn *resolved, void *user)
{
	struct hm_endpoints *endpoints = allocate(sizeof *endpoints);
	hm_status status = hm_static_resolve(target, endpoints);

	if (status == HM_OK)
		resolved(user, HM_OK, endpoints);
	free(endpoints);
	return status;
}

hm_status hm_resolver_open(const char *target, hm_resolved_fn *resolved, void *user, struct hm_resolver **ret_resolver)
{
	const struct hm_scheme *scheme = find_scheme(target);
	struct hm_resolver *resolver;

	*ret_resolver = NULL;
	if (!scheme)
		return open_static(target, resolved, user);
	target += strlen(scheme->prefix);
	TRY(scheme->check(target));
	resolver = make_resolver(scheme, target);
	resolver->resolved = resolved;
	resolver->user = user;
	*ret_resolver = resolver;
	start_thread(resolver);
	return HM_OK;
}

void hm_resolver_nudge(struct hm_resolver *resolver)
{
	if (!resolver)
		return;
	pthread_mutex_lock(&resolver->lock);
	resolver->is_nudged = true;
	pthread_cond_broadcast(&resolver->changed);
	pthread_mutex_unlock(&resolver->lock);
}

unsigned hm_resolver_failures(const struct hm_resolver *resolver)
{
	return atomic_load(&resolver->failures);
}

void hm_resolver_close(struct hm_resolver *resolver)
{
	if (!resolver)
		return;
	pthread_mutex_lock(&resolver->lock);
	resolver->is_closing = true;
	pthread_cond_broadcast(&resolver->changed);
	while (resolver->is_telling)
		pthread_cond_wait(&resolver->changed, &resolver->lock);
	release(resolver);
}
