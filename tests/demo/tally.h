/*
 * Tally: how many calls of each method the demo caused, and how they ended: what the audit logs must say in the end.
 */
#pragma once
#include <stdint.h>

#include "base/status.h"
#include "rpc/method.h"

enum { TALLY_METHODS = 64, TALLY_SERVICES = 32 };

struct tally {
	const struct hm_service_table *table;
	int64_t ok[TALLY_METHODS], refused[TALLY_METHODS]; /* by method; "refused" is every other end than OK */
};

/* The program's services, ended by one without a table. */
extern struct tally tallies[TALLY_SERVICES + 1];

/* tally_init makes a tally for each service of the program, all zero. */
void tally_init(void);

/* tally_method returns a method by its full name, which must exist. */
const struct hm_method *tally_method(const char *name);

/* tally_add counts `count` calls of a method that ended so. */
void tally_add(const char *name, hm_status status, int64_t count);

/* tally_call counts one and passes its end on: tally_call(name, identity_get_user(…)). */
hm_status tally_call(const char *name, hm_status status);
