/* Rules of transactions: what cannot be in one stands in a file that is none, and is alone there. */
#include <string.h>

#include "rules.h"
#include "store/migrate_alone.h"

static const char *index_words(const PgQuery__Node *node)
{
	return node->index_stmt->concurrent ? "CREATE INDEX CONCURRENTLY" : NULL;
}

static const char *drop_words(const PgQuery__Node *node)
{
	return node->drop_stmt->concurrent ? "DROP INDEX CONCURRENTLY" : NULL;
}

/* REINDEX of a whole schema or database commits in between. */
static const char *reindex_words(const PgQuery__Node *node)
{
	const PgQuery__ReindexStmt *reindex = node->reindex_stmt;

	if (option_find(reindex->n_params, reindex->params, "concurrently"))
		return "REINDEX CONCURRENTLY";
	return reindex->relation ? NULL : "REINDEX of more than a table";
}

static const char *alter_words(const PgQuery__Node *node)
{
	const PgQuery__AlterTableStmt *alter = node->alter_table_stmt;

	for (size_t i = 0; i < alter->n_cmds; i++)
		if (alter->cmds[i]->alter_table_cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartition &&
		    alter->cmds[i]->alter_table_cmd->def->partition_cmd->concurrent)
			return "DETACH PARTITION … CONCURRENTLY";
	return NULL;
}

static const char *vacuum_words(const PgQuery__Node *node)
{
	return node->vacuum_stmt->is_vacuumcmd ? "VACUUM" : NULL;
}

static const struct {
	PgQuery__Node__NodeCase node;
	const char *(*words)(const PgQuery__Node *node); /* NULL: it may be in a transaction */
} alones[] = {
	{ PG_QUERY__NODE__NODE_INDEX_STMT, index_words },     { PG_QUERY__NODE__NODE_DROP_STMT, drop_words },
	{ PG_QUERY__NODE__NODE_REINDEX_STMT, reindex_words }, { PG_QUERY__NODE__NODE_ALTER_TABLE_STMT, alter_words },
	{ PG_QUERY__NODE__NODE_VACUUM_STMT, vacuum_words },
};

static const char *alone_words(const PgQuery__Node *node)
{
	for (size_t i = 0; i < sizeof alones / sizeof *alones; i++)
		if (alones[i].node == node->node_case)
			return alones[i].words(node);
	return NULL;
}

/* psql would run it outside a transaction. */
static bool is_loose_and_alone(const struct look *look)
{
	return look->group->is_loose && look->statement->place == PLACE_FILE && look->file->statements &&
	       !look->file->statements->next;
}

static void look_at_transaction(const struct look *look)
{
	const char *words = alone_words(look->statement->node);
	bool is_in_transaction =
		look->statement->place == PLACE_DO || (look->file->header && !look->file->header->notransaction);

	if (words && is_in_transaction && !is_loose_and_alone(look))
		complain(look, -1, "%s cannot be in a transaction, and this file is run in one", words);
}

/* The migrator's own parser says what it would refuse. */
static void look_at_alone(const struct look *look)
{
	const struct statement *first = look->file->statements;
	struct hm_migration_alone alone;

	if (!look->file->header || !look->file->header->notransaction || !first ||
	    hm_migration_alone_read("", look->file->text, &alone) == HM_OK)
		return;
	complain_of(look, first->next ? first->next : first, "%s", strchr(hm_error_get()->message, ' ') + 1);
}

const struct rule rules_locks_alone[] = {
	{ .name = "concurrently-notransaction",
	  .category = "locks",
	  .summary = "what cannot be in a transaction is in a file that begins with -- notransaction",
	  .safe = "a file of its own, whose first line is -- notransaction",
	  .statement = look_at_transaction },
	{ .name = "notransaction-alone",
	  .category = "locks",
	  .summary = "a file without a transaction has one statement, which can be done again after a crash",
	  .safe = "a file for each such statement; all others in files without -- notransaction",
	  .file = look_at_alone },
	{ 0 },
};
