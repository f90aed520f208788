/* Locks: what PostgreSQL's manual says under "Explicit Locking" and with each command, as tables. */
#include "locks.h"

#include <string.h>

struct visit {
	void (*visit)(void *user, const char *table, enum lock lock);
	void *user;
};

static void lock_name(const struct visit *visit, const char *table, enum lock lock)
{
	if (table)
		visit->visit(visit->user, table, lock);
}

static void lock_relation(const struct visit *visit, const PgQuery__RangeVar *relation, enum lock lock)
{
	if (relation)
		lock_name(visit, relation->relname, lock);
}

/* ---- ALTER TABLE ------------------------------------------------------------------------------------------------- */

/* All others are ACCESS EXCLUSIVE. */
static const struct {
	PgQuery__AlterTableType type;
	enum lock lock;
} weaker[] = {
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint, LOCK_SHARED },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetStatistics, LOCK_SHARED },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetOptions, LOCK_SHARED },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_ResetOptions, LOCK_SHARED },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions, LOCK_SHARED },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions, LOCK_SHARED },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_ClusterOn, LOCK_SHARED },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DropCluster, LOCK_SHARED },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_AttachPartition, LOCK_SHARED },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartitionFinalize, LOCK_SHARED },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrig, LOCK_WRITES },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableAlwaysTrig, LOCK_WRITES },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableReplicaTrig, LOCK_WRITES },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrig, LOCK_WRITES },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigAll, LOCK_WRITES },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigAll, LOCK_WRITES },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigUser, LOCK_WRITES },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigUser, LOCK_WRITES },
};

static enum lock lock_of_command(const PgQuery__AlterTableCmd *command)
{
	if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint &&
	    command->def->constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN)
		return LOCK_WRITES;
	if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartition &&
	    command->def->partition_cmd->concurrent)
		return LOCK_SHARED;
	for (size_t i = 0; i < sizeof weaker / sizeof *weaker; i++)
		if (weaker[i].type == command->subtype)
			return weaker[i].lock;
	return LOCK_ALL;
}

/* The table that a foreign key points at is locked, too. */
static void lock_referenced(const struct visit *visit, const PgQuery__Node *constraint)
{
	if (constraint->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
		lock_relation(visit, constraint->constraint->pktable, LOCK_WRITES);
}

static void lock_altered(const struct visit *visit, const PgQuery__Node *node)
{
	const PgQuery__AlterTableStmt *alter = node->alter_table_stmt;
	enum lock strongest = LOCK_SHARED;

	if (alter->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_TYPE ||
	    alter->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE)
		return;
	for (size_t i = 0; i < alter->n_cmds; i++) {
		const PgQuery__AlterTableCmd *command = alter->cmds[i]->alter_table_cmd;
		enum lock lock = lock_of_command(command);

		strongest = lock > strongest ? lock : strongest;
		if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint)
			lock_referenced(visit, command->def);
		if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn)
			for (size_t c = 0; c < command->def->column_def->n_constraints; c++)
				lock_referenced(visit, command->def->column_def->constraints[c]);
	}
	lock_relation(visit, alter->relation, strongest);
}

/* ---- Other statements --------------------------------------------------------------------------------------------- */

static void lock_created(const struct visit *visit, const PgQuery__Node *node)
{
	const PgQuery__CreateStmt *create = node->create_stmt;

	for (size_t i = 0; i < create->n_table_elts; i++) {
		const PgQuery__Node *element = create->table_elts[i];

		lock_referenced(visit, element);
		for (size_t c = 0;
		     element->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF && c < element->column_def->n_constraints;
		     c++)
			lock_referenced(visit, element->column_def->constraints[c]);
	}
	for (size_t i = 0; create->partbound && i < create->n_inh_relations; i++)
		lock_relation(visit, create->inh_relations[i]->range_var, LOCK_ALL);
}

static void lock_indexed(const struct visit *visit, const PgQuery__Node *node)
{
	lock_relation(visit, node->index_stmt->relation, node->index_stmt->concurrent ? LOCK_SHARED : LOCK_WRITES);
}

static void lock_triggered(const struct visit *visit, const PgQuery__Node *node)
{
	lock_relation(visit, node->create_trig_stmt->relation, LOCK_WRITES);
}

static void lock_ruled(const struct visit *visit, const PgQuery__Node *node)
{
	lock_relation(visit, node->rule_stmt->relation, LOCK_ALL);
}

/* A table itself; of a trigger the table it is on. Whose an index is, its name does not say. */
static void lock_dropped(const struct visit *visit, const PgQuery__Node *node)
{
	const PgQuery__DropStmt *drop = node->drop_stmt;
	bool is_table = drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;

	if (!is_table && drop->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_TRIGGER)
		return;
	for (size_t i = 0; i < drop->n_objects; i++) {
		const PgQuery__List *name =
			drop->objects[i]->node_case == PG_QUERY__NODE__NODE_LIST ? drop->objects[i]->list : NULL;

		if (name)
			lock_name(visit,
				  is_table ? list_last(name->n_items, name->items)
					   : list_qualifier(name->n_items, name->items),
				  LOCK_ALL);
	}
}

static void lock_renamed(const struct visit *visit, const PgQuery__Node *node)
{
	lock_relation(visit, node->rename_stmt->relation, LOCK_ALL);
}

static void lock_moved(const struct visit *visit, const PgQuery__Node *node)
{
	lock_relation(visit, node->alter_object_schema_stmt->relation, LOCK_ALL);
}

static void lock_list(const struct visit *visit, size_t n, PgQuery__Node *const *relations, enum lock lock)
{
	for (size_t i = 0; i < n; i++)
		if (relations[i]->node_case == PG_QUERY__NODE__NODE_RANGE_VAR)
			lock_relation(visit, relations[i]->range_var, lock);
}

static void lock_truncated(const struct visit *visit, const PgQuery__Node *node)
{
	lock_list(visit, node->truncate_stmt->n_relations, node->truncate_stmt->relations, LOCK_ALL);
}

/* PostgreSQL's numbers: 5 is SHARE, 8 ACCESS EXCLUSIVE. */
static void lock_locked(const struct visit *visit, const PgQuery__Node *node)
{
	int mode = node->lock_stmt->mode;

	lock_list(visit, node->lock_stmt->n_relations, node->lock_stmt->relations,
		  mode >= 8   ? LOCK_ALL
		  : mode >= 5 ? LOCK_WRITES
			      : LOCK_SHARED);
}

static void lock_clustered(const struct visit *visit, const PgQuery__Node *node)
{
	lock_relation(visit, node->cluster_stmt->relation, LOCK_ALL);
}

static void lock_refreshed(const struct visit *visit, const PgQuery__Node *node)
{
	lock_relation(visit, node->refresh_mat_view_stmt->relation,
		      node->refresh_mat_view_stmt->concurrent ? LOCK_SHARED : LOCK_ALL);
}

static const struct {
	PgQuery__Node__NodeCase node;
	void (*lock)(const struct visit *visit, const PgQuery__Node *node);
} statements[] = {
	{ PG_QUERY__NODE__NODE_ALTER_TABLE_STMT, lock_altered },
	{ PG_QUERY__NODE__NODE_CREATE_STMT, lock_created },
	{ PG_QUERY__NODE__NODE_INDEX_STMT, lock_indexed },
	{ PG_QUERY__NODE__NODE_CREATE_TRIG_STMT, lock_triggered },
	{ PG_QUERY__NODE__NODE_RULE_STMT, lock_ruled },
	{ PG_QUERY__NODE__NODE_DROP_STMT, lock_dropped },
	{ PG_QUERY__NODE__NODE_RENAME_STMT, lock_renamed },
	{ PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT, lock_moved },
	{ PG_QUERY__NODE__NODE_TRUNCATE_STMT, lock_truncated },
	{ PG_QUERY__NODE__NODE_LOCK_STMT, lock_locked },
	{ PG_QUERY__NODE__NODE_CLUSTER_STMT, lock_clustered },
	{ PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT, lock_refreshed },
};

void locks_each(const struct statement *statement, void (*visit)(void *user, const char *table, enum lock lock),
		void *user)
{
	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
		if (statements[i].node == statement->node->node_case)
			statements[i].lock(&(struct visit){ visit, user }, statement->node);
}

/* ---- The strongest ------------------------------------------------------------------------------------------------- */

struct strongest {
	const struct look *look;
	const char *table;
	enum lock lock;
};

static void keep_strongest(void *user, const char *table, enum lock lock)
{
	struct strongest *strongest = user;

	if (lock > strongest->lock && !look_is_new_name(strongest->look, table)) {
		strongest->table = table;
		strongest->lock = lock;
	}
}

enum lock lock_in_use(const struct look *look, const struct statement *statement, const char **ret_table)
{
	struct strongest strongest = { .look = look };

	locks_each(statement, keep_strongest, &strongest);
	*ret_table = strongest.table;
	return strongest.lock;
}
