/*
 * Audit: entries into the table, one by one within a call's transaction, or grouped.
 *
 * Grouping is leader and followers: who finds nobody writing takes all that waits, commits it as one transaction and wakes
 * the others; meanwhile the next group gathers. So one commit carries as many entries as arrived during the last, and a
 * lone entry never waits for company.
 */
#include "guard/audit.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

enum { GROUP_MAX = 128, GROUP_TIMEOUT_MS = 5000 };

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

struct hm_audit_writer {
	struct hm_store *store;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct hm_audit_entry *first, **last; /* waiting, in order of arrival */
	bool is_writing;
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
	pthread_cond_init(&writer->changed, NULL);
	*ret_writer = writer;
	return HM_OK;
}

void hm_audit_writer_close(struct hm_audit_writer *writer)
{
	if (!writer)
		return;
	pthread_cond_destroy(&writer->changed);
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

static struct hm_audit_entry *take_group(struct hm_audit_writer *writer)
{
	struct hm_audit_entry *first = writer->first, **link = &writer->first;

	for (int i = 0; i < GROUP_MAX && *link; i++)
		link = &(*link)->next;
	writer->first = *link;
	*link = NULL;
	if (!writer->first)
		writer->last = &writer->first;
	return first;
}

/* Writes groups until this thread's own entry is among those written. Called and left with the lock held. */
static void lead(struct hm_audit_writer *writer, const struct hm_audit_entry *own)
{
	writer->is_writing = true;
	while (!own->is_done) {
		struct hm_audit_entry *group = take_group(writer);

		pthread_mutex_unlock(&writer->lock);
		write_group(writer, group);
		pthread_mutex_lock(&writer->lock);
		while (group) {
			struct hm_audit_entry *next = group->next;

			group->is_done = true; /* from here on it belongs to its own thread */
			group = next;
		}
		pthread_cond_broadcast(&writer->changed);
	}
	writer->is_writing = false;
}

hm_status hm_audit_writer_record(struct hm_audit_writer *writer, struct hm_audit_entry *entry)
{
	hm_status status = HM_OK;

	pthread_mutex_lock(&writer->lock);
	entry->next = NULL;
	*writer->last = entry;
	writer->last = &entry->next;
	while (!entry->is_done && writer->is_writing)
		pthread_cond_wait(&writer->changed, &writer->lock);
	if (!entry->is_done) {
		lead(writer, entry);
		pthread_cond_broadcast(&writer->changed); /* the next leader, if entries came meanwhile */
	}
	pthread_mutex_unlock(&writer->lock);
	if (entry->error) {
		status = hm_error_set(entry->error);
		free(entry->error);
	}
	return status;
}
