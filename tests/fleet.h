/*
 * Fleet: `hallmark serve` processes that make one installation, each of which can be replaced while others call it: one with
 * platform and identity, two with accounting, all on the test's database.
 *
 *     fleet_begin(dsn, fleet_ports) → fleet_take_over(FLEET_LEDGER_A) … fleet_restart(FLEET_LEDGER_B) … → fleet_end
 */
#pragma once
#include "tests/fixture.h"

enum fleet_place { FLEET_PLATFORM, FLEET_LEDGER_A, FLEET_LEDGER_B, FLEET_PLACES };

/* fleet_begin starts all of them and waits until they are ready. has_tcp: the ledgers listen at a port of loopback, too. */
void fleet_begin(const char *dsn, bool has_tcp);

/* fleet_ipc and fleet_tcp are where accounting is reached at a place. */
const char *fleet_ipc(enum fleet_place place);
const char *fleet_tcp(enum fleet_place place);

/* fleet_take_over starts a process in a place's folder beside the one that is there, waits until it is ready, and ends the former.
 * fleet_restart ends it first. Both fail the test unless that ended by itself, with 0. */
void fleet_take_over(enum fleet_place place);
void fleet_restart(enum fleet_place place);

/* fleet_end ends all of them in the same way. */
void fleet_end(void);
