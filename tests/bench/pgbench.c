/*
 * pgbench: the limit of the audited calls: the same statements on the same tables as the same role, prepared, each transaction as
 * one pipeline. It has the audit entry ready beforehand, so it needs one burst where a call, whose entry tells how it ended, needs
 * two; and its values are constants of the prepared statements.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/bench/database.h"
#include "tests/bench/load.h"
#include "tests/bench/process.h"
#include "tests/bench/server.h"

#define PROGRAM "/usr/lib/postgresql/15/bin/pgbench"

enum { OUTPUT_BYTES = 4096, PATH_BYTES = 128, DSN_BYTES = 256 };

/* Ids grow with the time, as UUIDv7 ones do. */
#define SETTINGS                                                                                                    \
	"SELECT set_config('hallmark.brand_id', '" BENCH_BRAND "', true), set_config('statement_timeout', '5000', " \
	"true)"
#define COLUMNS "id, brand_id, title, body, amount, created_at, tags"

static const char write_script[] =
	"\\set n :n + 1\n"
	"\\set id :base + :n * 64 + :client_id\n"
	"\\startpipeline\n"
	"BEGIN;\n" SETTINGS ";\n"
	"INSERT INTO notes (id, title, body, amount, tags) VALUES (lpad(:id::text, 32, '0')::uuid, "
	"'" DATABASE_NOTE_TITLE "', '" DATABASE_NOTE_BODY "', 42, '{}') RETURNING " COLUMNS ";\n"
	"INSERT INTO audit_log (id, occurred_at, actor_type, actor_id, actor_brand_id, event_type, entity_type, "
	"entity_id, "
	"brand_id, request_id, details) VALUES (lpad(:id::text, 32, '0')::uuid, now(), 'user', 'bench', '" BENCH_BRAND
	"', 'note.added', 'note', lpad(:id::text, 36, '0'), '" BENCH_BRAND "', lpad(:id::text, 36, '0'), "
	"'{\"method\": \"notes.v1.Notes/AddNote\", \"outcome\": \"OK\", \"span\": \"8f3a5c7e9b1d2f40\", \"peer\": "
	"\"ipc uid=1000 pid=4711\", \"latency_us\": \"1250\", \"request\": {\"title\": \"" DATABASE_NOTE_TITLE
	"\", \"body\": \"phi\"}}'::jsonb);\n"
	"COMMIT;\n"
	"\\endpipeline\n";

static const char read_script[] = "\\set number random(1, :notes)\n"
				  "\\startpipeline\n"
				  "BEGIN READ ONLY;\n" SETTINGS ";\n"
				  "SELECT " COLUMNS " FROM notes WHERE id = lpad(:number::text, 32, '0')::uuid;\n"
				  "COMMIT;\n"
				  "\\endpipeline\n";

static char script[PATH_BYTES], dsn[DSN_BYTES];

static hm_status open_script(const char *folder, const char *address, const char *text)
{
	FILE *file;

	snprintf(dsn, sizeof dsn, "%s user=notes_app", address);
	snprintf(script, sizeof script, "%s/pgbench.sql", folder);
	file = fopen(script, "we");
	if (!file || fputs(text, file) < 0 || fclose(file))
		return hm_raise_errno(UNAVAILABLE, "cannot write %s", script);
	return HM_OK;
}

static hm_status open_write(const char *folder, const char *address)
{
	return open_script(folder, address, write_script);
}

static hm_status open_read(const char *folder, const char *address)
{
	return open_script(folder, address, read_script);
}

/* It counts in whole seconds. */
static hm_status measure(unsigned depth, unsigned ms, double *ret_rate)
{
	char clients[16], seconds[16], base[40], notes[24], output[OUTPUT_BYTES];
	const char *const arguments[] = { PROGRAM, "-n",    "-M", "prepared", "-f", script, "-c", clients, "-j", "2",
					  "-T",    seconds, "-D", "n=0",      "-D", base,   "-D", notes,   dsn,  NULL };
	const char *rate;

	snprintf(clients, sizeof clients, "%u", depth);
	snprintf(seconds, sizeof seconds, "%u", ms < 1000 ? 1 : ms / 1000);
	snprintf(base, sizeof base, "base=%lld", (long long)hm_clock_wall_us() * 64);
	snprintf(notes, sizeof notes, "notes=%d", DATABASE_NOTES);
	TRY(child_output(arguments, output, sizeof output));
	rate = strstr(output, "tps = ");
	if (!rate)
		return hm_raise(FAILED_PRECONDITION, "pgbench: %s", output);
	*ret_rate = strtod(rate + strlen("tps = "), NULL);
	return HM_OK;
}

static void close_script(void)
{
	remove(script);
}

const struct load pgbench_write_load = {
	.role = "pgbench-write",
	.open = open_write,
	.measure = measure,
	.close = close_script,
};

const struct load pgbench_read_load = {
	.role = "pgbench-read",
	.open = open_read,
	.measure = measure,
	.close = close_script,
};
