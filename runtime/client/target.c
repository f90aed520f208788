/* Target: a table of options. */
#include "client/target.h"

#include <string.h>

#include "client/hedge_rule.h"

enum { DIGITS_MAX = 5 };

enum option { BALANCING, HEALTH, THROTTLE };

static const struct choice {
	const char *text; /* NAME=VALUE */
	enum option option;
	int value;
} choices[] = {
	{ "balancing=least_loaded", BALANCING, HM_LEAST_LOADED },
	{ "balancing=round_robin", BALANCING, HM_ROUND_ROBIN },
	{ "health=on", HEALTH, HM_HEALTH_CHECKS_ON },
	{ "health=off", HEALTH, HM_HEALTH_CHECKS_OFF },
	{ "throttle=on", THROTTLE, true },
	{ "throttle=off", THROTTLE, false },
};

static void set(struct hm_target *target, enum option option, int value)
{
	switch (option) {
	case BALANCING:
		target->balancing = (enum hm_balancing)value;
		break;
	case HEALTH:
		target->health_checks = (enum hm_health_checks)value;
		break;
	case THROTTLE:
		target->is_unthrottled = !value;
		break;
	}
}

/* NAME=NUMBER */
static bool take_number(const char *text, size_t bytes, const char *name, unsigned most, unsigned *ret_value)
{
	size_t name_bytes = strlen(name);
	unsigned value = 0;

	if (bytes <= name_bytes || bytes > name_bytes + DIGITS_MAX || memcmp(text, name, name_bytes) != 0)
		return false;
	for (size_t i = name_bytes; i < bytes; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	*ret_value = value;
	return value <= most;
}

/* hedge=pNN, hedge=pNN.N */
static bool take_percentile(const char *text, size_t bytes, uint16_t *ret_permille)
{
	static const char name[] = "hedge=p";
	const size_t name_bytes = sizeof name - 1;
	unsigned whole, tenth = 0;

	if (bytes == name_bytes + 4 && text[name_bytes + 2] == '.' && text[bytes - 1] >= '0' &&
	    text[bytes - 1] <= '9') {
		tenth = (unsigned)(text[bytes - 1] - '0');
		bytes -= 2;
	}
	if (bytes != name_bytes + 2 || !take_number(text, bytes, name, 99, &whole))
		return false;
	*ret_permille = (uint16_t)(whole * 10 + tenth);
	return *ret_permille >= HM_HEDGE_PERMILLE_MIN;
}

static bool choose_number(struct hm_target *target, const char *text, size_t bytes)
{
	uint16_t permille;
	unsigned value;

	if (take_number(text, bytes, "attempts=", HM_ATTEMPTS_MAX, &value) && value) {
		target->attempts = (uint8_t)value;
		return true;
	}
	if (take_number(text, bytes, "hedge=", HM_HEDGE_MS_MAX, &value)) {
		target->hedge_ms = (int32_t)value;
		target->hedge_permille = 0;
		return true;
	}
	if (take_percentile(text, bytes, &permille)) {
		target->hedge_ms = HM_HEDGE_UNSAID;
		target->hedge_permille = permille;
		return true;
	}
	return false;
}

static hm_status choose(struct hm_target *target, const char *text, size_t bytes)
{
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
		const struct choice *choice = &choices[i];

		if (strlen(choice->text) != bytes || memcmp(choice->text, text, bytes) != 0)
			continue;
		set(target, choice->option, choice->value);
		return HM_OK;
	}
	if (choose_number(target, text, bytes))
		return HM_OK;
	return hm_raise(
		INVALID_ARGUMENT,
		"target %s: no option \"%.*s\": there are balancing=least_loaded, balancing=round_robin, health=on, "
		"health=off, attempts=1 to 10, hedge=0 to 60000, hedge=p50 to p99.9, throttle=on and throttle=off",
		target->name, (int)bytes, text);
}

hm_status hm_target_parse(const char *text, struct hm_target *ret_target)
{
	size_t bytes = strcspn(text, ";");

	if (!bytes || bytes >= sizeof ret_target->name)
		return hm_raise(INVALID_ARGUMENT, "a target of %zu bytes: from 1 to %zu are possible", bytes,
				sizeof ret_target->name - 1);
	*ret_target = (struct hm_target){ .hedge_ms = HM_HEDGE_UNSAID };
	memcpy(ret_target->name, text, bytes);
	for (text += bytes; *text; text += bytes) {
		bytes = strcspn(++text, ";");
		TRY(choose(ret_target, text, bytes));
	}
	return HM_OK;
}
