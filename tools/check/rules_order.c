/*
 * Rules of the order: migrations are numbered files that are applied once, each in one transaction of the migrator's, and never undone.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rules.h"
#include "store/migrate_header.h"

static void complain_of_file(const struct look *look, const struct file *file, const char *message)
{
	finding_add(look->check, look->rule->name, file, 0, 0, message);
}

/* ---- forward-only: names and numbers ------------------------------------------------------------------------------ */

/* As the migrator demands it: NNNN_name.sql. */
static bool is_well_named(const char *name)
{
	size_t digits = strspn(name, "0123456789");
	size_t rest = strspn(name + digits, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return digits == 4 && name[digits] == '_' && rest >= 2 && !strcmp(name + digits + rest, ".sql") &&
	       strncmp(name, "0000", 4) != 0;
}

static bool is_down(const char *name)
{
	static const char *const endings[] = { ".down.sql",     "_down.sql", "-down.sql", ".rollback.sql",
					       "_rollback.sql", ".undo.sql", "_undo.sql", "_revert.sql" };

	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
		if (strlen(name) > strlen(endings[i]) &&
		    !strcasecmp(name + strlen(name) - strlen(endings[i]), endings[i]))
			return true;
	return false;
}

static void judge_number(const struct look *look, const struct file *file, const struct file *before)
{
	struct hm_arena *arena = &look->check->arena;
	unsigned expected = before ? before->version + 1 : 1;

	if (before && file->version == before->version)
		complain_of_file(look, file,
				 hm_arena_printf(arena,
						 "it has the number of %s: give the later one the next free number",
						 before->name));
	else if (file->version != expected)
		complain_of_file(look, file,
				 hm_arena_printf(arena, "there is a gap: %04u is missing before it", expected));
}

static void look_at_numbers(const struct look *look)
{
	const struct file *before = NULL;

	for (const struct file *file = look->group->files; file && look->group->is_whole; file = file->next) {
		if (is_down(file->name))
			continue;
		if (!is_well_named(file->name)) {
			complain_of_file(look, file,
					 "it is not named like 0001_init.sql (a-z, 0-9 and _), and not applied");
			continue;
		}
		judge_number(look, file, before);
		before = file;
	}
	for (size_t i = 0; look->group->gone && look->group->gone[i] && look->group->is_whole; i++)
		finding_add_at(
			look->check, look->rule->name,
			hm_arena_printf(&look->check->arena, "%s/%s", look->group->folder, look->group->gone[i]), 0, 0,
			hm_arena_printf(&look->check->arena, "it was applied as it is at %s, and is gone: restore it",
					look->check->against));
}

/* ---- forward-only: what a file says ------------------------------------------------------------------------------- */

/* Lines by which other tools tell the way back. */
static bool is_down_line(const char *line, size_t size)
{
	static const char *const words[] = { "+goose down", "+migrate down",  "migrate:down",
					     "//@undo",     "down migration", "@down",
					     "@undo",       "down",           "undo" };

	while (size && isspace((unsigned char)line[size - 1]))
		size--;
	if (size < 2 || strncmp(line, "--", 2) != 0)
		return false;
	if (size > 11 && !strncasecmp(line, "--rollback ", 11))
		return true;
	for (line += 2, size -= 2; size && *line == ' '; line++)
		size--;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (size == strlen(words[i]) && !strncasecmp(line, words[i], size))
			return true;
	return false;
}

static void look_for_ways_back(const struct look *look)
{
	const struct file *file = look->file;

	if (file->is_edited)
		complain_of_file(
			look, file,
			hm_arena_printf(
				&look->check->arena,
				"it was applied as it is at %s: an edit is another migration, with the next number",
				look->check->against));
	if (is_down(file->name))
		complain_of_file(look, file, "a migration is not undone: what was wrong is put right by the next one");
	for (const char *line = file->text; *line;) {
		size_t size = strcspn(line, "\n");

		if (is_down_line(line, size))
			finding_add(look->check, look->rule->name, file, (size_t)(line - file->text),
				    (size_t)(line - file->text) + size,
				    "the migrator carries out the whole file, the way back too: take it out");
		line += size + (line[size] == '\n');
	}
}

/* ---- transaction-control ------------------------------------------------------------------------------------------ */

static void look_for_transactions(const struct look *look)
{
	if (look->statement->node->node_case == PG_QUERY__NODE__NODE_TRANSACTION_STMT)
		complain(look, -1, "a migration is one transaction and cannot begin, end or divide it");
}

/* ---- migration-header --------------------------------------------------------------------------------------------- */

/* PostgreSQL's parser reads @batch as an operator before a column. */
static bool find_batch(void *user, const ProtobufCMessage *message, int location)
{
	const PgQuery__AExpr *sign = (const PgQuery__AExpr *)(const void *)message;

	(void)location;
	if (message->descriptor == &pg_query__a__expr__descriptor && !sign->lexpr && sign->rexpr &&
	    sign->rexpr->node_case == PG_QUERY__NODE__NODE_COLUMN_REF &&
	    !strcmp(list_last(sign->n_name, sign->name), "@") &&
	    !strcmp(node_string(sign->rexpr->column_ref->fields[0]), "batch"))
		*(bool *)user = true;
	return true;
}

/* One statement that says by @batch at which rows it is. */
static void look_at_backfill(const struct look *look, const struct hm_migration_header *header)
{
	const struct statement *one = look->file->statements;
	bool says_where = false;

	if (!*header->backfill.table || !one)
		return;
	tree_walk(node_message(one->node), find_batch, &says_where);
	if (one->next)
		complain_of(look, one->next,
			    "a backfill is one statement: what else there is to do has a file of its own");
	else if (!says_where)
		complain_of(look, one,
			    "a backfill says by @batch at which rows it is, as in WHERE @batch AND text IS NULL");
}

/* The parser's message begins with the line; here it is put there. */
static void look_at_header(const struct look *look)
{
	const char *message, *at = look->file->text;
	unsigned long line = 1;
	char *rest;

	if (look->file->header) {
		look_at_backfill(look, look->file->header);
		return;
	}
	message = look->file->header_error;
	message += *message == ':';
	if (isdigit((unsigned char)*message)) {
		line = strtoul(message, &rest, 10);
		message = rest + (*rest == ':');
	}
	while (line-- > 1 && strchr(at, '\n'))
		at = strchr(at, '\n') + 1;
	finding_add(look->check, look->rule->name, look->file, (size_t)(at - look->file->text),
		    (size_t)(at - look->file->text) + strcspn(at, "\n"), message + strspn(message, " "));
}

const struct rule rules_order[] = {
	{ .name = "forward-only",
	  .category = "order",
	  .summary = "migrations are numbered without gaps, never edited once applied, and never undone",
	  .safe = "the next number, NNNN_name.sql; what was wrong is put right by a migration of its own",
	  .file = look_for_ways_back,
	  .group = look_at_numbers },
	{ .name = "transaction-control",
	  .category = "order",
	  .summary = "a file is one transaction, which is the migrator's",
	  .safe = "leave BEGIN and COMMIT out; what cannot run in a transaction has a file with -- notransaction",
	  .statement = look_for_transactions },
	{ .name = "migration-header",
	  .category = "order",
	  .summary = "a header says just what it means, or the migrator refuses the file",
	  .safe = "-- contract: expands=0007, -- notransaction, -- backfill: table=T, -- remaining: CONDITION, in the "
		  "file's first lines",
	  .file = look_at_header },
	{ 0 },
};
