/*
 * Refusals: two tables of counters, one that is filled and one that is being written, and a thread that exists once there was
 * something to count. What could not be written stays in its table, each counter under the entry id it was first tried with, so that
 * one whose COMMIT was answered by silence is not entered twice.
 */
#include "guard/refusals.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sleep.h"
#include "guard/lease.h"
#include "server/quota.h"
#include "wire/json.h"

enum {
	OWN_PER_S = 128,
	COUNTERS = 1024, /* for brands; with more at once, a method's and outcome's are the system's, without reason */
	COUNTERS_FULL = COUNTERS / 4 * 3,
	PERIOD_US = HM_US_PER_S,
};

struct counter {
	uint64_t calls; /* 0: free */
	int64_t first_us, last_us; /* wall */
	struct hm_id id; /* of its entry */
	uint16_t method, status;
	char brand[HM_BRAND_BYTES], reason[HM_FIELD_BYTES];
};

/* Counters by hash, and behind them one for each method and status. */
struct table {
	struct counter *counters;
	size_t n, used;
};

struct hm_refusals {
	const struct hm_service_table *service;
	struct hm_audit_writer *writer;
	struct hm_quota own;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct table counting, writing;
	bool is_stopping, has_thread, has_complained;
	pthread_t thread;
};

static void open_table(struct hm_refusals *refusals, struct table *table)
{
	table->n = COUNTERS + refusals->service->n_methods * HM_STATUS_COUNT;
	table->counters = calloc(table->n, sizeof *table->counters);
	if (!table->counters)
		abort();
}

struct hm_refusals *hm_refusals_open(const struct hm_service_table *table, struct hm_audit_writer *writer)
{
	struct hm_refusals *refusals = calloc(1, sizeof *refusals);

	if (!refusals)
		abort();
	refusals->service = table;
	refusals->writer = writer;
	hm_quota_set(&refusals->own, OWN_PER_S);
	pthread_mutex_init(&refusals->lock, NULL);
	pthread_cond_init(&refusals->changed, NULL);
	return refusals;
}

bool hm_refusals_has_room(struct hm_refusals *refusals)
{
	return hm_quota_take(&refusals->own, hm_clock_mono_us(), NULL);
}

static uint64_t hash(const struct counter *key)
{
	return hm_method_id(key->brand) ^ (hm_method_id(key->reason) + key->method * 31u + key->status);
}

static bool is_same(const struct counter *a, const struct counter *b)
{
	return a->method == b->method && a->status == b->status && !strcmp(a->brand, b->brand) &&
	       !strcmp(a->reason, b->reason);
}

/* The counter of a key, new or not. A table that is nearly full takes no new keys, so the search ends. */
static struct counter *get_counter(struct table *table, const struct counter *key)
{
	size_t at = hash(key) % COUNTERS;
	struct counter *counter;

	for (; table->counters[at].calls; at = (at + 1) % COUNTERS)
		if (is_same(&table->counters[at], key))
			return &table->counters[at];
	counter = &table->counters[at];
	if (table->used == COUNTERS_FULL) {
		counter = &table->counters[COUNTERS + key->method * (size_t)HM_STATUS_COUNT + key->status];
		if (counter->calls)
			return counter;
	} else {
		table->used++;
	}
	*counter = *key;
	if (counter >= table->counters + COUNTERS) {
		snprintf(counter->brand, sizeof counter->brand, HM_SYSTEM_BRAND);
		*counter->reason = '\0';
	}
	return counter;
}

/* With the lock held. True: it is the first since the tables were swapped. */
static bool count(struct hm_refusals *refusals, const struct counter *key, int64_t now_us)
{
	const bool is_first = !refusals->counting.used;
	struct counter *counter;

	if (!refusals->counting.counters)
		open_table(refusals, &refusals->counting);
	counter = get_counter(&refusals->counting, key);
	if (!counter->calls++)
		counter->first_us = now_us;
	counter->last_us = now_us;
	return is_first;
}

static struct hm_audit_entry *describe(const struct hm_refusals *refusals, const struct counter *counter,
				       struct hm_arena *arena)
{
	const struct hm_method *method = &refusals->service->methods[counter->method];
	struct hm_audit_entry *entry = hm_arena_zalloc(arena, sizeof *entry);
	char *id = hm_arena_alloc(arena, HM_ID_TEXT_BYTES);
	char until[HM_TIME_BYTES];
	const char *details;

	hm_id_format(&counter->id, id);
	hm_time_format(counter->last_us, until);
	details = hm_arena_printf(arena,
				  "{\"method\":\"%s\",\"outcome\":\"%s\",\"event\":\"%s\",\"reason\":\"%s\","
				  "\"calls\":%llu,\"until\":\"%s\"}",
				  method->name, hm_status_name(counter->status), method->event, counter->reason,
				  (unsigned long long)counter->calls, until);
	const struct hm_builtin values[] = {
		{ "audit_id", id },
		{ "occurred_at_us", hm_arena_printf(arena, "%lld", (long long)counter->first_us) },
		{ "actor_type", "service" },
		{ "audit_actor_id", refusals->service->short_name },
		{ "actor_brand_id", HM_SYSTEM_BRAND },
		{ "event_type", "calls.denied" },
		{ "entity_type", method->entity },
		{ "entity_id", NULL },
		{ "audit_brand_id", counter->brand },
		{ "audit_request_id", NULL },
		{ "details", details },
		{ NULL, NULL },
	};

	_Static_assert(sizeof values == sizeof entry->values, "one value a parameter, and the end");
	memcpy(entry->values, values, sizeof values);
	return entry;
}

/* Whether the entry is there now: written, or by an earlier try whose outcome was not heard. */
static bool is_written(struct hm_audit_entry *entry)
{
	const bool is_there = !entry->error || entry->error->code == HM_ALREADY_EXISTS;

	free(entry->error);
	return is_there;
}

/* Writes the entries of a table's counters, and frees the counters whose are. Only the writing thread looks at that table. Returns
 * how many calls are left in it. */
static uint64_t write_table(struct hm_refusals *refusals, struct table *table)
{
	struct hm_audit_entry *first = NULL, **end = &first, *entry;
	struct hm_arena arena = { 0 };
	uint64_t left = 0;

	for (size_t i = 0; i < table->n; i++) {
		if (!table->counters[i].calls)
			continue;
		*end = describe(refusals, &table->counters[i], &arena);
		end = &(*end)->next;
	}
	hm_audit_writer_record_all(refusals->writer, first);
	entry = first;
	for (size_t i = 0; i < table->n; i++) {
		if (!table->counters[i].calls)
			continue;
		if (is_written(entry))
			table->counters[i].calls = 0;
		left += table->counters[i].calls;
		entry = entry->next;
	}
	hm_arena_fini(&arena);
	return left;
}

/* With the lock held: what was counted becomes what is written, each under an id of its own. */
static void swap_tables(struct hm_refusals *refusals)
{
	struct table swapped = refusals->writing;

	refusals->writing = refusals->counting;
	refusals->counting = swapped;
	if (refusals->counting.counters)
		memset(refusals->counting.counters, 0, refusals->counting.n * sizeof *refusals->counting.counters);
	refusals->counting.used = 0;
	for (size_t i = 0; i < refusals->writing.n; i++)
		if (refusals->writing.counters[i].calls)
			refusals->writing.counters[i].id = hm_id_new();
}

/* Once, and again when it is for good. */
static void complain(struct hm_refusals *refusals, uint64_t left)
{
	char calls[24];

	if (refusals->has_complained && !refusals->is_stopping)
		return;
	snprintf(calls, sizeof calls, "%llu", (unsigned long long)left);
	hm_log(HM_LOG_ERROR, "refused calls cannot be entered in the audit log", "service",
	       refusals->service->short_name, "calls", calls, NULL);
}

/* With the lock held, but for the writing. Returns how many calls could not be entered. */
static uint64_t write_out(struct hm_refusals *refusals, uint64_t left)
{
	if (!left)
		swap_tables(refusals);
	pthread_mutex_unlock(&refusals->lock);
	left = write_table(refusals, &refusals->writing);
	pthread_mutex_lock(&refusals->lock);
	if (left)
		complain(refusals, left);
	refusals->has_complained = left;
	return left;
}

static void wait_period(struct hm_refusals *refusals)
{
	const int64_t until_us = hm_clock_mono_us() + PERIOD_US;

	while (!refusals->is_stopping && hm_sleep_on(&refusals->changed, &refusals->lock, until_us))
		;
}

static void *run(void *user)
{
	struct hm_refusals *refusals = user;
	uint64_t left = 0;

	pthread_mutex_lock(&refusals->lock);
	for (;;) {
		while (!refusals->counting.used && !left && !refusals->is_stopping)
			pthread_cond_wait(&refusals->changed, &refusals->lock);
		wait_period(refusals);
		if (refusals->is_stopping)
			break;
		left = write_out(refusals, left);
	}
	if (left)
		left = write_out(refusals, left);
	if (!left)
		(void)write_out(refusals, 0);
	pthread_mutex_unlock(&refusals->lock);
	return NULL;
}

/* Signals are for the program's own threads. Without a thread the counts are written when the service ends. */
static void start_thread(struct hm_refusals *refusals)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	refusals->has_thread = !pthread_create(&refusals->thread, NULL, run, refusals);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (refusals->has_thread)
		pthread_setname_np(refusals->thread, "refusals");
}

void hm_refusals_count(struct hm_refusals *refusals, const struct hm_call *call)
{
	const struct hm_error *error = hm_error_get();
	struct counter key = {
		.method = (uint16_t)(call->method - refusals->service->methods),
		.status = (uint16_t)error->code,
	};

	memcpy(key.brand, call->context.brand, sizeof key.brand);
	memcpy(key.reason, error->reason, sizeof key.reason);
	pthread_mutex_lock(&refusals->lock);
	if (count(refusals, &key, call->started_wall_us)) {
		if (!refusals->has_thread)
			start_thread(refusals);
		pthread_cond_signal(&refusals->changed);
	}
	pthread_mutex_unlock(&refusals->lock);
}

void hm_refusals_close(struct hm_refusals *refusals)
{
	if (!refusals)
		return;
	pthread_mutex_lock(&refusals->lock);
	refusals->is_stopping = true;
	pthread_cond_signal(&refusals->changed);
	pthread_mutex_unlock(&refusals->lock);
	if (refusals->has_thread)
		pthread_join(refusals->thread, NULL);
	else
		(void)run(refusals);
	free(refusals->counting.counters);
	free(refusals->writing.counters);
	pthread_cond_destroy(&refusals->changed);
	pthread_mutex_destroy(&refusals->lock);
	free(refusals);
}
