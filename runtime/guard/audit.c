/*
 * Audit: entries into the table, one by one within a call's transaction, or grouped.
 *
 * Grouping is leader and followers: who finds nobody writing takes all that waits, commits it as one transaction and wakes
 * the others; meanwhile the next group gathers, and its first becomes the next leader. So one commit carries as many entries as
 * arrived during the last, and a lone entry never waits for company. Each thread sleeps on a word of its own entry: a commit wakes
 * those it concerns, and these need no lock any more.
 */
#include "guard/audit.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/exposition.h"
#include "rpc/wait.h"

enum { GROUP_MAX = 128, GROUP_TIMEOUT_MS = 5000, GROUP_BUCKETS = 9 };

static const char *const parameters[] = { "audit_id",       "occurred_at_us",   "actor_type",  "audit_actor_id",
					  "actor_brand_id", "event_type",       "entity_type", "entity_id",
					  "audit_brand_id", "audit_request_id", "details",     NULL };

/* The source document's table, column for column. */
static const struct hm_query insert_entry = {
	.name = "audit_insert",
	.sql = "INSERT INTO audit_log (id, occurred_at, actor_type, actor_id, actor_brand_id, event_type, entity_type,"
	       " entity_id, brand_id, request_id, details) "
	       "VALUES ($1::uuid, timestamptz 'epoch' + $2::int8 * interval '1 microsecond', $3::text, $4::text, "
	       "$5::text,"
	       " $6::text, $7::text, $8::text, $9::text, $10::text, $11::jsonb)",
	.rows = HM_ROWS_NONE,
	.parameters = parameters,
	.file = __FILE__,
	.line = __LINE__,
};

static const char *const list_parameters[] = { "entity_type", "entity_id", "actor_id",   "event_type", "request_id",
					       "from",        "until",     "page_token", "page_size",  NULL };

const struct hm_query hm_audit_list = {
	.name = "ListAudit",
	.sql =
#include "runtime/guard/list_audit.sql.h"
		,
	.rows = HM_ROWS_MANY,
	.is_rpc = true,
	.parameters = list_parameters,
	.file = "runtime/guard/list_audit.sql",
	.line = 1,
};

struct hm_audit_writer {
	struct hm_store *store;
	pthread_mutex_t lock;
	struct hm_audit_entry *first, **last; /* waiting, in order of arrival */
	bool is_writing;
	/* Counted, under the lock. */
	uint64_t n_waiting, failed, busy_us;
	uint64_t groups[GROUP_BUCKETS], entries; /* by the group's size: up to 1, 2, 4 … 128, more */
};

hm_status hm_audit_append(struct hm_tx *tx, const struct hm_audit_entry *entry)
{
	return hm_tx_append(tx, &insert_entry, NULL, entry->values);
}

hm_status hm_audit_writer_open(struct hm_store *store, struct hm_audit_writer **ret_writer)
{
	struct hm_audit_writer *writer = calloc(1, sizeof *writer);

	if (!writer)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for an audit writer");
	writer->store = store;
	writer->last = &writer->first;
	pthread_mutex_init(&writer->lock, NULL);
	*ret_writer = writer;
	return HM_OK;
}

void hm_audit_writer_close(struct hm_audit_writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}

/* Commits a chain of entries in one transaction of the system role, which alone may write for several brands at once. */
static hm_status commit_entries(struct hm_store *store, struct hm_arena *arena, const struct hm_audit_entry *first)
{
	const struct hm_tx_options options = {
		.role = HM_ROLE_SYSTEM,
		.deadline_us = hm_clock_mono_us() + GROUP_TIMEOUT_MS * HM_US_PER_MS,
	};
	struct hm_tx *tx;

	TRY(hm_tx_open(store, arena, &options, &tx));
	for (; first; first = first->next) {
		hm_status status = hm_audit_append(tx, first);

		if (status != HM_OK) {
			hm_tx_rollback(tx);
			return status;
		}
	}
	return hm_tx_commit(tx);
}

static struct hm_error *copy_error(void)
{
	struct hm_error *copy = malloc(sizeof *copy);

	if (!copy)
		abort();
	*copy = *hm_error_get();
	return copy;
}

/* Whether one entry may be to blame for its group. If PostgreSQL is away or does not answer, each alone would wait for it
 * again, and all the group's calls for the sum. */
static bool may_be_ones_fault(hm_status status)
{
	return status == HM_INVALID_ARGUMENT || status == HM_ALREADY_EXISTS || status == HM_FAILED_PRECONDITION ||
	       status == HM_PERMISSION_DENIED || status == HM_INTERNAL;
}

/* A group fails as a whole; then each entry is tried alone, so that one bad entry fails one call. */
static void write_group(struct hm_audit_writer *writer, struct hm_audit_entry *first)
{
	struct hm_arena arena = { 0 };
	hm_status status = commit_entries(writer->store, &arena, first);
	bool each_alone = may_be_ones_fault(status) && first->next;

	for (struct hm_audit_entry *entry = first; entry; entry = entry->next) {
		struct hm_audit_entry *next = entry->next;

		if (each_alone) {
			entry->next = NULL;
			status = commit_entries(writer->store, &arena, entry);
			entry->next = next;
		}
		if (status != HM_OK)
			entry->error = copy_error();
	}
	hm_arena_fini(&arena);
}

/* Cuts a group off the beginning of a chain. */
static struct hm_audit_entry *cut_group(struct hm_audit_entry **chain)
{
	struct hm_audit_entry *first = *chain, **link = chain;

	for (int i = 0; i < GROUP_MAX && *link; i++)
		link = &(*link)->next;
	*chain = *link;
	*link = NULL;
	return first;
}

static struct hm_audit_entry *take_group(struct hm_audit_writer *writer)
{
	struct hm_audit_entry *first = cut_group(&writer->first);

	for (const struct hm_audit_entry *entry = first; entry; entry = entry->next)
		writer->n_waiting--;
	if (!writer->first)
		writer->last = &writer->first;
	return first;
}

/* Ends the sleep of an entry's thread. Its memory may be gone as soon as the word is moved. */
static void wake(struct hm_audit_entry *entry)
{
	_Atomic uint32_t *turn = &entry->turn;

	if (hm_wait_move(turn, HM_WAIT_ENDED))
		hm_wait_wake(turn);
}

/* Who waits longest is the next leader; nobody, if nobody waits. */
static void hand_over(struct hm_audit_writer *writer)
{
	struct hm_audit_entry *next;

	pthread_mutex_lock(&writer->lock);
	next = writer->first;
	writer->is_writing = next;
	if (next)
		next->leads = true;
	pthread_mutex_unlock(&writer->lock);
	if (next)
		wake(next);
}

static unsigned group_bucket(uint64_t entries)
{
	unsigned bucket = entries > 1 ? 64 - (unsigned)__builtin_clzll(entries - 1) : 0;

	return bucket < GROUP_BUCKETS ? bucket : GROUP_BUCKETS - 1;
}

static void count_group(struct hm_audit_writer *writer, const struct hm_audit_entry *group, int64_t busy_us)
{
	uint64_t entries = 0, failed = 0;

	for (; group; group = group->next) {
		entries++;
		failed += group->error != NULL;
	}
	pthread_mutex_lock(&writer->lock);
	writer->groups[group_bucket(entries)]++;
	writer->entries += entries;
	writer->failed += failed;
	writer->busy_us += (uint64_t)busy_us;
	pthread_mutex_unlock(&writer->lock);
}

/* Writes a group. The leader's own entry is the first of all that wait, so it is in it. */
static void lead(struct hm_audit_writer *writer, const struct hm_audit_entry *own)
{
	struct hm_audit_entry *group, *next;
	int64_t began_us;

	pthread_mutex_lock(&writer->lock);
	group = take_group(writer);
	pthread_mutex_unlock(&writer->lock);
	began_us = hm_clock_mono_us();
	write_group(writer, group);
	count_group(writer, group, hm_clock_mono_us() - began_us);
	hand_over(writer);
	for (; group; group = next) {
		next = group->next;
		if (group != own)
			wake(group);
	}
}

/* Queues the entry. True: nobody was writing, and now this thread leads. */
static bool join(struct hm_audit_writer *writer, struct hm_audit_entry *entry)
{
	bool leads;

	entry->next = NULL;
	entry->leads = false;
	atomic_store(&entry->turn, HM_WAIT_WAITING);
	pthread_mutex_lock(&writer->lock);
	*writer->last = entry;
	writer->last = &entry->next;
	writer->n_waiting++;
	leads = entry->leads = !writer->is_writing;
	writer->is_writing = true;
	pthread_mutex_unlock(&writer->lock);
	return leads;
}

void hm_audit_writer_record_all(struct hm_audit_writer *writer, struct hm_audit_entry *first)
{
	while (first) {
		struct hm_audit_entry *group = cut_group(&first), *last = group;
		int64_t began_us = hm_clock_mono_us();

		write_group(writer, group);
		count_group(writer, group, hm_clock_mono_us() - began_us);
		while (last->next)
			last = last->next;
		last->next = first;
	}
}

hm_status hm_audit_writer_record(struct hm_audit_writer *writer, struct hm_audit_entry *entry)
{
	hm_status status;

	if (!join(writer, entry))
		hm_wait_until(&entry->turn, 0);
	if (entry->leads)
		lead(writer, entry);
	if (!entry->error)
		return HM_OK;
	status = hm_error_set(entry->error);
	free(entry->error);
	return status;
}

void hm_audit_writer_collect(struct hm_audit_writer *writer, const char *service, struct hm_exposition *exposition)
{
	static const struct hm_metric waiting = { "hallmark_audit_entries_waiting", HM_GAUGE,
						  "Audit entries that wait for the next group." };
	static const struct hm_metric failed = { "hallmark_audit_entries_failed_total", HM_COUNTER,
						 "Audit entries that could not be written; their calls failed." };
	static const struct hm_metric busy = { "hallmark_audit_commit_seconds_total", HM_COUNTER,
					       "How long writing groups of entries took, all together." };
	static const struct hm_metric groups = { "hallmark_audit_group_entries", HM_HISTOGRAM,
						 "Groups of audit entries written, by their size." };
	static const double bounds[GROUP_BUCKETS - 1] = { 1, 2, 4, 8, 16, 32, 64, 128 };
	const struct hm_label labels[] = { { "service", service }, { 0 } };
	struct hm_audit_writer now;

	pthread_mutex_lock(&writer->lock);
	now = *writer;
	pthread_mutex_unlock(&writer->lock);
	hm_exposition_add(exposition, &waiting, (double)now.n_waiting, labels);
	hm_exposition_add(exposition, &failed, (double)now.failed, labels);
	hm_exposition_add(exposition, &busy, (double)now.busy_us / HM_US_PER_S, labels);
	hm_exposition_add_distribution(exposition, &groups,
				       &(struct hm_distribution){ .bounds = bounds,
								  .counts = now.groups,
								  .n_bounds = GROUP_BUCKETS - 1,
								  .sum = (double)now.entries },
				       labels);
}
