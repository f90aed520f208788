/* Migrations: a few threads that take one service after the other, and what is told of each meanwhile. */
#include "migrations.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { AT_ONCE = 8 };

/* ---- Progress ---------------------------------------------------------------------------------------------------- */

static bool has_live_line(const struct options *options)
{
	return !options->json && isatty(STDERR_FILENO);
}

/* On a terminal the last line may be a backfill's, to be overwritten. */
static void on_step(void *user, const char *service, const char *what)
{
	const struct migrations_job *job = user;

	if (has_live_line(job->options))
		fputs("\r\033[K", stderr);
	step(job->options, "migrate", "%-12s %s", service, what);
}

static void on_rows(void *user, const char *service, const char *file, uint64_t passed, uint64_t estimated)
{
	struct migrations_job *job = user;
	unsigned percent = estimated > passed ? (unsigned)(passed * 100 / estimated) : 99;

	if (has_live_line(job->options)) {
		fprintf(stderr, "\r\033[K  migrate    %-12s %s %u %%, %llu rows", service, file, percent,
			(unsigned long long)passed);
	} else if (percent / 10 != job->tenths) {
		job->tenths = percent / 10;
		step(job->options, "migrate", "%-12s %s %u %%", service, file, percent);
	}
}

/* ---- Services ---------------------------------------------------------------------------------------------------- */

static void add(struct migrations *migrations, const struct options *options, const struct hm_service *service,
		struct hm_migrate_config config)
{
	struct migrations_job *job = &migrations->jobs[migrations->n++];

	job->options = options;
	job->config = config;
	snprintf(job->directory, sizeof job->directory, "services/%s/migrations", service->table->short_name);
	job->progress = (struct hm_migrate_progress){ .user = job, .step = on_step, .rows = on_rows };
	job->config.service = service->table->short_name;
	job->config.directory = job->directory;
	job->config.progress = &job->progress;
}

void migrations_init(struct migrations *migrations, const struct options *options,
		     const struct hm_service *const *services, const char *admin_dsn, const char *dsn,
		     int64_t contract_gap_s)
{
	const struct hm_migrate_config config = {
		.admin_dsn = admin_dsn,
		.dsn = dsn,
		.contract_gap_s = options->contract_gap_s ? options->contract_gap_s : contract_gap_s,
		.statement_timeout_ms = options->statement_timeout_ms,
	};

	*migrations = (struct migrations){ 0 };
	for (; *services && migrations->n < LIST_MAX; services++)
		if ((*services)->table->schema)
			add(migrations, options, *services, config);
}

void migrations_fini(struct migrations *migrations)
{
	for (size_t i = 0; i < migrations->n; i++)
		hm_arena_fini(&migrations->jobs[i].arena);
}

hm_status migrations_apply(struct migrations_job *job)
{
	return hm_migrate(&job->config);
}

hm_status migrations_bootstrap(struct migrations_job *job)
{
	return hm_migrate_bootstrap(&job->config);
}

hm_status migrations_inspect(struct migrations_job *job)
{
	return hm_migrate_inspect(&job->config, &job->arena, &job->state);
}

hm_status migrations_try(struct migrations_job *job)
{
	return hm_migrate_try(&job->config, &job->arena, &job->state);
}

/* ---- Side by side ------------------------------------------------------------------------------------------------ */

struct crew {
	struct migrations *migrations;
	migrations_action *action;
	atomic_size_t next;
};

static void *work(void *user)
{
	struct crew *crew = user;

	for (size_t i; (i = atomic_fetch_add(&crew->next, 1)) < crew->migrations->n;) {
		struct migrations_job *job = &crew->migrations->jobs[i];

		job->status = crew->action(job);
		if (job->status != HM_OK)
			job->error = *hm_error_get();
	}
	return NULL;
}

hm_status migrations_run(struct migrations *migrations, migrations_action *action)
{
	struct crew crew = { .migrations = migrations, .action = action };
	pthread_t threads[AT_ONCE];
	size_t n = 0;

	while (n < AT_ONCE && n + 1 < migrations->n && !pthread_create(&threads[n], NULL, work, &crew))
		n++;
	work(&crew); /* with every thread that could be had, and without any */
	while (n)
		pthread_join(threads[--n], NULL);
	for (size_t i = 0; i < migrations->n; i++)
		if (migrations->jobs[i].status != HM_OK)
			return hm_error_set(&migrations->jobs[i].error);
	return HM_OK;
}
