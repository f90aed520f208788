/* Rules of time-outs: who waits for a lock holds up all behind him, so he waits for a short time, and is told to try again. */
#include <stdlib.h>
#include <string.h>

#include "locks.h"
#include "settings.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, HOUR_MS = 60 * MINUTE_MS };

/* What may be set; 0, which is for ever, may not. */
static const struct {
	const char *name;
	double max_ms;
	const char *max;
} bounds[] = {
	{ "lock_timeout", 10 * SECOND_MS, "10 s" },
	{ "statement_timeout", HOUR_MS, "an hour" },
	{ "idle_in_transaction_session_timeout", HOUR_MS, "an hour" },
};

/* PostgreSQL's units; without one a number is milliseconds. -1: not a time. */
static double read_ms(const char *text)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = { { "", 1 },        { "us", 0.001 },        { "ms", 1 }, { "s", SECOND_MS }, { "min", MINUTE_MS },
		      { "h", HOUR_MS }, { "d", 24.0 * HOUR_MS } };
	char *end;
	double number = strtod(text, &end);

	if (end == text)
		return -1;
	end += strspn(end, " \t");
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (!strcmp(end, units[i].unit))
			return number * units[i].ms;
	return -1;
}

static double value_ms(const PgQuery__Node *value)
{
	const PgQuery__AConst *constant =
		value && value->node_case == PG_QUERY__NODE__NODE_A_CONST ? value->a_const : NULL;

	if (!constant || constant->isnull)
		return -1;
	if (constant->val_case == PG_QUERY__A__CONST__VAL_IVAL)
		return constant->ival->ival;
	if (constant->val_case == PG_QUERY__A__CONST__VAL_FVAL)
		return read_ms(constant->fval->fval);
	return constant->val_case == PG_QUERY__A__CONST__VAL_SVAL ? read_ms(constant->sval->sval) : -1;
}

/* ---- timeout-bound --------------------------------------------------------------------------------------------------------- */

static void check_bound(const struct look *look, const struct setting *setting)
{
	double ms = setting->n_values == 1 ? value_ms(setting->values[0]) : -1;

	for (size_t i = 0; ms >= 0 && i < sizeof bounds / sizeof *bounds; i++) {
		if (strcmp(bounds[i].name, setting->name))
			continue;
		if (ms == 0)
			complain(look, setting->location, "%s = 0 waits for ever", setting->name);
		else if (ms > bounds[i].max_ms)
			complain(look, setting->location, "%s beyond %s holds everybody up for as long", setting->name,
				 bounds[i].max);
	}
}

static void look_at_bounds(const struct look *look)
{
	settings_each(look, check_bound);
}

/* ---- timeout-required ------------------------------------------------------------------------------------------------------ */

static bool sets_lock_timeout(const struct look *look, const struct statement *statement)
{
	const PgQuery__VariableSetStmt *set = statement->node->variable_set_stmt;

	(void)look;
	return statement->node->node_case == PG_QUERY__NODE__NODE_VARIABLE_SET_STMT &&
	       set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE && !strcmp(set->name, "lock_timeout") &&
	       set->n_args == 1 && value_ms(set->args[0]) > 0;
}

/* Such a file is run by something else than the migrator, which sets lock_timeout itself. */
static void look_for_timeout(const struct look *look)
{
	const char *table;

	if (!look->check->wants_timeouts || lock_in_use(look, look->statement, &table) < LOCK_WRITES)
		return;
	for (const struct statement *one = look->file->statements; one && one != look->statement;
	     one = statement_next(one))
		if (sets_lock_timeout(look, one))
			return;
	complain(look, -1, "this waits for its lock on %s for as long as it takes, and everybody else behind it",
		 table);
}

const struct rule rules_locks_timeouts[] = {
	{ .name = "timeout-bound",
	  .category = "locks",
	  .summary = "lock_timeout is at most 10 s, statement_timeout an hour, neither is 0",
	  .safe = "leave lock_timeout to the migrator; -- statement_timeout: 30min in the file's first lines",
	  .anywhere = look_at_bounds },
	{ .name = "timeout-required",
	  .category = "locks",
	  .summary = "with --require-timeouts: lock_timeout is set before a table in use is locked",
	  .safe = "SET LOCAL lock_timeout = '2s'; before it",
	  .statement = look_for_timeout },
	{ 0 },
};
