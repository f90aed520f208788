/*
 * Conformance: what must hold for every method of every service, walked from the method tables. A new service is under
 * these tests the moment it exists.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "client/stream.h"
#include "host/services.h"
#include "tests/fixture.h"
#include "tests/rpc_world.h"
#include "tests/services.h"
#include "wire/message.h"

enum { SERVICES_MAX = 64 };

/* Every service there is, the test ones too. */
static const struct hm_service *all_services[SERVICES_MAX];

static struct fixture serve_all(void)
{
	size_t n = 0;

	for (const struct hm_service *const *service = hm_services; *service; service++)
		all_services[n++] = *service;
	for (const struct hm_service *const *service = test_services; *service; service++)
		all_services[n++] = *service;
	cr_assert_lt(n, SERVICES_MAX);
	return fixture_serving_all(all_services, NULL);
}

static const struct hm_field_rule *find_rule(const struct hm_message_rules *rules, unsigned field)
{
	for (unsigned i = 0; rules && i < rules->n_fields; i++)
		if (rules->fields[i].field == field)
			return &rules->fields[i];
	return NULL;
}

/* A request that passes decoding and most rules: strings and ids where they are required, nothing else. */
static ProtobufCMessage *make_request(struct hm_arena *arena, const struct hm_method *method)
{
	ProtobufCMessage *request = hm_message_new(arena, method->request);
	struct hm_id id = hm_id_new();
	char *text = hm_arena_alloc(arena, HM_ID_TEXT_BYTES);

	hm_id_format(&id, text);
	for (unsigned i = 0; i < method->request->n_fields; i++) {
		const struct hm_field_rule *rule = find_rule(method->request_rules, i);

		if (rule && rule->required && method->request->fields[i].label != PROTOBUF_C_LABEL_REPEATED)
			hm_field_set_text(request, method->request->fields[i].name, rule->uuid ? text : "x");
	}
	return request;
}

typedef void visit_fn(struct fixture *f, struct hm_channel *channel, const struct hm_service *service,
		      const struct hm_method *method);

/* Calls visit for each method of each service. */
static void walk(struct fixture *f, visit_fn *visit)
{
	for (const struct hm_service *const *service = all_services; *service; service++) {
		SCOPED(hm_channel) channel = NULL;

		must(hm_channel_open((*service)->table->short_name, &channel));
		for (size_t i = 0; i < (*service)->table->n_methods; i++)
			visit(f, channel, *service, &(*service)->table->methods[i]);
	}
}

/* Whether a stream ended before its handler ran. A request that comes later is the handler's to read. */
static bool was_denied(const struct hm_method *method, hm_status status)
{
	return status == HM_UNAUTHENTICATED || status == HM_PERMISSION_DENIED ||
	       (status == HM_INVALID_ARGUMENT && !(method->kind & HM_CLIENT_STREAM));
}

/* A stream with one request. *ret_reply is its reply or its first message, NULL for none: some have no end. */
static hm_status call_stream(struct hm_channel *channel, struct hm_context *context, const struct hm_method *method,
			     ProtobufCMessage **ret_reply)
{
	bool sends = method->kind & HM_CLIENT_STREAM;
	ProtobufCMessage *request = make_request(&context->arena, method), *message;
	SCOPED(hm_stream) stream = NULL;

	*ret_reply = NULL;
	TRY(hm_stream_open(channel, context, method, sends ? NULL : request, &stream));
	if (sends && hm_stream_send(stream, request) == HM_OK)
		TRY(hm_stream_end(stream));
	if (method->kind == HM_CLIENT_STREAM)
		return hm_stream_finish(stream, ret_reply);
	TRY(hm_stream_next(stream, &message));
	return message ? hm_message_copy(&context->arena, message, ret_reply) : HM_OK;
}

/* Counts the entries of the context's call, of those that match. */
static int64_t count_entries(struct fixture *f, const struct hm_service *service, const struct hm_context *context,
			     const char *matching)
{
	const char *schema = service->table->schema;
	char request_id[HM_ID_TEXT_BYTES], sql[512];

	hm_id_format(&context->request_id, request_id);
	snprintf(sql, sizeof sql,
		 "WITH entries AS (SELECT details->>'span' AS span, details->>'parent' AS parent, "
		 "details->>'outcome' = 'OPENED' AS opens FROM %s.audit_log WHERE request_id = '%s') "
		 "SELECT count(*) FROM entries e WHERE %s",
		 schema, request_id, matching);
	return test_sql(f->dsn, sql);
}

/* How many entries a call should leave: none of a method without effect; of a stream that was opened, one for that as well. */
static int64_t entries_wanted(struct fixture *f, const struct hm_service *service, const struct hm_method *method,
			      const struct hm_context *context)
{
	if (method->effect == HM_EFFECT_NONE)
		return 0;
	return method->kind == HM_UNARY ? 1 : 1 + count_entries(f, service, context, "opens");
}

/* How many it has left. The steps it made are its children, and their own affair. */
static int64_t entries_left(struct fixture *f, const struct hm_service *service, const struct hm_context *context)
{
	return count_entries(f, service, context,
			     "opens OR NOT EXISTS (SELECT FROM entries whole WHERE whole.span = e.parent)");
}

/* Makes the call and checks that it left exactly the entries it should. A stream that is closed before its end ends soon after. */
static hm_status call_audited(struct fixture *f, struct hm_channel *channel, struct hm_context *context,
			      const struct hm_service *service, const struct hm_method *method,
			      ProtobufCMessage **ret_reply)
{
	int64_t wanted;
	hm_status status;

	hm_context_reset(context);
	status = method->kind == HM_UNARY
			 ? hm_channel_call(channel, context, method, make_request(&context->arena, method), ret_reply)
			 : call_stream(channel, context, method, ret_reply);
	if (!service->table->schema)
		return status;
	wanted = entries_wanted(f, service, method, context);
	if (method->kind != HM_UNARY) {
		cr_assert(method->effect == HM_EFFECT_NONE || wanted == (was_denied(method, status) ? 1 : 2),
			  "%s: %s and %lld entries", method->name, hm_status_name(status), (long long)wanted);
		rpc_wait_for(entries_left(f, service, context) >= wanted);
	}
	cr_assert_eq(entries_left(f, service, context), wanted, "%s: not %lld entries after %s", method->name,
		     (long long)wanted, hm_status_name(status));
	return status;
}

static void visit_without_brand(struct fixture *f, struct hm_channel *channel, const struct hm_service *service,
				const struct hm_method *method)
{
	struct hm_context *nobody = fixture_anonymous(f, NULL);
	ProtobufCMessage *reply;
	hm_status status = call_audited(f, channel, nobody, service, method, &reply);

	cr_assert_eq(status, HM_UNAUTHENTICATED, "%s: %s", method->name, hm_status_name(status));
}

Test(conformance, without_a_brand_every_method_refuses, .timeout = 120)
{
	struct fixture f = serve_all();

	walk(&f, visit_without_brand);
}

static void visit_without_permission(struct fixture *f, struct hm_channel *channel, const struct hm_service *service,
				     const struct hm_method *method)
{
	struct hm_context *bob = fixture_user_with(f, "loop", "bob", "nothing.useful", NULL);
	ProtobufCMessage *reply;
	hm_status status;

	if (method->is_public)
		return;
	status = call_audited(f, channel, bob, service, method, &reply);
	cr_assert_eq(status, HM_PERMISSION_DENIED, "%s: %s", method->name, hm_status_name(status));
}

Test(conformance, without_permission_every_method_refuses, .timeout = 120)
{
	struct fixture f = serve_all();

	walk(&f, visit_without_permission);
}

/* An ordinary call ends somehow; never with an error that is the service's own fault. */
static void visit_with_everything(struct fixture *f, struct hm_channel *channel, const struct hm_service *service,
				  const struct hm_method *method)
{
	struct hm_context *ana = method->callers ? fixture_service(f, "echo") : fixture_user(f, "loop", "ana");
	ProtobufCMessage *reply;
	hm_status status = call_audited(f, channel, ana, service, method, &reply);

	if (!strcmp(service->table->short_name, "echo"))
		return; /* answers what it is asked to */
	cr_assert(status != HM_INTERNAL && status != HM_UNKNOWN && status != HM_UNIMPLEMENTED &&
			  status != HM_UNAVAILABLE,
		  "%s: %s: %s", method->name, hm_status_name(status), hm_error_get()->message);
}

Test(conformance, every_method_leaves_exactly_one_entry, .timeout = 120)
{
	struct fixture f = serve_all();

	walk(&f, visit_with_everything);
}

static size_t n_repeated;

static size_t pack(struct hm_arena *arena, const ProtobufCMessage *message, uint8_t **ret_bytes)
{
	*ret_bytes = hm_arena_alloc(arena, protobuf_c_message_get_packed_size(message));
	return protobuf_c_message_pack(message, *ret_bytes);
}

/* A write that went well, and is sent again under its key. */
static void visit_twice(struct fixture *f, struct hm_channel *channel, const struct hm_service *service,
			const struct hm_method *method)
{
	struct hm_context *ana = method->callers ? fixture_service(f, "echo") : fixture_user(f, "loop", "ana");
	const ProtobufCMessage *request;
	ProtobufCMessage *reply, *again;
	uint8_t *bytes, *bytes_again;
	hm_status status;
	size_t size;

	if (method->effect != HM_EFFECT_WRITE || method->kind != HM_UNARY)
		return;
	request = make_request(&ana->arena, method);
	ana->idempotency_key = method->name;
	if (hm_channel_call(channel, ana, method, request, &reply) != HM_OK)
		return;
	ana->idempotency_key = method->name;
	status = hm_channel_call(channel, ana, method, request, &again);
	cr_assert_eq(fixture_audited(f, service->table->schema, ana), 2, "%s", method->name);
	cr_assert_eq(status, method->secret_reply ? HM_ALREADY_EXISTS : HM_OK, "%s: %s", method->name,
		     hm_status_name(status));
	n_repeated++;
	if (status != HM_OK)
		return;
	size = pack(&ana->arena, reply, &bytes);
	cr_assert_eq(pack(&ana->arena, again, &bytes_again), size, "%s: another reply", method->name);
	cr_assert(!memcmp(bytes, bytes_again, size), "%s: another reply", method->name);
}

Test(conformance, a_write_repeated_under_its_key_gives_the_same_reply, .timeout = 120)
{
	struct fixture f = serve_all();

	walk(&f, visit_twice);
	cr_assert_geq(n_repeated, 5, "%zu writes went well with a request made up from the contract", n_repeated);
}

/* Every brand_id in a reply, however deep, is the caller's. */
static void check_brands(const struct hm_method *method, const ProtobufCMessage *message, const char *brand)
{
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		const char *member = (const char *)message + field->offset;

		if (field->type == PROTOBUF_C_TYPE_STRING && !strcmp(field->name, "brand_id") &&
		    field->label != PROTOBUF_C_LABEL_REPEATED && *(const char *const *)member)
			cr_assert_str_eq(*(const char *const *)member, brand, "%s", method->name);
		if (field->type != PROTOBUF_C_TYPE_MESSAGE || field->label != PROTOBUF_C_LABEL_REPEATED)
			continue;
		for (size_t j = 0; j < *(const size_t *)((const char *)message + field->quantifier_offset); j++)
			check_brands(method, (*(const ProtobufCMessage *const *const *)member)[j], brand);
	}
}

static void visit_as_another_brand(struct fixture *f, struct hm_channel *channel, const struct hm_service *service,
				   const struct hm_method *method)
{
	struct hm_context *eve = fixture_user(f, "empty", "eve");
	ProtobufCMessage *reply;

	if (method->effect != HM_EFFECT_READ || call_audited(f, channel, eve, service, method, &reply) != HM_OK)
		return;
	if (reply)
		check_brands(method, reply, "empty");
}

Test(conformance, another_brand_is_never_in_a_reply, .timeout = 120)
{
	struct fixture f = serve_all();

	walk(&f, visit_with_everything); /* brand loop's rows and entries, to be looked for */
	walk(&f, visit_as_another_brand);
}

/* Tables that hold no brand's rows: the migrator's own record. */
#define EVERY_TABLE                                                                                            \
	"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner " \
	"WHERE c.relkind IN ('r', 'p') AND r.rolname = n.nspname || '_owner' AND c.relname NOT IN "            \
	"('hallmark_migration', 'hallmark_progress')"

Test(conformance, every_table_is_under_row_level_security_and_has_a_brand)
{
	struct fixture f = serve_all();

	cr_assert_gt(test_sql(f.dsn, "SELECT count(*) " EVERY_TABLE), 5);
	cr_assert_eq(
		test_sql(f.dsn, "SELECT count(*) " EVERY_TABLE " AND NOT (relrowsecurity AND relforcerowsecurity)"), 0);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) " EVERY_TABLE " AND NOT EXISTS (SELECT FROM pg_attribute a "
				     "WHERE a.attrelid = c.oid AND attname = 'brand_id' AND attnotnull)"),
		     0);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) " EVERY_TABLE " AND c.relname = 'audit_log' AND "
				     "(has_table_privilege(n.nspname || '_app', c.oid, 'UPDATE, DELETE, TRUNCATE') OR "
				     "has_table_privilege(n.nspname || '_system', c.oid, 'UPDATE, DELETE, TRUNCATE'))"),
		     0);
}

/* A brand's rows as the application's role sees them under another brand, counted over all tables of all services. */
Test(conformance, no_table_shows_a_row_to_another_brand, .timeout = 120)
{
	struct fixture f = serve_all();

	walk(&f, visit_with_everything);
	cr_assert_gt(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log WHERE brand_id = 'loop'"), 0);
	test_sql(f.dsn,
		 "CREATE FUNCTION pg_temp.seen() RETURNS bigint LANGUAGE plpgsql AS $$"
		 "DECLARE t record; rows bigint; total bigint := 0; BEGIN "
		 "FOR t IN SELECT n.nspname, c.relname " EVERY_TABLE " LOOP "
		 "EXECUTE format('SET LOCAL ROLE %I', t.nspname || '_app');"
		 "EXECUTE format('SELECT count(*) FROM %I.%I WHERE brand_id <> %L', t.nspname, t.relname, 'empty') "
		 "INTO rows;"
		 "total := total + rows; RESET ROLE; END LOOP; RETURN total; END $$;"
		 "SELECT set_config('hallmark.brand_id', 'empty', false);"
		 "DO $$ BEGIN IF pg_temp.seen() <> 0 THEN RAISE 'rows of another brand are visible'; END IF; END $$;"
		 "SELECT set_config('hallmark.brand_id', '', false);"
		 "DO $$ BEGIN IF pg_temp.seen() <> 0 THEN RAISE 'rows are visible without a brand'; END IF; END $$;");
}

/* All C sources of the tests beside the services, as one text. */
static void read_tests(struct hm_buffer *ret_text)
{
	FILE *pipe = popen("find services tests runtime -name '*_test.c' -exec cat {} +", "r");
	char part[65536];
	size_t size;

	cr_assert(pipe);
	while ((size = fread(part, 1, sizeof part, pipe)))
		hm_buffer_add(ret_text, part, size);
	cr_assert_eq(pclose(pipe), 0);
}

/* "AssignRole" is identity_assign_role in a test. */
static void client_name(const struct hm_service *service, const struct hm_method *method, char *ret_name, size_t size)
{
	const char *bare = strrchr(method->name, '/') + 1;
	size_t at = (size_t)snprintf(ret_name, size, "%s", service->table->short_name);

	for (; *bare && at + 3 < size; bare++) {
		if (isupper((unsigned char)*bare))
			ret_name[at++] = '_';
		ret_name[at++] = (char)tolower((unsigned char)*bare);
	}
	ret_name[at++] = method->kind == HM_UNARY ? '(' : '_'; /* a stream's errors come from its other functions */
	ret_name[at] = '\0';
}

/* Whether some refuses(CODE, …client_name(…)) stands in the tests. */
static bool is_tested(const char *tests, const char *code, const char *name)
{
	char wanted[64];

	snprintf(wanted, sizeof wanted, "refuses(%s,", code);
	for (const char *at = tests; (at = strstr(at, wanted)); at++) {
		const char *call = strstr(at, name), *next = strstr(at + 1, ";");

		if (call && next && call < next)
			return true;
	}
	return false;
}

Test(conformance, every_documented_error_is_named_by_a_test)
{
	struct hm_buffer tests = { 0 };
	size_t missing = 0;

	read_tests(&tests);
	for (const struct hm_service *const *service = hm_services; *service; service++) {
		for (size_t i = 0; i < (*service)->table->n_methods; i++) {
			const struct hm_method *method = &(*service)->table->methods[i];
			char name[128];

			client_name(*service, method, name, sizeof name);
			for (const char *const *code = method->documented_errors; *code; code++) {
				if (is_tested(tests.data, *code, name))
					continue;
				missing++;
				fprintf(stderr, "%s:%d: %s documents %s, but no test has refuses(%s, %s…))\n",
					method->file, method->line, method->name, *code, *code, name);
			}
		}
	}
	hm_buffer_fini(&tests);
	cr_assert_eq(missing, 0, "%zu documented errors that no test names", missing);
}
