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

static const char goodput_name[] = "overload.goodput_10x", unthrottled_name[] = "overload.goodput_10x_unthrottled",
		  p99_name[] = "fairness.quiet_brand_p99",
		  unthrottled_p99_name[] = "fairness.quiet_brand_p99_unthrottled",
		  failed_name[] = "fairness.quiet_brand_failed";

struct actors {
	struct child server, closed, open, unthrottled;
};

/* What a round has shown. */
struct round {
	double peak, goodput, unthrottled, p99_alone_us, p99_us, unthrottled_p99_us, quiet_failed, failed_alone;
};

/* The ratios are of what was measured within seconds of each other, so that a machine that changes meanwhile changes both. */
struct rounds {
	double peak[ROUNDS_MAX], goodput[ROUNDS_MAX], goodput_ratio[ROUNDS_MAX];
	double unthrottled[ROUNDS_MAX], unthrottled_ratio[ROUNDS_MAX];
	double p99_alone_us[ROUNDS_MAX], p99_us[ROUNDS_MAX], p99_ratio[ROUNDS_MAX];
	double unthrottled_p99_us[ROUNDS_MAX], unthrottled_p99_ratio[ROUNDS_MAX];
	double quiet_failed[ROUNDS_MAX], failed_alone;
};

bool contest_overload_is_wanted(const struct session *session)
{
	return !session->filter || strstr(unthrottled_name, session->filter) ||
	       strstr(unthrottled_p99_name, session->filter) || strstr(failed_name, session->filter);
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

static hm_status run_round(const struct actors *actors, unsigned ms, struct session *session, struct round *ret)
{
	double none, failed, unthrottled_failed;

	TRY(measure_peak(actors, ms, session, &ret->peak));
	TRY(measure_open(&actors->open, 0, ms, &none, &ret->failed_alone, &ret->p99_alone_us));
	TRY(measure_open(&actors->open, FACTOR * ret->peak, ms, &ret->goodput, &failed, &ret->p99_us));
	TRY(measure_open(&actors->unthrottled, FACTOR * ret->peak, ms, &ret->unthrottled, &unthrottled_failed,
			 &ret->unthrottled_p99_us));
	ret->quiet_failed = failed + unthrottled_failed;
	return HM_OK;
}

static void add_rows(const struct rounds *rounds, unsigned n, struct report *report)
{
	static char against[160]; /* lives as long as the report */
	struct row *row = report_add(report);

	snprintf(row->name, sizeof row->name, "%s", goodput_name);
	row->against = "the same server's peak: 64 callers who wait; 10 times that offered, done within 100 ms";
	row->unit = "calls/s";
	row->has_peer = true;
	row->ours = spread_of(rounds->goodput, n);
	row->theirs = spread_of(rounds->peak, n);
	row->ratio = spread_of(rounds->goodput_ratio, n);
	row->target = 0.9;
	row = report_add(report);
	snprintf(row->name, sizeof row->name, "%s", unthrottled_name);
	row->against = "the same peak; 10 times that offered by a client that keeps nothing back";
	row->unit = "calls/s";
	row->has_peer = true;
	row->ours = spread_of(rounds->unthrottled, n);
	row->theirs = spread_of(rounds->peak, n);
	row->ratio = spread_of(rounds->unthrottled_ratio, n);
	row = report_add(report);
	snprintf(row->name, sizeof row->name, "%s", p99_name);
	row->against = "the same brand alone; another floods meanwhile, as above";
	row->unit = "us";
	row->has_peer = row->is_ceiling = true;
	row->ours = spread_of(rounds->p99_us, n);
	row->theirs = spread_of(rounds->p99_alone_us, n);
	row->ratio = spread_of(rounds->p99_ratio, n);
	row->target = 3;
	row = report_add(report);
	snprintf(row->name, sizeof row->name, "%s", unthrottled_p99_name);
	row->against = "the same brand alone; another floods meanwhile, and keeps nothing back";
	row->unit = "us";
	row->has_peer = true;
	row->ours = spread_of(rounds->unthrottled_p99_us, n);
	row->theirs = spread_of(rounds->p99_alone_us, n);
	row->ratio = spread_of(rounds->unthrottled_p99_ratio, n);
	row = report_add(report);
	snprintf(row->name, sizeof row->name, "%s", failed_name);
	snprintf(against, sizeof against,
		 "0: every call of the quiet brand is done within its deadline in both floods; alone %.0f were not, in "
		 "all rounds",
		 rounds->failed_alone);
	row->against = against;
	row->unit = "calls";
	row->ours = spread_of(rounds->quiet_failed, n);
	row->is_ceiling = true;
}

static void keep(const struct round *round, size_t i, struct rounds *rounds)
{
	rounds->peak[i] = round->peak;
	rounds->goodput[i] = round->goodput;
	rounds->goodput_ratio[i] = round->goodput / round->peak;
	rounds->unthrottled[i] = round->unthrottled;
	rounds->unthrottled_ratio[i] = round->unthrottled / round->peak;
	rounds->p99_alone_us[i] = round->p99_alone_us;
	rounds->p99_us[i] = round->p99_us;
	rounds->p99_ratio[i] = round->p99_us / round->p99_alone_us;
	rounds->unthrottled_p99_us[i] = round->unthrottled_p99_us;
	rounds->unthrottled_p99_ratio[i] = round->unthrottled_p99_us / round->p99_alone_us;
	rounds->quiet_failed[i] = round->quiet_failed;
	rounds->failed_alone += round->failed_alone;
}

/* A round's p99 is the fourth worst of some four hundred calls: few hiccups of the machine make it, so rounds are longer, and there are
 * more of them, than of what is a mean of thousands. */
static hm_status run_rounds(const struct actors *actors, struct session *session)
{
	const unsigned n = session->report->is_quick ? session->rounds : OVERLOAD_ROUNDS;
	struct rounds rounds = { 0 };
	struct round last;

	for (unsigned i = 0; i <= n; i++) {
		progress_show(goodput_name, i, n);
		TRY(run_round(actors, i ? session->round_ms : WARM_UP_MS, session, &last));
		if (i)
			keep(&last, i - 1, &rounds);
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
