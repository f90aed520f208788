/* Contracts: their findings and rules, from the program that reads them. */
#pragma once
#include "check.h"

struct contract_rule {
	struct contract_rule *next;
	const char *name, *category, *summary;
};

struct contract_rules {
	struct check *check;
	struct contract_rule *first;
};

/* contracts_check adds the findings of the contracts that check_read came upon; nothing if there are none. UNAVAILABLE, NOT_FOUND: the
 * program cannot do its work; what it says is on stderr. */
hm_status contracts_check(struct check *check);

/* contracts_rules lists the contracts' rules. */
hm_status contracts_rules(struct check *check, const struct contract_rule **ret_first);
