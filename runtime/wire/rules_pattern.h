/* Patterns of rules, compiled once a process; for validate.c. */
#pragma once
#include "base/status.h"
#include "wire/rules.h"

/* hm_pattern_match says whether the whole text matches the rule's pattern. The rule must be a constant: it is what the
 * compiled pattern is remembered by. INTERNAL when the pattern itself is wrong. Thread-safe. */
hm_status hm_pattern_match(const struct hm_field_rule *rule, const char *text, bool *ret_matches);
