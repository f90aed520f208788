/* Contest: starts both sides, measures them turn about, ends them. */
#include "tests/bench/contest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/process.h"
#include "tests/bench/progress.h"

enum { ANSWER_MS = 60000 };

/* A side's processes. */
struct running {
	struct child server, load;
};

static bool passes(const struct session *session, const char *name)
{
	return !session->filter || strstr(name, session->filter);
}

static void row_name(const struct contest *contest, size_t i, char ret_name[ROW_NAME_BYTES])
{
	if (contest->depths[1])
		snprintf(ret_name, ROW_NAME_BYTES, "%s.%u", contest->name, contest->depths[i]);
	else
		snprintf(ret_name, ROW_NAME_BYTES, "%s", contest->name);
}

bool contest_is_wanted(const struct contest *contest, const struct session *session)
{
	char name[ROW_NAME_BYTES];

	for (size_t i = 0; i < DEPTHS_MAX && contest->depths[i]; i++) {
		row_name(contest, i, name);
		if (passes(session, name))
			return true;
	}
	return false;
}

static hm_status start_side(const struct contest *contest, const struct side *side, const struct session *session,
			    struct running *running)
{
	const char *address = session->dsn ? session->dsn : "";
	bool is_apart = contest->is_apart && !session->is_unpinned;

	if (side->server) {
		TRY(child_start(side->server, session->folder, side->server_address ? side->server_address : address,
				is_apart ? CPUS_FIRST_HALF : CPUS_ALL, &running->server));
		address = running->server.greeting;
	}
	return child_start(side->load, session->folder, address, is_apart ? CPUS_SECOND_HALF : CPUS_ALL,
			   &running->load);
}

static void end_side(struct running *running)
{
	child_end(&running->load);
	child_end(&running->server);
}

static hm_status read_answer(const char *answer, struct session *session, double *ret_rate)
{
	uint64_t started, answered;
	char *end;

	*ret_rate = strtod(answer, &end);
	started = strtoull(end, &end, 10);
	answered = strtoull(end, NULL, 10);
	session->lost += started - answered;
	if (!(*ret_rate > 0))
		return hm_raise(UNAVAILABLE, "nothing was measured: \"%s\"", answer);
	return HM_OK;
}

static hm_status measure(const struct running *running, unsigned depth, struct session *session, double *ret_rate)
{
	char order[LINE_BYTES], answer[LINE_BYTES];

	snprintf(order, sizeof order, "%u %u", depth, session->round_ms);
	TRY(child_tell(&running->load, order));
	TRY(child_hear(&running->load, ANSWER_MS, answer));
	return read_answer(answer, session, ret_rate);
}

/* One row. A first round of each that is not counted lets both connect, prepare and warm up. */
static hm_status run_row(const struct contest *contest, size_t i, const struct running running[2],
			 struct session *session)
{
	const unsigned depth = contest->depths[i];
	const struct side *sides[] = { &contest->ours, &contest->theirs };
	double rates[2][ROUNDS_MAX], warm_up;
	struct row *row = report_add(session->report);

	row_name(contest, i, row->name);
	for (unsigned round = 0; round <= session->rounds; round++) {
		progress_show(row->name, round, session->rounds);
		for (size_t side = 0; side < 2; side++)
			TRY(measure(&running[side], sides[side]->depth ? sides[side]->depth : depth, session,
				    round ? &rates[side][round - 1] : &warm_up));
	}
	row->against = contest->against;
	row->unit = "calls/s";
	row->has_peer = true;
	row->ours = spread_of(rates[0], session->rounds);
	row->theirs = spread_of(rates[1], session->rounds);
	row->ratio = spread_of_ratios(rates[0], rates[1], session->rounds);
	row->target = contest->targets[i];
	return HM_OK;
}

static hm_status run_rows(const struct contest *contest, const struct running running[2], struct session *session)
{
	char name[ROW_NAME_BYTES];

	for (size_t i = 0; i < DEPTHS_MAX && contest->depths[i]; i++) {
		row_name(contest, i, name);
		if (passes(session, name))
			TRY(run_row(contest, i, running, session));
	}
	return HM_OK;
}

hm_status contest_run(const struct contest *contest, struct session *session)
{
	struct running running[2] = { 0 };
	hm_status status = start_side(contest, &contest->ours, session, &running[0]);

	if (status == HM_OK)
		status = start_side(contest, &contest->theirs, session, &running[1]);
	if (status == HM_OK)
		status = run_rows(contest, running, session);
	end_side(&running[0]);
	end_side(&running[1]);
	return status;
}
