/*
 * Overload: each round has the same server do four things, one after the other: as many writes as a closed loop gets out of it (the
 * peak); a quiet brand's few calls alone; ten times the peak, offered by an open loop, with the quiet brand's calls among them; and the
 * same by a client that keeps nothing back when it is refused. The server and its database have one half of the CPUs, who calls the
 * other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/contest.h"
#include "tests/bench/process.h"
#include "tests/bench/progress.h"

enum {
	ANSWER_MS = 60000,
	PEAK_DEPTH = 64,
	FACTOR = 10,
	DEADLINE_MS = 100,
	QUIET_PER_S = 200,
	WARM_UP_MS = 500,
	OVERLOAD_ROUNDS = 9,
};

/* What a round shows. */
enum figure { PEAK, GOODPUT, UNTHROTTLED, P99_ALONE, P99, P99_UNTHROTTLED, FAILED, FAILED_ALONE, FIGURES };

/* The ratios are of what was measured within seconds of each other, so that a machine that changes meanwhile changes both. */
static const struct comparison {
	enum figure ours, theirs;
	struct row row;
} comparisons[] = {
	{ GOODPUT,
	  PEAK,
	  { .name = "overload.goodput_10x",
	    .against = "the same server's peak: 64 callers who wait; 10 times that offered, done within 100 ms",
	    .unit = "calls/s",
	    .has_peer = true,
	    .target = 0.9 } },
	{ UNTHROTTLED,
	  PEAK,
	  { .name = "overload.goodput_10x_unthrottled",
	    .against = "the same peak; 10 times that offered by a client that keeps nothing back",
	    .unit = "calls/s",
	    .has_peer = true } },
	{ P99,
	  P99_ALONE,
	  { .name = "fairness.quiet_brand_p99",
	    .against = "the same brand alone; another floods meanwhile, as above",
	    .unit = "us",
	    .has_peer = true,
	    .is_ceiling = true,
	    .target = 3 } },
	{ P99_UNTHROTTLED,
	  P99_ALONE,
	  { .name = "fairness.quiet_brand_p99_unthrottled",
	    .against = "the same brand alone; another floods meanwhile, and keeps nothing back",
	    .unit = "us",
	    .has_peer = true } },
};

enum { COMPARISONS = sizeof comparisons / sizeof *comparisons };

static const char goodput_name[] = "overload.goodput_10x", failed_name[] = "fairness.quiet_brand_failed";

struct actors {
	struct child server, closed, open, unthrottled;
};

struct rounds {
	double figures[FIGURES][ROUNDS_MAX];
};

bool contest_overload_is_wanted(const struct session *session)
{
	bool is_wanted = !session->filter || strstr(failed_name, session->filter);

	for (size_t i = 0; i < COMPARISONS && !is_wanted; i++)
		is_wanted = strstr(comparisons[i].row.name, session->filter);
	return is_wanted;
}

static hm_status start(const struct session *session, struct actors *actors)
{
	const enum cpus server = session->is_unpinned ? CPUS_ALL : CPUS_FIRST_HALF;
	const enum cpus client = session->is_unpinned ? CPUS_ALL : CPUS_SECOND_HALF;
	char unthrottled[LINE_BYTES + 16];

	TRY(child_start("notes-server", session->folder, session->dsn, server, &actors->server));
	TRY(child_start("add-note", session->folder, actors->server.greeting, client, &actors->closed));
	TRY(child_start("open-note", session->folder, actors->server.greeting, client, &actors->open));
	snprintf(unthrottled, sizeof unthrottled, "%s;throttle=off", actors->server.greeting);
	return child_start("open-note", session->folder, unthrottled, client, &actors->unthrottled);
}

static hm_status ask(const struct child *child, const char *order, char ret_answer[LINE_BYTES])
{
	TRY(child_tell(child, order));
	return child_hear(child, ANSWER_MS, ret_answer);
}

static hm_status measure_peak(const struct actors *actors, unsigned ms, struct session *session, double *ret_peak)
{
	char order[LINE_BYTES], answer[LINE_BYTES], *end;
	uint64_t started;

	snprintf(order, sizeof order, "%u %u", PEAK_DEPTH, ms);
	TRY(ask(&actors->closed, order, answer));
	*ret_peak = strtod(answer, &end);
	started = strtoull(end, &end, 10);
	session->lost += started - strtoull(end, NULL, 10);
	if (!(*ret_peak > 0))
		return hm_raise(UNAVAILABLE, "nothing was measured: \"%s\"", answer);
	return HM_OK;
}

static hm_status measure_open(const struct child *load, double flood_per_s, unsigned ms, double *ret_goodput,
			      double *ret_quiet_failed, double *ret_quiet_p99_us)
{
	char order[LINE_BYTES], answer[LINE_BYTES], *end;

	snprintf(order, sizeof order, "%.0f %d %d %u", flood_per_s, QUIET_PER_S, DEADLINE_MS, ms);
	TRY(ask(load, order, answer));
	*ret_goodput = strtod(answer, &end);
	if (!strtoull(end, &end, 10))
		return hm_raise(UNAVAILABLE, "nothing was measured: \"%s\"", answer);
	*ret_quiet_failed = strtod(end, &end);
	*ret_quiet_p99_us = strtod(end, NULL);
	return HM_OK;
}

static hm_status run_round(const struct actors *actors, unsigned ms, struct session *session, double ret[FIGURES])
{
	double none, failed, unthrottled_failed;

	TRY(measure_peak(actors, ms, session, &ret[PEAK]));
	TRY(measure_open(&actors->open, 0, ms, &none, &ret[FAILED_ALONE], &ret[P99_ALONE]));
	TRY(measure_open(&actors->open, FACTOR * ret[PEAK], ms, &ret[GOODPUT], &failed, &ret[P99]));
	TRY(measure_open(&actors->unthrottled, FACTOR * ret[PEAK], ms, &ret[UNTHROTTLED], &unthrottled_failed,
			 &ret[P99_UNTHROTTLED]));
	ret[FAILED] = failed + unthrottled_failed;
	return HM_OK;
}

static void add_comparison(const struct comparison *comparison, const struct rounds *rounds, unsigned n,
			   struct report *report)
{
	const double *ours = rounds->figures[comparison->ours], *theirs = rounds->figures[comparison->theirs];
	struct row *row = report_add(report);
	double ratios[ROUNDS_MAX];

	for (unsigned i = 0; i < n; i++)
		ratios[i] = ours[i] / theirs[i];
	*row = comparison->row;
	row->ours = spread_of(ours, n);
	row->theirs = spread_of(theirs, n);
	row->ratio = spread_of(ratios, n);
}

static void add_failed(const struct rounds *rounds, unsigned n, struct report *report)
{
	static char against[160]; /* lives as long as the report */
	struct row *row = report_add(report);
	double alone = 0;

	for (unsigned i = 0; i < n; i++)
		alone += rounds->figures[FAILED_ALONE][i];
	snprintf(against, sizeof against,
		 "0: every call of the quiet brand is done within its deadline in both floods; alone %.0f were not, in "
		 "all rounds",
		 alone);
	snprintf(row->name, sizeof row->name, "%s", failed_name);
	row->against = against;
	row->unit = "calls";
	row->is_ceiling = true;
	row->ours = spread_of(rounds->figures[FAILED], n);
}

static void add_rows(const struct rounds *rounds, unsigned n, struct report *report)
{
	for (size_t i = 0; i < COMPARISONS; i++)
		add_comparison(&comparisons[i], rounds, n, report);
	add_failed(rounds, n, report);
}

/* A round's p99 is the fourth worst of some four hundred calls: few hiccups of the machine make it, so rounds are longer, and there are
 * more of them, than of what is a mean of thousands. */
static hm_status run_rounds(const struct actors *actors, struct session *session)
{
	const unsigned n = session->report->is_quick ? session->rounds : OVERLOAD_ROUNDS;
	double last[FIGURES];
	struct rounds rounds;

	for (unsigned i = 0; i <= n; i++) {
		progress_show(goodput_name, i, n);
		TRY(run_round(actors, i ? session->round_ms : WARM_UP_MS, session, last));
		for (size_t figure = 0; i && figure < FIGURES; figure++)
			rounds.figures[figure][i - 1] = last[figure];
	}
	add_rows(&rounds, n, session->report);
	return HM_OK;
}

hm_status contest_overload(struct session *session)
{
	struct actors actors = { 0 };
	hm_status status = start(session, &actors);

	if (status == HM_OK)
		status = run_rounds(&actors, session);
	child_end(&actors.unthrottled);
	child_end(&actors.open);
	child_end(&actors.closed);
	child_end(&actors.server);
	return status;
}
