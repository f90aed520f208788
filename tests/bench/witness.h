/*
 * Witness: a caller of notes under the bench's brand, one call after the other at one process, who remembers when it was served and when it
 * was refused. There are two, each with a thread and a channel of its own; a call is one attempt, so what they see is what a process answered.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { WITNESSES = 2 };

/* What a witness has seen of the calls begun since witnesses_look_anew; times are hm_clock_mono_us's, 0: it has not come to that. */
struct seen {
	int64_t served_begun_us, served_us; /* the last call that was served: begun, answered */
	int64_t refused_us; /* when the first refusal came */
	unsigned after_refusal, served_after_refusal; /* calls begun after that, and those of them that were served */
};

/* witnesses_open has them call the processes of notes at the URLs, with a user's token, until they are closed. */
hm_status witnesses_open(const char *const urls[WITNESSES], const char *token);
void witnesses_close(void);

/* witnesses_look_anew has them forget what they have seen, and leave aside what is under way; from when. */
int64_t witnesses_look_anew(void);

/* witnesses_wait returns when each has seen it: witness_was_served, witness_was_refused. DEADLINE_EXCEEDED: not within 6 s. Else: a call
 * was neither served nor was its brand refused, and how it failed. */
hm_status witnesses_wait(bool (*it)(const struct seen *seen));
bool witness_was_served(const struct seen *seen);
bool witness_was_refused(const struct seen *seen);

/* witnesses_tell gives what they have seen until now. */
void witnesses_tell(struct seen ret_seen[WITNESSES]);
