/* Client tally: open addressing by the method's id; a row is taken once, by whoever is first. */
#include "client/client_tally.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2048, ROWS_USED_MAX = ROWS / 2 };

struct row {
	uint64_t id;
	struct hm_tallies tallies;
	_Atomic uint64_t throttled;
	char name[]; /* its own: a method may be described at run time, and be gone */
};

static _Atomic(struct row *) rows[ROWS];
static _Atomic unsigned n_rows;
static struct hm_tallies others;
static _Atomic uint64_t others_throttled;

static struct row *make_row(const struct hm_method *method)
{
	const size_t bytes = strlen(method->name) + 1;
	struct row *row = calloc(1, sizeof *row + bytes);

	if (!row)
		abort();
	row->id = method->id;
	memcpy(row->name, method->name, bytes);
	return row;
}

/* The row that is in the place now: a new one, unless another thread was faster. */
static struct row *take_place(_Atomic(struct row *) *place, const struct hm_method *method)
{
	struct row *made = make_row(method), *found = NULL;

	if (atomic_compare_exchange_strong(place, &found, made)) {
		atomic_fetch_add(&n_rows, 1);
		return made;
	}
	free(made);
	return found;
}

/* NULL: there are too many methods. */
static struct row *find(const struct hm_method *method)
{
	for (size_t at = method->id % ROWS;; at = (at + 1) % ROWS) {
		struct row *row = atomic_load_explicit(&rows[at], memory_order_acquire);

		if (!row && atomic_load(&n_rows) >= ROWS_USED_MAX)
			return NULL;
		if (!row)
			row = take_place(&rows[at], method);
		if (row->id == method->id)
			return row;
	}
}

struct hm_tallies *hm_client_tallies(const struct hm_method *method)
{
	struct row *row = find(method);

	return row ? &row->tallies : &others;
}

void hm_client_count_throttled(const struct hm_method *method)
{
	struct row *row = find(method);

	atomic_fetch_add_explicit(row ? &row->throttled : &others_throttled, 1, memory_order_relaxed);
}

static void collect_throttled(const _Atomic uint64_t *count, const char *method, struct hm_exposition *exposition)
{
	static const struct hm_metric metric = {
		"hallmark_client_calls_throttled_total", HM_COUNTER,
		"Attempts at calls kept back, as servers refused most of their kind."
	};

	hm_exposition_add(exposition, &metric, (double)atomic_load_explicit(count, memory_order_relaxed),
			  (struct hm_label[]){ { "rpc_method", method }, { 0 } });
}

void hm_client_collect(void *user, struct hm_exposition *exposition)
{
	(void)user;
	for (size_t i = 0; i < ROWS; i++) {
		struct row *row = atomic_load_explicit(&rows[i], memory_order_acquire);

		if (!row)
			continue;
		hm_tallies_collect(&row->tallies, row->name, false, exposition);
		collect_throttled(&row->throttled, row->name, exposition);
	}
	hm_tallies_collect(&others, "_OTHER", false, exposition);
	collect_throttled(&others_throttled, "_OTHER", exposition);
}
