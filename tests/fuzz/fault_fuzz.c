/* Fault rules under any bytes: what is taken is within its bounds, and can be decided by. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/fault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hm_fault_rules rules;
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	if (hm_fault_parse("rules", text, &rules) == HM_OK)
		for (size_t i = 0; i < rules.n; i++) {
			const struct hm_fault_rule *rule = &rules.rules[i];
			struct hm_fault fault = { 0 };

			assert(rule->at == HM_FAULT_AT_SERVER || rule->kind != HM_FAULT_REORDER);
			assert(rule->percent >= 1 && rule->percent <= 100);
			assert(memchr(rule->method, '\0', sizeof rule->method));
			if (hm_fault_matches(rule, "echo.v1.Echo/Echo") && hm_fault_strikes(&rules, i, size))
				hm_fault_add(rule, &fault);
			assert(fault.delay_ms <= HM_FAULT_DELAY_MS_MAX && fault.abort < HM_STATUS_COUNT);
		}
	free(text);
	return 0;
}
