/* Lost: several clients at once on one server. Not a measurement but a promise: every call is answered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/contest.h"
#include "tests/bench/process.h"
#include "tests/bench/progress.h"

enum { ANSWER_MS = 60000, CLIENTS_MAX = 4 };

static const struct {
	unsigned depth, clients;
} rows[] = {
	{ 1, 1 },   { 1, CLIENTS_MAX },   { 16, 1 },   { 16, CLIENTS_MAX },
	{ 128, 1 }, { 128, CLIENTS_MAX }, { 1024, 1 }, { 1024, CLIENTS_MAX },
};

static hm_status start_clients(const struct child *server, const char *folder, struct child *children)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		TRY(child_start("hallmark-client", folder, server->greeting, CPUS_ALL, &children[i]));
	return HM_OK;
}

/* All are told to begin before any is waited for. */
static hm_status count_lost(const struct child *children, unsigned n, const char *order, double *ret_lost)
{
	char answer[LINE_BYTES], *end;

	*ret_lost = 0;
	for (unsigned i = 0; i < n; i++)
		TRY(child_tell(&children[i], order));
	for (unsigned i = 0; i < n; i++) {
		TRY(child_hear(&children[i], ANSWER_MS, answer));
		strtod(answer, &end);
		*ret_lost += strtod(end, &end);
		*ret_lost -= strtod(end, NULL);
	}
	return HM_OK;
}

static hm_status run_row(const char *name, const struct child *children, unsigned n, unsigned depth,
			 struct session *session)
{
	struct row *row = report_add(session->report);
	char order[LINE_BYTES];
	double lost;

	progress_show(name, 0, 0);
	snprintf(row->name, sizeof row->name, "%s", name);
	snprintf(order, sizeof order, "%u %u", depth, session->round_ms);
	TRY(count_lost(children, n, order, &lost));
	row->against = "none may be lost";
	row->unit = "calls";
	row->ours = (struct spread){ lost, lost, lost };
	session->lost += (uint64_t)lost;
	return HM_OK;
}

/* Which row is the i-th, and whether it passes the filter. */
static bool find_row(const char *transport, size_t i, const struct session *session, char ret_name[ROW_NAME_BYTES])
{
	snprintf(ret_name, ROW_NAME_BYTES, "lost.%s.%u.clients%u", transport, rows[i].depth, rows[i].clients);
	return !session->filter || strstr(ret_name, session->filter);
}

static bool is_wanted(const char *transport, const struct session *session)
{
	char name[ROW_NAME_BYTES];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (find_row(transport, i, session, name))
			return true;
	return false;
}

static hm_status run_rows(const char *transport, const struct child *children, struct session *session)
{
	char name[ROW_NAME_BYTES];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (find_row(transport, i, session, name))
			TRY(run_row(name, children, rows[i].clients, rows[i].depth, session));
	return HM_OK;
}

hm_status contest_lost(const char *transport, struct session *session)
{
	struct child server = { 0 }, children[CLIENTS_MAX] = { 0 };
	hm_status status;

	if (!is_wanted(transport, session))
		return HM_OK;
	status = child_start("hallmark-server", session->folder, transport, CPUS_ALL, &server);
	if (status == HM_OK)
		status = start_clients(&server, session->folder, children);
	if (status == HM_OK)
		status = run_rows(transport, children, session);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		child_end(&children[i]);
	child_end(&server);
	return status;
}
