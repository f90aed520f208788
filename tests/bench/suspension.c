/*
 * Suspension: platform and identity are one process, notes are two, each told of brands by platform's stream. Under calls to both notes the
 * brand is suspended, and it is measured when the last of them was still served.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/contest.h"
#include "tests/bench/process.h"
#include "tests/bench/progress.h"

enum { ROUNDS = 20, ANSWER_MS = 20000, NOTES = 2, TARGET_US = 1000 * 1000 };

/* What a process knows it hears several times a second. A round begins when the last reactivation was heard of; each lets another time pass
 * before it suspends, so that together they begin anywhere between two pieces of news. */
enum { STEP_MS = 61, SPREAD_MS = 200 };

static const char refused_name[] = "suspension.refused_everywhere_us", again_name[] = "suspension.served_again";

struct actors {
	struct child platform, notes[NOTES], suspend;
};

struct rounds {
	double from_reply_us[ROUNDS], from_request_us[ROUNDS];
	unsigned long after_refusal, served_again;
};

bool contest_suspension_is_wanted(const struct session *session)
{
	return !session->filter || strstr(refused_name, session->filter) || strstr(again_name, session->filter);
}

static hm_status start(const struct session *session, struct actors *actors)
{
	char addresses[NOTES * LINE_BYTES + LINE_BYTES];

	TRY(child_start("platform-server", session->folder, session->dsn, CPUS_ALL, &actors->platform));
	for (size_t i = 0; i < NOTES; i++)
		TRY(child_start("fed-notes-server", session->folder, session->dsn, CPUS_ALL, &actors->notes[i]));
	snprintf(addresses, sizeof addresses, "%s %s %s", actors->platform.greeting, actors->notes[0].greeting,
		 actors->notes[1].greeting);
	return child_start("suspend", session->folder, addresses, CPUS_ALL, &actors->suspend);
}

static hm_status run_round(const struct child *suspend, unsigned i, struct rounds *rounds)
{
	char order[LINE_BYTES], answer[LINE_BYTES];
	unsigned after_refusal, served_again;

	snprintf(order, sizeof order, "%u", i * STEP_MS % SPREAD_MS);
	TRY(child_tell(suspend, order));
	TRY(child_hear(suspend, ANSWER_MS, answer));
	if (sscanf(answer, "%lf %lf %u %u", &rounds->from_reply_us[i], &rounds->from_request_us[i], &after_refusal,
		   &served_again) != 4)
		return hm_raise(UNAVAILABLE, "nothing was measured: \"%s\"", answer);
	rounds->after_refusal += after_refusal;
	rounds->served_again += served_again;
	return HM_OK;
}

static void add_rows(const struct rounds *rounds, unsigned n, struct report *report)
{
	static char refused[160], again[160]; /* live as long as the report */
	const struct spread from_request = spread_of(rounds->from_request_us, n);
	struct row *row = report_add(report);

	snprintf(row->name, sizeof row->name, "%s", refused_name);
	snprintf(refused, sizeof refused,
		 "SuspendBrand's reply to the last call served by %d processes, %u rounds; from its request %.0f - "
		 "%.0f",
		 NOTES, n, from_request.min, from_request.max);
	row->against = refused;
	row->unit = "us";
	row->ours = spread_of(rounds->from_reply_us, n);
	row->target = TARGET_US;
	row->is_ceiling = true;
	row = report_add(report);
	snprintf(row->name, sizeof row->name, "%s", again_name);
	snprintf(again, sizeof again,
		 "0: of %lu calls to processes that had refused the brand none is served before it is back",
		 rounds->after_refusal);
	row->against = again;
	row->unit = "calls";
	row->ours = spread_of((double[]){ (double)rounds->served_again }, 1);
	row->is_ceiling = true;
}

static hm_status run_rounds(const struct child *suspend, struct session *session)
{
	const unsigned n = session->report->is_quick ? session->rounds : ROUNDS;
	struct rounds rounds = { 0 };

	for (unsigned i = 0; i < n; i++) {
		progress_show(refused_name, i + 1, n);
		TRY(run_round(suspend, i, &rounds));
	}
	add_rows(&rounds, n, session->report);
	return HM_OK;
}

hm_status contest_suspension(struct session *session)
{
	struct actors actors = { 0 };
	hm_status status = start(session, &actors);

	if (status == HM_OK)
		status = run_rounds(&actors.suspend, session);
	child_end(&actors.suspend);
	for (size_t i = 0; i < NOTES; i++)
		child_end(&actors.notes[i]);
	child_end(&actors.platform);
	return status;
}
