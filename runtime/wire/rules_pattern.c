/*
 * Patterns: a hash table of compiled expressions, by the address of their rule. It only ever grows, and by no more than
 * there are rules in the program, so readers take no lock and nothing is freed.
 */
#include "wire/rules_pattern.h"

#include <regex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 256, RULE_ALIGNMENT = 16 };

struct pattern {
	const struct hm_field_rule *rule;
	struct pattern *next;
	regex_t regex;
};

static struct pattern *_Atomic buckets[BUCKETS];

static struct pattern *find(struct pattern *pattern, const struct hm_field_rule *rule)
{
	while (pattern && pattern->rule != rule)
		pattern = pattern->next;
	return pattern;
}

/* "(pattern)" between anchors: the whole text, whatever alternatives the pattern has at its top. */
static hm_status compile(const struct hm_field_rule *rule, struct pattern **ret_pattern)
{
	size_t size = strlen(rule->pattern) + sizeof "^()$";
	struct pattern *pattern = malloc(sizeof *pattern);
	char *anchored = malloc(size), reason[HM_FIELD_BYTES];
	int code;

	if (!pattern || !anchored)
		abort();
	snprintf(anchored, size, "^(%s)$", rule->pattern);
	code = regcomp(&pattern->regex, anchored, REG_EXTENDED | REG_NOSUB);
	free(anchored);
	if (code) {
		regerror(code, &pattern->regex, reason, sizeof reason);
		free(pattern);
		return hm_raise(INTERNAL, "the contract's pattern %s: %s", rule->pattern, reason);
	}
	pattern->rule = rule;
	*ret_pattern = pattern;
	return HM_OK;
}

/* Two threads may compile the same pattern at once; the second to arrive gives its own up. */
static hm_status find_or_add(const struct hm_field_rule *rule, struct pattern **ret_pattern)
{
	struct pattern *_Atomic *bucket = &buckets[(uintptr_t)rule / RULE_ALIGNMENT % BUCKETS];
	struct pattern *first = atomic_load_explicit(bucket, memory_order_acquire);
	struct pattern *known = find(first, rule), *made = NULL;

	if (!known) {
		TRY(compile(rule, &made));
		do {
			known = find(first, rule);
			made->next = first;
		} while (!known && !atomic_compare_exchange_weak_explicit(bucket, &first, made, memory_order_acq_rel,
									  memory_order_acquire));
		if (known) {
			regfree(&made->regex);
			free(made);
		} else {
			known = made;
		}
	}
	*ret_pattern = known;
	return HM_OK;
}

hm_status hm_pattern_match(const struct hm_field_rule *rule, const char *text, bool *ret_matches)
{
	struct pattern *pattern;

	TRY(find_or_add(rule, &pattern));
	*ret_matches = !regexec(&pattern->regex, text, 0, NULL, 0);
	return HM_OK;
}
