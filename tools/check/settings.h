/*
 * Settings: every place where a statement sets a parameter of PostgreSQL's: SET, RESET, a function's SET, ALTER ROLE, DATABASE or SYSTEM … SET,
 * set_config() with a constant name.
 */
#pragma once
#include "rules.h"

enum setting_kind {
	SETTING_SESSION, /* SET, SET LOCAL, set_config: of this transaction or session */
	SETTING_ROUTINE, /* CREATE or ALTER FUNCTION … SET */
	SETTING_STORED, /* of a role, a database or the server */
	SETTING_RESET /* RESET, SET … TO DEFAULT, wherever */
};

struct setting {
	const char *name; /* in lower case; "" RESET ALL */
	enum setting_kind kind;
	size_t n_values;
	PgQuery__Node *const *values; /* of set_config its one argument */
	int location;
};

/* settings_each calls judge for each in the statement, what stands deeper in it included. */
void settings_each(const struct look *look, void (*judge)(const struct look *look, const struct setting *setting));

/* setting_names tells whether a value (of a comma-separated list, too) is the name. */
bool setting_has(const struct look *look, const struct setting *setting, const char *name);

/* setting_value is the n-th name of the value, a list in a string taken apart; NULL behind the last. In the check's arena. */
const char *setting_value(const struct look *look, const struct setting *setting, size_t n);
