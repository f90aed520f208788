/* The rule of the server: a migration changes a schema's contents, and nothing of the server, its files, its catalogs or its settings. */
#include <string.h>

#include "names.h"
#include "rules.h"
#include "settings.h"

static const struct {
	PgQuery__Node__NodeCase node;
	const char *what;
} bans[] = {
	{ PG_QUERY__NODE__NODE_CREATE_EVENT_TRIG_STMT, "an event trigger runs for the whole database" },
	{ PG_QUERY__NODE__NODE_ALTER_EVENT_TRIG_STMT, "an event trigger runs for the whole database" },
	{ PG_QUERY__NODE__NODE_ALTER_SYSTEM_STMT, "ALTER SYSTEM changes the server for everybody" },
	{ PG_QUERY__NODE__NODE_LOAD_STMT, "LOAD brings code into the server" },
	{ PG_QUERY__NODE__NODE_CREATE_PLANG_STMT, "a language is the database's to have" },
	{ PG_QUERY__NODE__NODE_CREATE_AM_STMT, "an access method is the database's to have" },
	{ PG_QUERY__NODE__NODE_CREATE_PUBLICATION_STMT, "a publication lets rows out past the brand" },
	{ PG_QUERY__NODE__NODE_ALTER_PUBLICATION_STMT, "a publication lets rows out past the brand" },
	{ PG_QUERY__NODE__NODE_CHECK_POINT_STMT, "CHECKPOINT is the server's work" },
	{ PG_QUERY__NODE__NODE_SEC_LABEL_STMT, "a security label is the database's to have" },
};

/* Functions that read or write the server's files, end others' work, or change what the server does; a name, or how names begin. */
static const char *const functions[] = {
	"lo_",
	"pg_read_file",
	"pg_read_binary_file",
	"pg_ls_",
	"pg_stat_file",
	"pg_file_",
	"pg_terminate_backend",
	"pg_cancel_backend",
	"pg_reload_conf",
	"pg_rotate_logfile",
	"pg_switch_wal",
	"pg_promote",
	"pg_create_restore_point",
	"pg_logical_",
	"pg_create_logical_replication_slot",
	"pg_create_physical_replication_slot",
	"pg_drop_replication_slot",
	"pg_replication_origin_",
	"pg_stat_reset",
};

static void judge_call(const struct look *look, const PgQuery__FuncCall *call)
{
	const char *name = list_last(call->n_funcname, call->funcname);

	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		if (!strncmp(name, functions[i], strlen(functions[i])))
			complain(look, call->location, "%s() reaches into the server", name);
}

static void judge_copy(const struct look *look, const PgQuery__CopyStmt *copy)
{
	if (copy->is_program)
		complain(look, -1, "COPY … PROGRAM runs a program on the server");
	else if (*copy->filename)
		complain(look, -1, "COPY reads or writes a file of the server");
}

/* The system's tables are changed by statements that are meant for it. */
static void judge_write(const struct look *look, const PgQuery__RangeVar *name)
{
	if (name && (name_is_system(name->schemaname) || (!*name->schemaname && !strncmp(name->relname, "pg_", 3))) &&
	    strcmp(name->schemaname, "pg_temp") != 0)
		complain(look, name->location, "%s is PostgreSQL's own table", name->relname);
}

static bool visit(void *user, const ProtobufCMessage *message, int location)
{
	const void *node = message;

	(void)location;
	if (message->descriptor == &pg_query__func_call__descriptor)
		judge_call(user, node);
	else if (message->descriptor == &pg_query__copy_stmt__descriptor)
		judge_copy(user, node);
	else if (message->descriptor == &pg_query__update_stmt__descriptor)
		judge_write(user, ((const PgQuery__UpdateStmt *)node)->relation);
	else if (message->descriptor == &pg_query__delete_stmt__descriptor)
		judge_write(user, ((const PgQuery__DeleteStmt *)node)->relation);
	else if (message->descriptor == &pg_query__insert_stmt__descriptor)
		judge_write(user, ((const PgQuery__InsertStmt *)node)->relation);
	return true;
}

static void judge_setting(const struct look *look, const struct setting *setting)
{
	if (!strncmp(setting->name, "hallmark.", strlen("hallmark.")))
		complain(look, setting->location, "%s is the runtime's to set: it says whose rows a transaction sees",
			 setting->name);
}

/* A body in a language that nobody here can read, and that may do anything to the server. */
static void look_at_language(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;
	bool is_function = node->node_case == PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT;
	const PgQuery__DefElem *language = NULL;

	if (is_function)
		language = option_find(node->create_function_stmt->n_options, node->create_function_stmt->options,
				       "language");
	else if (node->node_case == PG_QUERY__NODE__NODE_DO_STMT)
		language = option_find(node->do_stmt->n_args, node->do_stmt->args, "language");
	if (language && strcmp(option_text(language), "sql") && strcmp(option_text(language), "plpgsql"))
		complain(look, language->location, "what is written in %s cannot be checked, and may do anything",
			 option_text(language));
}

static void look_at_server(const struct look *look)
{
	struct look copy = *look;

	for (size_t i = 0; i < sizeof bans / sizeof *bans; i++)
		if (look->statement->node->node_case == bans[i].node)
			complain(look, -1, "%s", bans[i].what);
	look_at_language(look);
	settings_each(look, judge_setting);
	tree_walk(node_message(look->statement->node), visit, &copy);
}

const struct rule rules_server[] = {
	{ .name = "server-untouched",
	  .category = "border",
	  .summary = "a migration leaves the server, its files, catalogs and settings alone",
	  .safe = "what the server needs is set up by whoever runs it; functions are in SQL or PL/pgSQL",
	  .anywhere = look_at_server },
	{ 0 },
};
