/*
 * Fault: what a process is to do wrong, on purpose, so that what the other end does about it can be tested: as a server with the calls
 * it serves, or as a caller with those it makes. Rules come from a file that who starts the process names (--faults FILE), or from
 * a call itself, for servers that were started so; nobody else can switch them on. One rule a line, or between semicolons; # begins a
 * comment:
 *
 *     WHAT [METHOD] [at=server|caller] [percent=1…100] [after=N] [count=N]
 *
 *     delay=200ms                                   every call waits first
 *     abort=UNAVAILABLE accounting.*                is refused, and audited so; a name, or a beginning with * behind it
 *     drop percent=5                                its reply's packet gets lost
 *     duplicate                                     is sent twice
 *     reorder                                       leaves behind the one that comes after it
 *     disconnect after=10 count=1                   the connection breaks instead of the reply; the eleventh call's
 *     abort=UNAVAILABLE identity.* at=caller        never leaves (client/call_fault.h has what the others are at a caller)
 *     seed=7                                        which calls a percentage means
 *
 * All rules of a side that strike a call do. Whether one strikes the n-th call it matches (at a caller: the n-th attempt), rule, seed
 * and n alone decide: pure functions, and a run that is made again is struck again.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/scoped.h"
#include "base/status.h"

enum { HM_FAULT_RULES_MAX = 32, HM_FAULT_METHOD_BYTES = 96, HM_FAULT_DELAY_MS_MAX = 600000 };

enum hm_fault_kind {
	HM_FAULT_DELAY,
	HM_FAULT_ABORT,
	HM_FAULT_DROP,
	HM_FAULT_DUPLICATE,
	HM_FAULT_REORDER,
	HM_FAULT_DISCONNECT
};

enum hm_fault_side { HM_FAULT_AT_SERVER, HM_FAULT_AT_CALLER };

struct hm_fault_rule {
	enum hm_fault_kind kind;
	enum hm_fault_side at;
	uint32_t value; /* delay: ms; abort: status */
	char method[HM_FAULT_METHOD_BYTES]; /* "": every one */
	uint32_t percent;
	uint64_t after, count; /* of the calls it matches: passes over the first; then strikes among so many (0: all) */
};

struct hm_fault_rules {
	uint64_t seed;
	size_t n;
	struct hm_fault_rule rules[HM_FAULT_RULES_MAX];
};

/* What happens to one call. */
struct hm_fault {
	uint32_t delay_ms;
	hm_status abort; /* HM_OK: it is not */
	uint8_t packet; /* 1 << kind, of what happens to the packet of its reply; at a caller, to the call itself */
};

/* hm_fault_parse reads rules; text is taken apart. INVALID_ARGUMENT names the line, as name:3. */
hm_status hm_fault_parse(const char *name, char *text, struct hm_fault_rules *ret_rules);

/* hm_fault_parse_own reads a call's own rules: they are for that call, so there is nothing to count and no chance; and for servers, as
 * what a process does to its own calls no peer decides. */
hm_status hm_fault_parse_own(char *text, struct hm_fault_rules *ret_rules);

bool hm_fault_matches(const struct hm_fault_rule *rule, const char *method);

/* hm_fault_strikes: does a rule, by its number, strike the n-th call it matches, from 0? */
bool hm_fault_strikes(const struct hm_fault_rules *rules, size_t number, uint64_t nth);

/* hm_fault_add adds what a rule does. Of two delays the sum, of two statuses the first. */
void hm_fault_add(const struct hm_fault_rule *rule, struct hm_fault *fault);

/* A process's rules, and how many calls each has matched. */
struct hm_faults {
	struct hm_fault_rules rules;
	_Atomic uint64_t matched[HM_FAULT_RULES_MAX];
};

/* hm_faults_open reads a file; an empty one has no rules, and has the server honour those of calls. */
hm_status hm_faults_open(const char *path, struct hm_faults **ret_faults);
void hm_faults_close(struct hm_faults *faults);
HM_SCOPED(hm_faults, hm_faults_close)

/* hm_faults_meet says what happens to the next call of a method on a side of it. Thread-safe. */
struct hm_fault hm_faults_meet(struct hm_faults *faults, enum hm_fault_side at, const char *method);
