/*
 * Demo: two brands, Loop and Nova; Ana keeps Loop's books and Ben may look at them, Nia keeps Nova's. Each act is a function that
 * tells its part and checks it; it fails only when the demo cannot go on.
 */
#pragma once
#include "accounting/v1/accounting.hm.h"
#include "identity/v1/identity.hm.h"
#include "platform/v1/platform.hm.h"
#include "tests/demo/shell.h"
#include "tests/demo/story.h"
#include "tests/demo/tally.h"

/* A brand and how the demo acts in it through the generated clients. */
struct demo_brand {
	const char *id;
	struct hm_context *operator;
	struct hm_context *keeper; /* of its books: Ana, Nia */
	char keeper_id[HM_ID_TEXT_BYTES];
};

struct demo {
	struct stage stage;
	const char *accounts, *journal; /* files of requests, a line each */
	struct hm_channel *platform, *identity, *accounting;
	struct demo_brand loop, nova;
	char ben_id[HM_ID_TEXT_BYTES];
	char path[HM_ID_TEXT_BYTES]; /* the request whose path is shown */
	char transaction[HM_ID_TEXT_BYTES]; /* one of Loop's */
	size_t n_accounts, n_transactions; /* of Loop */
};

hm_status demo_brands(struct demo *demo);
hm_status demo_people(struct demo *demo);
hm_status demo_books(struct demo *demo);
hm_status demo_journal(struct demo *demo);
hm_status demo_walls(struct demo *demo);
hm_status demo_path(struct demo *demo);
hm_status demo_balance(struct demo *demo);
hm_status demo_leaks(struct demo *demo);
hm_status demo_audit(struct demo *demo);
hm_status demo_catalog(struct demo *demo);

/* demo_refused checks that a call ended as it should: refused, with this code. */
void demo_refused(hm_status status, hm_status wanted, const char *what);
