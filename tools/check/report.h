/* Report: findings for people, for programs, for GitHub's annotations; the pages of the rules. */
#pragma once
#include "check.h"

struct format {
	const char *name;
	void (*write)(const struct check *check);
};

/* format_find: "text", "json", "github"; NULL: there is none of that name. */
const struct format *format_find(const char *name);

/* report_rules lists all rules; report_page prints the page of one. false: there is no such rule. */
void report_rules(bool json);
bool report_page(const char *rule);
