/* Fault rules from text, which may be anybody's: words in a line, each known by what it begins with. */
#include <string.h>

#include "rpc/fault.h"

static const char blanks[] = " \t\r";

/* Digits alone, with an ending; nothing is skipped, nothing left. */
static hm_status read_number(const char *word, const char *text, const char *ending, uint64_t min, uint64_t max,
			     uint64_t *ret_number)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t number = 0;

	if (!digits || digits > 18 || strcmp(text + digits, ending) != 0)
		return hm_raise(INVALID_ARGUMENT, "%s=%s: write a number%s%s", word, text, *ending ? " and " : "",
				ending);
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (uint64_t)(text[i] - '0');
	if (number < min || number > max)
		return hm_raise(INVALID_ARGUMENT, "%s=%s: from %llu to %llu", word, text, (unsigned long long)min,
				(unsigned long long)max);
	*ret_number = number;
	return HM_OK;
}

static hm_status take_delay(const char *value, struct hm_fault_rule *rule)
{
	uint64_t ms;

	TRY(read_number("delay", value, "ms", 1, HM_FAULT_DELAY_MS_MAX, &ms));
	rule->value = (uint32_t)ms;
	return HM_OK;
}

static hm_status take_status(const char *value, struct hm_fault_rule *rule)
{
	int code = hm_status_find(value);

	if (code <= HM_OK)
		return hm_raise(INVALID_ARGUMENT, "abort=%s: write a status, as UNAVAILABLE", value);
	rule->value = (uint32_t)code;
	return HM_OK;
}

static const struct {
	const char *word;
	enum hm_fault_kind kind;
	hm_status (*read)(const char *value, struct hm_fault_rule *rule); /* NULL: it has no value */
} kinds[] = {
	{ "delay", HM_FAULT_DELAY, take_delay }, { "abort", HM_FAULT_ABORT, take_status },
	{ "drop", HM_FAULT_DROP, NULL },         { "duplicate", HM_FAULT_DUPLICATE, NULL },
	{ "reorder", HM_FAULT_REORDER, NULL },   { "disconnect", HM_FAULT_DISCONNECT, NULL },
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

static hm_status take_kind(const char *word, const char *value, struct hm_fault_rule *rule)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (strcmp(kinds[i].word, word) != 0)
			continue;
		rule->kind = kinds[i].kind;
		if (kinds[i].read && value)
			return kinds[i].read(value, rule);
		if (!kinds[i].read == !value)
			return HM_OK;
		return hm_raise(INVALID_ARGUMENT, value ? "%s takes no value" : "%s=… lacks its value", word);
	}
	return hm_raise(INVALID_ARGUMENT,
			"no fault %s; there are delay=…ms, abort=STATUS, drop, duplicate, reorder, "
			"disconnect",
			word);
}

static hm_status take_side(const char *value, struct hm_fault_rule *rule)
{
	static const char *const sides[] = { [HM_FAULT_AT_SERVER] = "server", [HM_FAULT_AT_CALLER] = "caller" };

	for (size_t side = 0; side < sizeof sides / sizeof *sides; side++) {
		if (strcmp(value, sides[side]) != 0)
			continue;
		rule->at = (enum hm_fault_side)side;
		return HM_OK;
	}
	return hm_raise(INVALID_ARGUMENT, "at=%s: write at=server or at=caller", value);
}

static hm_status take_limit(const char *word, const char *value, struct hm_fault_rule *rule)
{
	uint64_t percent = rule->percent;

	if (!strcmp(word, "at"))
		return take_side(value, rule);
	if (!strcmp(word, "percent"))
		TRY(read_number(word, value, "", 1, 100, &percent));
	else if (!strcmp(word, "after"))
		TRY(read_number(word, value, "", 0, INT64_MAX, &rule->after));
	else if (!strcmp(word, "count"))
		TRY(read_number(word, value, "", 1, INT64_MAX, &rule->count));
	else
		return hm_raise(INVALID_ARGUMENT, "no limit %s; there are at, percent, after and count", word);
	rule->percent = (uint32_t)percent;
	return HM_OK;
}

static hm_status take_method(const char *word, struct hm_fault_rule *rule)
{
	const char *star = strchr(word, '*');

	if (*rule->method)
		return hm_raise(INVALID_ARGUMENT, "%s: a second method; a rule has one", word);
	if (star && star[1])
		return hm_raise(INVALID_ARGUMENT, "%s: a * stands at the end", word);
	if (strlen(word) >= sizeof rule->method)
		return hm_raise(INVALID_ARGUMENT, "%.20s…: no method has so long a name", word);
	memcpy(rule->method, word, strlen(word) + 1);
	return HM_OK;
}

/* WORD or WORD=VALUE. NULL: the line has no more. */
static char *next_word(char **rest, char **ret_value)
{
	char *word;

	do
		word = strsep(rest, blanks);
	while (word && !*word);
	*ret_value = word ? strchr(word, '=') : NULL;
	if (*ret_value)
		*(*ret_value)++ = '\0';
	return word;
}

static hm_status take_rule(char *rest, struct hm_fault_rules *rules)
{
	struct hm_fault_rule rule = { .percent = 100 };
	char *value, *word = next_word(&rest, &value);

	if (!word)
		return HM_OK;
	if (!strcmp(word, "seed") && value)
		return read_number(word, value, "", 0, INT64_MAX, &rules->seed);
	TRY(take_kind(word, value, &rule));
	while ((word = next_word(&rest, &value)))
		TRY(value ? take_limit(word, value, &rule) : take_method(word, &rule));
	if (rule.at == HM_FAULT_AT_CALLER && rule.kind == HM_FAULT_REORDER)
		return hm_raise(INVALID_ARGUMENT, "reorder is a server's: it is about its packets");
	if (rules->n == HM_FAULT_RULES_MAX)
		return hm_raise(INVALID_ARGUMENT, "more than %d rules", HM_FAULT_RULES_MAX);
	rules->rules[rules->n++] = rule;
	return HM_OK;
}

static hm_status take_line(char *line, struct hm_fault_rules *rules)
{
	char *rest = line;

	line[strcspn(line, "#")] = '\0';
	for (char *rule; (rule = strsep(&rest, ";"));)
		TRY(take_rule(rule, rules));
	return HM_OK;
}

hm_status hm_fault_parse(const char *name, char *text, struct hm_fault_rules *ret_rules)
{
	unsigned number = 0;

	*ret_rules = (struct hm_fault_rules){ 0 };
	for (char *line; (line = strsep(&text, "\n"));) {
		number++;
		if (take_line(line, ret_rules) != HM_OK) {
			const struct hm_error wrong = *hm_error_get();

			return hm_raise(INVALID_ARGUMENT, "%s:%u: %s", name, number, wrong.message);
		}
	}
	return HM_OK;
}

hm_status hm_fault_parse_own(char *text, struct hm_fault_rules *ret_rules)
{
	TRY(hm_fault_parse("hallmark-fault", text, ret_rules));
	for (size_t i = 0; i < ret_rules->n; i++) {
		const struct hm_fault_rule *rule = &ret_rules->rules[i];

		if (rule->percent != 100 || rule->after || rule->count || rule->at != HM_FAULT_AT_SERVER)
			return hm_raise(INVALID_ARGUMENT,
					"hallmark-fault: percent, after, count and at=caller are for a file's rules");
	}
	return HM_OK;
}
