/* Contest: two sides measured in turns within one session, and what came of it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "tests/bench/report.h"

enum { DEPTHS_MAX = 4 };

/* A side: the role that serves (NULL: the load has its server with it) and the role that calls. */
struct side {
	const char *server, *server_address;
	const char *load;
	unsigned depth; /* 0: the contest's */
};

struct contest {
	const char *name; /* of its rows, each with ".<depth>" behind it if there are several */
	const char *against; /* what the peer is, in words */
	struct side ours, theirs;
	unsigned depths[DEPTHS_MAX]; /* 0: no more */
	double targets[DEPTHS_MAX]; /* of the ratio; 0: none */
	bool is_apart; /* servers and clients get a half of the CPUs each */
	bool needs_database;
};

struct session {
	const char *folder;
	const char *dsn; /* of the database, for contests that need it: a server_address of NULL stands for it */
	const char *filter; /* rows whose name contains it; NULL: all */
	unsigned rounds, round_ms;
	bool is_unpinned; /* no contest's sides are kept apart */
	struct report *report;
	uint64_t lost; /* calls without an answer, over all */
};

/* contest_is_wanted says whether any of its rows passes the filter. */
bool contest_is_wanted(const struct contest *contest, const struct session *session);

/* contest_run measures it and adds its rows to the report. */
hm_status contest_run(const struct contest *contest, struct session *session);

/* contest_overload offers ten times what the server can do, and asks what is still done in time, and how another brand fares.
 * contest_overload_is_wanted says whether one of its rows passes the filter. */
bool contest_overload_is_wanted(const struct session *session);
hm_status contest_overload(struct session *session);

/* contest_rolling replaces a server under load and adds a row with the calls that failed; the session has the database. */
bool contest_rolling_is_wanted(const struct session *session);
hm_status contest_rolling(struct session *session);

/* contest_suspension has a brand suspended again and again, and adds rows with how long it was still served somewhere, and how often after
 * a refusal; the session has the database, and no brand is in it yet. */
bool contest_suspension_is_wanted(const struct session *session);
hm_status contest_suspension(struct session *session);

/* contest_lost has 1 and 4 clients at once call at each depth over a transport and adds a row for each with what was lost. */
hm_status contest_lost(const char *transport, struct session *session);
