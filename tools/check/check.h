/*
 * Check, inside: SQL files on their way to findings.
 *
 *     paths --project--> groups of files --source--> statements --routine--> and those inside DO blocks and routines
 *                                                        │
 *                        rules look at each ◄────────────┤  (rules.h: what a rule is; rules_*.c: the rules)
 *                                                        ▼
 *                                   schema, folded statement by statement (schema.h)
 *     findings --report--> for people, JSON, GitHub
 *
 * Everything lives in the check's arena until the end. Offsets are bytes in the file's text.
 */
#pragma once
#include <pg_query/pg_query.pb-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"
#include "store/migrate_header.h"

struct query;
struct rule;
struct schema;

/* Where a statement stands. What is in a routine's body is not executed by the migration. */
enum place { PLACE_FILE, PLACE_DO, PLACE_ROUTINE };

struct statement {
	struct statement *next;
	const struct file *file;
	const PgQuery__Node *node;
	const struct statement *outer; /* the DO block or CREATE FUNCTION it stands in; NULL: none */
	enum place place;
	size_t begin, end; /* of its text, comments before it not included */
	size_t base; /* what a node's location counts from */
	size_t size; /* of the text that locations are in, from base; what lies behind it is not its own */
	const char *text; /* of one in a body, as PostgreSQL would be given it; NULL: from begin to end in the file */
	bool is_dynamic; /* it came out of EXECUTE */
	bool is_unread; /* it makes the text that EXECUTE runs, which cannot be known */
	struct statement *first_inner; /* of a DO block or routine, in order, nested ones flattened; NULL: none */
	struct statement *next_inner;
};

/* One `-- hallmark:allow RULE because …`. */
struct allow {
	struct allow *next;
	const struct file *file;
	const char *rule, *reason; /* "" reason: none was given */
	size_t at; /* of the comment */
	size_t begin, end; /* the statement it speaks of; both 0: none */
	unsigned n_used;
};

struct file {
	struct file *next; /* in its group */
	struct group *group;
	const char *path; /* as it is shown */
	const char *name; /* "0001_init.sql" */
	const char *text;
	size_t size;
	unsigned version; /* of NNNN_name.sql; 0: another name */
	bool is_edited; /* it is another than at --against */
	bool is_context; /* read for what it leaves behind, not reported */
	const struct hm_migration_header *header; /* NULL: header_error says what is wrong with it */
	const char *header_error; /* ":LINE: what" */
	const PgQuery__ScanResult *scan; /* its tokens; NULL: the text has none PostgreSQL would know */
	struct statement *statements; /* PLACE_FILE, in order */
	struct allow *allows;
};

/* A service's migrations, or files given alone. */
struct group {
	struct group *next;
	const char *service; /* its schema's name; NULL: not known */
	const char *folder;
	bool is_loose; /* the folder is no service's: nothing says that the migrator runs what is in it */
	bool is_whole; /* all of a service's migrations, from the first: what is missing is missing */
	const char *const *gone; /* names of files that were there at --against; NULL-terminated; NULL: none */
	struct file *files;
	struct file *queries_file; /* its queries.sql, which is none of the files; NULL: there is none */
	struct query *queries;
	struct schema *schema; /* as folded so far */
};

struct finding {
	struct finding *next;
	const char *rule;
	const char *path;
	const struct file *file; /* NULL: of a contract or a live catalog */
	size_t begin, end; /* in file's text */
	unsigned line, column; /* from 1; 0: the file as a whole */
	const char *message;
	const struct allow *allow; /* NULL: it counts */
};

/* A contract named on the command line. */
struct contract {
	struct contract *next;
	const char *path;
};

struct check {
	struct hm_arena arena;
	struct group *groups;
	const char *contract_root; /* the folder that has proto/; NULL: none was named */
	struct contract *contracts;
	struct finding *findings;
	size_t n_findings, n_allowed, n_files;
	bool wants_timeouts; /* --require-timeouts: files that something else than hallmark migrate runs */
	bool is_live; /* a database is looked at, too: a folder may have nothing to say */
	const char *against; /* --against REV; NULL */
};

/* check_read takes paths apart into groups and reads their files (project.c). NULL service: from the paths. */
hm_status check_read(struct check *check, const char *const *paths, size_t n_paths, const char *service);

/* against_read asks git which files differ from check->against (against.c). INVALID_ARGUMENT: git cannot tell. */
hm_status against_read(struct check *check);

/* file_parse fills header, tokens, statements and allows; what cannot be parsed becomes a finding (source.c). */
void file_parse(struct check *check, struct file *file);

/* file_find_allows fills the allows of a file whose statements are there (source.c). false: it cannot be taken apart at all. */
bool file_find_allows(struct check *check, struct file *file);

/* statement_open makes the statements inside a DO block or a routine (routine.c). */
void statement_open(struct check *check, struct statement *statement);

/* statement_parse makes statements of SQL text that stands somewhere in a file: place, base, outer and file are taken from `like`.
 * NULL: it cannot be parsed. */
struct statement *statement_parse(struct check *check, const char *sql, const struct statement *like);

/* check_run looks at everything that was read with every rule (run.c). */
void check_run(struct check *check);

/* finding_add notes one; an allow of the rule on that statement is counted instead. `file` may be NULL, then path and line count. */
struct finding *finding_add(struct check *check, const char *rule, const struct file *file, size_t begin, size_t end,
			    const char *message);
void finding_add_at(struct check *check, const char *rule, const char *path, unsigned line, unsigned column,
		    const char *message);

/* findings_settle matches allows, complains of those that allow nothing, and sorts by path and place (findings.c). */
void findings_settle(struct check *check);
void findings_sort(struct check *check);

/* findings_place turns an offset into line and column (of characters), both from 1. */
void findings_place(const char *text, size_t size, size_t offset, unsigned *ret_line, unsigned *ret_column);
