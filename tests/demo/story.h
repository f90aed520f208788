/* Story: the acts of the demo, in order, and the tally of the calls they made. */
#pragma once
#include "platform.h"

/* The calls made to each service, to be held against its audit log. */
struct tally {
	int64_t platform, identity, accounting;
};

struct story {
	struct platform *platform;
	struct tally calls;
	const char *journal; /* file: a PostTransaction request a line */
	int64_t journal_lines, account_lines;
	struct hm_context *operator, * ana, *bob,
		*eve; /* ana and bob of loop, eve of nova; operator in the system's brand */
	char loops_transaction[HM_ID_TEXT_BYTES]; /* an id eve must not see */
	char tree_request[HM_ID_TEXT_BYTES]; /* a request that went through two services */
	int failed; /* checks */
};

/* story_check prints a check's verdict and counts it if it failed. */
void story_check(struct story *story, bool holds, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* story_play plays everything; a status is a failure that makes going on senseless. */
hm_status story_play(struct story *story);

/* story_verify checks what the platform promises: entries = calls, nothing between brands, balances zero. */
hm_status story_verify(struct story *story);
