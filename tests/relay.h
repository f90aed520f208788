/*
 * Relay: stands between libpq and PostgreSQL's socket and breaks the connection at the worst moment: when a commit was
 * carried out and its answer is on the way.
 */
#pragma once
#include "tests/database.h"

struct relay;

/* relay_open listens in a folder of its own and writes the conninfo that leads through it. */
struct relay *relay_open(const char *dsn, char ret_dsn[TEST_DSN_BYTES]);

/* relay_cut_next lets the next bytes from libpq through, waits for PostgreSQL's answer, and breaks the connection instead of
 * passing it on. Connections made afterwards are left alone. */
void relay_cut_next(struct relay *relay);

void relay_close(struct relay *relay);
