/* Fault: which rules strike. */
#include "rpc/fault.h"

#include <stdlib.h>
#include <string.h>

#include "base/text_file.h"

bool hm_fault_matches(const struct hm_fault_rule *rule, const char *method)
{
	size_t length = strlen(rule->method);

	if (length && rule->method[length - 1] == '*')
		return !strncmp(rule->method, method, length - 1);
	return !length || !strcmp(rule->method, method);
}

/* SplitMix64's finalizer: neighbouring numbers give unrelated ones. */
static uint64_t scatter(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

bool hm_fault_strikes(const struct hm_fault_rules *rules, size_t number, uint64_t nth)
{
	const struct hm_fault_rule *rule = &rules->rules[number];

	if (nth < rule->after || (rule->count && nth - rule->after >= rule->count))
		return false;
	return scatter(scatter(scatter(rules->seed + 1) + number) + nth) % 100 < rule->percent;
}

void hm_fault_add(const struct hm_fault_rule *rule, struct hm_fault *fault)
{
	if (rule->kind == HM_FAULT_DELAY)
		fault->delay_ms += rule->value;
	else if (rule->kind != HM_FAULT_ABORT)
		fault->packet |= (uint8_t)(1 << rule->kind);
	else if (fault->abort == HM_OK)
		fault->abort = (hm_status)rule->value;
}

struct hm_fault hm_faults_meet(struct hm_faults *faults, enum hm_fault_side at, const char *method)
{
	struct hm_fault fault = { 0 };

	for (size_t i = 0; i < faults->rules.n; i++) {
		const struct hm_fault_rule *rule = &faults->rules.rules[i];

		if (rule->at == at && hm_fault_matches(rule, method) &&
		    hm_fault_strikes(&faults->rules, i, atomic_fetch_add(&faults->matched[i], 1)))
			hm_fault_add(rule, &fault);
	}
	return fault;
}

hm_status hm_faults_open(const char *path, struct hm_faults **ret_faults)
{
	SCOPED(hm_faults) faults = calloc(1, sizeof *faults);
	struct hm_buffer text = { 0 };
	hm_status status;

	if (!faults)
		abort();
	status = hm_text_file_read(path, &text);
	if (status == HM_OK)
		status = hm_fault_parse(path, text.data, &faults->rules);
	hm_buffer_fini(&text);
	TRY(status);
	*ret_faults = take(&faults);
	return HM_OK;
}

void hm_faults_close(struct hm_faults *faults)
{
	free(faults);
}
