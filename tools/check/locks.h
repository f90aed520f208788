/*
 * Locks: which tables a statement locks, and how strongly; PostgreSQL's table of lock modes, from the weakest that matters here. ALTER TABLE
 * takes the strongest of its commands' locks.
 *
 *     LOCK_SHARED     neither reads nor writes wait (SHARE UPDATE EXCLUSIVE and below)
 *     LOCK_WRITES     writes wait (SHARE, SHARE ROW EXCLUSIVE, EXCLUSIVE)
 *     LOCK_ALL        everybody waits (ACCESS EXCLUSIVE)
 */
#pragma once
#include "rules.h"

enum lock { LOCK_SHARED, LOCK_WRITES, LOCK_ALL };

/* locks_each calls visit for each table that a statement names and locks. What is nested in a DO block is not looked at. */
void locks_each(const struct statement *statement, void (*visit)(void *user, const char *table, enum lock lock),
		void *user);

/* lock_in_use is the strongest lock on a table that was not made in this file, and that table; LOCK_SHARED: none that anybody notices. */
enum lock lock_in_use(const struct look *look, const struct statement *statement, const char **ret_table);
