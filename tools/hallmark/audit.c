/*
 * audit: the audit logs of all services as one. `tail` shows the newest entries, and goes on with --follow; `show` draws one
 * request's path as a tree: an entry's parent is the entry whose span it names.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/clock.h"
#include "client.h"
#include "gen/hallmark/audit.pb-c.h"
#include "host/services.h"
#include "wire/json.h"
#include "wire/message.h"

enum {
	TAIL_SIZE = 20,
	PAGE_SIZE = 500,
	PAGES_MAX = 20,
	POLL_MS = 500,
	LOOK_BACK_S = 10,
	METHOD_WIDTH = 44,
	EVENT_WIDTH = 24
};

/* An entry, with what its details say. Everything lives in the arena of its log. */
struct entry {
	const Hallmark__AuditEntry *row;
	const char *service, *method, *outcome, *span, *parent, *peer;
	int64_t latency_us;
	bool is_shown;
};

struct log {
	struct hm_arena arena;
	struct entry *entries;
	size_t n_entries, room;
};

static const char *detail(struct hm_arena *arena, const json_t *details, const char *key)
{
	return hm_arena_strdup(arena, json_string_value(json_object_get(details, key)));
}

static void add_entry(struct log *log, const char *service, const Hallmark__AuditEntry *row)
{
	json_t *details = json_loads(row->details ? row->details : "{}", 0, NULL);
	ProtobufCMessage *copy;

	if (log->n_entries == log->room) {
		log->room = log->room ? log->room * 2 : 64;
		log->entries = reallocarray(log->entries, log->room, sizeof *log->entries);
		if (!log->entries)
			abort();
	}
	if (hm_message_copy(&log->arena, &row->base, &copy) == HM_OK)
		log->entries[log->n_entries++] = (struct entry){
			.row = (const Hallmark__AuditEntry *)copy,
			.service = service,
			.method = detail(&log->arena, details, "method"),
			.outcome = detail(&log->arena, details, "outcome"),
			.span = detail(&log->arena, details, "span"),
			.parent = detail(&log->arena, details, "parent"),
			.peer = detail(&log->arena, details, "peer"),
			.latency_us = json_integer_value(json_object_get(details, "latency_us")),
		};
	json_decref(details);
}

static void log_fini(struct log *log)
{
	free(log->entries);
	hm_arena_fini(&log->arena);
	*log = (struct log){ 0 };
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->row->id, ((const struct entry *)b)->row->id);
}

/* Asks one service for what is wanted, all brands' rules applying: the newest, or up to so many pages. */
static hm_status ask(const struct options *options, struct hm_context *context, const struct hm_service *service,
		     const Hallmark__ListAuditRequest *wanted, unsigned pages, struct log *log)
{
	const struct hm_method *method = hm_method_find(service->table, "ListAudit");
	SCOPED(hm_channel) channel = NULL;
	Hallmark__ListAuditRequest page = *wanted;
	const bool wants_all = pages > 1;
	const Hallmark__ListAuditReply *reply;
	ProtobufCMessage *message;

	if (!method)
		return HM_OK;
	TRY(client_channel(options, service->table->short_name, &channel));
	do {
		TRY(hm_channel_call(channel, context, method, &page.base, &message));
		reply = (const Hallmark__ListAuditReply *)message;
		for (size_t i = 0; i < reply->n_entries; i++)
			add_entry(log, service->table->short_name, reply->entries[i]);
		page.page_token = reply->next_page_token;
	} while (--pages && page.page_token);
	if (wants_all && page.page_token)
		fprintf(stderr, "hallmark: service %s has older entries, which are not shown\n",
			service->table->short_name);
	return HM_OK;
}

static hm_status ask_all(const struct options *options, struct hm_context *context,
			 const Hallmark__ListAuditRequest *wanted, unsigned pages, struct log *log)
{
	for (const struct hm_service *const *service = hm_services; *service; service++)
		TRY(ask(options, context, *service, wanted, pages, log));
	if (log->n_entries)
		qsort(log->entries, log->n_entries, sizeof *log->entries, by_id);
	return HM_OK;
}

static void print_json(const struct entry *entry)
{
	struct hm_buffer json = { 0 };

	hm_json_write(&json, &entry->row->base);
	printf("%s\n", json.data);
	hm_buffer_fini(&json);
}

/* An entity's id may be whatever a caller wrote, also one who was refused. */
static void print_entity(const Hallmark__AuditEntry *row)
{
	print_foreign(stdout, row->entity_type);
	putchar('/');
	print_foreign(stdout, row->entity_id);
}

static void print_actor(const Hallmark__AuditEntry *row)
{
	print_foreign(stdout, row->actor_id);
	putchar('@');
	print_foreign(stdout, row->brand_id);
}

/* By its name in our own words. */
static void print_outcome(const char *outcome)
{
	int code = outcome ? hm_status_find(outcome) : -1;

	if (outcome && !strcmp(outcome, "OPENED")) { /* a stream; how it went is another entry */
		print_styled(stdout, STYLE_DIM, "%-19s ", "OPENED");
		return;
	}
	print_styled(stdout, code == HM_OK ? STYLE_GOOD : STYLE_BAD, "%-19s ", hm_status_name(code));
}

static void print_row(const struct options *options, const struct entry *entry)
{
	char time[HM_TIME_BYTES] = "-";
	const Hallmark__AuditEntry *row = entry->row;
	const Google__Protobuf__Timestamp *at = row->occurred_at;

	if (options->json) {
		print_json(entry);
		return;
	}
	if (at)
		hm_time_format(at->seconds * HM_US_PER_S + at->nanos / 1000, time);
	print_styled(stdout, STYLE_DIM, "%-27s ", time);
	print_foreign_in(stdout, EVENT_WIDTH, row->event_type);
	putchar(' ');
	print_outcome(entry->outcome);
	print_actor(row);
	printf("  ");
	if (row->entity_id)
		print_entity(row);
	else
		putchar('-');
	printf("  ");
	print_foreign(stdout, row->request_id);
	putchar('\n');
}

/* Prints what the poll before did not have. The questions themselves are entries too; they are no news to who asks. */
static void print_news(const struct options *options, const struct log *before, const struct log *now, size_t first,
		       const char *self)
{
	for (size_t i = first; i < now->n_entries; i++) {
		const struct entry *entry = &now->entries[i];

		if (before->n_entries && bsearch(entry, before->entries, before->n_entries, sizeof *entry, by_id))
			continue;
		if (!entry->row->request_id || strcmp(entry->row->request_id, self))
			print_row(options, entry);
	}
	fflush(stdout);
}

/* An entry is seen when it is committed, which may be after a younger one: each poll looks back some seconds. */
static hm_status tail_with(const struct options *options, struct hm_context *context)
{
	Hallmark__ListAuditRequest wanted = HALLMARK__LIST_AUDIT_REQUEST__INIT;
	Google__Protobuf__Timestamp from = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	const struct hm_id request_id = context->request_id;
	struct log before = { 0 }, now = { 0 };
	char self[HM_ID_TEXT_BYTES];
	hm_status status;

	hm_id_format(&request_id, self);
	wanted.has_page_size = true;
	wanted.page_size = options->follow ? PAGE_SIZE : TAIL_SIZE;
	while ((status = ask_all(options, context, &wanted, wanted.from ? PAGES_MAX : 1, &now)) == HM_OK) {
		bool cuts = !wanted.from && now.n_entries > TAIL_SIZE;

		print_news(options, &before, &now, cuts ? now.n_entries - TAIL_SIZE : 0, self);
		log_fini(&before);
		before = now;
		now = (struct log){ 0 };
		if (!options->follow)
			break;
		nanosleep(&pause, NULL);
		hm_context_reset(context);
		context->request_id = request_id;
		from.seconds = hm_clock_wall_us() / HM_US_PER_S - LOOK_BACK_S;
		wanted.from = &from;
	}
	log_fini(&before);
	log_fini(&now);
	return status;
}

static int tail(const struct options *options)
{
	SCOPED(hm_context) context = NULL;

	if (client_open(options, &context) != HM_OK || tail_with(options, context) != HM_OK)
		return fail(options);
	return 0;
}

/* A node is indented by three columns a level; what follows the method stays in its column. */
static void print_node(const struct entry *entry, const char *lines, const char *joint, unsigned depth)
{
	const Hallmark__AuditEntry *row = entry->row;
	size_t indent = (size_t)3 * depth;

	printf("%s%s", lines, joint);
	print_foreign_in(stdout, indent < METHOD_WIDTH ? METHOD_WIDTH - indent : 0, entry->method);
	putchar(' ');
	print_outcome(entry->outcome);
	printf("%7.1f ms  ", (double)entry->latency_us / HM_US_PER_MS);
	print_foreign(stdout, row->event_type);
	if (row->entity_id) {
		printf("  ");
		print_entity(row);
	}
	printf("  ");
	print_actor(row);
	putchar('\n');
}

static bool is_child(const struct entry *entry, const struct entry *parent)
{
	return entry->parent && parent->span && !strcmp(entry->parent, parent->span);
}

/* A root's caller left no entry: it is outside, or wrote nothing down. */
static bool is_root(const struct log *log, const struct entry *entry)
{
	for (size_t i = 0; i < log->n_entries; i++)
		if (is_child(entry, &log->entries[i]))
			return false;
	return true;
}

enum { DEPTH_MAX = 32, LINES_BYTES = DEPTH_MAX * 8 };

static void print_tree(struct log *log, const struct entry *parent, const char *lines, unsigned depth)
{
	const struct entry *last = NULL;

	for (size_t i = 0; i < log->n_entries; i++)
		if (is_child(&log->entries[i], parent))
			last = &log->entries[i];
	for (size_t i = 0; i < log->n_entries && depth < DEPTH_MAX; i++) {
		struct entry *entry = &log->entries[i];
		char deeper[LINES_BYTES];

		if (entry->is_shown || !is_child(entry, parent))
			continue;
		entry->is_shown = true;
		print_node(entry, lines, entry == last ? "└─ " : "├─ ", depth);
		snprintf(deeper, sizeof deeper, "%s%s", lines, entry == last ? "   " : "│  ");
		print_tree(log, entry, deeper, depth + 1);
	}
}

/* The trees, then what hangs on none: too deep, or its parent not of its making. Nothing is left out. */
static void print_trees(struct log *log)
{
	for (int takes_all = 0; takes_all < 2; takes_all++) {
		for (size_t i = 0; i < log->n_entries; i++) {
			struct entry *entry = &log->entries[i];

			if (entry->is_shown || (!takes_all && !is_root(log, entry)))
				continue;
			entry->is_shown = true;
			print_node(entry, "", "", 0);
			print_tree(log, entry, "", 1);
		}
	}
}

static hm_status read_request(const struct options *options, const char *request_id, struct log *log)
{
	Hallmark__ListAuditRequest wanted = HALLMARK__LIST_AUDIT_REQUEST__INIT;
	SCOPED(hm_context) context = NULL;

	wanted.request_id = request_id;
	wanted.has_page_size = true;
	wanted.page_size = PAGE_SIZE;
	TRY(client_open(options, &context));
	TRY(ask_all(options, context, &wanted, PAGES_MAX, log));
	if (!log->n_entries)
		return hm_raise(NOT_FOUND, "no entries of request %s that brand %s may see", request_id,
				options->brand ? options->brand : "system");
	return HM_OK;
}

static int show(const struct options *options, const char *request_id)
{
	struct log log = { 0 };
	hm_status status = read_request(options, request_id, &log);

	for (size_t i = 0; status == HM_OK && options->json && i < log.n_entries; i++)
		print_json(&log.entries[i]);
	if (status == HM_OK && !options->json)
		print_trees(&log);
	log_fini(&log);
	return status == HM_OK ? 0 : fail(options);
}

static int run_audit(const struct options *options)
{
	if (options->n_arguments == 1 && !strcmp(options->arguments[0], "tail"))
		return tail(options);
	if (options->n_arguments == 2 && !strcmp(options->arguments[0], "show"))
		return show(options, options->arguments[1]);
	return usage_fail(&audit_command);
}

const struct command audit_command = {
	.name = "audit",
	.usage = "tail [--follow] | show REQUEST   [--brand BRAND] --as NAME|operator",
	.summary = "read the audit logs of all services as one",
	.takes = "bacFs",
	.notes = "tail shows the newest entries of all services. show draws a request's path: which call made which.\n"
		 "It reads the log of one brand; --as operator without --brand reads the system's own.\n",
	.run = run_audit,
};
