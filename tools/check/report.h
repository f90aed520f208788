/* Report: findings for people, for programs, for GitHub's annotations; the pages of the rules. */
#pragma once
#include "contracts.h"

struct format {
	const char *name;
	void (*write)(const struct check *check);
};

/* format_find: "text", "line", "json", "github"; NULL: there is none of that name. */
const struct format *format_find(const char *name);

/* report_rules lists all rules, with those of contracts behind the others; report_page prints the page of one. false: there is no such rule. */
void report_rules(const struct contract_rule *contracts, bool json);
bool report_page(const char *rule);
