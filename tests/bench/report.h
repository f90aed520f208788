/* Report: the rows of a run, as a file for programs and a table for people. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/status.h"
#include "tests/bench/statistics.h"

enum { ROW_NAME_BYTES = 48, ROWS_MAX = 64 };

struct row {
	char name[ROW_NAME_BYTES]; /* "echo.tcp.128" */
	const char *against; /* the peer, or what must hold */
	const char *unit;
	struct spread ours;
	bool has_peer; /* theirs and ratio count */
	struct spread theirs, ratio;
	double target; /* the ratio to reach; 0: none */
	bool is_ceiling; /* the ratio not to exceed; without a peer what ours is not to exceed in any round, 0 or more */
};

struct report {
	struct row rows[ROWS_MAX];
	size_t n_rows;
	unsigned rounds, round_ms;
	bool is_quick, is_unpinned;
};

/* report_add gives a new row to fill. */
struct row *report_add(struct report *report);

/* report_print writes the table; report_json the JSON document. */
void report_print(const struct report *report, FILE *stream);
hm_status report_json(const struct report *report, FILE *stream);

/* report_save writes the JSON document to a file, whole or not at all. */
hm_status report_save(const struct report *report, const char *path);
