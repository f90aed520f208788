/* Client tally: open addressing by the method's id; a row is taken once, by whoever is first. */
#include "client/client_tally.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 2048, ROWS_USED_MAX = ROWS / 2 };

struct row {
	uint64_t id;
	struct hm_tallies tallies;
	char name[]; /* its own: a method may be described at run time, and be gone */
};

static _Atomic(struct row *) rows[ROWS];
static _Atomic unsigned n_rows;
static struct hm_tallies others;

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

struct hm_tallies *hm_client_tallies(const struct hm_method *method)
{
	for (size_t at = method->id % ROWS;; at = (at + 1) % ROWS) {
		struct row *row = atomic_load_explicit(&rows[at], memory_order_acquire);

		if (!row && atomic_load(&n_rows) >= ROWS_USED_MAX)
			return &others;
		if (!row)
			row = take_place(&rows[at], method);
		if (row->id == method->id)
			return &row->tallies;
	}
}

void hm_client_collect(void *user, struct hm_exposition *exposition)
{
	(void)user;
	for (size_t i = 0; i < ROWS; i++) {
		struct row *row = atomic_load_explicit(&rows[i], memory_order_acquire);

		if (row)
			hm_tallies_collect(&row->tallies, row->name, false, exposition);
	}
	hm_tallies_collect(&others, "_OTHER", false, exposition);
}
