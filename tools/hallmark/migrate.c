/* migrate: schemas brought up to date, or shown: how far each is, what is to come, what it would do. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "host/services.h"
#include "migrations.h"
#include "setup.h"

/* ---- For people -------------------------------------------------------------------------------------------------- */

static void show_percent(const struct hm_migration_state *file)
{
	uint64_t percent =
		file->rows_estimated > file->rows_passed ? file->rows_passed * 100 / file->rows_estimated : 99;

	printf(", %llu %%: %llu rows of about %llu", (unsigned long long)percent, (unsigned long long)file->rows_passed,
	       (unsigned long long)file->rows_estimated);
}

static void show_kind(const struct hm_migration_state *file)
{
	static const char *const kinds[] = {
		[HM_MIGRATION_ORDINARY] = "",
		[HM_MIGRATION_NOTRANSACTION] = ", no transaction",
		[HM_MIGRATION_BACKFILL] = ", backfill",
		[HM_MIGRATION_CONTRACT] = ", contract",
	};

	fputs(kinds[file->kind], stdout);
	if (!file->applied_at && file->kind == HM_MIGRATION_BACKFILL && file->is_begun)
		show_percent(file);
	if (file->due_at)
		printf(", due %s", file->due_at);
	if (file->waits_for)
		printf(", due the gap after %s", file->waits_for);
}

static void show_head(const struct migrations_job *job)
{
	const struct hm_migrate_state *state = &job->state;

	printf("%-12s ", job->config.service);
	print_styled(stdout, state->n_applied == state->n_files ? STYLE_GOOD : STYLE_BOLD, "%s",
		     hm_migrate_phase_name(state->phase));
	printf("   %zu applied, %zu pending\n", state->n_applied, state->n_files - state->n_applied);
	if (state->broken)
		print_styled(stdout, STYLE_BAD, "  does not hold: %s\n", state->broken);
}

static void show_status(const struct migrations_job *job)
{
	show_head(job);
	for (size_t i = 0; i < job->state.n_files; i++) {
		const struct hm_migration_state *file = &job->state.files[i];

		printf("  %-32s %s", file->name, file->applied_at ? file->applied_at : "pending");
		show_kind(file);
		putchar('\n');
	}
}

static void show_plan(const struct migrations_job *job)
{
	show_head(job);
	for (size_t i = job->state.n_applied; i < job->state.n_files; i++) {
		printf("  %-32s pending", job->state.files[i].name);
		show_kind(&job->state.files[i]);
		putchar('\n');
	}
}

static void show_trial(const struct migrations_job *job)
{
	static const char *const words[] = {
		[HM_TRIAL_NONE] = "could not be tried",
		[HM_TRIAL_WHOLE] = "runs",
		[HM_TRIAL_FIRST_BATCH] = "runs, as far as its first batch",
	};

	show_head(job);
	for (size_t i = job->state.n_applied; i < job->state.n_files; i++) {
		printf("  %-32s %s", job->state.files[i].name, words[job->state.files[i].trial]);
		show_kind(&job->state.files[i]);
		putchar('\n');
	}
}

/* ---- For machines ------------------------------------------------------------------------------------------------ */

static void add_text(struct hm_buffer *json, const char *name, const char *text)
{
	if (!text)
		return;
	hm_buffer_printf(json, ",\"%s\":", name);
	hm_json_write_text(json, text, strlen(text));
}

static void write_file(struct hm_buffer *json, const struct hm_migration_state *file)
{
	static const char *const kinds[] = {
		[HM_MIGRATION_ORDINARY] = "ordinary",
		[HM_MIGRATION_NOTRANSACTION] = "notransaction",
		[HM_MIGRATION_BACKFILL] = "backfill",
		[HM_MIGRATION_CONTRACT] = "contract",
	};
	static const char *const trials[] = { NULL, "whole", "firstBatch" };

	hm_buffer_printf(json, "{\"kind\":\"%s\"", kinds[file->kind]);
	add_text(json, "name", file->name);
	add_text(json, "appliedAt", file->applied_at);
	add_text(json, "dueAt", file->due_at);
	add_text(json, "waitsFor", file->waits_for);
	add_text(json, "tried", trials[file->trial]);
	if (file->is_begun && file->kind == HM_MIGRATION_BACKFILL)
		hm_buffer_printf(json, ",\"rowsPassed\":%llu,\"rowsEstimated\":%llu,\"rowsChanged\":%llu",
				 (unsigned long long)file->rows_passed, (unsigned long long)file->rows_estimated,
				 (unsigned long long)file->rows_changed);
	hm_buffer_add_text(json, "}");
}

static void write_job(const struct migrations_job *job)
{
	const struct hm_migrate_state *state = &job->state;
	struct hm_buffer json = { 0 };

	hm_buffer_printf(&json, "{\"service\":\"%s\"", job->config.service);
	if (job->status != HM_OK) {
		add_text(&json, "code", hm_status_name(job->error.code));
		add_text(&json, "message", job->error.message);
		add_text(&json, "reason", *job->error.reason ? job->error.reason : NULL);
	} else {
		add_text(&json, "phase", hm_migrate_phase_name(state->phase));
		add_text(&json, "broken", state->broken);
		hm_buffer_printf(&json, ",\"applied\":%zu,\"pending\":%zu,\"files\":[", state->n_applied,
				 state->n_files - state->n_applied);
		for (size_t i = 0; i < state->n_files; i++) {
			hm_buffer_add_text(&json, i ? "," : "");
			write_file(&json, &state->files[i]);
		}
		hm_buffer_add_text(&json, "]");
	}
	hm_buffer_add_text(&json, "}\n");
	fwrite(json.data, 1, json.size, stdout);
	hm_buffer_fini(&json);
}

/* ---- The command ------------------------------------------------------------------------------------------------- */

/* What can be asked for, by an option; the first by none. */
static const struct mode {
	migrations_action *action;
	void (*show)(const struct migrations_job *job); /* NULL: progress was shown */
	const char *done; /* for people, at the end */
	bool needs_admin;
} modes[] = {
	{ migrations_apply, NULL, "every schema is up to date", false },
	{ migrations_bootstrap, NULL, "roles, schemas and extensions are there", true },
	{ migrations_inspect, show_status, NULL, false },
	{ migrations_inspect, show_plan, NULL, false },
	{ migrations_try, show_trial, "nothing was changed", false },
};

/* Only what is shown is shown of each; what went wrong is told of all but the first, which ends the program. */
static void show(const struct options *options, const struct mode *mode, const struct migrations *migrations)
{
	bool is_first = true;

	for (size_t i = 0; i < migrations->n; i++) {
		const struct migrations_job *job = &migrations->jobs[i];

		if (mode->show && options->json)
			write_job(job);
		else if (mode->show && job->status == HM_OK)
			mode->show(job);
		if (job->status == HM_OK)
			continue;
		if (!is_first)
			step(options, "failed", "%-12s %s", job->config.service, job->error.message);
		is_first = false;
	}
}

static int run_mode(const struct options *options, const struct mode *mode, struct migrations *migrations)
{
	hm_status status = migrations_run(migrations, mode->action);
	const struct hm_error error = *hm_error_get();

	show(options, mode, migrations);
	if (status == HM_OK && mode->done && !options->json)
		print_styled(stderr, STYLE_GOOD, "%s\n", mode->done);
	if (status == HM_OK || hm_error_set(&error) == HM_OK)
		return 0;
	return options->json && mode->show ? 1 : fail(options); /* each service's line says it */
}

static int migrate(const struct options *options, const struct mode *mode, const struct hm_service *const *services)
{
	SCOPED(hm_cluster) cluster = NULL;
	struct migrations migrations;
	const char *dsn, *admin_dsn;
	int exit_status;

	if (setup_cluster(options, &cluster, &dsn) != HM_OK)
		return fail(options);
	admin_dsn = cluster ? hm_cluster_admin_dsn(cluster) : getenv("HALLMARK_ADMIN_DSN");
	if (admin_dsn && !*admin_dsn)
		admin_dsn = NULL; /* to libpq no conninfo at all is the server of this host */
	if (mode->needs_admin && !admin_dsn) {
		(void)hm_raise(INVALID_ARGUMENT,
			       "--bootstrap needs a credential that may create roles: put its conninfo into "
			       "$HALLMARK_ADMIN_DSN (and its password into a passfile)");
		return fail(options);
	}
	migrations_init(&migrations, options, services, admin_dsn, dsn, setup_contract_gap_s(options));
	exit_status = run_mode(options, mode, &migrations);
	migrations_fini(&migrations);
	return exit_status;
}

static int run_migrate(const struct options *options)
{
	const bool asked[] = { false, options->bootstrap, options->status, options->plan, options->dry_run };
	const struct hm_service *services[LIST_MAX] = { NULL };
	size_t n_asked = 0, mode = 0;

	for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
		n_asked += asked[i];
		mode = asked[i] ? i : mode;
	}
	if (n_asked > 1)
		return usage_fail(&migrate_command);
	for (size_t i = 0; i < options->n_arguments; i++) {
		services[i] = services_find(options->arguments[i]);
		if (!services[i])
			return fail(options);
	}
	return migrate(options, &modes[mode], options->n_arguments ? services : hm_services);
}

const struct command migrate_command = {
	.name = "migrate",
	.usage = "[SERVICE…] [--dsn CONNINFO] [--bootstrap | --status | --plan | --dry-run]",
	.summary = "bring schemas up to date and put the rules on every table",
	.takes = "dBSPDGT",
	.notes = "Without --dsn the embedded cluster under --var. $HALLMARK_ADMIN_DSN is the conninfo of who may "
		 "create roles: "
		 "--bootstrap makes\n"
		 "roles, schemas and extensions with it and ends; without --bootstrap, if it is set, what is missing "
		 "of them is "
		 "made first.\n"
		 "Files, their headers and phases are in docs/migrations.md.\n",
	.run = run_migrate,
};
