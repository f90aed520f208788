/*
 * Rolling restart: writers call one ipc endpoint while its server is replaced again and again: a new process takes the socket over when
 * it is ready, the former one gets its end of input, drains, and is gone. What does not come back well has failed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/contest.h"
#include "tests/bench/process.h"
#include "tests/bench/progress.h"

enum { RESTARTS = 4, DEPTH = 32, BETWEEN_MS = 300, ALL_MS = 6000, ANSWER_MS = 60000 };

static const char failed_name[] = "rolling_restart.failed_calls";

bool contest_rolling_is_wanted(const struct session *session)
{
	return !session->filter || strstr(failed_name, session->filter);
}

static hm_status restart(const struct session *session, struct child *server)
{
	struct child former = *server;
	hm_status status;

	*server = (struct child){ 0 };
	status = child_start("notes-server", session->folder, session->dsn, CPUS_ALL, server);
	child_end(&former);
	return status;
}

/* The writers go on by themselves for some time; what they say then is heard when all restarts are done. */
static hm_status restart_under(const struct child *load, struct session *session, struct child *server,
			       char ret_answer[LINE_BYTES])
{
	char order[LINE_BYTES];

	snprintf(order, sizeof order, "%d %d", DEPTH, ALL_MS);
	TRY(child_tell(load, order));
	for (unsigned i = 0; i < RESTARTS; i++) {
		progress_show(failed_name, i, RESTARTS);
		if (child_hear(load, BETWEEN_MS, ret_answer) != HM_DEADLINE_EXCEEDED)
			return hm_raise(UNAVAILABLE, "the writers ended before the last restart");
		TRY(restart(session, server));
	}
	return child_hear(load, ANSWER_MS, ret_answer);
}

static hm_status add_rows(const char *answer, struct session *session)
{
	static char against[128]; /* lives as long as the report */
	uint64_t started, answered;
	struct row *row;
	double rate;

	if (sscanf(answer, "%lf %" SCNu64 " %" SCNu64, &rate, &started, &answered) != 3 || !started)
		return hm_raise(UNAVAILABLE, "nothing was measured: \"%s\"", answer);
	row = report_add(session->report);
	snprintf(row->name, sizeof row->name, "%s", failed_name);
	snprintf(against, sizeof against,
		 "0: of %" PRIu64 " calls of %d writers to one ipc endpoint, its server replaced %d times", started,
		 DEPTH, RESTARTS);
	row->against = against;
	row->unit = "calls";
	row->ours = spread_of((double[]){ (double)(started - answered) }, 1);
	session->lost += started - answered;
	return HM_OK;
}

hm_status contest_rolling(struct session *session)
{
	struct child server = { 0 }, load = { 0 };
	char answer[LINE_BYTES];
	hm_status status = child_start("notes-server", session->folder, session->dsn, CPUS_ALL, &server);

	if (status == HM_OK)
		status = child_start("add-note", session->folder, server.greeting, CPUS_ALL, &load);
	if (status == HM_OK)
		status = restart_under(&load, session, &server, answer);
	child_end(&load);
	child_end(&server);
	return status == HM_OK ? add_rows(answer, session) : status;
}
