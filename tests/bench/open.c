/*
 * Open: an open loop. Calls are due at set times, whether or not earlier ones have been answered, and their latency counts from
 * when they were due, so a server that stalls cannot make its own measurement look good. Two brands at once, each at a rate of its own:
 *
 *     parent                                load
 *     60000 200 100 3000              →     so many calls a second of the first brand and of the second, the deadline in ms, for so long
 *                                     ←     5420.1 300 0 1450      all done in time, a second; the second's calls, those
 *                                                                  of them that failed or were late, and the 99th percentile in us
 *
 * The first third of the time is not counted.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "notes/v1/notes.hm.h"
#include "tests/bench/database.h"
#include "tests/bench/load.h"
#include "tests/bench/server.h"
#include "tests/bench/user.h"

enum { SLOTS = 8192, QUIET_SLOTS = 256, SAMPLES_MAX = 1 << 16, PAUSE_US = 500, BRANDS = 2, QUIET = 1 };

struct slot {
	struct slot *next; /* free ones */
	struct hm_context *context;
	struct brand *brand;
	int64_t due_us;
};

struct brand {
	pthread_mutex_t lock;
	struct slot *free;
	uint64_t per_s, sent; /* of the generator */
	/* Calls that were due while it counted. */
	_Atomic uint64_t due, good;
	_Atomic unsigned in_flight;
};

static struct {
	struct hm_channel *channel;
	struct brand brands[BRANDS];
	struct slot slots[SLOTS + QUIET_SLOTS];
	int64_t deadline_us, counts_from_us;
	uint32_t latencies[SAMPLES_MAX]; /* the quiet brand's */
	_Atomic unsigned n_latencies;
} load = { .brands = { { .lock = PTHREAD_MUTEX_INITIALIZER }, { .lock = PTHREAD_MUTEX_INITIALIZER } } };

static void give_slot(struct slot *slot)
{
	pthread_mutex_lock(&slot->brand->lock);
	slot->next = slot->brand->free;
	slot->brand->free = slot;
	pthread_mutex_unlock(&slot->brand->lock);
}

static struct slot *take_slot(struct brand *brand)
{
	struct slot *slot;

	pthread_mutex_lock(&brand->lock);
	slot = brand->free;
	if (slot)
		brand->free = slot->next;
	pthread_mutex_unlock(&brand->lock);
	return slot;
}

/* A call that failed took for ever, as far as its caller is concerned. */
static void count(struct brand *brand, int64_t due_us, bool is_ok)
{
	const int64_t latency_us = hm_clock_mono_us() - due_us;
	const bool is_good = is_ok && latency_us <= load.deadline_us;

	if (due_us < load.counts_from_us)
		return;
	brand->due++;
	brand->good += is_good;
	if (brand == &load.brands[QUIET] && load.n_latencies < SAMPLES_MAX)
		load.latencies[load.n_latencies++] =
			(uint32_t)(is_good || latency_us > load.deadline_us ? latency_us : load.deadline_us);
}

static void done(void *user, hm_status status, const Notes__Note *note)
{
	struct slot *slot = user;
	struct brand *brand = slot->brand;

	(void)note;
	count(brand, slot->due_us, status == HM_OK);
	give_slot(slot);
	brand->in_flight--;
}

/* The deadline too counts from when the call was due. */
static void begin(struct brand *brand, int64_t due_us)
{
	const Notes__AddNoteRequest request = { NOTES_ADD_NOTE_REQUEST_BASE, .title = DATABASE_NOTE_TITLE,
						.body = DATABASE_NOTE_BODY, HM_SET(amount, 1) };
	const int64_t left_ms = (due_us + load.deadline_us - hm_clock_mono_us()) / HM_US_PER_MS;
	struct slot *slot = left_ms > 0 ? take_slot(brand) : NULL;

	if (!slot) {
		count(brand, due_us, false);
		return;
	}
	slot->due_us = due_us;
	hm_context_reset(slot->context);
	hm_context_set_timeout(slot->context, (uint32_t)left_ms);
	brand->in_flight++;
	if (notes_add_note_start(load.channel, slot->context, &request, done, slot) != HM_OK)
		done(slot, hm_error_get()->code, NULL);
}

/* The first is due at once. */
static void begin_due(struct brand *brand, int64_t from_us, int64_t until_us)
{
	const uint64_t due = brand->per_s ? (uint64_t)(until_us - from_us) * brand->per_s / HM_US_PER_S + 1 : 0;

	for (; brand->sent < due; brand->sent++)
		begin(brand, from_us + (int64_t)(brand->sent * HM_US_PER_S / brand->per_s));
}

static void generate(int64_t from_us, int64_t until_us)
{
	const struct timespec pause = { .tv_nsec = PAUSE_US * 1000 };

	for (int64_t now_us = from_us; now_us < until_us; now_us = hm_clock_mono_us()) {
		for (size_t i = BRANDS; i-- > 0;)
			begin_due(&load.brands[i], from_us, now_us);
		nanosleep(&pause, NULL);
	}
	for (size_t i = 0; i < BRANDS; i++)
		while (load.brands[i].in_flight) /* every call has a deadline */
			nanosleep(&pause, NULL);
}

static int compare(const void *a, const void *b)
{
	const uint32_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static uint32_t percentile_99(void)
{
	const size_t n = load.n_latencies;

	qsort(load.latencies, n, sizeof *load.latencies, compare);
	return n ? load.latencies[n * 99 / 100] : 0;
}

static hm_status answer(const char *order, char *ret_answer, size_t size)
{
	unsigned long numbers[4];
	int64_t from_us, until_us;
	char *end = NULL;

	for (size_t i = 0; i < 4; i++, order = end)
		numbers[i] = strtoul(order, &end, 10);
	for (size_t i = 0; i < BRANDS; i++) {
		load.brands[i].per_s = numbers[i];
		load.brands[i].sent = load.brands[i].due = load.brands[i].good = 0;
	}
	load.n_latencies = 0;
	load.deadline_us = (int64_t)numbers[2] * HM_US_PER_MS;
	from_us = hm_clock_mono_us();
	until_us = from_us + (int64_t)numbers[3] * HM_US_PER_MS;
	load.counts_from_us = from_us + (until_us - from_us) / 3;
	generate(from_us, until_us);
	snprintf(ret_answer, size, "%.1f %llu %llu %u",
		 (double)(load.brands[0].good + load.brands[QUIET].good) * HM_US_PER_S /
			 (double)(until_us - load.counts_from_us),
		 (unsigned long long)load.brands[QUIET].due,
		 (unsigned long long)(load.brands[QUIET].due - load.brands[QUIET].good), percentile_99());
	return HM_OK;
}

static hm_status open_brand(const char *folder, const char *name, struct brand *brand, struct slot *slots, size_t n)
{
	struct hm_arena arena = { 0 };
	char *token = NULL;
	hm_status status = user_sign(folder, name, &arena, &token);

	for (size_t i = 0; i < n && status == HM_OK; i++) {
		status = hm_context_open(name, token, &slots[i].context);
		slots[i].brand = brand;
		if (status == HM_OK)
			give_slot(&slots[i]);
	}
	hm_arena_fini(&arena);
	return status;
}

/* What is refused is counted, not made again. */
static hm_status open_load(const char *folder, const char *url)
{
	char target[512];

	snprintf(target, sizeof target, "%s;attempts=1", url);
	TRY(hm_channel_open_url(target, &load.channel));
	TRY(open_brand(folder, BENCH_BRAND, &load.brands[0], load.slots, SLOTS));
	return open_brand(folder, BENCH_QUIET_BRAND, &load.brands[QUIET], load.slots + SLOTS, QUIET_SLOTS);
}

static void close_load(void)
{
	hm_channel_close(load.channel);
	for (size_t i = 0; i < SLOTS + QUIET_SLOTS; i++)
		hm_context_close(load.slots[i].context);
}

const struct load open_note_load = {
	.role = "open-note",
	.open = open_load,
	.answer = answer,
	.close = close_load,
};
