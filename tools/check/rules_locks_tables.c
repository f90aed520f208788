/* Rules of whole tables: what copies, empties or locks one, what becomes a part of it, and what takes along more than it names. */
#include <string.h>

#include "rules.h"

/* ---- Copies -------------------------------------------------------------------------------------------------------- */

static const struct {
	PgQuery__AlterTableType type;
	const char *what;
} rewrites[] = {
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetLogged, "SET LOGGED" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetUnLogged, "SET UNLOGGED" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetAccessMethod, "SET ACCESS METHOD" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetTableSpace, "SET TABLESPACE" },
};

static void look_at_rewrite(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table)
{
	const PgQuery__RangeVar *name = look->statement->node->alter_table_stmt->relation;

	(void)table;
	for (size_t i = 0; i < sizeof rewrites / sizeof *rewrites; i++)
		if (rewrites[i].type == command->subtype && !look_is_new(look, name))
			complain(look, -1, "%s copies %s under a lock that reads wait for, too", rewrites[i].what,
				 look_name(name));
}

static void look_at_copies(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;

	if (node->node_case == PG_QUERY__NODE__NODE_CLUSTER_STMT)
		complain(look, -1, "CLUSTER copies the table under a lock that reads wait for, too");
	if (node->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_MOVE_ALL_STMT)
		complain(look, -1, "this copies every table of the tablespace, each under a lock");
	if (node->node_case == PG_QUERY__NODE__NODE_VACUUM_STMT && node->vacuum_stmt->is_vacuumcmd &&
	    option_find(node->vacuum_stmt->n_options, node->vacuum_stmt->options, "full"))
		complain(look, -1, "VACUUM FULL copies the table under a lock that reads wait for, too");
}

static void look_at_refresh(const struct look *look)
{
	const PgQuery__RefreshMatViewStmt *refresh = look->statement->node->refresh_mat_view_stmt;

	if (look->statement->node->node_case == PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT && !refresh->concurrent &&
	    !look_is_new(look, refresh->relation))
		complain(look, -1, "REFRESH holds off reads of %s until its query is done",
			 look_name(refresh->relation));
}

/* ---- Locks and emptying ---------------------------------------------------------------------------------------------- */

enum { MODE_SHARE = 5 };

static bool any_in_use(const struct look *look, size_t n, PgQuery__Node *const *relations)
{
	for (size_t i = 0; i < n; i++)
		if (!look_is_new(look, relations[i]->range_var))
			return true;
	return false;
}

static void look_at_lock(const struct look *look)
{
	const PgQuery__LockStmt *lock = look->statement->node->lock_stmt;

	if (look->statement->node->node_case == PG_QUERY__NODE__NODE_LOCK_STMT && lock->mode >= MODE_SHARE &&
	    any_in_use(look, lock->n_relations, lock->relations))
		complain(look, -1, "LOCK TABLE holds everybody up until the migration is committed");
}

static void look_at_truncate(const struct look *look)
{
	const PgQuery__TruncateStmt *truncate = look->statement->node->truncate_stmt;

	if (look->statement->node->node_case == PG_QUERY__NODE__NODE_TRUNCATE_STMT &&
	    any_in_use(look, truncate->n_relations, truncate->relations))
		complain(look, -1, "TRUNCATE takes every brand's rows at once, and locks the table for reads, too");
}

/* ---- Partitions ------------------------------------------------------------------------------------------------------ */

static bool has_valid_check(const struct table *table)
{
	for (const struct constraint *one = table->constraints; one; one = one->next)
		if (one->kind == CONSTRAINT_CHECK && one->is_valid)
			return true;
	return false;
}

/* Whether the CHECK says what the bounds say is not looked at. */
static void look_at_attach(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table)
{
	const PgQuery__RangeVar *part;
	const struct table *found;

	(void)table;
	if (command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_AttachPartition ||
	    look->statement->node->alter_table_stmt->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE)
		return;
	part = command->def->partition_cmd->name;
	found = schema_find(look->schema, part);
	if (!look_is_new(look, part) && !(found && has_valid_check(found)))
		complain(look, -1, "ATTACH reads all of %s under a lock: no valid CHECK of its bounds saves it that",
			 look_name(part));
}

static void look_at_detach(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table)
{
	const PgQuery__RangeVar *name = look_altered(look);

	(void)table;
	if (name && command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartition &&
	    !command->def->partition_cmd->concurrent)
		complain(look, -1, "DETACH PARTITION waits for all who use %s, and they wait behind it",
			 look_name(name));
}

/* ---- Further than asked ----------------------------------------------------------------------------------------------- */

static void look_at_cascade(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;

	if ((node->node_case == PG_QUERY__NODE__NODE_DROP_STMT &&
	     node->drop_stmt->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE) ||
	    (node->node_case == PG_QUERY__NODE__NODE_TRUNCATE_STMT &&
	     node->truncate_stmt->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE &&
	     any_in_use(look, node->truncate_stmt->n_relations, node->truncate_stmt->relations)) ||
	    (node->node_case == PG_QUERY__NODE__NODE_DROP_OWNED_STMT))
		complain(look, -1, "this takes whatever depends on it along, and nobody has read what that is");
}

static void look_at_cascades(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table)
{
	(void)table;
	if (command->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
		complain(look, -1, "CASCADE takes whatever depends on %s along, and nobody has read what that is",
			 command->name);
}

const struct rule rules_locks_tables[] = {
	{ .name = "table-rewrite",
	  .category = "locks",
	  .summary = "a table in use is not copied",
	  .safe = "a new table in the new form, both written, filled in batches; the old one dropped in a contract",
	  .statement = look_at_copies,
	  .command = look_at_rewrite },
	{ .name = "refresh-concurrently",
	  .category = "locks",
	  .summary = "a materialized view is refreshed CONCURRENTLY",
	  .safe = "REFRESH MATERIALIZED VIEW CONCURRENTLY …; it needs a unique index of the view",
	  .statement = look_at_refresh },
	{ .name = "lock-table",
	  .category = "locks",
	  .summary = "no LOCK TABLE that writes wait for",
	  .safe = "statements that need no lock held over them: expand, backfill, contract",
	  .statement = look_at_lock },
	{ .name = "table-truncate",
	  .category = "locks",
	  .summary = "a table in use is not emptied",
	  .safe = "DELETE in batches (-- backfill:); or a new table, and the old one dropped in a contract",
	  .statement = look_at_truncate },
	{ .name = "partition-attach",
	  .category = "locks",
	  .summary = "a table that is attached as a partition has a valid CHECK of its bounds",
	  .safe = "CHECK of the bounds NOT VALID, VALIDATE in the next file, then ATTACH, then drop the CHECK",
	  .command = look_at_attach },
	{ .name = "partition-detach-concurrently",
	  .category = "locks",
	  .summary = "a partition is detached CONCURRENTLY",
	  .safe = "a file of its own that begins with -- notransaction: … DETACH PARTITION … CONCURRENTLY",
	  .command = look_at_detach },
	{ .name = "drop-cascade",
	  .category = "locks",
	  .summary = "nothing is taken away by CASCADE",
	  .safe = "drop what depends on it first, each by name; then this, without CASCADE",
	  .statement = look_at_cascade,
	  .command = look_at_cascades },
	{ 0 },
};
