/* Tally: shards of counters, one chosen by each thread. */
#include "rpc/tally.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { SHARDS = 8, LINE_BYTES = 64 };

struct shard {
	_Alignas(LINE_BYTES) _Atomic uint64_t buckets[HM_TALLY_BUCKETS];
	_Atomic uint64_t us, request_bytes, reply_bytes;
};

struct hm_tally {
	struct shard shards[SHARDS];
};

/* In seconds, as they are shown: OpenTelemetry's bounds, and finer ones below, where most calls end. */
static const double time_bounds[HM_TALLY_TIMES - 1] = { 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
							0.005,   0.01,   0.025,   0.05,   0.1,   0.25,
							0.5,     1,      2.5,     5,      10 };
static const uint64_t time_bounds_us[HM_TALLY_TIMES - 1] = { 50,     100,     250,     500,     1000,    2500,
							     5000,   10000,   25000,   50000,   100000,  250000,
							     500000, 1000000, 2500000, 5000000, 10000000 };
/* Powers of four: 64 bytes to 4 MiB. */
static const double size_bounds[HM_TALLY_SIZES - 1] = { 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304 };

/* By a time's number of bits: the first bucket that it may be in, which is not far. */
static const uint8_t first_bucket[] = { 0, 0, 0, 0, 0,  0,  0,  1,  2,  3,  4,  5,  5,
					6, 7, 8, 9, 10, 11, 12, 13, 14, 14, 15, 16, 17 };

static struct hm_tally_range time_range(uint64_t us)
{
	const unsigned bits = us ? 64 - (unsigned)__builtin_clzll(us) : 0;
	unsigned bucket = bits < sizeof first_bucket ? first_bucket[bits] : HM_TALLY_TIMES - 1;

	while (bucket < HM_TALLY_TIMES - 1 && us > time_bounds_us[bucket])
		bucket++;
	return (struct hm_tally_range){ .above_or_at = bucket ? time_bounds_us[bucket - 1] + 1 : 0,
					.up_to = bucket < HM_TALLY_TIMES - 1 ? time_bounds_us[bucket] : UINT64_MAX,
					.bucket = bucket };
}

/* 64 bytes times a power of four each. */
static struct hm_tally_range size_range(uint64_t bytes)
{
	const unsigned bits = bytes > 64 ? 64 - (unsigned)__builtin_clzll(bytes - 1) - 6 : 0;
	const unsigned found = (bits + 1) / 2, bucket = found < HM_TALLY_SIZES ? found : HM_TALLY_SIZES - 1;

	return (struct hm_tally_range){ .above_or_at = bucket ? (UINT64_C(64) << 2 * (bucket - 1)) + 1 : 0,
					.up_to = bucket < HM_TALLY_SIZES - 1 ? UINT64_C(64) << 2 * bucket : UINT64_MAX,
					.bucket = bucket };
}

void hm_tally_run_turn(struct hm_tally_run *run, struct hm_tallies *tallies, hm_status status, uint64_t us,
		       uint64_t request_bytes, uint64_t reply_bytes)
{
	hm_tally_run_end(run);
	run->tallies = tallies;
	run->status = status;
	run->us = time_range(us);
	run->request_bytes = size_range(request_bytes);
	run->reply_bytes = size_range(reply_bytes);
	run->us_sum = run->request_sum = run->reply_sum = 0;
}

/* Threads are numbered as they come; neighbours take different shards. */
static unsigned my_shard(void)
{
	static _Atomic unsigned threads;
	static _Thread_local unsigned number;

	if (!number)
		number = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % SHARDS + 1;
	return number - 1;
}

/* Two threads may make one at once; the second takes the first's. */
static struct hm_tally *tally_of(struct hm_tallies *tallies, hm_status status)
{
	const unsigned place = (unsigned)status < HM_STATUS_COUNT ? (unsigned)status : HM_UNKNOWN;
	struct hm_tally *tally = atomic_load_explicit(&tallies->by_status[place], memory_order_acquire), *made;

	if (tally)
		return tally;
	made = aligned_alloc(LINE_BYTES, sizeof *made);
	if (!made)
		abort();
	*made = (struct hm_tally){ 0 };
	if (atomic_compare_exchange_strong(&tallies->by_status[place], &tally, made))
		return made;
	free(made);
	return tally;
}

static void add(_Atomic uint64_t *counter, uint64_t number)
{
	atomic_fetch_add_explicit(counter, number, memory_order_relaxed);
}

void hm_tally_run_end(struct hm_tally_run *run)
{
	struct shard *shard;

	if (!run->count)
		return;
	shard = &tally_of(run->tallies, run->status)->shards[my_shard()];
	add(&shard->buckets[run->us.bucket], run->count);
	add(&shard->buckets[HM_TALLY_TIMES + run->request_bytes.bucket], run->count);
	add(&shard->buckets[HM_TALLY_TIMES + HM_TALLY_SIZES + run->reply_bytes.bucket], run->count);
	add(&shard->us, run->us_sum);
	add(&shard->request_bytes, run->request_sum);
	add(&shard->reply_bytes, run->reply_sum);
	run->count = 0;
}

void hm_tallies_add(struct hm_tallies *tallies, hm_status status, int64_t us, uint64_t request_bytes,
		    uint64_t reply_bytes)
{
	struct hm_tally_run run;

	hm_tally_run_begin(&run);
	hm_tally_run_add(&run, tallies, status, us, request_bytes, reply_bytes);
	hm_tally_run_end(&run);
}

/* ---- What it shows -------------------------------------------------------------------------------------------------- */

enum { DURATION, REQUEST, REPLY, QUANTITIES };

static const struct hm_metric metrics[2][QUANTITIES] = {
	{
		{ "rpc_client_call_duration_seconds", HM_HISTOGRAM,
		  "Calls made, by how they ended: how long they took." },
		{ "rpc_client_request_size_bytes", HM_HISTOGRAM, "Calls made: the bytes of their requests." },
		{ "rpc_client_response_size_bytes", HM_HISTOGRAM, "Calls made: the bytes of their replies." },
	},
	{
		{ "rpc_server_call_duration_seconds", HM_HISTOGRAM,
		  "Calls served, by how they ended: from their packet's arrival to their answer." },
		{ "rpc_server_request_size_bytes", HM_HISTOGRAM, "Calls served: the bytes of their requests." },
		{ "rpc_server_response_size_bytes", HM_HISTOGRAM, "Calls served: the bytes of their replies." },
	},
};

/* OpenTelemetry's for gRPC: the other codes say something of the caller. */
static bool is_server_error(int status)
{
	return status == HM_UNKNOWN || status == HM_DEADLINE_EXCEEDED || status == HM_UNIMPLEMENTED ||
	       status == HM_INTERNAL || status == HM_UNAVAILABLE || status == HM_DATA_LOSS;
}

/* The sum of a tally's shards. */
static void add_up(struct hm_tally *tally, uint64_t buckets[HM_TALLY_BUCKETS], double sums[QUANTITIES])
{
	for (int i = 0; i < SHARDS; i++) {
		struct shard *shard = &tally->shards[i];

		for (int j = 0; j < HM_TALLY_BUCKETS; j++)
			buckets[j] += atomic_load_explicit(&shard->buckets[j], memory_order_relaxed);
		sums[DURATION] += (double)atomic_load_explicit(&shard->us, memory_order_relaxed) / 1e6;
		sums[REQUEST] += (double)atomic_load_explicit(&shard->request_bytes, memory_order_relaxed);
		sums[REPLY] += (double)atomic_load_explicit(&shard->reply_bytes, memory_order_relaxed);
	}
}

static void collect(struct hm_tally *tally, const struct hm_label *labels, bool is_server,
		    struct hm_exposition *exposition)
{
	uint64_t buckets[HM_TALLY_BUCKETS] = { 0 };
	double sums[QUANTITIES] = { 0 };
	const struct hm_distribution distributions[QUANTITIES] = {
		{ time_bounds, buckets, HM_TALLY_TIMES - 1, 0 },
		{ size_bounds, buckets + HM_TALLY_TIMES, HM_TALLY_SIZES - 1, 0 },
		{ size_bounds, buckets + HM_TALLY_TIMES + HM_TALLY_SIZES, HM_TALLY_SIZES - 1, 0 },
	};

	add_up(tally, buckets, sums);
	for (int i = 0; i < QUANTITIES; i++) {
		struct hm_distribution distribution = distributions[i];

		distribution.sum = sums[i];
		hm_exposition_add_distribution(exposition, &metrics[is_server][i], &distribution, labels);
	}
}

void hm_tallies_collect(struct hm_tallies *tallies, const char *method, bool is_server,
			struct hm_exposition *exposition)
{
	for (int status = 0; status < HM_STATUS_COUNT; status++) {
		struct hm_tally *tally = atomic_load_explicit(&tallies->by_status[status], memory_order_acquire);
		const char *name = hm_status_name(status);
		bool is_error = is_server ? is_server_error(status) : status != HM_OK;
		const struct hm_label labels[] = {
			{ "rpc_system_name", "hallmark" },
			{ "rpc_method", method },
			{ "rpc_response_status_code", name },
			{ is_error ? "error_type" : NULL, name },
			{ 0 },
		};

		if (tally)
			collect(tally, labels, is_server, exposition);
	}
}

void hm_tallies_fini(struct hm_tallies *tallies)
{
	for (int status = 0; status < HM_STATUS_COUNT; status++)
		free(atomic_load(&tallies->by_status[status]));
}
